"""A connection that is not open."""

from __future__ import annotations

import pytest

from kprov.errors import ConnectError
from kprov.host.connection import Connection
from kprov.host.ssh_config import Login

LOGIN = Login("box", "box", "root", 22, (), identities_only=False, known_hosts=(), connect_timeout=1.0)


def test_an_exchange_after_the_connection_was_closed_is_a_lost_connection() -> None:
    """Ctrl-C closes the connections of a run on several hosts, and every lock is then released, or is stale."""
    connection = Connection(LOGIN)
    connection.close()
    with pytest.raises(ConnectError, match="the connection was lost"):
        connection.exchange([("release_lock", "1:2", "")])
