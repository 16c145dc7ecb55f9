"""The frozen configuration of one run. Its canonical text has a hash, and the hash names the folder of the run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ertheory.bounds.result import rational_text
from ertheory.errors import InvalidInput
from ertheory.numbers import exact_rational, probability
from ertrain.data import AUGMENTATIONS, DATA
from ertrain.masks.flow_repair import REPAIRS
from ertrain.masks.structured import check_drawing, is_structured
from ertrain.models import INITIALISATIONS, check_model_name
from ertrain.models.build import width_factor
from ertrain.models.factored import FACTORS, OUTER
from ertrain.ratios import RATIOS, SHAPE_RATIOS, by_layers, is_erdos_renyi
from ertrain.ratios.allocation import OTHER_RATIOS
from ertrain.storage.canonical import canonical_text, hash_of
from ertrain.streams import stream_seed

__all__ = ["LIST_FIELDS", "MAY_BE_OWN", "METHOD_SETTINGS", "NESTED", "OWN", "REWINDS", "Configuration", "read_texts"]

_TOO_LARGE = 2**63
_RATIONAL = ("density", "failure_probability", "final_density", "validation", "width")

_PRUNING = ("final_density", "update_every", "update_until")

# Methods, and the settings of a configuration that belong to each: with another one they take their default, and are no
# part of its hash.
METHOD_SETTINGS: dict[str, tuple[str, ...]] = {
    "edge-popup": ("final_density", "levels"),
    "fixed": (),
    "gradual": _PRUNING,
    "granet": (*_PRUNING, "drop_share", "prune_until"),
    "grasp": ("final_density",),
    "imp": ("final_density", "rewind", "rewind_step", "round_keep"),
    "rigl": (*_PRUNING, "drop_share"),
    "set": (*_PRUNING, "drop_share"),
    "snip": ("final_density",),
    "str": (*_PRUNING, "threshold_start"),
    "synflow": ("final_density",),
}
_OF_FACTORED = ("factored", "failure_probability", "outer")
NESTED = ("rigl", "set")  # the mask of the final density too, from the random numbers of the first

REWINDS = ("none", "rate", "weights")

OWN = "own-"  # how names begin of what `ertrain.fit` is given: a network, data, an optimiser; or "own" weights
MAY_BE_OWN = ("data", "initialisation", "model", "optimiser")

_NAMES = {
    "augmentation": AUGMENTATIONS,
    "data": DATA,
    "initialisation": INITIALISATIONS,
    "method": tuple(METHOD_SETTINGS),
    "optimiser": ("adam", "adamw", "nesterov", "sgd"),
    "outer": OUTER,
    "precision": ("bfloat16", "float32"),
    "ratio": RATIOS,
    "repair": REPAIRS,
    "rewind": REWINDS,
    "schedule": ("constant", "cosine", "steps"),
}


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All that decides the result of a run, and nothing else: not the device, not where the files are.

    Parameters
    ----------
    recipe
        Name of the recipe that the run belongs to.
    seed
        0 <= seed < 2^63: of the mask, the weights, the order of the data, each in a stream of its own.
    model, width
        Network and the factor on its hidden widths, as in `ertrain.models.build_model`.
    factored, failure_probability, outer
        With 2 or 3, every layer is a product of as many masked ones, wide enough that masks of the density contain
        every network of the given shape but for the failure probability; outer factors are ``"trained"`` or
        ``"frozen"``. See `ertrain.models.factor_model`. With 0 the network is as it is.
    initialisation
        One of `ertrain.models.initialisation.INITIALISATIONS`.
    data, examples, validation, augmentation
        Data set, how many of its training images are used (all with 0; the same ones for every seed), the share of them
        that selects, and augmentation, as in `ertrain.data`.
    method
        ``"fixed"``, the mask that was drawn is kept, or another of `ertrain.methods.METHODS`, all of which train inside
        of it.
    ratio, density
        How the budget is shared out, and p, the share of all weights that is kept, in (0, 1]. The ratio
        ``"layers:fc1=0.1,fc2=0.5"`` gives densities of single layers, as in `ertrain.ratios.allocate_sparsity`.
    ratio_epochs, ratio_keep
        They are those of IMP, where it gives the ratio: epochs of a round (those of a run if 0), and the share that a
        round keeps.
    drawing
        ``"independent"``, every weight with the density of its layer, ``"exact"``, their exact number, or with a
        structure: ``"constant-fan-in"``, ``"n:4"``, ``"block-4x4"``, as in `ertrain.masks.structured_mask`.
    repair
        Flow repair of the drawn masks: ``"none"``, ``"add"`` weights, or ``"swap"`` them within the budget.
    dense_layers
        Names of layers without a mask; ``"first"`` and ``"last"`` stand for theirs. The density is that of the others.
    optimiser, learning_rate, momentum, weight_decay
        ``"sgd"`` (with momentum), ``"nesterov"``, ``"adam"`` or ``"adamw"``; the momentum is SGD's.
    schedule, milestones, decay, final_rate, warmup
        ``"cosine"`` from the learning rate to ``final_rate``, ``"steps"`` with a factor ``decay`` after each of the
        epochs ``milestones``, or ``"constant"``; the first ``warmup`` epochs rise linearly to where it starts.
    epochs, batch, accumulation, label_smoothing
        A batch is the one of a step, over all processes; it is worked through in ``accumulation`` parts.
    precision, compile, deterministic
        Number type of the forward pass, whether it is compiled, and whether the same machine must give the same bits.
    final_density
        Share of all weights that the network has at the end, in (0, density]; by default the density.
    drop_share, update_every, update_until
        Masks change every so many steps, until that share of training is over; a change drops this share of the
        weights at first.
    prune_until
        It is that of GraNet: the share of training after which the final density is reached.
    round_keep, rewind, rewind_step
        They are those of IMP: the share that a round leaves, and how the next one begins, as in `ertrain.methods.IMP`.
        Then ``epochs`` are those of a round.
    levels
        They are those of edge-popup: how many densities are passed on the way to the last; ``epochs`` are those of
        each.
    threshold_start
        It belongs to STR: the thresholds are sigmoids, and begin at that of this number. With an empty
        ``final_density`` they find one for themselves.

    Notes
    -----
    A value from ``final_density`` on belongs to some methods, and those of ``factored`` to factored networks. Elsewhere
    such a value takes its default, and is no part of the hash, nor are ``examples`` where all are used; so a method
    that is added changes the hash of no run that does without it.

    Raises
    ------
    InvalidInput
        If a value lies outside its domain.

    Examples
    --------
    >>> configuration = Configuration(recipe="example", density="0.1")
    >>> configuration.density, len(configuration.hash), configuration.folder[:8]
    ('0.1', 64, 'example-')
    >>> configuration.changed({"epochs": "3"}).epochs
    3
    """

    recipe: str
    seed: int = 0
    model: str = "lenet-300-100"
    width: str = "1"
    factored: int = 0
    failure_probability: str = "1/1000"
    outer: str = "trained"
    initialisation: str = "sparse"
    data: str = "digits"
    examples: int = 0
    validation: str = "1/10"
    augmentation: str = "none"
    method: str = "fixed"
    ratio: str = "uniform"
    density: str = "1"
    ratio_epochs: int = 0
    ratio_keep: float = 0.8
    drawing: str = "independent"
    repair: str = "none"
    dense_layers: tuple[str, ...] = ()
    optimiser: str = "nesterov"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    milestones: tuple[int, ...] = ()
    decay: float = 0.1
    final_rate: float = 0.0
    warmup: int = 0
    epochs: int = 20
    batch: int = 128
    accumulation: int = 1
    label_smoothing: float = 0.0
    precision: str = "float32"
    compile: bool = False
    deterministic: bool = True
    final_density: str = ""
    drop_share: float = 0.3
    update_every: int = 100
    update_until: float = 0.75
    prune_until: float = 0.5
    round_keep: float = 0.8
    rewind: str = "weights"
    rewind_step: int = 0
    levels: int = 1
    threshold_start: float = -200.0

    def __post_init__(self) -> None:
        """Check every value, and give each the one form in which it is hashed."""
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _typed(field, getattr(self, field.name)))
        for name, names in _NAMES.items():
            given = getattr(self, name)
            own = name in MAY_BE_OWN and f"{given}-".startswith(OWN)
            formula = name == "ratio" and (is_erdos_renyi(given) or bool(by_layers(given)))
            if given not in names and not own and not formula:
                others = f", {OTHER_RATIOS}" if name == "ratio" else ""
                raise InvalidInput(name, f"one of {', '.join(names)}{others}", given)
        if not self.recipe.replace("-", "").replace("_", "").isalnum():
            raise InvalidInput("recipe", "letters, digits, - and _", self.recipe)
        stream_seed(self.seed, "mask")
        check_drawing(self.drawing)
        structured = is_structured(self.drawing)
        self._require("repair", self.repair == "none" or not structured, f"none with the drawing {self.drawing}")
        if structured and self.method in NESTED:
            raise InvalidInput("drawing", f"exact or independent with {self.method}, which rewires", self.drawing)
        if not self.model.startswith(OWN):
            check_model_name(self.model)
        for field in self._unread():
            object.__setattr__(self, field.name, field.default)
        rationals = {
            "density": probability("density", self.density, one=True),
            "failure_probability": probability("failure_probability", self.failure_probability),
            "validation": probability("validation", self.validation),
            "width": width_factor(self.width),
        }
        for name, value in rationals.items():
            object.__setattr__(self, name, rational_text(value))
        self._check_method()
        self._check_factored()
        named = not self.data.startswith(OWN)
        self._require("examples", self.examples >= 0 and (named or not self.examples), "0, or a number of a named set")
        for name in ("epochs", "batch", "accumulation"):
            self._require(name, getattr(self, name) >= 1, "a whole number of at least 1")
        self._require("ratio_epochs", self.ratio_epochs >= 0, "a whole number of at least 0")
        self._require("ratio_keep", 0 < self.ratio_keep < 1, "a number in (0, 1)")
        self._require("warmup", 0 <= self.warmup <= self.epochs, f"a whole number from 0 to {self.epochs}")
        self._require("batch", self.batch % self.accumulation == 0, f"a multiple of accumulation {self.accumulation}")
        for name in ("learning_rate", "decay"):
            self._require(name, 0 < getattr(self, name) < math.inf, "a number above 0")
        for name in ("weight_decay", "final_rate"):
            self._require(name, 0 <= getattr(self, name) < math.inf, "a number of at least 0")
        for name in ("momentum", "label_smoothing"):
            self._require(name, 0 <= getattr(self, name) < 1, "a number in [0, 1)")
        self._require("momentum", self.momentum > 0 or self.optimiser != "nesterov", "a number above 0 with nesterov")
        rising = list(self.milestones) == sorted(set(self.milestones)) and all(at > 0 for at in self.milestones)
        self._require("milestones", rising, "rising epochs above 0")

    def _check_method(self) -> None:
        free = self.method == "str" and self.final_density == ""
        if "final_density" in METHOD_SETTINGS[self.method] and not free:
            final = probability("final_density", self.final_density or self.density, one=True)
            self._require("final_density", final <= Fraction(self.density), f"a number in (0, {self.density}]")
            object.__setattr__(self, "final_density", rational_text(final))
        if self.method in NESTED:  # two masks are drawn, one inside the other
            known = self.ratio in SHAPE_RATIOS or is_erdos_renyi(self.ratio) or bool(by_layers(self.ratio))
            self._require("ratio", known, f"one of {', '.join(SHAPE_RATIOS)} with {self.method}")
            nested = self.drawing == "independent" or Fraction(self.density) == 1
            self._require("drawing", nested, f"independent with {self.method} in a mask of density below 1")
            self._require("repair", self.repair == "none", f"none with {self.method}")
        lowest = self.final_rate if self.schedule == "cosine" else 1
        tunes = self.method == "imp" and self.rewind == "none"
        self._require("final_rate", lowest > 0 or not tunes, "a number above 0 for fine-tuning, rewind none")
        self._require("round_keep", 0 < self.round_keep < 1, "a number in (0, 1)")
        self._require("rewind_step", self.rewind_step >= 0, "a whole number of at least 0")
        self._require("threshold_start", math.isfinite(self.threshold_start), "a finite number")
        self._require("levels", self.levels >= 1, "a whole number of at least 1")
        self._require("drop_share", 0 <= self.drop_share < 1, "a number in [0, 1)")
        self._require("update_every", self.update_every >= 1, "a whole number of at least 1")
        for name in ("prune_until", "update_until"):
            self._require(name, 0 < getattr(self, name) < 1, "a number in (0, 1)")

    def _check_factored(self) -> None:
        if not self.factored:
            return
        self._require("factored", self.factored in FACTORS, "0, 2 or 3")
        self._require("outer", self.outer == "trained" or self.factored == 2, "trained with three factors")
        self._require("outer", self.outer == "trained" or self.method == "fixed", f"trained with {self.method}")
        # What the widths assume: every factor has the density, and every entry is kept by itself.
        self._require("ratio", self.ratio == "uniform", "uniform where networks are factored")
        self._require("dense_layers", not self.dense_layers, "no names where networks are factored")

    def _unread(self) -> list[dataclasses.Field[Any]]:
        """Fields that belong to other methods, to factored networks or to a part of the data where this has none."""
        owned = {name for settings in METHOD_SETTINGS.values() for name in settings}
        others = owned.difference(METHOD_SETTINGS[self.method])
        if not self.factored:
            others |= set(_OF_FACTORED)
        if not self.examples:
            others.add("examples")
        return [field for field in dataclasses.fields(self) if field.name in others]

    def _require(self, name: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise InvalidInput(name, allowed, getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """Return all values that the method looks at, ready for JSON."""
        unread = {field.name for field in self._unread()}
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in unread}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Configuration:
        """Read what `to_dict` returned.

        Raises
        ------
        InvalidInput
            If a name is unknown or missing, or a value lies outside its domain.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        for name in content:
            if name not in names:
                raise InvalidInput("configuration", f"names among {', '.join(sorted(names))}", name)
        if "recipe" not in content:
            raise InvalidInput("configuration", "the name of a recipe", dict(content))
        return cls(**content)

    def changed(self, texts: Mapping[str, str]) -> Configuration:
        """Return a configuration with some values replaced, each given as text; tuples are separated by commas.

        Raises
        ------
        InvalidInput
            If a name is unknown, or a text cannot be read.
        """
        return dataclasses.replace(self, **read_texts(texts))

    @property
    def text(self) -> str:
        """The canonical text: JSON with sorted keys and no spaces."""
        return canonical_text(self.to_dict())

    @property
    def hash(self) -> str:
        """sha256 of the canonical text."""
        return hash_of(self.to_dict())

    @property
    def folder(self) -> str:
        """Name of the run's folder: the recipe and the beginning of the hash."""
        return f"{self.recipe}-{self.hash[:16]}"


def read_texts(texts: Mapping[str, str]) -> dict[str, Any]:
    """Read values of fields other than the recipe, each given as text; tuples are separated by commas.

    Raises
    ------
    InvalidInput
        If a name is unknown, or a text cannot be read.

    Examples
    --------
    >>> read_texts({"epochs": "3", "milestones": "10,20"})
    {'epochs': 3, 'milestones': (10, 20)}
    """
    fields = {field.name: field for field in dataclasses.fields(Configuration) if field.name != "recipe"}
    for name in texts:
        if name not in fields:
            raise InvalidInput("set", f"one of {', '.join(fields)}", name)
    return {name: _read(fields[name], text) for name, text in texts.items()}


LIST_FIELDS = tuple(one.name for one in dataclasses.fields(Configuration) if str(one.type).startswith("tuple"))


def _typed(field: dataclasses.Field[Any], value: Any) -> Any:
    """Bring a value into the type of its field, so that 1 and 1.0, a list and a tuple have one hash."""
    kind = str(field.type)
    if isinstance(value, np.generic | np.ndarray):  # what arithmetic with arrays gives is as good as Python's numbers
        value = value.tolist()
    if isinstance(value, int) and field.name != "seed" and not -_TOO_LARGE < value < _TOO_LARGE:
        raise InvalidInput(field.name, "a number below 2^63", value)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind.startswith("tuple") and isinstance(value, list | tuple):
        inner: type = int if "int" in kind else str
        large = [part for part in value if isinstance(part, int) and not -_TOO_LARGE < part < _TOO_LARGE]
        if all(type(part) is inner for part in value) and not large:
            return tuple(value)
    if kind == "str" and field.name in _RATIONAL and not isinstance(value, bool):
        return value if isinstance(value, str) else rational_text(exact_rational(field.name, value))
    if kind in ("bool", "int", "str") and type(value).__name__ == kind:
        return value
    raise InvalidInput(field.name, f"a value of type {kind}", value)


def _read(field: dataclasses.Field[Any], text: str) -> Any:
    kind = str(field.type)
    try:
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind.startswith("tuple"):
            parts = [part for part in text.split(",") if part]
            return tuple(int(part) if "int" in kind else part for part in parts)
        return {"int": int, "float": float, "str": str}[kind](text)
    except (KeyError, ValueError):
        raise InvalidInput(field.name, f"a value of type {kind}", text) from None
