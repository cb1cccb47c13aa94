"""The resource that an entry of the receipt describes, where the entry says all of it. Pure.

Of a file the receipt has no content, and of a release no archive: those are ``install``'s to make.
"""

from __future__ import annotations

from kprov.resources.base import Made, Resource
from kprov.resources.files import DataDirectory, Directory, Link, Links
from kprov.resources.system import FirewallPort, User


def recorded(made: Made) -> Resource | None:
    """The resource as the last run made it; None where the entry does not say enough."""
    match made.kind:
        case "directory":
            logs = made["holds"] == "logs"
            return Directory(made["path"], made["owner"], made["group"], made["mode"], log=logs)
        case "data":
            return DataDirectory(made["path"], made["owner"], made["group"], made["holds"], mode=made["mode"])
        case "link":
            return Link(made["path"], made["target"])
        case "links":
            return Links(made["path"], made["source"], made["pattern"], made["folder"] == "own")
        case "user":
            return User(made["name"])
        case "firewall":
            number, _, protocol = made["port"].partition("/")
            return FirewallPort(int(number), made["zone"], protocol)
        case _:
            return None
