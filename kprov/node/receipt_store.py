"""The receipt on the host: what is about to be made, what has been made, and whether clients were served with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from kprov.diagnosis import known_remedy
from kprov.errors import StepError
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.journal import operator
from kprov.node.lock import exchange_under_lock, host_lock
from kprov.node.staging import check_staged, packed
from kprov.plan import Plan
from kprov.receipt import Receipt
from kprov.resources.base import Change, Made
from kprov.resources.data import with_memory
from kprov.resources.removal import query_of


def intent_of(plan: Plan) -> Receipt:
    """The receipt while the plan is under way: what has been made, and what is about to be. Pure."""
    made: dict[str, Made] = dict(plan.before.made)
    for change in plan.changes:
        if change.made is not None:
            made[change.id] = _pending(change, change.made, made.get(change.id))
            made |= {copy.id: copy for copy in change.copies}
    after = plan.after if plan.after.spec is not None else plan.before
    return Receipt(made, "applying", after.spec, after.releases, after.ignored, plan.before.ran)


def _pending(change: Change, wanted: Made, before: Made | None) -> Made:
    """The entry of a change that a run is about to make, or may have made when it was killed."""
    entry = replace(wanted, fields={**wanted.fields, "pending": "yes"})
    if entry.kind == "service":
        # It has not been started with the new files yet. A service that is restarted with the files it already had
        # is not known to be ready before its gate: it may hang, and the next run must not rely on it.
        if before is None or (change.gate and before["fingerprint"] == entry["fingerprint"]):
            return replace(entry, fields={**entry.fields, "fingerprint": ""})
        return before
    if before is None:
        foreign = any(copy.kind == "original" for copy in change.copies)
        return replace(entry, fields={**entry.fields, "foreign": "yes"}) if foreign else entry
    # What is on the host may be what any of several interrupted runs found there.
    last = before["sha256"] or before["target"] or before["source"]
    found = dict.fromkeys(f"{before['previous']} {last}".split())
    # Not what this run makes: an interrupted run may already have made it.
    found.pop(entry["sha256"] or entry["target"] or entry["source"], None)
    known = {"previous": " ".join(found), "kept": before["kept"], "foreign": before["foreign"]}
    return replace(entry, fields={**entry.fields, **{key: value for key, value in known.items() if value}})


def write_exactly(connection: Connection, receipt: Receipt) -> None:
    """Write the receipt as it is, under a lock that the caller holds. Raises StepError."""
    content = receipt.to_json(operator()).encode()
    name = hashlib.sha256(content).hexdigest()
    # Before the last receipt of a run: one that is killed after it leaves nothing to clean up.
    tidy = [("step", "1", "clear_uploads")] if receipt.state != "applying" else []
    calls = [("receive_stage",), *tidy, ("step", "0", "write_receipt", name)]
    reply = exchange_under_lock(connection, calls, [packed([content])])
    check_staged(connection, reply)
    # Without an answer it may not have been written: the host's shell may have been killed in the middle.
    if not any(record.number("number") == 0 for record in reply.of_kind("end")):
        cause = next((record["output"] for record in reply.of_kind("failed")), reply.errors).strip()
        remedy = known_remedy(cause) or "fix the cause"
        raise StepError(
            "the receipt could not be written",
            where=connection.login.name,
            cause=cause,
            hint=f"{remedy}; then run the same command again: it continues from here",
        )


def write_receipt(connection: Connection, receipt: Receipt) -> None:
    """Write the receipt with what is seen of the data now, under a lock that the caller holds. Raises StepError."""
    write_exactly(connection, _with_data(connection, receipt))


def mark_proven(connection: Connection, receipt: Receipt) -> None:
    """Let the receipt say that clients were served with what it lists, under a lock that the caller holds."""
    write_receipt(connection, replace(receipt, state="done"))


def remember_data(connection: Connection, plan: Plan, command: str) -> None:
    """Record what was seen of the data where the receipt does not know it and the plan has nothing to do.

    command: the name that the lock shows to other runs.
    """
    known = {id_: made for id_, made in plan.after.made.items() if made.kind == "data" and id_ in plan.before.made}
    if all(plan.before.made[id_] == made for id_, made in known.items()):
        return
    with host_lock(connection, command):
        write_exactly(connection, replace(plan.before, made={**plan.before.made, **known}))


def finish(connection: Connection, receipt: Receipt) -> None:
    """Write the receipt of a plan that was applied; a host with nothing of kprov's keeps no receipt either."""
    if receipt.made:
        write_receipt(connection, receipt)
    else:
        exchange_under_lock(connection, [("step", "0", "drop_state")])


def _with_data(connection: Connection, receipt: Receipt) -> Receipt:
    """The receipt with the file system of each data directory, and whether it holds any data."""
    data = [made for made in receipt.made.values() if made.kind == "data" and not made["kept"]]
    if not data:
        return receipt
    seen = probe(connection, [query_of(made) for made in data])
    return replace(receipt, made={**receipt.made, **{made.id: with_memory(made, made, seen[made.id]) for made in data}})
