"""The smoke test: produces and consumes messages, with Kafka's own tools and from the operator's machine."""

from kprov.smoke.run import smoke_test
from kprov.smoke.steps import FailoverResult, SmokeResult, SmokeStep

__all__ = ["FailoverResult", "SmokeResult", "SmokeStep", "smoke_test"]
