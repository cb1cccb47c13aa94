"""Several nodes of a cluster: what may stop now, in which order nodes act, and the roll itself behind its gates."""
