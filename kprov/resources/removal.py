"""How each kind of resource is taken back: from the receipt's entry alone, without any specification."""

from __future__ import annotations

from kprov.resources.base import Action, Call, Change, Made, Obstacle, Removal, Seen, unknown
from kprov.resources.system import UnitState


def query_of(made: Made) -> Call:
    """The probe's call for an entry of the receipt."""
    match made.kind:
        case "file" | "copy" | "directory" | "link" | "release":
            return ("probe_path", made.id, made["path"])
        case "data":
            return ("probe_data", made.id, made["path"])
        case "links":
            return ("probe_links", made.id, made["path"], made["source"], made["pattern"])
        case "user":
            return ("probe_user", made.id, made["name"])
        case "service":
            return ("probe_unit", made.id, made["unit"])
        case "firewall":
            return ("probe_firewall", made.id, made["port"])
        case _:
            raise ValueError(f"the receipt has a kind that this kprov does not know: {made.kind}")


def removal(made: Made, seen: Seen, *, purge: bool, force: bool) -> Removal:  # noqa: PLR0912 (a table of kinds)
    """What uninstall does about one entry.

    purge: the user's data go too. force: what was changed since goes too.
    """
    if made.kind == "release" and (seen.get("status") != "absent" or made["pending"]):
        # A run that was killed while it unpacked may have left the two beside it.
        calls = [("remove_tree", made["path"] + suffix) for suffix in ("", ".kprov-new", ".kprov-old")]
        return _unread(made, seen) or _remove(made, f"release {made['path']}", *calls)
    if seen.get("status") == "absent":
        return Removal()
    if made.kind != "firewall" and (stop := _unread(made, seen)):
        return stop
    match made.kind:
        case "service":
            return _service(made, seen)
        case "file":
            return _file(made, seen, force)
        case "data":
            return _data(made, seen, purge)
        case "copy" if not purge:
            return Removal(kept=f"{made['path']} (a copy of {made['of']} as it was edited)")
        case "copy":
            return _remove(made, f"copy {made['path']}", ("remove_file", made["path"]))
        case "directory":
            how = "remove_tree" if made["holds"] == "logs" else "remove_empty"
            return _remove(made, f"directory {made['path']}", (how, made["path"]))
        case "link":
            if seen.get("target") not in {made["target"], *made["previous"].split()} and not force:
                return Removal(obstacle=_changed(made, f"{made['path']} is no longer a link to {made['target']}"))
            return _remove(made, f"link {made['path']}", ("remove_file", made["path"]))
        case "links":
            call = ("remove_links", made["path"], made["pattern"], made["folder"])
            return _remove(made, f"links {made['path']}/{made['pattern']}", call)
        case "user":
            return _remove(made, f"user {made['name']}", ("remove_user", made["name"]))
        case "firewall":
            if seen.get("status") == "unknown":
                return Removal(kept="firewalld is not running, so its port stays as it is")
            return _remove(made, f"firewall port {made['port']}", ("close_port", made["port"]))
        case _:
            raise ValueError(f"the receipt has a kind that this kprov does not know: {made.kind}")


def _unread(made: Made, seen: Seen) -> Removal | None:
    """The removal that stops because nobody knows what is there; None if that is known."""
    obstacle = unknown(made.id, made.id, seen)
    return Removal(obstacle=obstacle) if obstacle else None


def _remove(made: Made, title: str, *calls: Call) -> Removal:
    return Removal(Change(Action.REMOVE, made.id, title, "kprov made it", calls))


def _changed(made: Made, what: str) -> Obstacle:
    return Obstacle(made.id, what, "look at it; --force removes it all the same")


def _service(made: Made, seen: Seen) -> Removal:
    state = UnitState.of(seen)
    calls: list[Call] = []
    if state.active or state.properties.get("ActiveState") not in {"inactive", "failed"}:
        calls.append(("stop_unit", made["unit"]))
    if state.enabled:
        calls.append(("disable_unit", made["unit"]))
    return _remove(made, f"service {made['unit']}", *calls) if calls else Removal()


def _file(made: Made, seen: Seen, force: bool) -> Removal:
    # A "previous" one may still be there after a run that was killed.
    if seen.get("sha256") not in {made["sha256"], *made["previous"].split()} and not force:
        return Removal(obstacle=_changed(made, f"{made['path']} was edited since kprov wrote it"))
    calls: list[Call] = [("remove_file", made["path"])]
    if made["path"].startswith("/etc/systemd/system/"):
        calls.append(("reload_units",))
    return _remove(made, f"file {made['path']}", *calls)


def _data(made: Made, seen: Seen, purge: bool) -> Removal:
    path = made["path"]
    if not purge:
        return Removal(kept=f"{path} ({int(seen.get('kib') or 0) * 1024} bytes of {made['holds']} data)")
    title = f"data directory {path}"
    return Removal(Change(Action.REMOVE, made.id, title, "--purge", (("remove_tree", path),)))
