"""Commands for several hosts: each with what is decided for all of them together."""
