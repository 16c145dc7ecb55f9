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
# # How wide must a random sparse network be?
#
# You have a target network with layers 784-128-10. You want to start from a network whose weights are masked at
# random, at sparsity 0.9, and you ask: how wide must that source network be, so that it contains the target with
# probability at least 0.999?
#
# In a terminal this is one command:
#
# ```
# ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001
# ```
#
# In Python it is one call. This page takes about five minutes to read and some seconds to run.

# %%
from ertheory import Target, width

target = Target.from_text("784-128-10")
answers = width(target, sparsity="0.9", failure_probability="0.001")

for answer in answers:
    print(f"{answer.method:12} {answer.kind:10} layer 0 {answer.layer0:8} applies {answer.applies!s:6} {answer.widths}")

# %% [markdown]
# Every answer says on what it rests. There are six, because six statements speak about this question:
#
# * **printed**: Theorem 2.1 of Gadhikar, Mukherjee and Burkholz (ICML 2023), by its formula;
# * **exact**: the same construction, sized by the exact probability that it succeeds instead of a union bound;
# * **drop**: the same blocks, but copies that miss an edge are left out, so that not every one of them has to work;
# * **sharp**: ours. Layer 0 carries linear combinations of the inputs instead of copies, and a hidden neuron becomes a
#   copy of whichever target neuron its edges allow;
# * **theorem-2.3** and **degree**: *necessary* widths, below which no construction at all reaches this confidence.
#   `None` stands for a layer of which a statement says nothing.
#
# The first one does not apply as it was asked here. It tells why:

# %%
print(answers[0].reason)

# %% [markdown]
# ## Layer 0 is a choice
#
# A source for this target has three layers: layer 0 copies the inputs, layer 1 holds copies of the hidden neurons,
# layer 2 is the output. The printed theorem speaks of the densities of layers 1 and 2 and needs a working layer 0.
# There are three ways to read that, and the answer always names the one that was used.
#
# * `dense`: layer 0 is not masked, p_0 = 1. The theorem holds as printed.
# * `preassigned`: layer 0 is masked, and neuron k serves input k mod d if the mask lets it.
# * `matched`: layer 0 is masked, and its neurons are shared out after the mask was seen.

# %%
from ertheory import width

dense = width(target, method="printed", density="1,0.1,0.1", failure_probability="0.001")
print("dense      ", dense.widths, dense.variant)

for reading in ("preassigned", "matched"):
    answer = width(target, method="printed", sparsity="0.9", failure_probability="0.001", layer0=reading)
    print(f"{reading:11}", answer.widths, answer.variant)

# %% [markdown]
# With 784 inputs, sharing out a masked layer 0 after the fact costs next to nothing; assigning it blindly costs much.
#
# ## Printed, exact, necessary
#
# With layer 0 dense, source layer 1 needs 17,926 neurons before rounding; that is the number in the paper's Figure 2.
# Copies come in whole numbers, so the printed width is 141 x 128 = 18,048.

# %%
print("copies of each hidden neuron, before rounding:", float(dense.real_factors[1]))
print("width before rounding:                        ", float(dense.real_factors[1] * 128))

exact_answer = width(target, method="exact", density="1,0.1,0.1", failure_probability="0.001")
needed = width(target, method="degree", sparsity="0.9", failure_probability="0.001")
for name, answer in (("printed  ", dense), ("exact    ", exact_answer)):
    print(name, answer.widths, "success at least", answer.to_dict()["success_probability_lower"])
print("necessary", needed.widths)
print(f"the construction is {dense.widths[1] / needed.widths[1]:.1f} times wider in layer 1 than is necessary")

# %% [markdown]
# The union bound gives away almost nothing: the exact law saves one copy of each input and no hidden neuron. What
# costs a factor of ten is the construction itself: `sharp` needs 1,850 hidden neurons in layer 1, next to the 1,720
# that are necessary. The necessary width is for a source with every layer masked; it has further hypotheses, and states
# them:

# %%
print(needed.reason)

# %% [markdown]
# ## Figure 2
#
# The paper's curve, and beside it the rounded, the exact and the necessary widths.

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from IPython.display import Image

from ertheory.plots import draw

with TemporaryDirectory() as folder:
    files = draw("figure2", folder)
    picture = Path(files[0]).read_bytes()
Image(picture, width=800)

# %% [markdown]
# ## The inverse questions
#
# Widths are often given, by a computer's memory for instance. How sparse may the source be then?

# %%
from fractions import Fraction

from ertheory import confidence, sparsity

given = (179_536, 18_048, 10)
for method in ("printed", "exact", "degree"):
    answer = sparsity(target, given, method=method, layer0="dense", delta="0.001")[0]
    print(f"{method:8} {answer.kind:10} {float(answer.sparsity):.6f}")

# %% [markdown]
# Up to the first two sparsities the widths suffice, with layer 0 dense. Beyond the last one, with every layer masked,
# no construction can work for a target in general position. And with which probability does a source of these widths
# succeed at a given sparsity?

# %%
for zeros in ("0.9", "0.905", "0.91"):
    kept = 1 - Fraction(zeros)
    answer = confidence(target, given, density=(1, kept, kept), method="exact")[0]
    print(zeros, "success at least", answer.to_dict()["success_probability_lower"])

# %% [markdown]
# ## Four ways to go wrong
#
# The theorem is right when it is read with care. Each of the following readings is tempting, and each one fails.
#
# **Every layer masked, layer 0 too.** Take the target 1-1-1, every density 0.01 and delta = 0.1. The formula gives
# 866 and 299 neurons and claims success with probability 0.9. But the input must at least have a path to the output,
# and that alone happens with probability 0.217: for a target that depends on its input, no construction does better.

# %%
from ertheory import path_ceiling

percent = Fraction(1, 100)
chain = Target.from_text("1-1-1")
literal = width(chain, method="printed", density=percent, failure_probability="0.1")
ceiling = path_ceiling(1, literal.widths[:2], (percent,) * 3)
print("widths:", literal.widths, " claimed: 0.9  any construction at most:", round(ceiling, 4))
print("applies:", literal.applies, "-", literal.reason)

# %% [markdown]
# **A real number of copies.** At density 0.9999 and delta = 0.5 the formula asks for 0.9005 copies of each of 100
# hidden neurons. Taken literally that is 90 neurons for 100 different units. There must be at least one copy.

# %%
from ertheory import printed_factor

copies = printed_factor(100 * 10, density=0.9999, failure_probability=0.5 / 2)
print("copies by the formula:", round(float(copies), 4), " neurons:", int(100 * copies), "for 100 units")

# %% [markdown]
# **Rounding at the end.** The number of copies q_1 enters the formula of q_0. If the real q_1 goes in, and both are
# rounded afterwards, the claim can break. Here p_1 = 0.05, p_2 = 0.99, delta = 0.5 and the target is 1-1-1.

# %%
import math

densities = (Fraction(1), Fraction(5, 100), Fraction(99, 100))
q1 = float(printed_factor(1, density=0.99, failure_probability=0.5 / 2))
q0 = math.log(2 * q1 / 0.5) / -math.log1p(-0.05)
late = confidence(chain, (math.ceil(q0), math.ceil(q1)), density=densities, method="exact", layer0="dense")[0]
print(f"real q_1 = {q1:.3f}, so q_0 = {math.ceil(q0)}: success {float(late.success_lower):.4f}, claimed 0.5")

early = width(chain, method="printed", density=densities, failure_probability="0.5")
print(f"rounded q_1 = {early.factors[1]}, so q_0 = {early.factors[0]}: success {float(early.success_lower):.4f}")

# %% [markdown]
# **More is not better, for the formula.** At density 0.5, (q_0, q_1) = (33, 22) satisfies the inequalities. (33, 60)
# does not, because more copies in layer 1 ask more of layer 0. Yet the wider network contains the narrower one. The
# inverse questions above take this into account: they use as many of the given neurons as serve the purpose.

# %%
from ertheory import printed_copies

for q1 in (22, 60):
    q0 = printed_copies(784 * 128 * q1, density=0.5, failure_probability=0.001 / 2)
    print(f"q_1 = {q1}: the formula asks for q_0 = {q0}; 33 {'qualifies' if q0 <= 33 else 'does not qualify'}")

half = Fraction(1, 2)
wider = confidence(target, (33 * 784, 60 * 128), density=(1, half, half), method="exact")[0]
likely = wider.to_dict()["success_probability_lower"]
print("the wider network, used well: success at least", likely, "with copies", wider.factors)

# %% [markdown]
# ## A single neuron: Theorem 2.3
#
# How wide must one hidden layer be to hold a single ReLU neuron of 10 inputs? Theorem 2.3 gives a necessary width. It
# counts only the edges into the hidden layer. The exact law counts the edges out of it as well, and at density 0.01
# that is a factor of a hundred. With a linear output, one hidden neuron must read all inputs at once.

# %%
from ertheory import lower

relu = lower(10, density=percent, delta="0.05")
linear = lower(10, density=percent, delta="0.05", output="linear")
print(f"printed, necessary:                          {relu.printed:,}")
print(f"exact, ReLU output, necessary and sufficient: {relu.exact:,}")
print(f"closed form, ReLU output, sufficient:         {relu.sufficient:,}")
print(f"exact, linear output:                         {linear.exact:.3g}")

# %% [markdown]
# ## What to take along
#
# * Say how layer 0 is read. `ertheory` always does.
# * Whole numbers of copies, and the rounded q_1 in the formula of q_0.
# * Sufficient widths are enough, necessary ones cannot be undercut; between them, here, lies a factor of ten.
# * `ertheory width --explain` shows every formula with the numbers put in.
