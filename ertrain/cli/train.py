"""``ertrain train``."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from ertheory.bounds.result import rational_text
from ertheory.cli.arguments import Format, Json
from ertheory.cli.options import Option
from ertheory.errors import InvalidInput
from ertrain.cli.arguments import (
    BackendName,
    DataDir,
    Density,
    Device,
    Out,
    Sparsity,
    folder_for,
    in_data_dir,
    in_words_of_set,
    read_pairs,
)
from ertrain.cli.run import perform_all, show_results
from ertrain.configuration import METHOD_SETTINGS, Configuration
from ertrain.data import is_there, load_data
from ertrain.training.process_group import join_process_group

__all__ = ["TrainCommand"]

_DEFAULTS = ", ".join(
    f"{one.name}={','.join(map(str, one.default)) if isinstance(one.default, tuple) else one.default}"
    for one in dataclasses.fields(Configuration)
    if one.default is not dataclasses.MISSING
)


@dataclass(frozen=True)
class TrainCommand:
    """Train one network with settings of one's own."""

    config: Annotated[
        str | None,
        Option(
            "Settings are in this file, by the names that --set takes: TOML, YAML, or the config.json of a run.",
            "FILE",
        ),
    ] = None
    set: Annotated[
        tuple[str, ...],
        Option(
            f"Settings are given by their names, in the place of those in the file or of the defaults: {_DEFAULTS}.",
            "NAME=VALUE",
        ),
    ] = ()
    density: Density = None
    sparsity: Sparsity = None
    data_dir: DataDir = "data"
    out: Out = "runs"
    device: Device = "auto"
    backend: BackendName = "auto"
    quiet: Annotated[bool, Option("Say nothing of single epochs.")] = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Train it, or go on where it stands."""
        run = _configuration(self.config, self.set, self.density, self.sparsity)
        data_dir = Path(self.data_dir)
        with join_process_group(self.device) as processes:
            with processes.main_first(), in_data_dir(data_dir):
                if not is_there(run.data, data_dir):
                    load_data(run.data, data_dir)
            out = folder_for("--out", self.out)
            with in_words_of_set(self.set):
                results = perform_all((run,), out, processes, data_dir=data_dir, backend=self.backend, quiet=self.quiet)
        if processes.is_main:
            inputs = {
                "config": self.config,
                "set": list(self.set),
                "settings": run.to_dict(),
                "data_dir": self.data_dir,
                "out": self.out,
                "device": str(processes.device),
                "backend": self.backend,
                "seeds": [run.seed],
            }
            show_results("train", inputs, (run,), results, style="json" if self.json else self.format)
        return 0


def _configuration(
    config: str | None, words: tuple[str, ...], density: Fraction | None, sparsity: Fraction | None
) -> Configuration:
    texts = {}
    for name, values in read_pairs("--set", words).items():
        if len(values) > 1:
            raise InvalidInput(f"--set {name}", "one value; ertrain run takes several", ",".join(values))
        texts[name] = values[0]
    if density is not None and sparsity is not None:
        raise InvalidInput("--density", "at most one of --density and --sparsity", "both")
    if density is not None or sparsity is not None:
        texts["density"] = rational_text(density if density is not None else 1 - Fraction(sparsity or 0))
    settings = {} if config is None else _read(Path(config))
    try:
        known = Configuration.from_dict({"recipe": "train", **settings})
    except InvalidInput as error:
        name = "--config" if error.argument == "configuration" else f"--config {error.argument}"
        raise InvalidInput(name, error.allowed, error.value) from None
    recipe = texts.pop("recipe", known.recipe)
    try:
        # A value that only another method has is read when the method is known.
        order = sorted(texts, key=lambda name: name != "method")
        changed = known.changed({name: texts[name] for name in order})
        changed = dataclasses.replace(changed, recipe=recipe)
    except InvalidInput as error:
        name = "--set" if error.argument == "set" else f"--set {error.argument}"
        raise InvalidInput(name, error.allowed, error.value) from None
    unread = {one for names in METHOD_SETTINGS.values() for one in names}.difference(METHOD_SETTINGS[changed.method])
    for name in texts:
        if name in unread:
            raise InvalidInput(f"--set {name}", f"nothing with the method {changed.method}", texts[name])
    return changed


def _read(path: Path) -> dict[str, Any]:
    """Read settings from a file of any of the three kinds."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # no text, or a name that no system takes
        raise InvalidInput("--config", f"a file that can be read ({error})", str(path)) from error
    try:
        if path.suffix == ".toml":
            found = tomllib.loads(text)
        elif path.suffix == ".json":
            found = json.loads(text)
        else:
            found = _yaml(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("--config", f"settings in TOML, YAML or JSON ({error})", str(path)) from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InvalidInput("--config", "names of settings with values", str(path))
    return {name: value for name, value in found.items() if name != "hash"}


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise InvalidInput("--config", "TOML or JSON, or PyYAML installed (pip install pyyaml)", "YAML") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
