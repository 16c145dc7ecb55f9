"""ResNet50 on ImageNet in random masks: for several GPUs under torchrun, and not run by us."""

from __future__ import annotations

from ertrain.configuration import Configuration
from ertrain.recipes.base import Recipe
from ertrain.recipes.tasks import in_fixed_masks

__all__ = ["IMAGENET", "imagenet"]

_NAME = "imagenet"

# The usual training of a hundred epochs; 10,000 of the training images select.
_PAPER = Configuration(
    recipe=_NAME,
    model="resnet50-imagenet",
    data="imagenet",
    validation="1/128",
    augmentation="resized-crop-flip",
    initialisation="kaiming",
    ratio="balanced",
    optimiser="nesterov",
    learning_rate=0.4,
    weight_decay=1e-4,
    schedule="steps",
    milestones=(30, 60, 90),
    warmup=5,
    epochs=100,
    batch=1024,
    label_smoothing=0.1,
    precision="bfloat16",
    deterministic=False,
)


def imagenet(scale: str) -> tuple[Configuration, ...]:  # noqa: ARG001
    """List the runs, with seed 0: the dense network and fixed masks.

    Parameters
    ----------
    scale
        ``"paper"`` is the only one: ``torchrun --nproc-per-node 8 -m ertrain run imagenet --scale paper``.

    Examples
    --------
    >>> {(run.model, run.batch) for run in imagenet("paper")}
    {('resnet50-imagenet', 1024)}
    """
    return in_fixed_masks(_PAPER)


IMAGENET = Recipe(
    name=_NAME,
    tests="ResNet50 in a random mask comes close to the dense one on ImageNet. Written down, and not run by us.",
    make=imagenet,
)
