"""Time all scenes: python -m bench [--rounds N] [--only WORD] [--to FOLDER].

Rivals take turns, so that a machine that is slower for a minute is slower for all of them. Figures are medians; ratios
are medians of the ratios within a round. Writes the raw figures as JSON, a table as Markdown, and a plot.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from bench import report
from bench.host import BenchHost, bench_host, delayed
from bench.report import Measured
from bench.scenes import SCENES, Scene

ROOT = Path(__file__).parent.parent


def measure(scene: Scene, host: BenchHost, delay: int, rounds: int) -> Measured:
    """Time a scene at one delay. The host is prepared over the direct line."""
    seconds: dict[str, list[float]] = {name: [] for name in scene.rivals}
    counts: dict[str, str] = {}
    scene.before(host)
    try:
        with delayed(host, delay / 1000) as far:
            for number in range(rounds):
                names = list(scene.rivals)
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    rival = scene.rivals[name]
                    rival.before(host)
                    began = time.monotonic()
                    told = rival.act(far)
                    took = time.monotonic() - began
                    seconds[name].append(told if isinstance(told, float) else took)
                    if isinstance(told, str):
                        counts[name] = told
                    rival.after(host)
    finally:
        scene.after(host)
    return Measured(scene.name, delay, scene.base, seconds, counts, scene.goals.get(delay))


def run(only: str, rounds: int) -> Iterator[Measured]:
    """All scenes whose names contain a word, on one host."""
    with bench_host() as host:
        for scene in SCENES:
            if only not in scene.name:
                continue
            for delay in scene.delays:
                # The long lines cost the most time and vary the least.
                found = measure(scene, host, delay, rounds if delay == 0 else max(1, rounds - 2))
                print(report.line(found), flush=True)
                yield found


def main() -> None:
    """Parse the command line, measure, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3, help="how often each rival takes its turn (default: 3)")
    parser.add_argument("--only", default="", help="only the scenes whose names contain this")
    parser.add_argument("--to", type=Path, default=ROOT / "docs", help="the folder for performance.* (default: docs)")
    options = parser.parse_args()
    found = list(run(options.only, options.rounds))
    report.write(found, options.to)


if __name__ == "__main__":
    main()
