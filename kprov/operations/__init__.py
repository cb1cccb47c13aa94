"""What the commands do, one module each. They connect settings, releases, topology, roles, plans and hosts."""
