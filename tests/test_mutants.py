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

from benchmarks.mutants.belonging import belonging, nearest
from benchmarks.mutants.changes import changes, sample

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


SCRIPT = """
import json, sys
from pathlib import Path
from benchmarks.mutants import trials
from benchmarks.mutants.changes import changes
root, copy = Path(sys.argv[1]), Path(sys.argv[2])
trials._TOO_LONG = 0.5
copy.mkdir()
trials.bring_up_to_date(copy, root)
found = [trials.tried(change, copy, 9) for change in changes(root, "ertheory/a/m.py")]
assert all((copy / path).read_bytes() == (root / path).read_bytes() for path in sys.argv[3:])
json.dump(found, sys.stdout)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_wrong_lines_are_tried_in_a_copy(tmp_path):
    root, module, tests = tmp_path / "root", "ertheory/a/m.py", "tests/theory/a/test_m.py"
    project(
        root,
        ertheory__a__m="""
            def f(a, b):
                return a - b


            def g(a):
                while a < 9:
                    a += 1
                return a
        """,
        tests__theory__a__test_m="""
            from ertheory.a.m import f, g


            def test_f():
                assert f(3, 0) == 3


            def test_g():
                assert g(0) == 9
        """,
        # Fails whatever the program does, and sees nothing.
        tests__theory__a__test_always="""
            from ertheory.a.m import f, g


            def test_always():
                raise RuntimeError
        """,
    )
    for package in ("ertheory", "ertheory/a"):
        (root / package / "__init__.py").touch()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    words = [sys.executable, "-c", SCRIPT, str(root), str(tmp_path / "copy"), module, tests]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    found = {(row["old"], row["new"]): row["by"] for row in json.loads(done.stdout)}
    seen = f"{tests}::test_g"
    assert found == {
        ("a - b", "(a + b)"): "",  # 0 is the same with both signs
        ("a < 9", "(a <= 9)"): seen,
        ("9", "10"): seen,
        ("9", "8"): seen,
        ("a += 1", "pass"): seen,  # never ends
        ("a += 1", "a = 1"): seen,
        ("1", "2"): seen,
        ("1", "0"): seen,
    }
