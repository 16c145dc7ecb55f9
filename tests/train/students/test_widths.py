"""Theory meets training: the line of widths, outcomes that outlive a process, the search, and the command."""

from __future__ import annotations

import csv
import json
import math
from fractions import Fraction
from functools import partial
from itertools import accumulate, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln

from ertheory.bounds import width
from ertheory.builders.factored.pairs import MaskPair
from ertheory.builders.factored.solve import factor_map
from ertheory.errors import InvalidInput
from ertheory.masks import DrawnMask
from ertheory.montecarlo.anytime import anytime_interval
from ertheory.networks.target import Target
from ertheory.plots.trained import read_trained

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertrain.cli import main, verify  # noqa: E402
from ertrain.errors import RunFolderError  # noqa: E402
from ertrain.storage.files import read_json, write_json  # noqa: E402
from ertrain.students.batched import Budget, Students, student_masks  # noqa: E402
from ertrain.students.examples import Examples  # noqa: E402
from ertrain.students.teacher import Tolerance, draw_teacher, evaluate, points_of  # noqa: E402
from ertrain.students.widths import SCALES, Outcomes, Scale, WidthLine, measure_widths, trial_seeds  # noqa: E402
from ertrain.students.widths.constructions import construction_of  # noqa: E402
from ertrain.students.widths.search import most_tests, search  # noqa: E402
from ertrain.training import memory_there  # noqa: E402

TINY = Scale(budget=Budget(steps=80), level=Fraction(3, 4), effort=16, students=16, least=16)


LOOSE = Tolerance(rms=0.5, largest=9.0, points=512)


def ask(path=None, *, tolerance=LOOSE, seed=0, **options):
    target = Target.from_text("2-3-1")
    options = {"scale": TINY, "tolerance": tolerance, "seed": seed, "path": path, **options}
    return measure_widths(target, density="1/2", failure_probability="1/3", **options)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("widths") / "outcomes.json"
    return ask(path), path


@given(st.integers(1, 4), st.data())
def test_the_line_meets_every_total_and_its_corners_and_never_shrinks(layers, data):
    gaps = st.lists(st.integers(0, 30), min_size=layers, max_size=layers)
    first, *steps = (np.array(gap) for gap in data.draw(st.lists(gaps, min_size=1, max_size=4)))
    ends = list(accumulate(steps, initial=first + 1))
    line = WidthLine(tuple(tuple(map(int, corner)) for corner in ends))
    for corner in line.corners:
        assert line.widths(sum(corner)) == corner
    way = [line.widths(total) for total in range(line.lowest, line.highest + 1)]
    assert [sum(widths) for widths in way] == list(range(line.lowest, line.highest + 1))
    assert all(b >= a for one, other in pairwise(way) for a, b in zip(one, other, strict=True))
    for low, high in pairwise(ends):
        for total in range(low.sum(), high.sum() + 1):  # within half a neuron of one point of the straight piece
            grown = [(width - first, last - first) for width, first, last in zip(line.widths(total), low, high)]  # noqa: B905
            assert all(count == 0 for count, gap in grown if gap == 0)
            begins = max((Fraction(2 * int(count) - 1, 2 * int(gap)) for count, gap in grown if gap), default=0)
            ends_at = min((Fraction(2 * int(count) + 1, 2 * int(gap)) for count, gap in grown if gap), default=1)
            assert begins <= ends_at


def test_neurons_at_one_time_come_in_the_order_of_their_layers():
    """Gaps 1, 2 and 6: times 1/2; 1/4, 3/4; 1/12, 3/12, 5/12, 7/12, 9/12, 11/12."""
    line = WidthLine(((1, 1, 1), (2, 3, 7)))
    way = [line.widths(total) for total in range(3, 13)]
    order = [[b - a for a, b in zip(one, other, strict=True)].index(1) for one, other in pairwise(way)]
    assert order == [2, 1, 2, 2, 0, 2, 1, 2, 2]


def test_trials_are_independent_of_one_another_and_of_how_they_are_asked_for():
    seeds = trial_seeds(3, 20, 0, 500)
    assert len(set(seeds)) == 500
    assert not set(seeds) & set(trial_seeds(3, 21, 0, 500))
    assert trial_seeds(3, 20, 100, 120) == seeds[100:120]


@pytest.mark.parametrize("wave", [1, 3])
def test_outcomes_are_kept_and_looked_up(tmp_path, wave):
    asked = []

    def fails(total, chunks):
        asked.append(len(chunks))
        return [[seed % 3 == 0 for seed in chunk] for chunk in chunks]

    path = tmp_path / "outcomes.json"
    one = Outcomes(path, {"x": 1}, seed=0, chunk=4, wave=wave)
    got = np.concatenate([one.failed("kind", 7, start, start + 5, fails) for start in (0, 5)])
    assert got.tolist() == [seed % 3 == 0 for seed in trial_seeds(0, 7, 0, 10)]
    assert asked == ([1] * 3 if wave == 1 else [3])
    again = Outcomes(path, {"x": 1}, seed=0, chunk=4)
    assert again.failed("kind", 7, 0, 10, lambda *_: pytest.fail("known")).tolist() == got.tolist()
    with pytest.raises(RunFolderError, match="other inputs"):
        Outcomes(path, {"x": 2}, seed=0, chunk=4)
    whole = read_json(path)["outcomes"]["kind"]["7"]
    for marks in ("x?..", whole[:-1], whole + "x"):  # chunks are whole
        write_json(path, {"schema": 1, "inputs": {"x": 1}, "outcomes": {"kind": {"7": marks}}})
        with pytest.raises(RunFolderError, match="no outcomes"):
            Outcomes(path, {"x": 1}, seed=0, chunk=4)
    good = {"schema": 1, "inputs": {"x": 1}, "outcomes": {}}
    for damaged in ([], {**good, "schema": 2}, {"schema": 1, "inputs": {"x": 1}}, {**good, "unknown": 1}):
        write_json(path, damaged)
        with pytest.raises(RunFolderError, match="no outcomes"):
            Outcomes(path, {"x": 1}, seed=0, chunk=4)


def test_totals_lie_on_the_line_and_in_their_intervals(found):
    result, _ = found
    for one in (result.construction, result.training):
        assert one.interval[0] <= one.total == one.interval[1]
        assert one.widths == result.line.widths(one.total)
        verdicts = {total: test.verdict for total, test in one.tests}
        assert verdicts[one.total] == "at most"
        assert verdicts.get(one.total - 1) != "at most"
        low = one.interval[0] - 1
        assert low < result.line.lowest or verdicts[low] == "above"


def test_the_explanation_names_the_tests_that_decided(found):
    """And the interval in it is that of the formula above it."""
    result, _ = found
    lines = [line.strip() for line in result.explain().splitlines()]
    for one in (result.construction, result.training):
        decided = {total: test for total, test in one.tests if total in (one.total, one.interval[0] - 1)}
        assert one.total in decided
        for total, test in decided.items():
            (line,) = (line for line in lines if line.startswith(f"{one.kind}, {total:,} neurons: "))
            assert f"n = {test.trials}, k = {test.failures}" in line
            assert line.endswith(f"{test.verdict} delta = 0.333333")
            k, n = test.failures, test.trials
            ratio = betaln(k + 0.5, n - k + 0.5) - betaln(0.5, 0.5) + math.log(1 - test.interval.level)
            for end in {test.interval.low, test.interval.high} - {0.0, 1.0}:
                assert ratio == pytest.approx(k * math.log(end) + (n - k) * math.log1p(-end), abs=1e-6)


def test_every_test_has_its_share_of_what_may_go_wrong(found):
    result, _ = found
    level = 1 - (1 - TINY.level) / (2 * most_tests(result.line))  # for construction and training
    made = [test for one in (result.construction, result.training) for _, test in one.tests]
    assert (1 - level) * len(made) <= 1 - TINY.level
    for test in made:
        assert test.interval == anytime_interval(test.failures, test.trials, level)
        assert test.interval != anytime_interval(test.failures, test.trials, TINY.level)
        assert test.limit == Fraction(1, 3)
        assert TINY.least <= test.trials <= TINY.most_trials(Fraction(1, 3))


def test_the_search_begins_where_the_construction_is_proved(found):
    result, _ = found
    (proved,) = (bound.total for bound in result.bounds if bound.method == "sharp")
    assert result.line.widths(proved) == next(one.widths[:-1] for one in result.bounds if one.method == "sharp")
    for one in (result.construction, result.training):
        assert one.tests[0][0] == proved
        assert one.tests[0][1].verdict != "at most" or max(total for total, _ in one.tests) == proved


@given(st.integers(1, 9), st.integers(0, 300), st.sampled_from([0.0, 0.03, 0.3]), st.data())
def test_the_search_closes_in_with_as_few_tests_as_its_level_is_shared_among(lowest, gap, resolution, data):
    line = WidthLine(((lowest,), (lowest + gap,)))
    totals = st.integers(0, line.highest + 2)
    first, too_small, enough = data.draw(totals), data.draw(totals), data.draw(totals)
    if too_small >= enough:
        too_small = enough - 1  # all totals up to here are too small; between the two, tests are undecided
    asked = []

    def test(total):
        asked.append(total)
        verdict = "above" if total <= too_small else "at most" if total >= enough else "undecided"
        return SimpleNamespace(verdict=verdict)

    found = search("training", line, first, test, resolution=resolution)
    assert len(set(asked)) == len(asked) <= most_tests(line)
    if enough > line.highest:
        assert found.total is None
        assert line.highest in asked
    else:
        wanted, left = max(enough, lowest), max(0, int(resolution * found.total) - 1)
        assert found.total - left <= wanted <= found.total
        low = max(too_small + 1, lowest)
        assert found.interval[1] == found.total
        assert low - int(resolution * line.highest) <= found.interval[0] <= low


def test_a_search_up_and_down_takes_all_of_its_tests():
    line = WidthLine(((1,), (1023,)))

    def test(total):  # undecided from 300 to 900, so that both ends take a way of their own
        return SimpleNamespace(verdict="above" if total < 300 else "at most" if total > 900 else "undecided")

    found = search("training", line, 1, test)
    assert (found.total, found.interval) == (901, (300, 901))
    assert 2 / 3 * most_tests(line) + 1 < len(found.tests) <= most_tests(line)
    # One, and three ways of halving so many totals: 1 of them can be halved once, 1,023 ten times, 1,024 eleven times.
    lines = [WidthLine(((5,), (4 + count,))) for count in (1, 2, 3, 4, 1023, 1024)]
    assert [most_tests(line) for line in lines] == [4, 7, 7, 10, 31, 34]


def test_a_search_doubles_its_way_up_and_halves_what_is_left():
    """20 is the first of 1 to 100 that is enough, and 19 the last that is too small."""
    line, asked = WidthLine(((1,), (100,))), []

    def test(total):
        asked.append(total)
        return SimpleNamespace(verdict="above" if total < 20 else "at most")

    for first, ways in ((3, [3, 6, 12, 24, 18, 21, 19, 20]), (60, [60, 30, 15, 22, 18, 20, 19]), (200, [100, 50])):
        asked.clear()
        found = search("training", line, first, test)
        assert asked[: len(ways)] == ways
        assert (found.total, found.interval, found.widths) == (20, (20, 20), (20,))


def test_a_coarser_search_ends_earlier():
    line = WidthLine(((1,), (1000,)))

    def test(total):
        return SimpleNamespace(verdict="above" if total < 700 else "at most")

    exact, coarse = (search("training", line, 500, test, resolution=share) for share in (0.0, 0.1))
    assert (exact.total, exact.interval) == (700, (700, 700))
    assert 700 < coarse.total <= 770
    assert len(coarse.tests) < len(exact.tests)


def test_failures_are_split_by_the_masks_on_which_they_happened(found):
    result, path = found
    split = result.failures
    outcomes = read_json(path)["outcomes"]
    unlearnt, unbuilt = (outcomes[kind][str(split.total)][: split.trials] for kind in ("training", "construction"))
    pairs = list(zip(unlearnt, unbuilt, strict=True))
    assert (split.mask, split.optimiser) == (pairs.count(("x", "x")), pairs.count(("x", ".")))
    assert dict(result.training.tests)[split.total].failures == split.mask + split.optimiser
    assert split.total < result.training.total
    too_small = [total for total, test in result.training.tests if test.verdict == "above"]
    assert split.total == max(too_small)


def test_a_search_that_was_stopped_goes_on_to_the_same_result(found, tmp_path):
    result, path = found
    content = read_json(path)
    kept = content["outcomes"]["training"]  # as a process leaves it that was killed half way
    for total in list(kept)[len(kept) // 2 :]:
        del kept[total]
    stopped = tmp_path / "outcomes.json"
    write_json(stopped, content)
    assert ask(stopped, workers=2).to_dict() == result.to_dict()
    whole = read_json(path)["outcomes"]
    for kind, totals in read_json(stopped)["outcomes"].items():
        for total, marks in totals.items():  # two workers may have looked further
            assert marks.startswith(whole[kind][total])


def test_an_existing_cluster_gives_the_same_result(found, tmp_path, capsys, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
    result, _ = found
    monkeypatch.setitem(SCALES, "quick", TINY)
    monkeypatch.setattr(verify, "measure_widths", partial(measure_widths, tolerance=LOOSE))
    words = ["verify", "widths", "--target", "2-3-1", "--sparsity", ".5", "--delta", "1/3", "--out", str(tmp_path)]
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    options |= {"protocol": "tcp", "host": "127.0.0.1"}  # any other host would be looked for outside
    with distributed.LocalCluster(**options) as cluster:
        assert main([*words, "--cluster", cluster.scheduler_address, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert {name: content[name] for name in result.to_dict()} == json.loads(json.dumps(result.to_dict()))
    assert content["inputs"]["cluster"] == cluster.scheduler_address


def test_a_cluster_that_is_not_there_is_refused(tmp_path, capsys):
    words = ["verify", "widths", "--target", "2-3-1", "--sparsity", ".5", "--delta", ".2", "--out", str(tmp_path)]
    assert main([*words, "--cluster", "nowhere"]) == 2
    assert "--cluster: expected the address of a Dask scheduler" in capsys.readouterr().err.splitlines()[-1]


def test_where_nothing_is_learnt_no_width_is_claimed():
    result = ask(tolerance=Tolerance(rms=1e-9, largest=1e-9, points=64))
    assert result.training.total is None
    row = result.to_dict()["results"][-1]
    assert row == {"method": "training", "widths": None, "total": None, "interval": None, "applies": False}
    split = result.failures
    assert split.total == result.line.highest
    assert split.mask + split.optimiser == split.trials


def test_students_have_to_be_as_accurate_as_a_classifier(tmp_path):
    teacher = draw_teacher(Target.from_text("2-3-2"), seed=1)
    points = points_of(teacher.domain, 400, torch.Generator().manual_seed(0))
    labels = evaluate(teacher, points).argmax(1)
    examples = Examples(box=teacher.domain, train=points[:200], test=points[200:], labels=labels[200:])
    options = {"density": "1/2", "failure_probability": "1/2", "tolerance": Tolerance(rms=99, largest=99, points=64)}
    path = tmp_path / "outcomes.json"
    judged = measure_widths(teacher, **options, scale=TINY, examples=examples, path=path)
    # Without their accuracy all students pass, however narrow.
    alone = measure_widths(teacher, **options, scale=TINY)
    assert sum(test.failures for _, test in alone.training.tests) == 0
    assert sum(test.failures for _, test in judged.training.tests) > 0
    assert read_json(path)["inputs"]["examples"] == examples.digest
    # The learning rate of classifiers, and no other, is used and reported.
    rates = [one.to_dict()["budget"]["learning_rate"] for one in (judged, alone)]
    assert rates == [TINY.classifier_rate, TINY.budget.learning_rate]
    assert read_json(path)["inputs"]["budget"]["learning_rate"] == TINY.classifier_rate


def test_scales_are_those_that_published_widths_were_measured_at():
    """Steps, points in a step, level, effort, least trials, students at a time, resolution, rate of classifiers."""
    found = {
        name: (
            one.budget.steps, one.budget.batch, one.level, one.effort, one.least, one.students, one.resolution,
            one.classifier_rate,
        )
        for name, one in SCALES.items()
    }  # fmt: skip
    assert found == {
        "quick": (4_000, 64, Fraction("0.95"), 16, 200, 32, 0.03, 0.01),
        "small": (10_000, 64, Fraction("0.99"), 40, 200, 64, 0.01, 0.01),
        "paper": (50_000, 256, Fraction("0.99"), 200, 200, 512, 0, 0.01),
    }


def test_tests_end_undecided_after_enough_trials():
    assert SCALES["quick"].most_trials(Fraction(1, 20)) == 320
    assert SCALES["quick"].most_trials(Fraction(1, 5)) == 200


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="seed"):
        ask(seed=-1)
    with pytest.raises(InvalidInput, match="corners"):
        WidthLine(((3,), (2,)))
    with pytest.raises(InvalidInput, match="total"):
        WidthLine(((3,), (5,))).widths(6)


def test_the_command_keeps_its_contract(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(SCALES, "quick", TINY)
    words = ["verify", "widths", "--target", "2-3-1", "--sparsity", ".5", "--delta", "1/3", "--out", str(tmp_path)]
    words += ["--workers", "1"]
    watched: list[tuple[str, int]] = []

    class Bar(verify.tqdm):
        def reset(self, total=None):
            self.close_test()
            super().reset(total)

        def close_test(self):
            if self.desc:
                watched.append((self.desc, self.n))

        def close(self):
            self.close_test()
            self.desc = ""  # it may be closed again
            super().close()

    monkeypatch.setattr(verify, "tqdm", Bar)
    assert main([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    # The bar comes to the masks of each test, one after another, and counts them.
    assert [text.partition(":")[0] for text, _ in watched] == [f"test {at + 1}" for at in range(len(watched))]
    assert sorted((text.partition(": ")[2], masks) for text, masks in watched) == sorted(
        (f"{test['method']}, {test['total']:,} neurons: ", test["trials"]) for test in content["tests"]
    )
    assert (content["schema"], content["command"], content["seed"]) == (1, "verify", 0)
    assert content["inputs"]["delta"] == "1/3"
    methods = [row["method"] for row in content["results"]]
    assert methods == ["necessary", "sharp", "exact", "printed", "construction", "training"]
    necessary = content["results"][0]
    assert necessary["total"] == (None if None in necessary["widths"] else sum(necessary["widths"]))
    for row in content["results"]:
        assert set(row) >= {"method", "widths", "total", "interval"}
        measured = row["method"] in ("construction", "training") and row["total"] is not None
        assert (row["interval"] is not None) == measured
    assert set(content["failures"]) >= {"mask", "optimiser"}
    trained = [test for test in content["tests"] if test["method"] == "training"]
    assert content["trials"] == sum(test["trials"] for test in trained)
    assert main([*words, "--format", "csv"]) == 0  # from the outcomes that are there
    head, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert head == ["widths", "N_0", "N_1", "total", "interval"]
    assert rows == [
        [
            row["method"] + "*" * (not row["applies"]),
            *("" if number is None else str(number) for number in [*(row["widths"] or [None] * 2), row["total"]]),
            "-" if row["interval"] is None else str(row["interval"]),
        ]
        for row in content["results"]
    ]
    assert main([*words, "--explain", "--plot", str(tmp_path / "plots")]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "fresh points" in out
    assert "k of n students, or constructions, failed" in out
    drawn = read_trained(tmp_path / "plots" / "theory-meets-training.csv")
    assert drawn["method"].count("training") == len(trained)
    assert len(drawn["method"]) == len(content["tests"]) + 4  # and the bounds
    measured = [row for row in zip(drawn["failures"], drawn["trials"], strict=True) if row[1] is not None]
    assert sorted(measured) == sorted((test["failures"], test["trials"]) for test in content["tests"])
    assert main([*words, "--plot", str(tmp_path / "plots")]) == 2  # nothing is written over
    assert "--plot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["towers"], "STATEMENT"),
        (["widths", "--scale", "huge"], "--scale"),
        (["widths", "--workers", "0"], "--workers"),
        (["widths", "--device", "abacus"], "--device"),
        (["widths", "--delta", "2"], "--delta"),
    ],
)
def test_bad_words_give_one_line(capsys, words, named):
    words = words if "--delta" in words else [*words, "--delta", ".2"]
    assert main(["verify", *words, "--target", "2-3-1", "--sparsity", ".5"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line


def test_factored_students_stand_beside_the_widths_that_are_proved_for_them(tmp_path):
    path = tmp_path / "outcomes.json"
    target = Target.from_text("2-3-1")
    found = measure_widths(
        target,
        density="1/2",
        failure_probability="1/3",
        scale=TINY,
        tolerance=LOOSE,
        path=path,
        construction="factored",
    )
    (bound,) = found.bounds
    assert (bound.method, len(bound.widths), bound.widths[1::2]) == ("factored", 4, (3, 1))
    assert found.line.widths(sum(bound.widths[:-1])) == bound.widths[:-1]
    assert {widths[1] for widths in found.line.corners} == {3}
    # The line ends at the widths that are proved for a failure probability a hundred times smaller.
    wider = width(target, method="factored", density="1/2", failure_probability="1/300").widths[:-1]
    assert found.line.last == tuple(map(max, wider, bound.widths))
    assert found.construction.total <= sum(bound.widths[:-1])  # what is proved is measured
    assert all(low <= width for low, width in zip(found.necessary, found.construction.widths, strict=True))
    assert read_json(path)["inputs"]["construction"] == "factored"
    with pytest.raises(RunFolderError, match="other inputs"):
        ask(path)
    with pytest.raises(InvalidInput, match="construction"):
        ask(construction="folded")


def test_necessary_widths_are_those_of_all_sources():
    """With layer 0 whole one neuron reads all inputs; what asks for more speaks of an affine layer 0 alone."""
    teacher, densities = draw_teacher(Target.from_text("6-3-2"), seed=1), (Fraction(1), Fraction(1, 2), Fraction(1, 2))
    affine = width(teacher, method="parameter-count", density=densities, failure_probability="1/20")
    assert (affine.applies, affine.widths, "affine" in affine.reason) == (True, (3, None, 2), True)
    assert construction_of("copies", teacher, densities, Fraction(1, 20)).necessary == (1, None)


def test_masks_hold_every_map_where_the_construction_says_so():
    """A pair that is counted as found has factors for the teacher's own weights, and one without a path has none."""
    teacher = draw_teacher(Target.from_text("2-3-1"))
    made = construction_of("factored", teacher, (Fraction(1, 2),) * 4, Fraction(1, 3))
    shapes, seeds = made.shapes_at(made.proved - 6), list(range(60))
    missing = made.missing(shapes, seeds)
    assert 3 < sum(missing) < 57
    for seed, lacks in zip(seeds, missing, strict=True):
        drawn = [DrawnMask(shape, Fraction(1, 2), seed, layer).to_csr() for layer, shape in enumerate(shapes)]
        pairs = list(zip(drawn[::2], drawn[1::2], strict=True))
        if not lacks:
            for (first, second), weight in zip(pairs, teacher.weights, strict=True):
                assert float(factor_map(weight, MaskPair(first, second)).certificate.bound) < 1e-9
        if any(((second.astype(int) @ first.astype(int)).toarray() == 0).any() for first, second in pairs):
            assert lacks


def test_a_relu_stands_behind_the_last_factor_alone():
    masks = [torch.ones(2, *shape, dtype=torch.bool) for shape in ((5, 2), (3, 5), (4, 3), (1, 4))]
    students = Students(masks, [1, 2], factors=2)
    points = torch.randn(7, 2)
    first, second, third, last = students.children()
    hidden = (points @ first.weight[0].T @ second.weight[0].T + second.bias[0]).relu()
    wanted = hidden @ third.weight[0].T @ last.weight[0].T + last.bias[0]
    torch.testing.assert_close(students(points)[0], wanted)
    assert [layer.bias.requires_grad for layer in students.children()] == [False, True, False, True]


def test_inner_neurons_on_no_path_are_left_out_and_no_path_with_them():
    shapes, tenth = ((60, 3), (2, 60), (40, 2), (2, 40)), (Fraction(1, 10),) * 4
    masks = student_masks(shapes, tenth, [1, 2, 3])
    layers = list(Students(masks, [1, 2, 3], factors=2).children())
    for first, last, inner, outer in zip(masks[::2], masks[1::2], layers[::2], layers[1::2], strict=True):
        alive = (first.any(2) & last.any(1)).sum(1)
        assert inner.weight.shape[1] == alive.max() < first.shape[1] / 2
        assert torch.equal(last.float() @ first.float(), outer.weight_mask.float() @ inner.weight_mask.float())
        assert torch.equal(inner.weight_mask.any(2).sum(1), alive)  # those that fill up have no edge
        assert torch.equal(inner.weight != 0, inner.weight_mask)
        assert torch.equal(outer.weight != 0, outer.weight_mask)
    empty = Students([torch.zeros_like(mask) for mask in masks], [1, 2, 3], factors=2)
    assert [layer.weight.shape[1] for layer in empty.children()] == [0, 2, 0, 2]  # no inner neuron is on a path
    assert empty(torch.ones(5, 3)).tolist() == [[[0.0, 0.0]] * 5] * 3


def test_what_does_not_fit_into_memory_is_refused_before_anything_is_made(monkeypatch, capsys, tmp_path):
    words = ["verify", "widths", "--target", "30000-30000-10", "--sparsity", "0.5", "--delta", "0.2"]
    module = "ertrain.students.widths.measurement"
    monkeypatch.setattr(f"{module}.memory_there", lambda: 64 * 2**30)
    monkeypatch.setattr(f"{module}.draw_teacher", None)
    assert main([*words, "--out", str(tmp_path)]) == 2
    # A teacher of 900 million weights, points at which they bend, 8 bytes each; 32 students of 17 bytes a weight.
    needed = (8 * (30_000**2 + 300_000 + 30_000**2) + 32 * 17 * (30_000**2 + 300_000)) / 2**30
    line = capsys.readouterr().err.rpartition("\r")[2].strip()
    assert line.startswith("ertrain: --target: expected a network that fits into memory; its students, 32 at a time")
    assert f"at least {needed:,.0f} GiB, and there are 64" in line
    assert "\n" not in line
    monkeypatch.setattr(f"{module}.memory_there", lambda: None)  # nobody says
    with pytest.raises(TypeError):  # so the teacher is drawn
        ask(seed=1)


def test_memory_is_that_of_the_machine_or_less():
    there = memory_there()
    assert there is None or 2**28 < there < 2**50


@pytest.mark.parametrize(
    ("resolution", "said"), [(0.0, "enough, all right"), (0.03, "enough, found up to 3% of a total, all")]
)
def test_the_text_says_how_closely_a_total_was_searched(resolution, said, tmp_path, monkeypatch, capsys):
    few = Scale(budget=Budget(steps=20), level=Fraction(3, 4), effort=16, students=16, least=16, resolution=resolution)
    monkeypatch.setitem(SCALES, "quick", few)
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "widths", "--target", "1-1-1", "--density", "0.9", "--delta", "0.5", "--workers", "1"]) == 0
    assert f"intervals for the smallest that is {said}" in " ".join(capsys.readouterr().out.split())
