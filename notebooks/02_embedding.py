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
# # Finding the target inside a random mask
#
# The theorems say that a wide enough random network *contains* the target. This page finds it: draw a mask, choose
# weights on it, look at them, and prove that the source computes the target. It takes some seconds to run.
#
# In a terminal, for a target in a file:
#
# ```
# ertheory embed --target net.npz --sparsity 0,0.9,0.9 --delta 0.001 --method exact --out source.npz
# ```

# %%
from ertheory import Target

target = Target.from_arrays(
    [[[1.0, -2.0], [0.5, 1.5], [-1.0, 0.75]], [[1.0, -1.0, 0.5], [0.25, 2.0, -1.5]]],
    [[0.5, 0.0, 1.0], [0.0, -0.5]],
    domain=[[-1, 1], [-1, 1]],
)
print(target, "with", sum(target.nonzeros), "weights")

# %% [markdown]
# ## Draw
#
# `plan` asks a bound for the widths and keeps what a builder has to know. Layer 0 is dense here, as the paper needs it.

# %%
from ertheory import plan

chosen = plan(target, method="exact", density="1,1/2,1/2", failure_probability="1/20")
print("widths", chosen.answer.widths, "by", chosen.answer.statement, "-", chosen.answer.variant)
print("success at least", chosen.answer.to_dict()["success_probability_lower"])

# %% [markdown]
# A drawn mask holds no entries, only where they come from: a seed, a shape and a density. Any part of it can be drawn
# alone, with the same bits, so 3.2 billion entries need no more memory than a few rows. Of two masks with the same seed
# the sparser one lies inside the denser one, and nothing depends on the target.

# %%
masks = chosen.masks(seed=1)
for mask in masks:
    print(mask.shape, "density", mask.density, "kept", mask.to_csr().nnz)

alone = masks[1].to_csr(3, 5).toarray()
print("rows 3 and 4 drawn alone are the same:", bool((alone == masks[1].to_csr().toarray()[3:5]).all()))

# %% [markdown]
# ## Build

# %%
embedding = chosen.embed(seed=1)
print("weights used:", embedding.edges_used, "of", embedding.edges_available, "kept edges")
print("neurons used, layer by layer:", embedding.copies)

# %% [markdown]
# The certificate says of which target neuron every source neuron is a copy; -1 stands for one that serves nothing.
# Every link of the target has become one edge per copy. The inputs go through layer 0 shifted by 1, so that ReLU does
# not cut them, and the biases of layer 1 take that back.

# %%
print("layer 1 holds copies of", embedding.owners[1].tolist())
for edge in list(embedding.edges(2))[:4]:
    print(edge)
print("bias corrections:", [str(value) for value in embedding.bias_corrections])

# %% [markdown]
# ## Look
#
# Figure 4 of the paper, from this construction at a smaller confidence. Hollow neurons are copies that nothing reads.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from IPython.display import Image

from ertheory.plots import draw

with TemporaryDirectory() as folder:
    picture = Path(draw("figure4", folder)[0]).read_bytes()
Image(picture, width=900)

# %% [markdown]
# ## Verify
#
# The check shares no code with the builder and does not look at the certificate. It proves in rational arithmetic that
# both networks are the same function on the whole box, checks that every weight lies on the mask, and evaluates both in
# double precision beside a bound on what rounding can do.

# %%
from ertheory.check import check_embedding

checked = check_embedding(embedding.target, embedding.source, embedding.masks)
print("on the mask:", checked.on_mask, " equal on the whole box:", checked.exact)
print("largest error measured:", checked.max_abs_error, " possible by rounding:", f"{checked.float_bound:.1e}")

# %% [markdown]
# It is not easily pleased. One weight that is off by 2^-30 is found, although no plot would show it:

# %%
from dataclasses import replace

from ertheory.networks.network import Network
from ertheory.networks.target import network_of

steps = list(embedding.source.steps)
weight = steps[-1].weight.copy()
weight.data[0] += 2**-30
steps[-1] = replace(steps[-1], weight=weight)
spoilt = check_embedding(embedding.target, Network(tuple(steps), embedding.source.domain), embedding.masks)
print("passed:", spoilt.passed, "-", spoilt.differs)

# %% [markdown]
# ## When the mask lacks an edge
#
# A narrower source fails more often, and then says what is missing.

# %%
from ertheory import ConstructionFailed

risky = plan(target, method="exact", density="1,1/2,1/2", failure_probability="1/2")
outcomes = []
for seed in range(300):
    try:
        risky.embed(seed, workers=1)
    except ConstructionFailed as error:
        outcomes.append(False)
        example = error
    else:
        outcomes.append(True)
print(example)
print("named edges:", [str(edge) for edge in example.missing])

# %% [markdown]
# How often that happens is the exact law of the construction. Counted over 300 masks, with an interval that holds the
# truth with probability 0.9999:

# %%
from ertheory.montecarlo import binomial_interval

interval = binomial_interval(sum(outcomes), len(outcomes), "0.9999")
print(f"succeeded on {sum(outcomes)} of {len(outcomes)}: between {interval.low:.3f} and {interval.high:.3f}")
print("the law says", risky.answer.to_dict()["success_probability_lower"])

# %% [markdown]
# ## Leaving bad copies out
#
# Theorem 2.1 wants every copy to find all its edges. Nothing needs that: a copy that lacks an edge can be left out, as
# long as the outputs find good ones. That makes the source narrower at the same confidence.

# %%
from ertheory import width

digits = Target.from_text("784-128-10")
for method in ("printed", "exact", "drop"):
    answer = width(digits, method=method, density="1,0.1,0.1", failure_probability="0.001")
    print(f"{method:8}", answer.widths, "success at least", answer.to_dict()["success_probability_lower"])

# %% [markdown]
# ## A masked layer 0, and inputs without a box
#
# If layer 0 is masked too, its neurons are shared out after the mask was seen (`matched`). For inputs without bounds
# every input gets pairs phi(x), phi(-x) with weights w and -w. That is exact for ReLU, SiLU, GELU, softplus and others,
# needs no bias correction, and doubles the number of links into layer 1.

# %%

everywhere = plan(target, method="exact", density="1/2", failure_probability="1/20").embed(seed=0)
print("matched:", everywhere.layer0, everywhere.widths)

smooth = Network(network_of(target, activation="gelu").steps)  # no domain: all of R^d
pairs = plan(smooth, method="exact", density="1,1/2,1/2", failure_probability="1/20").embed(seed=0)
print("pairs:  ", pairs.coding.form, pairs.widths)
print("equal for all real inputs:", check_embedding(pairs.target, pairs.source, pairs.masks).exact)

# %% [markdown]
# ## Zero padding
#
# At the border of a zero-padded convolution the shift of layer 0 is wrong: the padding supplies 0, where a shifted
# input would be 1, and no bias can be right both there and inside. A channel that is constant inside and 0 in the
# padding carries the correction instead.

# %%
import numpy as np

from ertheory import TheoremNotApplicable, embed_target
from ertheory.networks.network import Activation, Affine, Flatten

rng = np.random.default_rng(0)
image_net = Network(
    (
        Affine.from_dense(rng.integers(-4, 5, (2, 1, 3, 3)) / 4, [0.5, -0.25], padding=(1, 1)),
        Activation("relu"),
        Flatten(),
        Affine.from_dense(rng.integers(-4, 5, (1, 2 * 16)) / 4),
    ),
    np.array([[-1.0, 2.0]]),
)
try:
    plan(image_net, density="1,1/2,1/2", failure_probability="1/20", form="shift")
except TheoremNotApplicable as error:
    print("refused:", error)

built = plan(image_net, density="1,1/2,1/2", failure_probability="1/20").embed(seed=0)
points = rng.uniform(-1, 2, (100, 1, 4, 4))
checked = check_embedding(built.target, built.source, built.masks, points=points)
print("form", built.coding.form, "- equal:", checked.exact, "- largest error measured:", checked.max_abs_error)

# %% [markdown]
# ## What to take along
#
# * `plan` gives widths, `plan(...).embed(seed)` the network inside one drawn mask, `check_embedding` the proof.
# * `embed_target` takes masks of any origin: arrays, sparse matrices, the masks of a PyTorch module.
# * A failure names the edges that are missing; its probability is what the exact law says.
# * The site (docs/findings) has the same at full size: 3.2 billion mask entries, a classifier of Fashion-MNIST.

# %%
own = embed_target(target, [np.ones((4, 2)), np.ones((3, 4)), np.ones((2, 3))])
print("inside three full masks:", own.widths, "weights used:", own.edges_used)
