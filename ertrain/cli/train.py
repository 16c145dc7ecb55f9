"""``ertrain train``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from ertheory.bounds.result import rational_text
from ertheory.cli.arguments import Format, Json
from ertheory.cli.options import Option
from ertheory.errors import InvalidInput, called
from ertrain.cli.arguments import (
    BackendName,
    DataDir,
    Density,
    Device,
    Out,
    Sparsity,
    folder_for,
    in_data_dir,
    read_pairs,
)
from ertrain.cli.run import perform_all, show_results
from ertrain.cli.settings import read_settings
from ertrain.configuration import METHOD_SETTINGS, Configuration, read_texts
from ertrain.data import is_there, load_data
from ertrain.training.process_group import join_process_group

__all__ = ["TrainCommand"]

_DEFAULTS = ", ".join(
    f"{one.name}={','.join(map(str, one.default)) if isinstance(one.default, tuple) else one.default}"
    for one in dataclasses.fields(Configuration)
    if one.default is not dataclasses.MISSING
)

_DECIDING = ("method", "factored", "examples")  # whether others are read


@dataclass(frozen=True)
class TrainCommand:
    """Train one network with settings of one's own."""

    config: Annotated[
        str | None,
        Option(
            "Settings are in this file, by the names that --set takes: TOML, YAML, or the config.json of a run. What "
            "--set, --density and --sparsity say is stronger.",
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
        asked = _Asked.of(self.config, self.set, self.density, self.sparsity)
        run = asked.configuration()
        data_dir = Path(self.data_dir)
        with join_process_group(self.device) as processes:
            with processes.main_first(), in_data_dir(data_dir), called(**asked.names):
                if not is_there(run.data, data_dir):
                    load_data(run.data, data_dir)
            out = folder_for("--out", self.out)
            with called(**asked.names):
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


@dataclass(frozen=True)
class _Asked:
    """Settings, and where each was given."""

    in_file: Mapping[str, Any]
    texts: Mapping[str, str]
    by_option: bool  # the density

    @classmethod
    def of(
        cls, config: str | None, words: tuple[str, ...], density: Fraction | None, sparsity: Fraction | None
    ) -> _Asked:
        """Read the words of a command line, and the file."""
        texts = {}
        for name, values in read_pairs("--set", words).items():
            if len(values) > 1:
                raise InvalidInput(f"--set {name}", "one value; ertrain run takes several", ",".join(values))
            texts[name] = values[0]
        if density is not None and sparsity is not None:
            raise InvalidInput("--density", "at most one of --density and --sparsity", "both")
        by_option = density is not None or sparsity is not None
        if by_option:
            texts["density"] = rational_text(density if density is not None else 1 - Fraction(sparsity or 0))
        return cls({} if config is None else read_settings(Path(config)), texts, by_option)

    def named(self, name: str) -> str:
        """Name a setting together with where it was given."""
        if name == "density" and self.by_option:
            return "--density"
        if name == "set":  # a name that is none
            return "--set"
        return f"--config {name}" if name in self.in_file and name not in self.texts else f"--set {name}"

    @property
    def names(self) -> dict[str, str]:
        """All that were given, and the way in which they are named."""
        return {name: self.named(name) for name in (*self.in_file, *self.texts)}

    def configuration(self) -> Configuration:
        """Bring them together, at once: those of the file may belong to a method that the command line names."""
        try:
            texts = dict(self.texts)
            named = {"recipe": texts.pop("recipe")} if "recipe" in texts else {}
            values = {"recipe": "train", **self.in_file, **read_texts(texts), **named}
            run = Configuration.from_dict(values)
        except InvalidInput as error:
            allowed = error.allowed
            if allowed == "a value of type str" and isinstance(error.value, bool | None):
                allowed = "text, which YAML wants in quotes where it is a word such as no, on or null"
            raise InvalidInput(self.named(error.argument), allowed, error.value) from None
        self._check_all_read(run)
        return run

    def _check_all_read(self, run: Configuration) -> None:
        """Refuse settings that the run does without; those of a file may belong to what was changed in it."""
        read = run.to_dict()
        usual = {field.name: field.default for field in dataclasses.fields(Configuration)}
        for name, value in {**self.in_file, **self.texts}.items():
            if name in read or name in _DECIDING:
                continue
            if name not in self.texts and (value == usual[name] or any(one in self.texts for one in _DECIDING)):
                continue
            of_methods = any(name in names for names in METHOD_SETTINGS.values())
            what = f"the method {run.method}" if of_methods else "factored=0"
            raise InvalidInput(self.named(name), f"nothing with {what}", value)


def _configuration(
    config: str | None, words: tuple[str, ...], density: Fraction | None, sparsity: Fraction | None
) -> Configuration:
    return _Asked.of(config, words, density, sparsity).configuration()
