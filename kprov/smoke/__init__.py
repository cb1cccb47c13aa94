"""The smoke test: produces and consumes messages, with Kafka's own tools and from the operator's machine."""

from kprov.smoke.run import SmokeResult, SmokeStep, smoke_test

__all__ = ["SmokeResult", "SmokeStep", "smoke_test"]
