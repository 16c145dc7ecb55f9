"""Wrong lines: what can be changed in a file so that it still reads as Python, and a sample of it by room."""

from __future__ import annotations

import ast
import copy
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

PACKAGES = ("ertheory", "ertrain")
_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Mod: ast.FloorDiv}
_COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_SYMMETRIC = {"array_equal", "equal", "max", "maximum", "min", "minimum"}  # mean the same with arguments swapped
_PARTNERS = {"min": "max", "max": "min", "any": "all", "all": "any", "ceil": "floor", "floor": "ceil"}
_WORDS = {"msg", "allowed", "__all__"}  # names for what is only read by people

# Keywords that say that two things are of one length, as they are, and which line a warning names.
_SAID = {"strict", "stacklevel"}


@dataclass(frozen=True)
class Change:
    """A wrong line: the text between two places in a file, and what stands there instead."""

    path: str
    start: int  # in characters from the beginning of the file
    end: int
    line: int  # from 1
    kind: str
    old: str
    new: str
    source: str  # the whole line as it is, without the spaces around it

    @property
    def room(self) -> str:
        """The folder below the package, or the package for its loose files."""
        package, *rest = Path(self.path).parts
        return f"{package}/{rest[0]}" if len(rest) > 1 else package

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays the same when lines above are added."""
        return self.path, self.source, self.old, self.new

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]

    def to_dict(self) -> dict[str, object]:
        return {"room": self.room, **asdict(self)}


def _wrong(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The ways in which a node can be wrong: their kinds, and the nodes instead."""
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.FloorDiv):
            upwards = ast.BinOp(ast.UnaryOp(ast.USub(), node.left), ast.FloorDiv(), node.right)
            yield "arithmetic", ast.UnaryOp(ast.USub(), upwards)
        elif type(node.op) in _ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
            yield "arithmetic", ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield "comparison", ast.Compare(node.left, [_COMPARISONS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.Constant):
        yield from (("constant", ast.Constant(value)) for value in _neighbours(node.value))
    elif isinstance(node, ast.BoolOp):
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield "condition", ast.BoolOp(other, node.values)
        for left_out in range(len(node.values)):
            kept = [value for place, value in enumerate(node.values) if place != left_out]
            yield "condition", ast.BoolOp(node.op, kept) if len(kept) > 1 else kept[0]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield ("condition" if isinstance(node.op, ast.Not) else "arithmetic"), node.operand
    elif isinstance(node, ast.IfExp):
        yield "condition", ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Call):
        yield from _wrong_calls(node)
    elif isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield "statement", ast.Pass()
        if isinstance(node, ast.AugAssign):
            yield "statement", ast.Assign([node.target], node.value, lineno=node.lineno)
    elif isinstance(node, ast.Continue | ast.Break):
        yield "statement", ast.Pass()


def _wrong_calls(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "isinstance":
        return
    first, second, *rest = [*node.args, None, None]
    if (
        first
        and second
        and name not in _SYMMETRIC
        and not any(isinstance(value, ast.Starred) for value in (first, second))
    ):
        if ast.dump(first) != ast.dump(second):
            yield "arguments", ast.Call(node.func, [second, first, *rest[:-2]], node.keywords)
    for left_out in node.keywords:
        if left_out.arg and left_out.arg not in _SAID:
            kept = [word for word in node.keywords if word is not left_out]
            yield "arguments", ast.Call(node.func, node.args, kept)
    if name in _PARTNERS:
        other = copy.copy(node.func)
        setattr(other, "attr" if isinstance(other, ast.Attribute) else "id", _PARTNERS[name])
        yield "function", ast.Call(other, node.args, node.keywords)


def _neighbours(value: object) -> Sequence[object]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1] if value > 0 else [value + 1]
    return [value * 1.1 if value else 0.1] if isinstance(value, float) else []


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what it consists of, without what only people or checkers of types read."""
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom | ast.Assert):
        return
    if isinstance(node, ast.Assign) and any(getattr(target, "id", "") in _WORDS for target in node.targets):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Expr) and _is_text(node.value):
        return
    if isinstance(node, ast.keyword) and node.arg in _SAID:
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list", "type_params"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from _parts(part)


def changes(root: Path, path: str) -> list[Change]:
    """Every wrong line of a file; a few no longer read as Python."""
    text = (root / path).read_text(encoding="utf-8")
    rows = text.splitlines(keepends=True)
    before = [0]
    for row in rows:
        before.append(before[-1] + len(row))

    def place(line: int, byte: int) -> int:
        return before[line - 1] + len(rows[line - 1].encode()[:byte].decode())

    found = []
    for node in _parts(ast.parse(text)):
        if not hasattr(node, "lineno"):
            continue
        start, end = place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)
        for kind, instead in _wrong(node):
            new = ast.unparse(ast.fix_missing_locations(instead))
            new = (
                f"({new})"
                if isinstance(instead, ast.expr) and not isinstance(instead, ast.Constant | ast.Call)
                else new
            )
            row = rows[node.lineno - 1].strip()
            found.append(Change(path, start, end, node.lineno, kind, text[start:end], new, row))
    return found


def _reads(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def sample(root: Path, each: int, seed: int, rooms: Sequence[str] = ()) -> list[Change]:
    """So many wrong lines from every room: lines with equal chances, then one of the ways in which each can be wrong.

    A longer sample with the same seed begins with the shorter one. Every line has a random number of its own, by its
    text, and the smallest are taken: so a line that is written, changed or removed leaves the others where they are.
    """
    lines: dict[str, dict[tuple[str, int], list[Change]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(found for package in PACKAGES for found in (root / package).rglob("*.py")):
        for change in changes(root, path.relative_to(root).as_posix()):
            lines[change.room][change.path, change.line].append(change)
    drawn = []
    for room in sorted(lines):
        chosen = _by_chance(lines[room].values(), seed) if not rooms or room in rooms else []
        reading = (change for change in chosen if _reads(change.applied((root / change.path).read_text("utf-8"))))
        drawn.append(list(islice(reading, each)))
    return [change for turn in zip_longest_lists(drawn) for change in turn]


def _by_chance(lines: Iterable[list[Change]], seed: int) -> list[Change]:
    """One of the ways in which each line can be wrong, in a random order of the lines."""
    times: Counter[str] = Counter()  # how often the same line has been met
    ranked = []
    for ways in lines:
        text = f"{seed} {ways[0].path} {ways[0].source}"
        times[text] += 1
        draws = random.Random(f"{text} {times[text]}")
        ranked.append((draws.random(), draws.choice(ways)))
    return [change for _, change in sorted(ranked, key=lambda one: one[0])]


def zip_longest_lists(lists: Sequence[Sequence[Change]]) -> Iterator[list[Change]]:
    """The first of each, the second of each, and so on: what is stopped early has something of every room."""
    for place in range(max(map(len, lists), default=0)):
        yield [one[place] for one in lists if place < len(one)]
