"""What the commands do, one module each: they connect spec, releases, desired state, plan and node."""
