"""Time the commands that answer with widths against another checkout, as ratios in one run.

    python benchmarks/widths.py --baseline /path/to/checkout [--repeats 7]

Processes of both checkouts alternate, so that both see the same neighbours on a shared machine. Both start from
compiled modules, as an installed package does; the first round compiles them and is not counted. Ratios are medians
over the pairs, of the processor time of a process and of the time on the clock. Limit: a process that imports NumPy,
python-flint and tyro, and does nothing. Where there are more methods here than in the baseline, or other answers, the
row says so.

The last rows are of this checkout alone, in one process: what a plan for a network with weights costs beside the search
for its widths, which it must not do twice.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
QUESTION = "--target 784-128-10 --sparsity 0.9 --delta 0.001"
COMMANDS = {
    "width, all methods of the table": f"width {QUESTION}",
    **{
        f"width, {method}": f"width {QUESTION} --method {method}"
        for method in ("printed", "exact", "drop", "sharp", "sequential", "matching", "theorem-2.3", "degree")
    },
    "width, exact, layer 0 matched": f"width {QUESTION} --method exact --layer0 matched",
    "width, drop, layer 0 matched": f"width {QUESTION} --method drop --layer0 matched",
    "width, drop, three hidden layers": "width --target 100-50-50-50-10 --sparsity 0.8 --delta 0.001 --method drop",
    "sparsity": "sparsity --target 784-128-10 --widths 179536,18048 --delta 0.001",
    "confidence": "confidence --target 784-128-10 --widths 179536,18048 --sparsity 0.9",
    "lower": "lower --inputs 10 --density 0.01 --delta 0.05 --output relu",
}
NOTHING = "import numpy, flint, tyro"


@dataclass
class Times:
    """Processor and clock seconds of the runs of one command in one checkout."""

    processor: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def run(self, arguments: list[str], checkout: Path, compiled: Path) -> str:
        """Run a process once and give its output."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = kept | {"PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": str(compiled), "OMP_NUM_THREADS": "1"}
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        self.clock.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return done.stdout


def answers(output: str) -> dict[str, dict[str, Any]]:
    """What both sides may agree on, by the method: everything that is a width, a factor or a probability."""
    document = json.loads(output)
    kept = (
        "method",
        "kind",
        "applies",
        "widths",
        "factors",
        "sparsity",
        "printed",
        "exact",
        "success_probability_lower",
    )
    rows = document.get("results", [document])
    return {row.get("method", ""): {name: row.get(name) for name in kept} for row in rows}


def is_sharper(then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether an answer that has changed says more: fewer neurons are enough, or more are necessary."""
    if then["widths"] != now["widths"]:
        gain = sum(filter(None, then["widths"] or ())) - sum(filter(None, now["widths"] or ()))
    else:
        gain = sum((now[name] or 0) - (then[name] or 0) for name in ("sparsity", "success_probability_lower"))
    return gain < 0 if now["kind"] == "necessary" else gain > 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", type=Path, required=True, help="a checkout to compare with")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default="", help="commands whose name contains this")
    options = parser.parse_args()
    print("| command | seconds | processor time, baseline / here | clock, baseline / here |")
    print("| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name, command in COMMANDS.items():
            if options.only in name:
                compare(name, command, options.baseline.resolve(), options.repeats, Path(folder))
        limit = Times()
        for _ in range(options.repeats + 1):
            limit.run(["-c", NOTHING], HERE, Path(folder, "here"))
        print(f"| imports alone (limit) | {statistics.median(limit.processor[1:]):.2f} | | |")
    plans(options.repeats)


def compare(name: str, command: str, baseline: Path, repeats: int, folder: Path) -> None:
    """Run one command in turns, see whether both sides agree, and print a row."""
    here, there = Times(), Times()
    arguments = ["-m", "ertheory", *command.split(), "--json"]
    for _ in range(repeats + 1):
        then = answers(there.run(arguments, baseline, folder / "baseline"))
        now = answers(here.run(arguments, HERE, folder / "here"))
    others = [method for method in then if then[method] != now[method]]
    for method in others:
        assert is_sharper(then[method], now[method]), f"{name}, {method}: the answer is worse than that of the baseline"
    more = f" ({len(now)} methods here, {len(then)} in the baseline)" if len(now) > len(then) else ""
    more += f" (other answers: {', '.join(filter(None, others)) or 'all'})" if others else ""
    seconds = statistics.median(here.processor[1:])
    ratios = f"{ratio(there.processor, here.processor)} | {ratio(there.clock, here.clock)}"
    print(f"| {name}{more} | {seconds:.2f} | {ratios} |", flush=True)


def ratio(there: list[float], here: list[float]) -> str:
    """Median over the pairs, without the first one."""
    return f"{statistics.median(a / b for a, b in zip(there[1:], here[1:], strict=True)):.2f}"


def plans(repeats: int) -> None:
    """Compare planning a source with the answer that the plan holds, in turns, each from empty caches."""
    sys.path.insert(0, str(HERE))
    import numpy as np

    from ertheory.bounds import width
    from ertheory.builders import plan
    from ertheory.networks.target import Target, network_of

    draws = np.random.default_rng(0)
    target = Target.from_arrays([draws.normal(size=(128, 784)), draws.normal(size=(10, 128))], domain=[(0, 1)] * 784)
    network = network_of(target)
    print("\n| method | milliseconds: plan | its width alone | the rest |\n| --- | ---: | ---: | ---: |")
    for method in ("exact", "drop", "sharp"):
        options = {"method": method, "sparsity": "0.9", "failure_probability": "0.001"}
        asked = plan(network, **options).answer  # the target in the units of layer 0, and how that is read
        pairs = []
        for _ in range(repeats + 1):
            alone = timed(lambda asked=asked, options=options: width(asked.target, layer0=asked.layer0, **options))
            pairs.append((timed(lambda options=options: plan(network, **options)), alone))
        planned, alone = (1000 * statistics.median(column) for column in zip(*pairs[1:], strict=True))
        rest = 1000 * statistics.median(both - one for both, one in pairs[1:])
        print(f"| {method} | {planned:.1f} | {alone:.1f} | {rest:.1f} |")


def timed(calculation: Callable[[], object]) -> float:
    """Processor seconds of a calculation that finds nothing in a cache."""
    for module in list(sys.modules.values()):
        for value in vars(module).values() if module.__name__.startswith("ertheory.") else ():
            getattr(value, "cache_clear", lambda: None)()
    start = time.process_time()
    calculation()
    return time.process_time() - start


if __name__ == "__main__":
    main()
