"""All output of kprov, for people and for programs, is written here and nowhere else."""

from kprov.ui.progress import progress

__all__ = ["progress"]
