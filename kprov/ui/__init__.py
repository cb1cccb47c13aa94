"""Everything that a person or a program reads from kprov is written here and nowhere else."""

from kprov.ui.progress import progress

__all__ = ["progress"]
