"""What can be installed: the catalogue, the compatibility of versions, and the archives.

``catalogue`` knows the releases, ``compatibility`` which of them run together, ``sources`` finds an archive
(``download`` gets it if necessary), ``archive`` verifies it, ``bundle`` copies archives into a directory
for a closed network.
"""
