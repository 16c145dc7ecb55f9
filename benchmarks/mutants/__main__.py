"""The share of wrong lines that the tests see, by room: `make mutants`.

    python -m benchmarks.mutants [--each 20] [--seed 1] [--rooms ertheory/masks ...] [--again]

A sample of lines is made wrong, one at a time and in a copy of the project: another operator, comparison or constant, a
condition turned round or left out, a statement or a keyword left out, arguments swapped. The tests that belong to the
module, as `belonging.py` says, are run until one fails or they have taken their time, half a minute of a processor: the
share is what these tests see, and the whole suite sees no less. What was not seen is listed: it is a hole, or the line
means the same as before; a person decides, and writes the latter with a reason into `equivalent.toml`. Those do not
count.

Called again, it goes on where it was; `--again` asks the tests once more about the lines that they did not see.

Libraries for this exist, and do not serve here: mutmut leaves out decorated functions, and with them every compiled
loop and property, and what stands outside functions, and draws no sample; cosmic-ray changes the work tree itself, and
has one command for all lines.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from scipy.stats import binomtest
from tqdm import tqdm

from .changes import Change, sample
from .trials import bring_up_to_date, load_libraries, tried

ROOT = Path(__file__).resolve().parents[2]
_OWN: list[Path] = []  # of a worker process: the copy of the project that is its own


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__.split("\n\n")[0])
    parser.add_argument("--each", type=int, default=20, help="wrong lines in each room")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--rooms", nargs="+", default=[], help="such as ertheory/masks; all by default")
    parser.add_argument("--limit", type=float, default=30.0, help="processor seconds of tests for a line")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; called again, go on")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/mutants"), help="folder for results and copies")
    parser.add_argument("--again", action="store_true", help="ask once more about lines that were not seen")
    chosen = parser.parse_args(words)
    end, results = time.monotonic() + 60 * chosen.minutes, chosen.out / f"seed-{chosen.seed}.json"
    drawn = [one for one in sample(ROOT, chosen.each, chosen.seed, chosen.rooms) if one.key not in equivalents()]
    done = {key_of(row): row for row in json.loads(results.read_text("utf-8"))} if results.exists() else {}
    todo = [one for one in drawn if one.key not in done or (chosen.again and not done[one.key]["seen"])]
    if todo:
        load_libraries()
    for row in trials(todo, chosen.limit, [(chosen.out / f"copy-{n}").resolve() for n in range(chosen.workers)], end):
        done[key_of(row)] = row
        whole = results.with_suffix(".part")
        whole.write_text(json.dumps(list(done.values()), indent=1) + "\n", encoding="utf-8")
        whole.replace(results)
    report([done[one.key] for one in drawn if one.key in done])


def key_of(row: dict[str, object]) -> tuple[object, ...]:
    return row["path"], row["source"], row["old"], row["new"]


def equivalents() -> set[tuple[str, ...]]:
    """Wrong lines that are not wrong, as a person judged them."""
    with (Path(__file__).parent / "equivalent.toml").open("rb") as file:
        rows = tomllib.load(file)["line"]
    return {(row["path"], row["source"], row["old"], row["new"]) for row in rows}


def trials(todo: list[Change], limit: float, copies: list[Path], end: float) -> Iterator[dict[str, object]]:
    """Results as they come, from worker processes that divide from this one with its libraries, until time is up."""
    fork = multiprocessing.get_context("fork")
    free = fork.Queue()
    for copy in copies:
        copy.mkdir(parents=True, exist_ok=True)
        bring_up_to_date(copy, ROOT)
        free.put(copy)
    with (
        ProcessPoolExecutor(len(copies), fork, initializer=_take_copy, initargs=(free,)) as pool,
        tqdm(total=len(todo), desc="wrong lines", disable=not todo) as bar,
    ):
        for future in as_completed([pool.submit(_one, change, limit) for change in todo]):
            bar.update()
            yield future.result()
            if time.monotonic() > end:
                pool.shutdown(wait=False, cancel_futures=True)
                break


def _take_copy(free: multiprocessing.Queue[Path]) -> None:
    _OWN.append(free.get())


def _one(change: Change, limit: float) -> dict[str, object]:
    return tried(change, _OWN[0], limit)


def report(rows: list[dict[str, object]]) -> None:
    """Print shares with intervals by room, then the lines that no test saw."""
    rooms: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        rooms[row["room"]].append(bool(row["seen"]))
        rooms["all"].append(bool(row["seen"]))
    print("| room | wrong lines | seen | share | 95 % interval |\n| --- | --- | --- | --- | --- |")
    for room in sorted(rooms, key=lambda name: (name == "all", name)):
        seen, count = sum(rooms[room]), len(rooms[room])
        low, high = binomtest(seen, count).proportion_ci(method="wilson")
        print(f"| `{room}` | {count} | {seen} | {seen / count:.0%} | {low:.0%} to {high:.0%} |")
    for row in sorted((row for row in rows if not row["seen"]), key=lambda row: (row["room"], row["path"])):
        print(f"{row['path']}:{row['line']} [{row['kind']}, {row['tests']} tests] {row['source']}")
        print(f"    {' '.join(str(row['old']).split())}  ->  {' '.join(str(row['new']).split())}")


if __name__ == "__main__":
    main()
