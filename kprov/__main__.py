"""Lets ``python -m kprov`` do what ``kprov`` does."""

from kprov.cli.main import run

if __name__ == "__main__":
    run()
