"""What can be installed: the catalogue, compatible versions, and how archives are found, verified and kept.

``catalogue`` describes a release, ``compatibility`` checks versions together, ``sources`` finds the archive and
``download`` downloads it, ``archive`` verifies it, and ``bundle`` fills the directory for a closed network.
"""
