"""The testinfra suite that says what an installed host looks like, for users' own hosts too.

``pytest --pyargs kprov.verify --hosts=ssh://kafka-1`` runs it through testinfra's own connection, ``kprov verify``
through kprov's. It reads the receipt on the host to know what to expect, and looks with means of its own, not with
the remote library that the installation was made with. Needs the extra ``kprov[verify]``.
"""
