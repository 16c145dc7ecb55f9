"""Every result is written in the same ways, and answers say what they were computed from."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

import ertheory
from ertheory.montecarlo import Calibration, stopping_times
from ertheory.montecarlo.anytime import AnytimeTest
from ertheory.montecarlo.intervals import Interval
from ertheory.results import Explained, Result
from ertheory.tables import Shown, Table

SMALL = ertheory.Target.from_arrays([[[1.0, -0.5], [0.25, 0.75]], [[0.5, -1.0]]], domain=[(0, 1), (0, 1)])
ASKED = {"sparsity": "1/2", "delta": "1/10"}


def small_ticket():
    target = ertheory.Target.from_arrays([[[0.5, -0.25]], [[0.5]]], domain=[(0, 1), (0, 1)])
    return ertheory.ticket(target, density="3/4", epsilon=0.25, build=True, widths=(60, 24), seed=1, workers=1)


def calibration():
    proved = ertheory.width("8-6-3", method="drop", sparsity=0.5, delta=0.05)
    test = AnytimeTest(
        limit=Fraction(1, 20), trials=400, failures=3, interval=Interval(0.001, 0.04, 0.99), verdict="at most"
    )
    widths = (*(one - 1 for one in proved.widths[:-1]), 3)
    return Calibration(
        proved=proved, widths=widths, test=test, tests=((widths, test),), level=Fraction(99, 100), seed=0
    )


def results():
    """One result of every kind that needs no PyTorch."""
    built, pruned = ertheory.embed(SMALL, **ASKED), small_ticket()
    sensitive = ertheory.ticket("2-4-1", density="1/2", epsilon=0.1, delta=0.1, sensitivity=True)
    yield from ertheory.width("784-128-10", sparsity=0.9, delta=0.001)
    yield from ertheory.width("8-6-3", sparsities=["1/3"], delta="1/7")
    yield from ertheory.confidence("2-2-1", widths=(40, 20, 1), sparsity="0.5")
    yield from ertheory.sparsity("2-2-1", widths=(40, 20, 1), delta="0.1", method="exact")
    yield from ertheory.capacity("4-30-3-20-2", sparsity=0.5, delta=0.1)
    yield ertheory.lower(10, density=0.01, delta=0.05)
    yield ertheory.lower(10, density=0.99, delta=0.05, output="linear")
    yield ertheory.subset_sum(density="0.5", epsilon="0.01", delta="0.01")
    yield ertheory.subset_sum(density=0.99, epsilon=0.01, delta=0.01, mode="printed", constant=5)
    yield ertheory.subset_sum(density=0.5, epsilon=0.1, delta=0.1, simulate=True, trials=4096, seed=1)
    yield from (sensitive, sensitive.rows[0], sensitive.base, sensitive.base.facts)
    yield ertheory.ticket("2-4-1", density=0.5, epsilon=0.1, delta=0.1, mode="printed", constant=5, gamma=0.5)
    yield calibration()
    yield ertheory.verify("theorem-2.1", trials=200)
    yield ertheory.verify("sharp", trials=50)
    yield from (ertheory.densities("784-300-10", ratio=name, density=0.1) for name in ertheory.RATIOS)
    yield from (built, built.check, built.embedding, pruned, pruned.ticket)
    yield ertheory.embed(SMALL, **ASKED, method="factored").embedding
    yield ertheory.reduce(SMALL)
    yield stopping_times("1/10", trials=100)
    yield calibration().test


@pytest.fixture(scope="module")
def found():
    return list(results())


def of(kind: type, found: list[Result]) -> list[Result]:
    chosen = [result for result in found if isinstance(result, kind)]
    assert chosen
    return chosen


def test_every_kind_of_result_is_among_them(found):
    """All classes of the package that are results by their source, whose modules may be slow to load."""
    sources = Path(ertheory.__file__).parent.rglob("*.py")
    kinds = {
        name
        for path in sources
        for name in re.findall(r"^class (\w+)\((?:Result|Explained)\):", path.read_text("utf-8"), re.M)
    }
    # Of a written ticket, of a PyTorch module, and of networks that are no chains.
    elsewhere = {"TicketCheck", "FactoredModule", "FactoredNetwork", "BuiltNetwork"}
    assert kinds - {"Explained"} - {type(result).__name__ for result in found} == elsewhere


def test_a_result_is_written_as_json_csv_and_tables(found):
    for result in found:
        values = result.to_dict()
        assert json.loads(result.to_json()) == json.loads(json.dumps(values)), type(result)
        if type(result).to_csv is not Result.to_csv:
            continue
        header, *rows = csv.reader(io.StringIO(result.to_csv()))
        assert header == ["field", "value"]
        read = {name: text if isinstance(values[name], str) else json.loads(text) for name, text in rows}
        assert read == json.loads(json.dumps(values)), type(result)
        if type(result).to_markdown is Result.to_markdown:
            assert len(result.to_markdown().splitlines()) == len(values) + 2
        assert len(Result.to_latex(result).splitlines()) == len(values) + 6


@pytest.mark.parametrize(
    "ask",
    [
        lambda: ertheory.width("784-128-10", sparsity=0.9, delta=0.001),
        lambda: ertheory.width("784-128-10", sparsities=["1/3", 0.9], delta="1/1000", method="exact"),
        lambda: ertheory.confidence("8-6-3", (200, 120), sparsity=0.5),
        lambda: ertheory.sparsity("8-6-3", (200, 120), delta=0.05, method="printed"),
    ],
)
def test_numbers_in_csv_are_plain(ask):
    rows = list(csv.DictReader(io.StringIO(ask().to_csv())))
    numeric = [value for row in rows for name, value in row.items() if re.match(r"N_|ratio|edges|success", name)]
    for text in filter(None, numeric):
        assert not re.search(r"\d,\d{3}", text), text
        bare = re.sub(r"^[<>]= ", "", text)
        assert float(bare) >= 0


def test_answers_are_explained_with_their_numbers(found):
    for answer in of(Explained, found):
        heading, *lines = answer.explain().splitlines()
        assert heading
        assert not heading.startswith(" ")
        assert all(line.startswith("  ") and line.strip() for line in lines), answer
        assert len(lines) == len(answer.explain().splitlines()) - 1
    unexplained = {
        answer.method
        for answer in of(ertheory.Width, found)
        if answer.applies and not re.search(r"\d", "".join(answer.explain().splitlines()[1:]))
    }
    assert unexplained == set()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda: ertheory.confidence("784-128-10", (179536, 18048), density="1,.1,.1", method="printed")[0],
            "2 * max(100352*141*(1 - 0.1)^229, 1280*1*(1 - 0.1)^141)",
        ),
        (
            lambda: ertheory.confidence("8-6-3", (20, 120), sparsity=0.9, method="theorem-2.3")[0],
            "(1 - (1 - 0.1)^20)^8",
        ),
        (lambda: ertheory.confidence("8-6-3", (20, 40), sparsity=0.5, method="degree")[0], "success probability <= "),
        (lambda: ertheory.sparsity("8-6-3", (200, 120), delta=0.05, method="exact")[0], "with delta = 0.05"),
        (lambda: ertheory.width("784-128-10", method="sharp", sparsity=0.9, delta=0.001), "N' = 1828"),
        (lambda: ertheory.subset_sum(density=0.5, epsilon=0.01, delta=0.01), "n = 69"),
        (lambda: ertheory.verify("theorem-2.1", trials=200), "by the law P = 0.5735"),
        (lambda: ertheory.densities("784-300-10", ratio="balanced", density=0.1), "X = 20820"),
        (small_ticket, "epsilon = 0.25: error <= "),
    ],
)
def test_what_an_explanation_says(ask, said):
    assert said in ask().explain()


@pytest.mark.parametrize(("layer0", "density"), [("dense", "1,.1,.1"), ("preassigned", "0.9,.1,.1")])
def test_the_bound_that_is_shown_is_the_answer(layer0, density):
    asked = {"density": density, "method": "printed", "layer0": layer0}
    (answer,) = ertheory.confidence("784-128-10", (179536, 18048), **asked)
    shares, terms = re.fullmatch(r"  P\(failure\) <= (\d) \* max\((.*)\)", answer.explain().splitlines()[-2]).groups()
    parts = [re.fullmatch(r"(\d+)\*(\d+)\*\(1 - ([\d.*]+)\)\^(\d+)", term).groups() for term in terms.split(", ")]
    chances = [math.prod(map(Fraction, chance.split("*"))) for _, _, chance, _ in parts]
    worst = max(int(m) * int(q) * (1 - p) ** int(n) for (m, q, _, n), p in zip(parts, chances, strict=True))
    failure = min(Fraction(1), int(shares) * worst)
    assert 0 <= 1 - failure - answer.success_lower <= failure / 10**5  # rounded down


def latex(result: Result) -> list[str]:
    """A result as its own line of mathematics, where it has one, and as a table."""
    own = result.to_latex()
    return [own if own.startswith(r"\begin{tabular}") else rf"\[ {own} \]", Result.to_latex(result)]


def documents(found: list[Result]) -> list[str]:
    answers = [ertheory.width("784-128-10", **ASKED), ertheory.confidence("4-3-2", (40, 30), density=0.5)]
    rows = [["50 % of #1 {set} \\ $", 1], ["± 2 × 3 – 4", Shown(0.5, "1/2")], [None, None]]
    tables = [*answers, Table.of(["a_b ~ x^2", "<= & >="], rows)]
    return [text for result in found for text in latex(result)] + [table.to_latex() for table in tables]


def test_latex_is_balanced_and_escaped(found):
    for text in documents(found):
        bare = re.sub(r"\\[{}&%$#_\\]", "", text)
        depth = 0
        for character in bare:
            depth += (character == "{") - (character == "}")
            assert depth >= 0, text
        assert depth == 0, text
        assert bare.count("$") % 2 == 0
        assert not set("%#") & set(bare)
        assert text.isascii(), text
        if text.startswith(r"\begin{tabular}"):
            first, top, *body, bottom, last = text.splitlines()
            places = re.fullmatch(r"\\begin\{tabular\}\{((?:[lr]|p\{0\.6\\linewidth\})+)\}", first)[1]
            columns = len(re.sub(r"p\{.*?\}", "p", places))
            assert (top, bottom, last) == (r"\toprule", r"\bottomrule", r"\end{tabular}")
            assert body.pop(1) == r"\midrule"
            for line in body:
                assert line.endswith(r" \\")
                assert re.sub(r"\\[{}&%$#_\\]", "", line).count("&") == columns - 1
                assert "_" not in re.sub(r"\$.*?\$", "", re.sub(r"\\[{}&%$#_\\]", "", line))


@pytest.mark.skipif(
    shutil.which("pdflatex") is None
    or not subprocess.run(["kpsewhich", "booktabs.sty"], stdout=subprocess.PIPE, check=False).stdout,
    reason="pdflatex with booktabs is not installed",
)
def test_latex_compiles(found, tmp_path):
    head = r"\documentclass{article}\usepackage{amsmath,booktabs,textcomp}\begin{document}"
    body = "\n\n".join(documents(found))
    (tmp_path / "all.tex").write_text(f"{head}\n{body}\n\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (tmp_path / "all.pdf").stat().st_size > 1000


def test_long_values_are_broken_into_lines_on_a_page():
    assert (
        Table(("field", "value"), (("reason", "word " * 20),))
        .to_latex()
        .startswith(r"\begin{tabular}{lp{0.6\linewidth}}")
    )
    assert Table(("field", "value"), (("reason", "word"), ("n", "7"))).to_latex().startswith(r"\begin{tabular}{ll}")
