"""pytest tests/integration --hosts=ssh://kafka-1: what an installed host looks like."""

from kprov.verify.test_installation import *  # noqa: F403
