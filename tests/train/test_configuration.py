"""Where the domain of every setting ends: values on the border are taken, those behind it refused by their name."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.configuration import METHOD_SETTINGS, Configuration  # noqa: E402

TINY = 5e-324  # the smallest number above 0
BELOW_ONE = math.nextafter(1, 0)
LARGEST = math.nextafter(math.inf, 0)

# By setting: with which others, values that are taken, and values that are refused.
DOMAINS: list[tuple[str, dict[str, Any], list[Any], list[Any]]] = [
    ("recipe", {}, ["a", "a-b_c", "0"], ["", "a b", "a/b", "-", "a."]),
    ("seed", {}, [0, 2**63 - 1], [-1, 2**63]),
    ("model", {}, ["mlp-1", "resnet20", "own-x"], ["mlp-0", "own", "vgg", 3]),
    ("width", {}, ["1/1000", "1000"], ["0", "-1", "1001", "x"]),
    ("factored", {}, [0, 2, 3], [-1, 1, 4]),
    ("failure_probability", {"factored": 2}, ["1/10000", "0.999"], ["0", "1"]),
    ("outer", {"factored": 2}, ["trained", "frozen"], ["dense"]),
    ("outer", {"factored": 3}, ["trained"], ["frozen"]),
    ("outer", {"factored": 2, "method": "rigl"}, ["trained"], ["frozen"]),
    ("ratio", {"factored": 2}, ["uniform"], ["erk"]),
    ("dense_layers", {"factored": 2}, [()], [("last",)]),
    ("initialisation", {}, ["sparse", "own"], ["other"]),
    ("data", {}, ["digits", "own-x"], ["svhn", "ownx"]),
    ("examples", {}, [0, 1], [-1]),
    ("examples", {"data": "own-x"}, [0], [1]),
    ("validation", {}, ["1/1000", "0.999"], ["0", "1"]),
    ("ratio", {}, ["er", "erk-power:0", "erk-power:10", "layers:0=0.5", "imp"], ["erk-power:10.1", "lamp"]),
    ("density", {}, ["1/1000", "1"], ["0", "1.001", 1.5]),
    ("ratio_epochs", {}, [0, 1], [-1]),
    ("ratio_keep", {}, [TINY, BELOW_ONE], [0.0, 1.0, math.nan]),
    ("repair", {}, ["none", "add", "swap"], ["other"]),
    ("repair", {"drawing": "n:4"}, ["none"], ["add"]),
    ("repair", {"method": "set"}, ["none"], ["add"]),
    ("drawing", {}, ["exact", "independent", "n:4", "block-2x2", "constant-fan-in"], ["n:0", "other"]),
    ("drawing", {"method": "rigl", "density": "0.5"}, ["independent"], ["exact", "n:4"]),
    ("drawing", {"method": "rigl", "density": "1"}, ["independent", "exact"], ["n:4"]),
    ("ratio", {"method": "set"}, ["erk", "er", "layers:0=0.5"], ["snip", "magnitude"]),
    ("optimiser", {}, ["sgd", "nesterov", "adam", "adamw", "own-x"], ["lion"]),
    ("learning_rate", {}, [TINY, LARGEST], [0.0, -1.0, math.inf, math.nan]),
    ("momentum", {}, [TINY, BELOW_ONE], [0.0, 1.0, -TINY]),
    ("momentum", {"optimiser": "sgd"}, [0.0, BELOW_ONE], [1.0, -TINY, math.nan]),
    ("weight_decay", {}, [0.0, LARGEST], [-TINY, math.inf, math.nan]),
    ("schedule", {}, ["constant", "cosine", "steps"], ["linear"]),
    ("milestones", {}, [(), (1,), (1, 2)], [(0,), (2, 1), (1, 1), (-1, 1)]),
    ("decay", {}, [TINY, LARGEST], [0.0, math.inf]),
    ("final_rate", {}, [0.0, LARGEST], [-TINY, math.inf]),
    ("final_rate", {"method": "imp", "rewind": "none"}, [TINY], [0.0]),
    ("final_rate", {"method": "imp", "rewind": "none", "schedule": "constant"}, [0.0], [-TINY]),
    ("final_rate", {"method": "imp", "rewind": "rate"}, [0.0], [-TINY]),
    ("warmup", {"epochs": 5}, [0, 5], [-1, 6]),
    ("epochs", {}, [1, 2**63 - 1], [0, -1, 2**63, 2.0]),
    ("batch", {}, [1, 2], [0, -1]),
    ("batch", {"accumulation": 2}, [2, 4], [1, 3]),
    ("accumulation", {"batch": 6}, [1, 2, 3, 6], [0]),
    ("label_smoothing", {}, [0.0, BELOW_ONE], [1.0, -TINY]),
    ("precision", {}, ["float32", "bfloat16"], ["float16"]),
    ("augmentation", {}, ["none", "crop-flip"], ["mixup"]),
    ("method", {}, list(METHOD_SETTINGS), ["dst"]),
    ("compile", {}, [True, False], [1]),
    ("deterministic", {}, [True, False], [0]),
    ("final_density", {"method": "imp", "density": "0.5"}, ["0.5", "1/1000"], ["0", "0.501"]),
    ("final_density", {"method": "str", "density": "0.5"}, ["", "0.5"], ["0.501"]),
    ("drop_share", {"method": "rigl"}, [0.0, BELOW_ONE], [1.0, -TINY]),
    ("update_every", {"method": "rigl"}, [1], [0]),
    ("update_until", {"method": "gradual"}, [TINY, BELOW_ONE], [0.0, 1.0]),
    ("prune_until", {"method": "granet"}, [TINY, BELOW_ONE], [0.0, 1.0]),
    ("round_keep", {"method": "imp"}, [TINY, BELOW_ONE], [0.0, 1.0]),
    ("rewind", {"method": "imp"}, ["rate", "weights"], ["back"]),
    ("rewind_step", {"method": "imp"}, [0], [-1]),
    ("levels", {"method": "edge-popup"}, [1], [0]),
    ("threshold_start", {"method": "str"}, [-LARGEST, LARGEST], [math.inf, -math.inf, math.nan]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "others", "taken", "refused"),
    DOMAINS,
    ids=[f"{name} {' '.join(map(str, others.values()))}".strip() for name, others, *_ in DOMAINS],
)
def test_domains_end_where_they_are_said_to(name, others, taken, refused):
    base = {"recipe": "test", **others}
    for value in taken:
        assert getattr(Configuration(**{**base, name: value}), name) is not None
    for value in refused:
        with pytest.raises(InvalidInput, match=rf"^{name}: expected "):
            Configuration(**{**base, name: value})


def test_every_setting_is_tried():
    assert {name for name, *_ in DOMAINS} == {field.name for field in fields(Configuration)}


@pytest.mark.parametrize("method", METHOD_SETTINGS)
def test_what_a_method_does_not_read_takes_its_default(method):
    own = {"final_density": "0.1", "update_every": 7, "update_until": 0.25, "drop_share": 0.25, "prune_until": 0.25}
    own |= {"round_keep": 0.25, "rewind": "rate", "rewind_step": 7, "levels": 7, "threshold_start": -7.0}
    run = Configuration(recipe="test", method=method, **own)
    usual = Configuration(recipe="test")
    for name, value in own.items():
        assert getattr(run, name) == (value if name in METHOD_SETTINGS[method] else getattr(usual, name))
        assert (name in run.to_dict()) == (name in METHOD_SETTINGS[method])
