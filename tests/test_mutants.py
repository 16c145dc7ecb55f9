"""`make mutants`: what is made wrong, which tests are asked, and what comes of it in a project of two functions."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from benchmarks.mutants.__main__ import whom_asked
from benchmarks.mutants.belonging import belonging, nearest
from benchmarks.mutants.changes import changes, sample
from benchmarks.mutants.choice import plan, ranks
from benchmarks.mutants.reach import Reach, place_of

ROOT = Path(__file__).parent.parent


def project(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("a - b", {"(a + b)"}),
        ("n // 2", {"(-(-n // 2))", "3", "1"}),
        ("a < b", {"(a <= b)"}),
        ("a and not b", {"(a or not b)", "(a)", "(not b)", "(b)"}),
        ("x if c else y", {"(y if c else x)"}),
        ("f(a, b, level=c)", {"f(b, a, level=c)", "f(a, b)"}),
        ("min(values)", {"max(values)"}),
        ("0.5", {"0.55"}),
        ("True", {"False"}),
        ("'ä' + f'{0}'", set()),
        ("isinstance(a, int)", set()),
        ("f(*both, strict=True)", set()),
        ("max(a, b)", {"min(a, b)"}),
        ("warn(text, stacklevel=2)", set()),
    ],
)
def test_ways_to_be_wrong(tmp_path, line, wrong):
    project(tmp_path, ertheory__room__one=f"'''Text of 3 words: 2 < 4.'''\nü = {line}\n")
    found = changes(tmp_path, "ertheory/room/one.py")
    assert {change.new for change in found} == wrong
    for change in found:
        text = (tmp_path / change.path).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(change.applied(text))) != ast.dump(ast.parse(text))
        assert text[change.start : change.end] == change.old
        assert (change.line, change.room, change.source) == (2, "ertheory/room", f"ü = {line}")


def test_what_people_and_checkers_of_types_read_is_left_alone(tmp_path):
    text = """
        import one
        __all__ = [1, 2]
        if TYPE_CHECKING:
            x = 3
        @decorated(4)
        def function(a: Literal[5]) -> Literal[6]:
            '''Seven is 7.'''
            msg = "8" * 8
            raise ValueError(9)
        total += count
        done(x)
    """
    found = changes(project(tmp_path, ertrain__one=text), "ertrain/one.py")
    assert [(change.kind, change.new, change.room) for change in found] == [
        ("statement", "pass", "ertrain"),
        ("statement", "total = count", "ertrain"),
        ("statement", "pass", "ertrain"),
    ]


def test_samples_are_repeated_and_grow(tmp_path):
    many = "".join(f"x{number} = {number}\n" for number in range(50))
    project(tmp_path, ertheory__a__m=many, ertheory__b__m=many, ertrain__m=many)
    small, large = (sample(tmp_path, each, seed=1) for each in (3, 9))
    assert [{change.room for change in small}] == [{"ertheory/a", "ertheory/b", "ertrain"}]
    assert (len(small), len(large)) == (9, 27)
    assert small == large[:9]  # rooms in turns
    assert len({(change.path, change.line) for change in large}) == 27
    assert sample(tmp_path, 3, seed=2) != small
    alone = [change for change in large if change.room == "ertrain"]
    assert sample(tmp_path, 9, seed=1, rooms=["ertrain"]) == alone


def test_lines_that_are_written_or_removed_leave_the_others_in_the_sample(tmp_path):
    many = [f"x{number} = {number}\n" for number in range(60)]
    project(tmp_path, ertrain__m="".join(many))
    before = [change.key for change in sample(tmp_path, 99, seed=1)]
    project(tmp_path, ertrain__m="z = 7\n" + "".join(many[:20] + many[21:]), ertrain__n="y = 5\n")
    after = [change.key for change in sample(tmp_path, 99, seed=1)]
    assert [key for key in before if key[1] != "x20 = 20"] == [key for key in after if key[1] not in ("z = 7", "y = 5")]
    assert len(before) == len(after) - 1 == 60


def test_tests_that_import_and_name_a_module_come_first(tmp_path):
    project(
        tmp_path,
        ertheory__a__m="def total(a):\n    return a\n",
        ertheory__a__n="from ertheory.a.m import total\n# >>> total(1)\n",
        tests__theory__a__test_page="from ertheory.a import total\n",
        tests__theory__a__test_other="",
        tests__theory__b__test_direct="from ertheory.a.m import total\n",
        tests__theory__b__test_far="import ertheory.b\n",
        tests__train__b__test_far="total = 1\n",
    )
    folder = "tests/theory/"
    expected = [f"{folder}b/test_direct.py", f"{folder}a/test_page.py", "ertheory/a/n.py", f"{folder}a/test_other.py"]
    assert belonging(tmp_path, "ertheory/a/m.py") == expected
    assert belonging(tmp_path, "ertheory/a/n.py")[0] == "ertheory/a/n.py"


def test_tests_that_speak_of_the_line_are_asked_before_all_others(tmp_path):
    project(
        tmp_path,
        ertheory__a__m="def total(rows):\n    return rows\n\n\ndef least(digits):\n    return digits - 1\n",
        tests__theory__a__test_m="""
            from ertheory.a.m import least, total

            def test_total():
                assert total(3) == 3

            def test_least():
                assert least(3) == 2

            def test_nothing():
                pass

            def helper():
                return least(9), digits
        """,
        tests__theory__b__test_far="def test_digits():\n    assert digits\n",
        tests__theory__b__test_direct="""
            import ertheory.a.m

            @mark(digits=3)
            def test_direct():
                assert ertheory.a.m.least(digits=2) == 1
        """,
    )
    (change,) = (one for one in changes(tmp_path, "ertheory/a/m.py") if one.new == "(digits + 1)")
    near = ["tests/theory/b/test_direct.py::test_direct", "tests/theory/a/test_m.py::test_least"]
    assert nearest(tmp_path, change) == near


TEXT = """
LEVEL = 3
class Row:
    size: int = 4
    def area(self, digits=5):
        if digits > 6:
            return dict(
                a=7,
                b=8,
            )
        else:
            return 9
@kernel(parallel=True)
def loop(a):
    def inner():
        return 10
"""


@pytest.mark.parametrize(
    ("line", "statement", "traced"),
    [
        (2, [2], False),  # when the module is imported
        (4, [4], False),
        (5, [5], False),  # a default, too
        (6, [6], True),
        (9, [7, 8, 9, 10], True),
        (12, [12], True),
        (16, [16], False),  # machine code
    ],
)
def test_statements_that_are_traced(line, statement, traced):
    lines, found = place_of(TEXT, line)
    assert (list(lines), found) == (statement, traced)
    assert place_of(f"{TEXT}\nfrom llvmlite import ir\n", line) == (lines, False)  # it writes machine code


def mapped(seconds: dict[str, float], path: str, text: str, **lines: set[str]) -> Reach:
    """A map in which lines such as `l3` of one file are reached."""
    names = list(seconds)
    sets = tuple(tuple(names.index(test) for test in tests) for tests in lines.values())
    numbers = {name[1:]: place for place, name in enumerate(lines)}
    return Reach("2026-11-30", 1.0, seconds, {path: text}, {path: numbers}, sets)


def test_the_map_holds_while_lines_move_and_where_they_are_new_says_so(tmp_path):
    path, old = "ertheory/a/m.py", "def f(a):\n    b = a + 1\n    return b - 1\n"
    reach = mapped({"one": 1, "two": 1}, path, old, l2={"one"}, l3={"two"})
    new = "import x\n\n" + old.replace("    return", "    b *= 2\n    return")
    project(tmp_path, ertheory__a__m=new)
    found = {change.line: reach.reaching(change, new) for change in changes(tmp_path, path)}
    assert found == {4: ({"one"}, True), 5: (set(), False), 6: ({"two"}, True)}
    reach.save(tmp_path / "map.json.gz")
    again = Reach.load(tmp_path / "map.json.gz")
    assert {change.line: again.reaching(change, new) for change in changes(tmp_path, path)} == found


def test_tests_that_reach_the_line_are_asked_the_nearest_first_and_then_the_shortest(tmp_path):
    module, page, far = "ertheory/a/m.py", "tests/theory/a/test_m.py", "tests/theory/b/test_far.py"
    text = "LEVEL = 3\n\n\ndef least(digits):\n    return digits - 1\n"
    project(
        tmp_path,
        ertheory__a__m=text,
        tests__theory__a__test_m="""
            from ertheory.a.m import least

            def test_least():
                assert least(digits=3) == 2

            def test_least_of_all_digits():
                assert least(3) == 2

            def test_that_is_new():
                assert least(3) == 2

            def test_other():
                pass
        """,
        tests__theory__b__test_far="def test_all():\n    pass\n",
    )
    short, long = [f"{page}::test_least[{case}]" for case in "abcd"], f"{page}::test_least_of_all_digits"
    seconds = {
        long: 50, **dict(zip(short, (0.4, 0.1, 0.2, 0.3), strict=True)), f"{far}::test_all[1]": 0.2,
        f"{far}::test_all[2]": 0.1, f"{page}::test_other": 0.01, f"{module}::ertheory.a.m.least": 9,
        "tests/gone/test_gone.py::test_gone": 8,
    }  # fmt: skip
    reach = mapped(seconds, module, text, l5=set(seconds) - {f"{page}::test_other"}, l1={f"{page}::test_other"})
    (change,) = (one for one in changes(tmp_path, module) if one.new == "(digits + 1)")
    chosen = plan(tmp_path, change, reach, long=20)
    assert chosen.traced
    assert chosen.reaching == reach.tests_of(module, [5])
    first, new = chosen.groups
    assert first.only == chosen.reaching
    assert first.asked == (module, f"{page}::test_least", f"{far}::test_all", long)
    assert new.asked == (f"{page}::test_that_is_new",)  # which no map knows
    ranked = ranks(tmp_path, change, reach, chosen.reaching, long=20)
    assert ranked[:4] == [f"{module}::ertheory.a.m.least", short[1], short[2], short[3]]
    assert ranked[4:] == [
        f"{far}::test_all[2]",
        f"{far}::test_all[1]",
        short[0],
        "tests/gone/test_gone.py::test_gone",
        long,
    ]
    untraced = plan(tmp_path, next(one for one in changes(tmp_path, module) if one.line == 1), reach, long=20)
    assert (untraced.traced, untraced.reaching) == (False, set())
    assert frozenset().union(*(group.only or () for group in untraced.groups)) == chosen.reaching  # and no importers
    guessed = plan(tmp_path, change, None, long=20)
    assert [group.only for group in guessed.groups] == [None] * len(guessed.groups)


def test_what_nobody_saw_says_who_was_asked():
    row = {"tests": 9, "traced": True, "reaching": 7, "asked": 7}
    assert whom_asked(row) == "all 7 that reach it asked"
    assert whom_asked({**row, "asked": 2}) == "2 of 7 that reach it asked"
    assert whom_asked({**row, "traced": False}) == "all 7 that reach it asked, not traced"
    assert whom_asked({**row, "reaching": 0, "asked": 0}) == "none is known to reach it, 9 asked"
    assert whom_asked({"tests": 9}) == "9 tests asked, chosen by words"


SCRIPT = """
import json, sys
from pathlib import Path
from benchmarks.mutants import trials
from benchmarks.mutants.changes import changes
from benchmarks.mutants.reach import recorded
root, copy, out = map(Path, sys.argv[1:4])
trials._TOO_LONG = 0.5
copy.mkdir()
trials.bring_up_to_date(copy, root)
reach = recorded(root, 1)
found = [trials.tried(change, copy, 9, reach) for change in changes(root, "ertheory/a/m.py")]
assert all((copy / path).read_bytes() == (root / path).read_bytes() for path in sys.argv[4:])
lines = {line: sorted(reach.tests_of("ertheory/a/m.py", [line])) for line in range(1, 20)}
out.write_text(json.dumps([found, lines]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_wrong_lines_are_tried_in_a_copy_on_the_tests_that_reach_them(tmp_path):
    root, module, tests = tmp_path / "root", "ertheory/a/m.py", "tests/theory/a/test_m.py"
    project(
        root,
        ertheory__a__m="""
            from functools import cache


            def f(a, b):
                return a - b


            def g(a):
                while a < 9:
                    a += 1
                return a


            @cache
            def h():
                print("h")
        """,
        tests__theory__a__test_m="""
            import subprocess
            import sys

            import pytest

            from ertheory.a.m import f, g, h


            @pytest.fixture(scope="module")
            def nine():
                h()
                return g(0)


            def test_f():
                assert f(3, 0) == 3


            def test_g(nine):
                assert nine == 9


            def test_once_more(nine):
                h()
                assert nine < 10


            def test_command():
                subprocess.run([sys.executable, "-c", "from ertheory.a.m import f; f(1, 0)"], check=True)
        """,
        # Fails whatever the program does, and sees nothing.
        tests__theory__a__test_always="""
            from ertheory.a.m import f, g


            def test_always():
                g(f(3, 0))
                raise RuntimeError
        """,
    )
    for package in ("ertheory", "ertheory/a"):
        (root / package / "__init__.py").touch()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    words = [sys.executable, "-c", SCRIPT, str(root), str(tmp_path / "copy"), str(tmp_path / "out"), module, tests]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(words, capture_output=True, env=environment, check=True)
    found, lines = json.loads((tmp_path / "out").read_text("utf-8"))
    in_file = [f"{tests}::test_{name}" for name in ("command", "f", "g", "once_more")]
    always = "tests/theory/a/test_always.py::test_always"
    # Of a fixture that two tests share both reach what it does; what is cached is done anew; a command is followed.
    shared = [always, *in_file[2:]]
    assert {int(line): reaching for line, reaching in lines.items() if reaching} == {
        **{line: in_file[:1] for line in (1, 4, 8, 14, 15)}, 5: [always, *in_file[:2]], 9: shared, 10: shared,
        11: shared, 16: in_file[2:],
    }  # fmt: skip
    seen = tests  # by one of those that share the fixture, which of them depends on what they took
    assert {(row["old"], row["new"]): row["by"].partition("::")[0] for row in found} == {
        ("a - b", "(a + b)"): "",  # 0 is the same with both signs
        ("a < 9", "(a <= 9)"): seen,
        ("9", "10"): seen,
        ("9", "8"): seen,
        ("a += 1", "pass"): seen,  # never ends
        ("a += 1", "a = 1"): seen,
        ("1", "2"): seen,
        ("1", "0"): seen,
        ('print("h")', "pass"): "",
    }
    assert [(row["reaching"], row["asked"], row["tests"]) for row in found if not row["seen"]] == [(2, 2, 2), (2, 2, 2)]
