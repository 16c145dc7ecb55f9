"""Settings of a run from a file: TOML, YAML, or JSON such as the ``config.json`` of a run."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ertheory.errors import InvalidInput
from ertrain.configuration import Configuration

__all__ = ["read_settings"]

_OPTION = "--config"
_LARGEST = 2**20  # bytes; also of what never ends, such as a device
_OPTIONS = ("backend", "data_dir", "device", "format", "json", "out", "quiet", "sparsity")
# Numbers as in YAML 1.2, TOML and JSON: PyYAML reads 1e-3 as a word, 010 as eight, and 1:30 as ninety.
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_settings(path: Path) -> dict[str, Any]:
    """Read values of fields of a configuration by their names, which are known; the values are not looked at yet.

    Parameters
    ----------
    path
        A file that ends in .toml or .json; any other is taken for YAML. One without a setting gives none.

    Raises
    ------
    InvalidInput
        If it cannot be read, a name is unknown or given twice, or settings stand in a table.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        text = content.decode("utf-8-sig")  # with the mark that some editors of Windows begin a file with
    except (OSError, ValueError) as error:  # no text, or a name that no system takes
        raise InvalidInput(_OPTION, f"a file that can be read ({error})", str(path)) from error
    if len(content) > _LARGEST:
        raise InvalidInput(_OPTION, f"a file of settings, of at most {_LARGEST:,} bytes", str(path))
    try:
        formats: dict[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": _json}
        found = formats.get(path.suffix.lower(), _yaml)(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(_OPTION, f"settings in TOML, YAML or JSON ({error})", str(path)) from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InvalidInput(_OPTION, "names of settings with values, such as epochs = 3 in .toml", str(path))
    found.pop("hash", None)  # a run's own file has it
    _check_names(found)
    return found


def _check_names(found: Mapping[str, Any]) -> None:
    known = sorted(Configuration.__dataclass_fields__)
    for name, value in found.items():
        if name in known:
            continue
        if name in _OPTIONS:
            raise InvalidInput(_OPTION, f"settings; this is an option, --{name.replace('_', '-')}", name)
        if isinstance(value, dict):
            raise InvalidInput(_OPTION, "settings that stand in no table", name)
        near = get_close_matches(name.lower().replace("-", "_"), known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InvalidInput(_OPTION, f"names among those that --set takes ({hint}all: ertrain train --help)", name)


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _check_once(name for name, _ in pairs)
    return dict(pairs)


def _check_once(names: Iterable[Any]) -> None:
    seen = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{name} is given twice")
        seen.add(name)


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise InvalidInput(_OPTION, "TOML or JSON, or PyYAML installed (pip install pyyaml)", "YAML") from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [(tag, form) for tag, form in resolvers if not tag.endswith((":int", ":float"))]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    def whole(loader: Any, node: Any) -> int:
        written = loader.construct_scalar(node)
        if not _WHOLE.fullmatch(written):  # where somebody wrote a tag
            raise ValueError(f"{written} is no whole number")
        return int(written, {"0o": 8, "0x": 16}.get(written[:2], 10))

    for tag, form in (("int", _WHOLE), ("float", _REAL)):
        pattern = re.compile(f"^(?:{form.pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", pattern, list("-+.0123456789"))
    Loader.add_constructor("tag:yaml.org,2002:int", whole)
    try:
        loader = Loader(text)
        root = loader.get_single_node()
        if root is None:
            return {}
        if isinstance(root, yaml.MappingNode):
            _check_once(name.value for name, _ in root.value if isinstance(name, yaml.ScalarNode))
        return loader.construct_document(root)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
