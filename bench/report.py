"""The figures as a line, a table, JSON and a plot."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

_HEAD = """# Performance

Written by `make bench`, which times kprov beside what it competes with: on one machine, one lab host, by turns. Figures
are medians in seconds; a ratio is the median of the ratios within a round, to the rival that is named first. Compare
ratios, not seconds: these depend on the machine. `performance.json` has every single figure.

- by hand: scp, then one ssh with the whole article as a script (`bench/by_hand`)
- Ansible: a playbook with one task for each thing, facts off, pipelining on (`bench/ansible`)
- delay: the round-trip time that a proxy adds between kprov, or its rivals, and sshd
- push: the login and the transfer; the host also hashes what kprov pushes
- several at the same time: 8 processes, compared with one; starting them keeps two processors busy for two seconds

"""


@dataclass(frozen=True)
class Measured:
    """The times of one scene at one delay (milliseconds): seconds by rival and round.

    counts: what kprov exchanged with the host, by rival, in the last round. goal: for kprov's ratio.
    """

    scene: str
    delay: int
    base: str
    seconds: dict[str, list[float]]
    counts: dict[str, str]
    goal: float | None = None

    def ratio(self, name: str) -> float:
        """The median ratio of a rival to the base."""
        return median(own / base for own, base in zip(self.seconds[name], self.seconds[self.base], strict=True))


def line(found: Measured) -> str:
    """One scene on one line."""
    parts = [
        f"{name} {median(times):.2f} s{'' if name == found.base else f' ({found.ratio(name):.2f})'}"
        for name, times in found.seconds.items()
    ]
    return f"{found.scene}, {found.delay} ms: {', '.join(parts)}"


def machine() -> str:
    """The machine, in a few words."""
    models = [row.partition(": ")[2] for row in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in row]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} processors ({models[0] if models else platform.machine()}), {memory:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def table(found: Sequence[Measured]) -> str:
    """All scenes as a Markdown table."""
    rows = ["| scene | delay | who | seconds | ratio | goal |", "|---|---|---|---|---|---|"]
    for each in found:
        for name, times in each.seconds.items():
            ratio = "" if name == each.base else f"{each.ratio(name):.2f}"
            goal = f"≤ {each.goal:g}" if each.goal and name == "kprov" else ""
            rows.append(f"| {each.scene} | {each.delay} ms | {name} | {median(times):.2f} | {ratio} | {goal} |")
    return "\n".join(rows)


def counts(found: Sequence[Measured]) -> str:
    """What kprov exchanged with the host in each scene without a delay."""
    rows = ["| scene | who | what it took |", "|---|---|---|"]
    for each in found:
        rows += [f"| {each.scene} | {name} | {told} |" for name, told in each.counts.items() if not each.delay]
    return "\n".join(rows)


def write(found: Sequence[Measured], folder: Path) -> None:
    """Write performance.md, .json, .png and .svg."""
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    text = f"{_HEAD}Measured on {when}: {machine()}.\n\n{table(found)}\n\n![The ratios](performance.svg)\n\n"
    text += f"## Counts\n\nFrom `kprov -vv`, in the last round without a delay.\n\n{counts(found)}\n"
    (folder / "performance.md").write_text(text)
    document = {"date": when, "machine": machine(), "scenes": [asdict(each) for each in found]}
    (folder / "performance.json").write_text(json.dumps(document, indent=1) + "\n")
    _plot(found, folder)


def _plot(found: Sequence[Measured], folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "kprov"
    from matplotlib import pyplot as plt

    bars = [
        (f"{each.scene}, {each.delay} ms: {name}", each.ratio(name), each.goal if name == "kprov" else None)
        for each in found
        for name in each.seconds
        if name != each.base
    ]
    figure, axes = plt.subplots(figsize=(9, 0.35 * len(bars) + 1.2))
    places = range(len(bars))
    axes.barh(places, [ratio for _, ratio, _ in bars], color="#3b7ea1")
    for place, (_, _, goal) in zip(places, bars, strict=True):
        if goal:
            axes.plot([goal, goal], [place - 0.4, place + 0.4], color="#c4501b", linewidth=2)
    axes.axvline(1, color="#888888", linewidth=1)
    axes.set_yticks(places, [label for label, _, _ in bars], fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("time divided by that of the first rival; orange: the goal")
    figure.tight_layout()
    for ending in ("svg", "png"):
        figure.savefig(folder / f"performance.{ending}", metadata={"Date": None} if ending == "svg" else None)
    plt.close(figure)
