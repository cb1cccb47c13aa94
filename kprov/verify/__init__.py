"""A testinfra suite that checks an installed host, for users' own hosts too.

``pytest --pyargs kprov.verify --hosts=ssh://kafka-1`` runs it through testinfra's own connection, ``kprov verify``
through kprov's. It reads from the receipt on the host what to expect, and inspects the host with commands of its own,
not with the remote library that installed it. Needs pytest and testinfra, the extra ``verify``.
"""
