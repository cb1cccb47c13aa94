"""One host: its lock, its receipt, the archives that go there, the steps of a plan, and waiting until it is ready."""
