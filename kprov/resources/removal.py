"""How each kind of resource is taken back: from the receipt's entry alone, without any specification."""

from __future__ import annotations

from kprov.resources.base import Action, Call, Change, Made, Obstacle, Removal, Seen, kept_name, unknown
from kprov.resources.data import elsewhere, gone
from kprov.resources.system import NOW, PERMANENT, UnitState


def query_of(made: Made) -> Call:
    """The probe's call for an entry of the receipt."""
    match made.kind:
        case "file" | "copy" | "original" | "directory" | "link" | "release":
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
            return ("probe_firewall", made.id, made["port"], made["zone"])
        case _:
            raise ValueError(f"the receipt has a kind that this kprov does not know: {made.kind}")


def removal(made: Made, seen: Seen, *, purge: bool, force: bool) -> Removal:  # noqa: PLR0912 (a table of kinds)
    """What uninstall does about one entry.

    purge: the user's data go too. force: what was changed since does not stop it, and is kept as a copy. Both
    together leave neither copies nor what was edited.
    """
    if made["foreign"] and seen.get("status") == "present" and seen.get("backup") != "yes":
        return Removal()  # it was going to be taken over, and a run that was interrupted had not come to it
    if made.kind == "data" and elsewhere(made, seen) and not force:
        return _not_mounted(made, seen, purge)
    if made.kind == "release" and (seen.get("status") != "absent" or made["pending"]):
        # A run that was killed while it unpacked may have left the two beside it.
        calls = [("remove_tree", made["path"] + suffix) for suffix in ("", ".kprov-new", ".kprov-old")]
        return _unread(made, seen) or _remove(made, f"release {made['path']}", *calls)
    if seen.get("status") == "absent" and made["pending"] and made.kind in {"file", "link", "links"}:
        # Likewise, before it renamed what it had made beside its place.
        unfinished = ("remove_tree", f"{made['path']}.kprov-new")
        return _remove(made, f"unfinished {made.kind} {made['path']}", unfinished)
    if seen.get("status") == "absent":
        return Removal()
    if made.kind != "firewall" and (stop := _unread(made, seen)):
        return stop
    match made.kind:
        case "service":
            return _service(made, seen)
        case "file":
            return _file(made, seen, force=force, keep=not purge)  # both together leave no copies
        case "data":
            return _data(made, seen, purge)
        case "copy" if not (purge and force):
            return Removal(kept=f"{made['path']} (a copy of {made['of']} as it was edited)")
        case "copy":
            return _remove(made, f"copy {made['path']}", ("remove_tree", made["path"]))
        case "original":
            then = _reload(made["of"])
            title = f"{made['of']}, as it was before kprov"
            return _put_back(made, title, ("put_back", made["path"], made["of"]), *then)
        case "directory" if made["adopted"]:
            return _put_back(made, f"directory {made['path']}", ("set_mode", made["path"], *made["adopted"].split(":")))
        case "directory" if _drop_ins_of_others(made, seen):
            return Removal(kept=f"{made['path']} (drop-ins that kprov did not write)")
        case "directory":
            how = "remove_tree" if made["holds"] else "remove_empty"
            return _remove(made, f"directory {made['path']}", (how, made["path"]))
        case "link":
            if seen.get("target") in {made["target"], *made["previous"].split()}:
                return _remove(made, f"link {made['path']}", ("remove_file", made["path"]))
            if not force:
                return Removal(obstacle=_changed(made, f"{made['path']} is no longer a link to {made['target']}"))
            return _removed_but_kept(made, f"link {made['path']}", "replaced", seen)
        case "user" if made["group_made"]:
            return _remove(made, f"group {made['name']}", ("remove_group", made["name"]))
        case "user" | "links" if made["adopted"]:
            return Removal()
        case "links":
            sources = dict.fromkeys(f"{made['source']} {made['previous']}".split())
            call = ("remove_links", made["path"], made["pattern"], made["folder"], *sources)
            return _remove(made, f"links {made['path']}/{made['pattern']}", call)
        case "user":
            joined = (made["joined"],) if made["joined"] else ()
            return _remove(made, f"user {made['name']}", ("remove_user", made["name"], *joined))
        case "firewall":
            if seen.get("status") == "unknown":
                return Removal(kept="firewalld is not running, so its port stays as it is")
            title = f"firewall port {made['port']}" + (f" in zone {made['zone']}" if made["zone"] else "")
            # An earlier kprov always opened both, in the default zone.
            how = made["how"] or ("" if made["zone"] else PERMANENT + NOW)
            return _remove(made, title, ("close_port", made["port"], made["zone"], how))
        case _:
            raise ValueError(f"the receipt has a kind that this kprov does not know: {made.kind}")


def _drop_ins_of_others(made: Made, seen: Seen) -> bool:
    """Whether somebody put drop-ins beside kprov's own: the units say that local changes belong there."""
    own = 0 if made["kept"] else 1
    return made["path"].endswith(".service.d") and int(seen.get("entries") or 0) > own


def _unread(made: Made, seen: Seen) -> Removal | None:
    """The removal that stops because nobody knows what is there; None if that is known."""
    obstacle = unknown(made.id, made.id, seen)
    return Removal(obstacle=obstacle) if obstacle else None


def _remove(made: Made, title: str, *calls: Call) -> Removal:
    return Removal(Change(Action.REMOVE, made.id, title, "kprov made it", calls))


def _reload(path: str) -> tuple[Call, ...]:
    """What systemd must be told once a file has gone or come."""
    return (("reload_units",),) if path.startswith("/etc/systemd/system/") else ()


def _put_back(made: Made, title: str, *calls: Call) -> Removal:
    return Removal(Change(Action.RESTORE, made.id, title, "it was there before kprov", calls))


def _changed(made: Made, what: str) -> Obstacle:
    return Obstacle(made.id, what, "look at it; --force goes on, and keeps a copy of a file")


def _service(made: Made, seen: Seen) -> Removal:
    state = UnitState.of(seen)
    calls: list[Call] = []
    if state.active or state.properties.get("ActiveState") not in {"inactive", "failed"}:
        calls.append(("stop_unit", made["unit"]))
    if state.enabled:
        calls.append(("disable_unit", made["unit"]))
    return _remove(made, f"service {made['unit']}", *calls) if calls else Removal()


def _file(made: Made, seen: Seen, *, force: bool, keep: bool) -> Removal:
    path, title = made["path"], f"file {made['path']}"
    reload = _reload(path)
    if not is_edited(made, seen):
        return _remove(made, title, ("remove_file", path), *reload)
    if not force:
        return Removal(obstacle=_changed(made, f"{path} was edited since kprov wrote it"))
    if not keep:
        return _remove(made, title, ("remove_tree", path), *reload)
    return _removed_but_kept(made, title, "edited", seen, *reload)


def is_edited(made: Made, seen: Seen) -> bool:
    """Whether a file that is there is not as kprov wrote it."""
    # A "previous" one may still be there after a run that was killed.
    known = {made["sha256"], *made["previous"].split()}
    return made.kind == "file" and seen["status"] == "present" and seen.get("sha256") not in known


def _removed_but_kept(made: Made, title: str, how: str, seen: Seen, *then: Call) -> Removal:
    """What somebody put in the place of kprov's own goes, and a copy of it stays."""
    backup = kept_name(made["path"], seen)
    copy = Made("copy", f"copy:{backup}", {"path": backup, "of": made["path"], "kept": "yes"})
    calls = (("set_aside", made["path"], backup), *then)
    reason = f"it was {how}; what is there is kept as {backup}"
    return Removal(Change(Action.REMOVE, made.id, title, reason, calls, copies=(copy,)))


def _data(made: Made, seen: Seen, purge: bool) -> Removal:
    path = made["path"]
    size = f"{path} ({human_size(kib_of(seen))} of {made['holds']} data)"
    if made["adopted"]:
        owner, group, mode = made["adopted"].split(":")
        calls: tuple[Call, ...] = (("own_tree", path, owner, group), ("set_mode", path, owner, group, mode))
        return _put_back(made, f"data directory {path}", *calls)
    if not purge:
        return Removal(kept=size)
    title = f"data directory {path}"
    return Removal(Change(Action.REMOVE, made.id, title, f"--purge: {size}", (("remove_data", path),)))


def _not_mounted(made: Made, seen: Seen, purge: bool) -> Removal:
    """Data on a file system that is not there are not forgotten, and not said to be removed."""
    what = gone(made, seen)
    if not purge:
        return Removal(kept=f"{made['path']} ({what})")
    hint = "mount it and run this again; or leave them there with --force, which removes what is at that path now"
    return Removal(obstacle=Obstacle(made.id, what, hint))


def kib_of(seen: Seen) -> int | None:
    """KiB on disk of a data directory, as the probe saw it; None where it could not tell."""
    text = seen.get("kib", "")
    return int(text) if text.isdigit() else None


def human_size(kib: int | None) -> str:
    """``512 KiB``, ``1.5 MiB``: sizes on disk, in powers of two."""
    if kib is None:
        return "unknown size"
    value = float(kib)
    for unit in ("KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "KiB" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
