"""The smoke test: proves with Kafka's own tools, and from the operator's machine, that clients are served."""

from kprov.smoke.run import SmokeResult, SmokeStep, smoke_test

__all__ = ["SmokeResult", "SmokeStep", "smoke_test"]
