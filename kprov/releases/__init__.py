"""What can be installed: the catalogue, what runs with what, and archives found, checked and kept.

``catalogue`` says what is wanted, ``compatibility`` whether it runs together, ``sources`` finds the archive
(``download`` if need be), ``archive`` and ``tarball`` check it, ``bundle`` makes the folder for a closed network.
"""
