"""The share of wrong lines that the tests see, by room: `make mutants`.

    python -m benchmarks.mutants [--each 20] [--seed 1] [--rooms ertheory/masks ...] [--again] [--record | --guess]

A sample of lines is made wrong, one at a time and in a copy of the project: another operator, comparison or constant, a
condition turned round or left out, a statement or a keyword left out, arguments swapped. Then tests that reach the line
run until one fails or they have taken their time, a minute of a processor: as `choice.py` says, by a map of lines and
tests that `reach.py` records from one run of the whole suite. The share is what these tests see; the whole suite sees
no less. What was not seen is listed, with how many of the tests that reach it were asked: it is a hole, or the line
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from scipy.stats import binomtest
from tqdm import tqdm

from .changes import Change, sample
from .reach import Reach, recorded
from .trials import bring_up_to_date, load_libraries, tried

ROOT = Path(__file__).resolve().parents[2]
_OWN: list[Callable[[Change], dict[str, object]]] = []  # of a worker process: trials in the copy that is its own


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants", description=__doc__.split("\n\n")[0])
    parser.add_argument("--each", type=int, default=20, help="wrong lines in each room")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--rooms", nargs="+", default=[], help="such as ertheory/masks; all by default")
    parser.add_argument("--limit", type=float, default=60.0, help="processor seconds of tests for a line")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; called again, go on")
    parser.add_argument("--workers", type=int, default=1, help="processes, also of the suite while it is recorded")
    parser.add_argument("--out", type=Path, default=Path("runs/mutants"), help="folder for results and copies")
    parser.add_argument("--again", action="store_true", help="ask once more about lines that were not seen")
    parser.add_argument("--map", type=Path, help="which tests reach which line; OUT/reach.json.gz by default")
    knowing = parser.add_mutually_exclusive_group()
    knowing.add_argument("--record", action="store_true", help="make the map anew, also where there is one")
    knowing.add_argument("--guess", action="store_true", help="no map: choose tests by words, and see less")
    chosen = parser.parse_args(words)
    end, results = time.monotonic() + 60 * chosen.minutes, chosen.out / f"seed-{chosen.seed}.json"
    drawn = [one for one in sample(ROOT, chosen.each, chosen.seed, chosen.rooms) if one.key not in equivalents()]
    done = {key_of(row): row for row in json.loads(results.read_text("utf-8"))} if results.exists() else {}
    todo = [one for one in drawn if one.key not in done or (chosen.again and not done[one.key]["seen"])]
    file, reach = chosen.map or chosen.out / "reach.json.gz", None
    if chosen.record or (todo and not chosen.guess):
        reach = known(file, chosen.record, chosen.workers)
    if todo:
        load_libraries()
    copies = [(chosen.out / f"copy-{n}").resolve() for n in range(chosen.workers)]
    for row in trials(todo, chosen.limit, reach, copies, end):
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


def known(file: Path, anew: bool, workers: int) -> Reach:
    """The map of lines and tests, recorded where there is none."""
    if anew or not file.exists():
        print(f"Recording which test reaches which line: the whole suite runs once, in {workers} processes. That takes")
        print(
            "twice as long as `make test`: half an hour with --workers 2. Nothing is kept of half a recording.",
            flush=True,
        )
        recorded(ROOT, workers).save(file)
    reach = Reach.load(file)
    print(f"{file}: {len(reach.seconds)} tests, recorded {reach.day} in {reach.minutes:.0f} minutes", flush=True)
    return reach


def trials(
    todo: list[Change], limit: float, reach: Reach | None, copies: list[Path], end: float
) -> Iterator[dict[str, object]]:
    """Results as they come, from worker processes that divide from this one with its libraries, until time is up."""
    fork = multiprocessing.get_context("fork")
    free = fork.Queue()
    for copy in copies:
        copy.mkdir(parents=True, exist_ok=True)
        bring_up_to_date(copy, ROOT)
        free.put(copy)
    with (
        ProcessPoolExecutor(len(copies), fork, initializer=_take_copy, initargs=(free, limit, reach)) as pool,
        tqdm(total=len(todo), desc="wrong lines", disable=not todo) as bar,
    ):
        for future in as_completed([pool.submit(_one, change) for change in todo]):
            bar.update()
            yield future.result()
            if time.monotonic() > end:
                pool.shutdown(wait=False, cancel_futures=True)
                break


def _take_copy(free: multiprocessing.Queue[Path], limit: float, reach: Reach | None) -> None:
    _OWN.append(partial(tried, copy=free.get(), limit=limit, reach=reach))


def _one(change: Change) -> dict[str, object]:
    return _OWN[0](change)


def report(rows: list[dict[str, object]]) -> None:
    """Print shares with intervals by room, then the lines that no test saw, and who was asked about them."""
    rooms: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        rooms[row["room"]].append(bool(row["seen"]))
        rooms["all"].append(bool(row["seen"]))
    print("| room | wrong lines | seen | share | 95 % interval |\n| --- | --- | --- | --- | --- |")
    for room in sorted(rooms, key=lambda name: (name == "all", name)):
        seen, count = sum(rooms[room]), len(rooms[room])
        low, high = binomtest(seen, count).proportion_ci(method="wilson")
        print(f"| `{room}` | {count} | {seen} | {seen / count:.0%} | {low:.0%} to {high:.0%} |")
    blind = sum("traced" not in row for row in rows)
    if blind:
        print(f"\nFor {blind} of {len(rows)} lines the tests were chosen by words alone: more of them may be seen.")
    print("\nNot seen:" if any(not row["seen"] for row in rows) else "")
    for row in sorted((row for row in rows if not row["seen"]), key=lambda row: (row["room"], row["path"])):
        print(f"{row['path']}:{row['line']} [{row['kind']}, {whom_asked(row)}] {row['source']}")
        print(f"    {' '.join(str(row['old']).split())}  ->  {' '.join(str(row['new']).split())}")


def whom_asked(row: Mapping[str, object]) -> str:
    """How much it says that no test saw a line."""
    if "traced" not in row:
        return f"{row['tests']} tests asked, chosen by words"
    if row["reaching"]:
        some = "all" if row["asked"] == row["reaching"] else f"{row['asked']} of"
        asked = f"{some} {row['reaching']} that reach it asked"
    else:
        asked = f"none is known to reach it, {row['tests']} asked"
    return asked if row["traced"] else f"{asked}, not traced"


if __name__ == "__main__":
    main()
