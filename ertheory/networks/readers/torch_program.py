"""Programs that ``torch.export.save`` wrote, loaded without running or unpickling what may stand in the file.

`torch.export.load` unpickles some entries, and evaluates the sizes that stand in a program as formulas. So the archive
is looked through first: weights have to be plain bytes, and formulas may hold nothing but symbols and arithmetic.
"""

from __future__ import annotations

import io
import json
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ertheory.errors import InvalidInput

__all__ = ["load_program"]

_ALLOWED = "a program as torch.export.save writes it today, with plain weights and without objects of one's own"
# What a size may be made of: symbols such as s31, and the arithmetic that PyTorch writes sizes with.
_WORDS = frozenset(
    """Symbol Integer Rational Add Mul Pow Max Min Mod PythonMod FloorDiv CleanDiv CeilDiv CeilToInt FloorToInt Eq Ne Ge
    Gt Le Lt And Or Not True False positive negative nonnegative integer real""".split()
)
_SIZE = re.compile(r"(?:[A-Za-z]\w*|'[a-z]+\d+'|\d+|[\s()+\-*/,=<>])*", re.ASCII)


def load_program(path: Path) -> Any:
    """Load an exported program.

    Parameters
    ----------
    path
        A regular file.

    Returns
    -------
    torch.export.ExportedProgram
        The program.

    Raises
    ------
    InvalidInput
        If something in the file would have to be unpickled or evaluated. Damaged files raise whatever zipfile, json and
        PyTorch do.
    """
    import torch

    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            msg = f"{damaged} is damaged"
            raise ValueError(msg)
        _check(archive)
    loud = logging.getLogger("torch.export")  # it prints what it raises as well
    loud.addFilter(_nothing)
    try:
        return torch.export.load(path)
    finally:
        loud.removeFilter(_nothing)


def _nothing(_: logging.LogRecord) -> bool:
    return False


def _check(archive: zipfile.ZipFile) -> None:
    """Refuse an archive of which an entry would be unpickled, or evaluated."""
    import torch

    # All entries stand in one folder of any name.
    names = {name.partition("/")[2]: name for name in archive.namelist()}
    programs = [name for name in names if name.startswith("models/")]
    if programs != ["models/model.json"] or len(names) != len(archive.namelist()):
        raise InvalidInput("target", _ALLOWED, ", ".join(programs)[:80] or "no program")
    for kind, prefix in (("weights", "weight_"), ("constants", "tensor_")):
        held = json.loads(archive.read(names[f"data/{kind}/model_{kind}_config.json"]))["config"]
        for name, entry in held.items():
            if entry["use_pickle"] is not False or not entry["path_name"].startswith(prefix):
                raise InvalidInput("target", _ALLOWED, f"{kind} {name[:40]}, which are pickled")
        if f"data/{kind}/model.pt" in names:
            raise InvalidInput("target", _ALLOWED, f"pickled {kind}")
    for text in _formulas(json.loads(archive.read(names["models/model.json"]))):
        words = re.findall(r"[A-Za-z]\w*", re.sub(r"'[a-z]+\d+'", "", text))
        if not _SIZE.fullmatch(text) or any(not re.fullmatch(r"[a-z]+\d+", word) for word in set(words) - _WORDS):
            raise InvalidInput("target", _ALLOWED, f"the size {text[:60]}")
    # PyTorch unpickles anything where this fails.
    torch.load(io.BytesIO(archive.read(names["data/sample_inputs/model.pt"])), weights_only=True)


def _formulas(thing: Any) -> Iterator[str]:
    if isinstance(thing, dict):
        for key, value in thing.items():
            if key == "expr_str":
                yield str(value)
            else:
                yield from _formulas(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from _formulas(value)
