"""Every claim about training: what runs here say of it, and what would need a GPU.

    python benchmarks/claims.py [RUNS ...]

The comparisons of `ertrain report`, recipe by recipe, are brought from folders of runs into claims.csv beside this
file, where they take the place of the same ones with fewer seeds, and docs/findings/claims.md is written from it.
Without arguments the page is written from the table that is there. figures/methods.py draws some of its rows.
"""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ertrain.recipes import RECIPES
from ertrain.reports.claims import RULES, Comparison, compare, verdict_of
from ertrain.reports.results import read_results
from ertrain.reports.statistics import Mean, PairedDifference, student_quantile

HERE = Path(__file__).resolve().parent
TABLE, PAGE = HERE / "claims.csv", HERE.parent / "docs" / "findings" / "claims.md"
KEY = ("recipe", "data", "model", "method", "ratio", "start", "final", "against", "rule")
COLUMNS = (*KEY, "difference", "low", "high", "n", "verdict")
ASKED = ("table1", "table2", "table3", "table4", "table5", "table28", "gcn", "modular-addition", "tabular", "imagenet")
VERDICTS = ("agrees", "disagrees", "cannot tell")
MOST = 1000  # seeds that are named
Row = dict[str, str]


def rows_of(recipe: str, comparisons: Iterable[Comparison]) -> Iterator[Row]:
    for one in comparisons:
        mean = one.difference.mean
        ends = ("" if end is None else f"{100 * end:.4f}" for end in (mean.value, mean.low, mean.high))
        values = (
            recipe, one.data, one.model, one.method, one.ratio, one.density_target, one.final_target or "",
            one.against, one.rule, *ends, str(mean.count), one.verdict,
        )  # fmt: skip
        yield dict(zip(COLUMNS, values, strict=True))


def kept() -> Iterator[Row]:
    if TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as stream:
            yield from csv.DictReader(stream)


def brought(folders: Iterable[Path]) -> list[Row]:
    """Bring all comparisons together: of the same ones those with the most seeds, the newest first."""
    results = [result for folder in folders for result in read_results(folder)]
    new = [
        row
        for recipe in ASKED
        for row in rows_of(recipe, compare([one for one in results if one["recipe"] == recipe]))
        if row["rule"] != "degrades" or row["against"] == "density 0.01"
    ]
    found: dict[tuple[str, ...], Row] = {}
    for row in (*new, *kept()):
        key = tuple(row[name] for name in KEY)
        if key not in found or int(row["n"]) > int(found[key]["n"]):
            found[key] = row
    return sorted(found.values(), key=_order)


def _order(row: Row) -> tuple[object, ...]:
    final, start = (-float(row[name] or 0) for name in ("final", "start"))
    return ASKED.index(row["recipe"]), row["rule"], row["data"], row["model"], row["ratio"], final, start


def page(rows: list[Row]) -> str:
    """Write the page: a summary with the commands for GPUs, and all comparisons."""
    lines = [
        "# Every claim about training",
        "",
        "What runs on two cores say of each claim, by paired differences of test accuracies over the seeds and one of",
        "these rules, and what only runs at the paper's scale could say, with their command (`benchmarks/claims.py`).",
        "",
        *(f"* {name}: {rule}." for name, rule in RULES.items() if any(row["rule"] == name for row in rows)),
        "",
        "Comparisons are not corrected for their number: of twenty true differences of 0, one interval misses it.",
        "Where it cannot be told, the interval is too wide for the rule: so many seeds would tell, were mean and",
        "spread the same with them.",
        "",
        "| recipe | rule | agrees | disagrees | cannot tell | seeds | not run |",
        "| --- | --- | ---: | ---: | ---: | --- | --- |",
    ]
    for recipe in ASKED:
        own = [row for row in rows if row["recipe"] == recipe]
        command = _not_run(recipe, own)
        for number, (rule, group) in enumerate(groupby(own, key=lambda row: row["rule"])):
            here = list(group)
            counts = Counter(row["verdict"] for row in here)
            seeds = ", ".join(sorted({row["n"] for row in here}, key=int))
            numbers = " | ".join(str(counts[verdict]) for verdict in VERDICTS)
            lines.append(f"| {recipe} | {rule} | {numbers} | {seeds} | {'' if number else command} |")
        if not own:
            lines.append(f"| {recipe} | | | | | | {command} |")
    for recipe in ASKED:
        own = [row for row in rows if row["recipe"] == recipe]
        if not own:
            continue
        lines += [
            "",
            f"## {recipe}",
            "",
            RECIPES[recipe].tests,
            "",
            "| rule | data, network | mask | from | to | compared with | difference, points [95 %] | n | verdict |",
            "| --- | --- | --- | ---: | ---: | --- | --- | ---: | --- |",
        ]
        for row in own:
            middle, *ends = (f"{float(row[name]):+.2f}" if row[name] else "-" for name in ("difference", "low", "high"))
            lines.append(
                f"| {row['rule']} | {row['data']}, {row['model']} | {row['ratio']} | {row['start']} | "
                f"{row['final'] if row['final'] != row['start'] else ''} | {row['against']} | "
                f"{middle} [{', '.join(ends)}] | {row['n']} | {row['verdict']}{_reason(row)} |"
            )
    return "\n".join(lines) + "\n"


def _reason(row: Row) -> str:
    """Say why a comparison cannot be judged: how many seeds could, with this mean and this spread."""
    if row["verdict"] != "cannot tell":
        return ""
    if not row["low"] or row["low"] == row["high"]:
        return ": one seed" if row["n"] == "1" else ": all differences are the same"
    needed = seeds_to_tell(row)
    return f": {needed} seeds would" if needed <= MOST else f": more than {MOST:,} seeds would"


def seeds_to_tell(row: Row) -> int:
    """Give the smallest number of seeds that would tell, with the mean and the spread of a row; at most MOST + 1."""
    middle, low, count = float(row["difference"]) / 100, float(row["low"]) / 100, int(row["n"])
    deviation = (middle - low) / student_quantile(count, Mean.level) * math.sqrt(count)
    for seeds in range(2, MOST + 1):
        half = student_quantile(seeds, Mean.level) * deviation / math.sqrt(seeds)
        told = PairedDifference(Mean(middle, middle - half, middle + half, seeds), p_value=1.0)
        if verdict_of(told, row["rule"]) != "cannot tell":
            return seeds
    return MOST + 1


def _not_run(recipe: str, rows: list[Row]) -> str:
    """Name what a recipe has and no row is about: networks of the quick scale, and the paper's."""
    one = RECIPES[recipe]
    cost, paper = one.cost("paper"), _networks(recipe, "paper")
    said = f"{', '.join(paper)} (`ertrain run {recipe} --scale paper`, for GPUs: {cost.epochs:,} epochs)"
    if "quick" not in one.scales:
        return said
    seen = {f"{row['model'].partition(' ')[0]} on {row['data']}" for row in rows}
    missing = [network for network in _networks(recipe, "quick") if network not in seen]
    return f"{', '.join(missing)} (`ertrain sweep {recipe}`); {said}" if missing else said


def _networks(recipe: str, scale: str) -> list[str]:
    runs = RECIPES[recipe].configurations(scale, seeds=1)
    return list(dict.fromkeys(f"{run.model} on {run.data}" for run in runs))


def main() -> None:
    rows = brought([Path(folder) for folder in sys.argv[1:]])
    with TABLE.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    PAGE.write_text(page(rows), encoding="utf-8")
    print(TABLE, PAGE, sep="\n")


if __name__ == "__main__":
    main()
