"""Which tests belong to a module: found by what they import and name, without running any."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

from .changes import PACKAGES, Change

_FIRST = 12  # tests that are asked before all others


def belonging(root: Path, path: str) -> list[str]:
    """The test files that belong to a module, those first that should see most.

    First come the examples of the module itself; then the files that import it, or use a name of it that its package
    hands on; then what else is in the folder of its room, and the examples of the modules that import it. Of two that
    are alike, the one that names more of the module is first.
    """
    module, names = _module(path), _names(root / path)
    package, *rest = Path(path).parts
    side = f"tests/{'theory' if package == 'ertheory' else 'train'}/"
    own = side + (f"{rest[0]}/" if len(rest) > 1 else "test_")
    users = importers(root)[path]
    ranked = []
    for test, (imported, words) in _tests(root).items():
        named = len(names & words) if test.startswith(side) else 0
        direct = module in imported
        if test == path or direct or named or test.startswith(own) or test in users:
            ranked.append((test != path, not direct, not (named and test.startswith(own)), not named, -named, test))
    return [test for *_, test in sorted(ranked)]


def nearest(root: Path, change: Change, among: Set[str] | None = None) -> list[str]:
    """The tests that speak most of a changed line, to be asked before all others: the nearest first.

    What they have to share with it are its words, the names of what it stands in and the name of the module; a word
    counts the more, the fewer tests have it. A test is found by a name of its own: those with parameters are one. They
    are among those given, or in the files that belong to the module.
    """
    words = _words_of(root, change)
    files = belonging(root, change.path) if among is None else sorted({name.partition("::")[0] for name in among})
    tests = {
        f"{path}::{name}": said
        for path in files
        if path.startswith("tests/") and (root / path).exists()
        for name, said in functions(root / path).items()
        if among is None or f"{path}::{name}" in among
    }
    having = Counter(word for said in tests.values() for word in words & said)
    weights = {word: math.log(len(tests) / count) for word, count in having.items()}
    scores = {name: sum(weights[word] for word in words & said) for name, said in tests.items()}
    return sorted((name for name, score in scores.items() if score > 0), key=lambda name: -scores[name])[:_FIRST]


def _words_of(root: Path, change: Change) -> set[str]:
    tree = ast.parse((root / change.path).read_text(encoding="utf-8"))
    around = (
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.lineno <= change.line <= (node.end_lineno or 0)
    )
    text = " ".join((change.source, change.old, *around, _module(change.path).rpartition(".")[2]))
    found = {word.strip("_") for word in re.findall(r"\w+", text)}
    return {word for word in found if len(word) > 2 and not word.isdigit() and not keyword.iskeyword(word)}


@cache
def functions(file: Path) -> dict[str, set[str]]:
    """The tests of a file, and the words in each."""
    text = file.read_text(encoding="utf-8")
    rows = text.splitlines()
    return {
        node.name: set(re.findall(r"[^\W_]+(?:_[^\W_]+)*", "\n".join(rows[_start(node) - 1 : node.end_lineno])))
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _start(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _names(file: Path) -> set[str]:
    """Names of functions, classes and constants that a module defines, but for very short ones."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if len(name) > 3 and not name.startswith("__")}


@cache
def _tests(root: Path) -> dict[str, tuple[set[str], set[str]]]:
    """Test files of rooms, and modules with examples: what they import, and the words in them."""
    files = [path for part in ("train", "theory", "reference") for path in (root / "tests" / part).rglob("test_*.py")]
    files = [path for path in files if "cuda" not in path.parts]
    files += [path for name in PACKAGES for path in (root / name).rglob("*.py")]
    found = {}
    for path in files:
        text, here = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        if here.startswith("tests"):
            found[here] = set(_imported(ast.parse(text))), set(re.findall(r"\w+", text))
        elif ">>> " in text:  # what a module names is no test of it: it is one of what it imports, at most
            found[here] = set(), set()
    return found


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in PACKAGES:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in PACKAGES)


@cache
def importers(root: Path) -> dict[str, set[str]]:
    """Which files of the packages import which, by their paths."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in (file for name in PACKAGES for file in (root / name).rglob("*.py")):
        for name in _imported(ast.parse(file.read_text(encoding="utf-8"))):
            stem = name.replace(".", "/")
            for path in (f"{stem}.py", f"{stem}/__init__.py"):
                if (root / path).exists():
                    found[path].add(file.relative_to(root).as_posix())
    return found


def is_compiled(file: Path) -> bool:
    """Whether a file has loops that Numba compiles, and keeps between processes."""
    text = file.read_text(encoding="utf-8")
    return "import kernel" in text or "njit" in text or "llvmlite" in text
