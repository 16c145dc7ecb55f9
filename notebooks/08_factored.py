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
# # Twice as deep instead of a hundred times as wide
#
# The paper copies neurons: a source that contains 784-128-10 at sparsity 0.9 has thousands of times its weights. This
# page spends depth instead. Every linear map of the target becomes two masked maps in a row, and hardly more weights
# than those of the target are enough. It takes some seconds to run.
#
# In a terminal, for a target in a file:
#
# ```
# ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001 --method factored
# ertheory embed --target net.npz --sparsity 0.9 --delta 0.001 --method factored --out source.npz
# ```

# %%
import ertheory

for sparsity in ("0.5", "0.9", "0.95"):
    found = ertheory.width("784-128-10", sparsity=sparsity, delta="0.001", method="factored")
    print(f"sparsity {sparsity}: layers {found.widths}, {float(found.edges_ratio):.2f} times the weights of the target")

# %% [markdown]
# ## The theorem
#
# Let $W$ be a map of $n$ inputs to $m$ outputs. Put $N$ inner neurons between them, a mask $S_1$ (keeping each entry
# with probability $p_1$) in front of them and a mask $S_2$ ($p_2$) behind. For an input $i$ let $K^i$ be the inner
# neurons that read it.
#
# **If for every input $i$ all outputs can be matched to different inner neurons of $K^i$, along $S_2$, then every $W$
# is a product $W = A B$ with $A$ on $S_2$ and $B$ on $S_1$. One $A$ does for all $W$, and almost every $A$ on the
# mask does.**
#
# *Proof.* Column $i$ of $A B = W$ is $A_{K^i} b = w$, with $|K^i|$ unknowns and $m$ equations. A matching picks $m$
# columns of $A_{K^i}$ whose determinant, as a polynomial in the kept entries of $A$, has one monomial that no other
# one cancels. So this polynomial is not zero, and the product of all $n$ of them is not zero either: outside of a set
# of measure zero every $A$ has rows of full rank on every $K^i$, and then each column has a solution, whatever $w$
# is. ∎
#
# Inputs and outputs may change roles: then $B$ is drawn and $A$ solved. What stands between the linear maps of a
# network stays as it is, because the neurons there are exactly those of the target: activations, BatchNorm, skips,
# attention.
#
# Hall's theorem says when a matching exists, and a sum over the sets that could stand in its way bounds how often it
# does not:
#
# $$P(\text{not every } W) \le
# n \, E\Big[\min\Big(1, \sum_{t=1}^{m} \binom{m}{t} \binom{K}{t-1} (1-p_2)^{t (K-t+1)}\Big)\Big],
# \qquad K \sim \mathrm{Bin}(N, p_1).$$
#
# Is this law true? Draw masks, look for the matchings, and count.

# %%
checked = ertheory.verify("factored", trials=5_000, seed=1)
print(checked.says)
low, high = checked.predicted
print(f"in {checked.estimate:.3f} of {checked.trials} masks; proved: {low:.3f} at least, {high:.3f} at most")

# %% [markdown]
# ## Its picture
#
# A 2-3-2 target, two pairs of masks, and the target inside them. In each pair one factor was drawn and never looked
# at again; the other one carries the target. Of the first pair it is the outer one that was solved for (the roles are
# exchanged), of the second the inner one.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from IPython.display import Image

from ertheory.plots import draw

with TemporaryDirectory() as folder:
    picture = Path(draw("figure4-factored", folder)[0]).read_bytes()
Image(picture, width=900)

# %% [markdown]
# ## One map
#
# Six inputs, four outputs, and masks of density 0.6. The builder decides by matchings, not by the rank of numbers,
# then draws $A$ and solves for $B$. Three different things can be said, which are easily confused: whether *every*
# map is in these masks, whether an *open set* of maps is (the derivative has full rank), and whether *this* map is,
# with a certificate. With fewer and fewer inner neurons they cease to be true one after another:

# %%
import numpy as np

from ertheory.builders.factored import MaskPair, verdicts

rng = np.random.default_rng(11)
weight = rng.standard_normal((4, 6))
for inner in (16, 10, 8, 5):
    pair = MaskPair.read(rng.random((inner, 6)) < 0.6, rng.random((4, inner)) < 0.6)
    said = verdicts(pair, weight)
    bound = "none" if said.this_map is None else f"|AB - W| <= {said.this_map.bound:.1e}"
    print(f"{inner:2} inner neurons: universal by {said.universal}, open set {said.locally_generic}, this map: {bound}")

# %% [markdown]
# Full rank is not enough for every map. With the masks of a lower and an upper triangle, an LU factorisation, almost
# every map is a product, but not the one that would have to be pivoted:

# %%
triangles = MaskPair.read([[1, 0], [1, 1]], [[1, 1], [0, 1]])
print("a map in general position:", verdicts(triangles, [[1.0, 2.0], [3.0, 4.0]]).this_map is not None)
print("the exchange of two inputs:", verdicts(triangles, [[1.0, 1.0], [1.0, 0.0]]).this_map is not None)

# %% [markdown]
# ## A network
#
# scikit-learn's perceptron, trained on its handwritten digits, inside a source of density 0.1. All predictions are
# the same, and a checker that shares no code with the builder bounds the difference on the whole box.

# %%
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

images, labels = load_digits(return_X_y=True)
images = images / 16
classifier = MLPClassifier((32,), tol=1e-3, max_iter=300, random_state=0).fit(images, labels)
weights = [matrix.T for matrix in classifier.coefs_]
target = ertheory.Target.from_arrays(weights, classifier.intercepts_, domain=[[0, 1]] * 64)

built = ertheory.embed(target, sparsity="0.9", delta="0.001", method="factored", seed=0)
source = built.embedding.source
print("target", target, "with", sum(target.nonzeros), "weights; source", built.embedding.widths)
print("kept weights:", built.embedding.edges_available, " passed:", built.passed)
print(f"proved to differ by at most {built.check.difference_bound:.1e} on the whole box")

# %%
from ertheory.check import evaluate
from ertheory.networks.target import network_of

wanted, got = evaluate(network_of(target), images), evaluate(source, images)
print("same predictions:", int((wanted.argmax(1) == got.argmax(1)).sum()), "of", len(images))
print(f"accuracy {(got.argmax(1) == labels).mean():.4f}, largest difference {np.abs(wanted - got).max():.1e}")

# %% [markdown]
# Small networks are solved in rational numbers. Then nothing differs at all, and the checker says so:

# %%
small = ertheory.embed("6-5-3", sparsity="0.6", delta="0.01", method="factored", inner="identity", domain="unbounded")
print("exact on all of R^6:", small.check.exact)

# %% [markdown]
# ## Below these widths
#
# Where one map is given, both factors can be solved for, down to what counting unknowns allows. "Almost every map" is
# false there, so this needs a certificate of its own: with $r = A B - W$ and the smallest singular value $\sigma$ of
# the derivative, $2 |r| \le \sigma^2$ proves by Brouwer's fixed-point theorem that an exact solution lies nearby.

# %%
from ertheory.builders.factored import factor_jointly
from ertheory.builders.factored.matching import unmatched_inputs, unmatched_outputs

inputs = outputs = 30
needed = ertheory.width(f"{inputs}-{outputs}", sparsity="0.7", delta="0.001", method="factored").widths[0]
while True:
    pair = MaskPair.read(rng.random((75, inputs)) < 0.3, rng.random((outputs, 75)) < 0.3)
    if (pair.second.astype(int) @ pair.first.astype(int)).toarray().all():
        break
one = factor_jointly(rng.standard_normal((outputs, inputs)), pair)
print("proved for every map:", needed, "inner neurons; here:", pair.inner)
print("inputs without a matching:", len(unmatched_inputs(pair)), " outputs:", len(unmatched_outputs(pair)))
print(f"|AB - W| <= {one.certificate.bound:.1e}, and every map within {one.radius:.1e} of this one is reached too")

# %% [markdown]
# ## How many weights
#
# Expected kept weights for each weight of the target, at confidence 0.999 (`ertheory figure factored`):
#
# ![Kept weights for each weight of the target, against sparsity](../figures/factored.png)
#
# The two densities of a pair need not be equal. With `--split best` they are chosen at the same overall sparsity.

# %%
for split in ("equal", "best"):
    found = ertheory.width("784-128-10", sparsity="0.9", delta="0.001", method="factored", split=split)
    densities = ", ".join(f"{float(density):.3f}" for density in found.densities)
    print(f"{split}: {float(found.edges_expected):,.0f} expected weights, densities {densities}")

# %% [markdown]
# Any PyTorch module is treated alike by `ertheory.embed_module`: convolutions of every geometry, residual networks,
# attention. [benchmarks/RESULTS.md](../benchmarks/RESULTS.md) has trained ones, with every prediction as before.
