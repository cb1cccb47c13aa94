"""Several nodes of a cluster: what may stop now, and in which order nodes act. Pure."""
