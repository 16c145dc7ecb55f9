# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Does training find what is there?
#
# A random sparse network of two factors a layer certainly contains *every* dense network of its shape, with two or
# three times the weights of the dense one. So for once the premise of the theory holds in a network that can be
# trained: what the dense network reaches is in there, somewhere. Does training reach it too? This page builds such a
# network, trains it beside others for a minute, starts students from the construction itself, and asks what plain
# masks contain.
#
# The same at length, in a terminal:
#
# ```
# ertrain run factored --seeds 10
# ertrain run factored --scale small --only model=resnet20 density=1,0.5
# ertrain report runs
# ertrain verify widths --target 4-8-3 --sparsity .9 --delta .05 --construction factored
# ertheory capacity --model vgg16 --sparsity .5 --delta .001 --ratio all
# ```

# %% [markdown]
# ## A network that contains every dense one
#
# `factor_model` replaces every layer by an inner and an outer one, with nothing between them. The inner width is the
# one that theory asks for, so that random masks of the density leave weights for every dense network of the shape,
# with probability 0.999.

# %%
import torch

from ertrain import build_model, layer_shapes
from ertrain.models import factor_model

torch.set_num_threads(1)
dense = build_model("lenet-300-100", inputs=(1, 8, 8), classes=10)
weights = sum(layer.weights for layer in layer_shapes(dense))
factored = factor_model(build_model("lenet-300-100", inputs=(1, 8, 8), classes=10), density="0.1")
for layer in layer_shapes(factored):
    print(f"{layer.name:<12} {layer.inputs:>5} -> {layer.outputs}")
kept = 0.1 * sum(layer.weights for layer in layer_shapes(factored))
print(f"{kept:,.0f} expected weights; the dense network has {weights:,}")

# %% [markdown]
# ## Train it, beside others
#
# The recipe has five arms: the dense network; a mask of its width, as in the paper's experiments; a plain network
# that is wide enough to keep as many weights as the factored one; the factored one; and the same with outer factors
# that are drawn and never trained. Each arm has the optimiser and learning rate that one search found for it on
# validation images. Here in three epochs with two seeds, on handwritten digits.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

from ertrain import join_process_group, perform, read_results, recipe

runs = recipe("factored").configurations(
    "quick", seeds=2, only={"data": "digits", "density": ("1", "0.1")}, overrides={"epochs": "3"}
)
with tempfile.TemporaryDirectory() as folder, join_process_group("cpu") as processes:
    for run in runs:
        perform(run, Path(folder), processes, data_dir=Path(folder))
    results = read_results(Path(folder))

# %%
for run in runs[: len(runs) // 2]:
    same = [one for one in results if one["config_hash"] == replace(run, seed=one["seed"]).hash]
    tests = [one["accuracy_test"] for one in same]
    kind = "dense" if run.density == "1" else f"{run.factored} factors, {run.outer}" if run.factored else "plain mask"
    print(
        f"density {run.density:<4} {kind:<19} width x {run.width:<5} {', '.join(f'{100 * one:.1f}' for one in tests)}"
    )

# %% [markdown]
# Two seeds and three epochs decide nothing. With twenty epochs and ten seeds the factored network matches the dense
# one at every density from 0.5 to 0.05 (by +0.4 to +0.6 points), where a mask of the dense network's width loses 2.7
# points to it at 0.1, and 12 at 0.05. But a plain network with as many kept weights does as well: on digits no
# difference is shown, on Fashion-MNIST the plain one is ahead. A small ResNet agrees at density 0.5. A
# transformer learns sums modulo 97 dense, widened and factored (with five, five and four of five seeds), and hardly in
# a mask of the dense width. What is there is found; being there *provably* is not what helps to find it.

# %% [markdown]
# ## Start from the construction
#
# Where a student fails, was there nothing to find, or did training miss it? Masks that hold a teacher are known: the
# construction puts it there. Students that start from it have nothing left to learn; with noise on the weights they
# have to find their way back. `noise` is in units of the size of a layer's weights.

# %%
from fractions import Fraction

from ertheory import Target
from ertrain.students.basin import return_rates
from ertrain.students.batched import Budget
from ertrain.students.teacher import draw_teacher

teacher = draw_teacher(Target.from_text("2-3-1"), seed=0)
shapes = ((20, 2), (3, 20), (18, 3), (1, 18))
found = return_rates(
    teacher, shapes, (Fraction(1, 2),) * 4, range(16), (0, 0.3, 1, 3, None), Budget(steps=1000, learning_rate=0.01)
)
for one in found:
    start = "drawn as always" if one.noise is None else f"construction, noise {one.noise:g}"
    before = sorted(one.before)[len(one.before) // 2]
    print(f"{start:<25} error at the start {before:8.2g}   learnt by {sum(one.learnt):2} of {len(one.learnt)}")

# %% [markdown]
# ## What plain masks contain
#
# The paper's experiments mask VGG16 and ResNets as they are. Two layers in a row with a normalisation and a ReLU
# between them may be read as one map (a bias lifts what the first gives above 0), and then the theory says how large
# a part of its own architecture such a network certainly contains, for each layer-wise ratio.

# %%
import ertheory

ertheory.capacity(model="vgg16", sparsity="0.5", delta="0.001", ratio="all")

# %%
ertheory.capacity(model="vgg16", sparsity="0.9", delta="0.001", ratio="erk")

# %% [markdown]
# At sparsity 0.5 a quarter to two fifths of the widths are certain, and a seventh with the balanced ratio as printed,
# which keeps fewer weights. At 0.9 nothing is, in the network's own width: it would have to be 13 (ERK) to 28 times
# as wide (balanced as printed) to contain itself in this way. That it trains to nearly the dense accuracy all the
# same is something that no containment of this kind explains. Nor is it shown that this capacity orders the ratios as
# accuracy does: rank correlation +0.17 over twenty-two cells, p = 0.16.
