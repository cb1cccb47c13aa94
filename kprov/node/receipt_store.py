"""The receipt on the host: what is about to be made, what has been made, and whether clients were served with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from kprov.diagnosis import known_remedy
from kprov.errors import StepError
from kprov.host.connection import Connection
from kprov.host.facts import probe
from kprov.journal import operator
from kprov.kinds.data import DataEntry
from kprov.kinds.path import OriginalEntry
from kprov.node.lock import exchange_under_lock, host_lock
from kprov.node.staging import check_staged, packed
from kprov.plan import Plan
from kprov.receipt import Receipt, State


def intent_of(plan: Plan) -> Receipt:
    """The receipt while the plan is under way: what has been made, and what is about to be. Pure."""
    made = dict(plan.before.made)
    for change in plan.changes:
        if change.entry is None:
            continue
        takes_over = any(isinstance(copy, OriginalEntry) for copy in change.copies)
        made[change.id] = change.entry.intended(made.get(change.id), gated=bool(change.gate), takes_over=takes_over)
        made |= {copy.id: copy for copy in change.copies}
    after = plan.after if plan.after.spec is not None else plan.before
    return Receipt(
        made,
        State.APPLYING,
        after.spec,
        after.releases,
        after.ignored,
        plan.before.ran,
        after.address or plan.before.address,
    )


def write_exactly(connection: Connection, receipt: Receipt) -> None:
    """Write the receipt as it is, under a lock that the caller holds. Raises StepError."""
    content = receipt.to_json(operator()).encode()
    name = hashlib.sha256(content).hexdigest()
    # Before the last receipt of a run: one that is killed after it leaves nothing to clean up.
    tidy = [("step", "1", "clear_uploads")] if receipt.state is not State.APPLYING else []
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
    write_receipt(connection, replace(receipt, state=State.DONE))


def remember_data(connection: Connection, plan: Plan, command: str) -> None:
    """Record what was seen of the data where the receipt does not know it and the plan has nothing to do.

    command: the name that the lock shows to other runs.
    """
    before = plan.before.made
    known = {id_: made for id_, made in plan.after.made.items() if isinstance(made, DataEntry) and id_ in before}
    if all(before[id_] == made for id_, made in known.items()):
        return
    with host_lock(connection, command):
        write_exactly(connection, replace(plan.before, made={**before, **known}))


def finish(connection: Connection, receipt: Receipt) -> None:
    """Write the receipt of a plan that was applied; a host with nothing of kprov's keeps no receipt either."""
    if receipt.made:
        write_receipt(connection, receipt)
    else:
        exchange_under_lock(connection, [("step", "0", "drop_state")])


def _with_data(connection: Connection, receipt: Receipt) -> Receipt:
    """The receipt with the file system of each data directory, and whether it holds any data."""
    data = [entry for entry in receipt.made.values() if isinstance(entry, DataEntry) and not entry.kept]
    if not data:
        return receipt
    seen = probe(connection, [entry.query() for entry in data])
    known = {entry.id: entry.remembering(entry, seen[entry.id]) for entry in data}
    return replace(receipt, made={**receipt.made, **known})
