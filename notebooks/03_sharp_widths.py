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
# # Sharp widths, with proofs
#
# For a 784-128-10 target at sparsity 0.9 the printed theorem asks for 179,536 + 18,048 hidden neurons. The
# constructions on this page need 8,551 + 1,850, with every layer masked. Here are their statements with proofs, written
# to be checked, and the necessary widths beside them. Whatever a machine can check is checked on the way: identities by
# sympy, laws of tiny masks by going through *all* masks in fractions, larger ones on drawn masks with exact intervals.
#
# None of the statements is the paper's; its own are the subject of [notebook 01](01_widths.ipynb). How the
# constructions are built is shown in [notebook 02](02_embedding.ipynb).
#
# ## Setting
#
# The target has widths $n_0 = d, n_1, \dots, n_L$. The source has layers $0, \dots, L$ of widths
# $N_0, \dots, N_L = n_L$. The mask $S_l$ of source layer $l$ keeps each entry with probability $p_l$, independently;
# $r_l = 1 - p_l$. Weights on kept entries and all biases are free. The activation is ReLU, the output linear, inputs
# lie in a box. A source *represents* a target if the two are the same function on the box. $\delta$ is the failure
# probability that is allowed.

# %%
import itertools
import math
from fractions import Fraction

import numpy as np
import sympy

HALF = Fraction(1, 2)


def over_masks(holds, shapes, densities):
    """Probability of an event, by going through all masks."""
    sizes = [math.prod(shape) for shape in shapes]
    total = Fraction(0)
    for bits in itertools.product((False, True), repeat=sum(sizes)):
        parts = np.split(np.array(bits), np.cumsum(sizes)[:-1])
        if holds(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))):
            weight = Fraction(1)
            for part, density in zip(parts, densities, strict=True):
                weight *= density ** int(part.sum()) * (1 - density) ** int((~part).sum())
            total += weight
    return total


# %%
from ertheory.montecarlo import verify


def drawn(*statements):
    """Count events on 20,000 drawn masks each; every interval holds the truth with probability 1 - 1e-6."""
    for statement in statements:
        found = verify(statement, seed=1, level=1 - Fraction(1, 10**6))
        said = found.predicted if isinstance(found.predicted, tuple) else (found.predicted, found.predicted)
        ends = f"counted {found.interval.low:.4f} to {found.interval.high:.4f}"
        print(f"{statement:15} proved {said[0]:.4f} to {said[1]:.4f}  {ends}  agrees: {found.agrees}")


# %% [markdown]
# ## I1. Dropped copies
#
# *Construction.* Layer 0 works: every input has $q_0$ neurons that carry it. Neuron $j$ of target layer 1, with $k_j$
# weights into it and $c_j$ out of it, has $q_1$ copies. A copy is *good* if for each of its $k_j$ inputs it has an edge
# to one of the $q_0$ neurons of that input. Bad copies are left out; the target is represented if every output that
# reads $j$ has an edge to a good copy of $j$.
#
# **Theorem I1.** With $g_j = (1 - r_1^{q_0})^{k_j}$ and $G_j \sim \mathrm{Bin}(q_1, g_j)$ the probability of this is
# $$P = \prod_j E\left[(1 - r_2^{G_j})^{c_j}\right].$$
#
# *Proof.* A copy misses a given input with probability $r_1^{q_0}$. Its $k_j$ inputs have disjoint sets of entries of
# $S_1$, so it is good with probability $g_j$. Different copies have different rows of $S_1$: the number of good ones is
# $G_j$, independent over $j$. $S_2$ is independent of $S_1$. Given $G_j$, each of $c_j$ outputs misses all good copies
# of $j$ with probability $r_2^{G_j}$, and all these events use disjoint entries of $S_2$. Multiply, and average over
# $G_j$. $\square$
#
# In numbers the expectation is summed by inclusion and exclusion,
# $E[(1 - r^G)^c] = \sum_i (-1)^i \binom{c}{i} (1 - g (1 - r^i))^q$. Both sides are polynomials; sympy compares them.

# %%
g, r, x, t = sympy.symbols("g r x t", positive=True)
for q, c in itertools.product(range(1, 5), range(1, 4)):
    direct = sum(math.comb(q, k) * g**k * (1 - g) ** (q - k) * (1 - r**k) ** c for k in range(q + 1))
    summed = sum((-1) ** i * math.comb(c, i) * (1 - g * (1 - r**i)) ** q for i in range(c + 1))
    assert sympy.expand(direct - summed) == 0
print("the identity holds for q up to 4, c up to 3")

# %% [markdown]
# The law itself, for a target 2-1-2 with $q_0 = 1$ and $q_1 = 3$, over all $2^{12}$ masks:

# %%
from ertheory import Target
from ertheory.bounds.drop.law import exact_drop

p1, p2 = Fraction(3, 5), Fraction(2, 5)


def dropped(first, last):
    good = first.all(axis=1)
    return all((row & good).any() for row in last)


enumerated = over_masks(dropped, [(3, 2), (2, 3)], [p1, p2])
assert enumerated == exact_drop(Target.from_text("2-1-2"), (Fraction(1), p1, p2), (1, 3, 1))
print("all masks and Theorem I1:", enumerated)

# %% [markdown]
# ## I2. Dropped copies in deep targets
#
# **Theorem I2.** Let $q_l$ copies of every neuron be in layer $l$ and choose any thresholds
# $t_1, \dots, t_{L-2} \ge 1$; $t_0 = q_0$. A copy in layer $l$ is good if it has edges to good copies of all that it
# reads. With $g_{lj} = (1 - r_l^{t_{l-1}})^{k_{lj}}$,
# $$P \ge \prod_{l=1}^{L-2} \prod_j P(\mathrm{Bin}(q_l, g_{lj}) \ge t_l)\ \prod_j E\left[(1 - r_L^{G_j})^{c_j}\right],
# \qquad G_j \sim \mathrm{Bin}(q_{L-1}, g_{L-1,j}).$$
#
# *Proof.* Let $A_l$ be the event that every neuron of layer $l$ has $t_l$ good copies or more. Given the masks below,
# and $A_{l-1}$, choose $t_{l-1}$ good copies of every neuron below by index. Copies in layer $l$ are good if they have
# edges to these, which happens independently, with probability $g_{lj}$. So
# $P(A_l \mid S_1, \dots, S_{l-1}) \ge \prod_j P(\mathrm{Bin}(q_l, g_{lj}) \ge t_l)$ wherever $A_{l-1}$ holds. Chain
# these conditional probabilities, and end with I1. $\square$

# %%
drawn("drop", "drop-deep")

# %% [markdown]
# All of this needs copies that fail independently, so layer 0 has to work as a whole: it is dense, or its neurons are
# shared out after the mask is seen, which fails with probability $H$ at most (the Hall sum of private matching below,
# with inputs for outputs), and $P$ is multiplied by $1 - H$.
#
# ## I3. A coded layer 0
#
# *Construction.* A bias keeps every neuron of layer 0 where ReLU is the identity on the box: $x \mapsto B x + e$ with
# $B$ on $S_0$ and $e$ large enough. A neuron $v$ of layer 1 with weights $A_v$ on $S_1$ and bias $b - A_v e$ sees
# $A_v B x + b$. Wanted: rows $w_v \in R^d$ with $A_v B = w_v$, for all $v$ in a set $V$.
#
# **Lemma (primal).** Let $K_v$ be the neurons that $v$ reads. If for every $v \in V$ all $d$ inputs can be matched to
# neurons in $K_v$ along $S_0$, then one $B$ serves all $v$ and all rows $w_v$.
#
# *Proof.* Take the entries of $B$ on $S_0$ as variables. A matching picks a $d \times d$ minor of $B[K_v]$ and one
# monomial of its determinant. Other permutations give other monomials, so nothing cancels and the minor is a polynomial
# that is not zero. Nor is the product of these over $v$. Choose $B$ where it does not vanish: then every $B[K_v]$ has
# rank $d$, and $A_v B[K_v] = w_v$ can be solved. $\square$
#
# **Lemma (dual).** Let $K^i$ be the neurons that read input $i$. If for every $i$ all of $V$ can be matched to neurons
# in $K^i$ along $S_1$, then one $A$ serves all $i$ and all rows: the same proof, for the columns of $B$ one after
# another.
#
# All $2^9$ square patterns with three rows: the determinant vanishes if and only if there is no matching.

# %%
entries = sympy.symbols("a:9")
for pattern in itertools.product((0, 1), repeat=9):
    matrix = sympy.Matrix(3, 3, [symbol * bit for symbol, bit in zip(entries, pattern, strict=True)])
    ways = [way for way in itertools.permutations(range(3)) if all(pattern[3 * i + k] for i, k in enumerate(way))]
    assert (sympy.expand(matrix.det()) != 0) == bool(ways)
print("512 patterns: rank 3 if and only if there is a matching")

# %% [markdown]
# **Theorem I3.** Let $d$ rows have edges to each of $K \sim \mathrm{Bin}(N, b)$ columns with probability $a$,
# independently. With
# $$h_k = \sum_{s=1}^d \binom{d}{s} \binom{k}{s-1} (1-a)^{s(k-s+1)}, \qquad h^*_k = \min(1, \min_{d \le j \le k} h_j),
# \qquad h^*_k = 1 \text{ for } k < d,$$
# not all rows can be matched with probability $\varepsilon(d, N, a, b) = E[h^*_K]$ at most. If $V$ does not depend on
# $S_0$ and $S_1$, the coded construction fails with probability
# $$\text{primal:}\quad E|V|\,\varepsilon(d, N_0, p_0, p_1), \qquad
# \text{dual:}\quad E[\min(1, d\,\varepsilon(|V|, N_0, p_1, p_0))]$$
# at most.
#
# *Proof.* Fix $j$ of the $k$ columns. By Hall's theorem there is no matching into them only if some $s$ rows have
# $s - 1$ neighbours there at most. Then these $s$ rows have no edge to $j - s + 1$ columns: $s (j - s + 1)$ given edges
# are missing. There are $\binom{d}{s} \binom{j}{s-1}$ ways to choose the rows and the columns that they may see. So
# $h_j$ bounds the failure, for every $j \le k$. In the primal $S_1$ decides $K_v$, and $S_0$ is independent of it with
# density $a = p_0$; sum over $v \in V$. In the dual they change roles; sum over the inputs. $\square$
#
# Checked: the bound $h_k$ against all masks, and both failure bounds on drawn masks.

# %%
from ertheory.bounds.sharp.coded import coded_width
from ertheory.bounds.sharp.matched import structural_failure


def unmatched(mask):
    rows, columns = mask.shape
    ways = itertools.permutations(range(columns), rows)
    return not any(all(mask[i, k] for i, k in enumerate(way)) for way in ways)


for rows, columns in [(1, 3), (2, 2), (2, 4), (3, 3), (3, 4)]:
    failure = over_masks(unmatched, [(rows, columns)], [Fraction(3, 5)])
    bound = structural_failure(rows, columns, Fraction(3, 5))[1]
    assert failure <= bound
    print(f"{rows} rows, {columns} columns: fails with {float(failure):.4f}, bound {float(bound):.4f}")
drawn("coded", "coded-dual")

# %% [markdown]
# And one system solved in fractions: a random $B$ and $A$ on their masks give the rows of a target exactly.

# %%
rng = np.random.default_rng(4)
first, second = rng.random((8, 3)) < 0.6, rng.random((2, 8)) < 0.6
bottom = sympy.Matrix(8, 3, lambda i, j: sympy.Rational(int(rng.integers(1, 50)), 16) if first[i, j] else 0)
wanted = sympy.Matrix([[3, -1, sympy.Rational(1, 3)], [0, 7, 2]])
top = sympy.zeros(2, 8)
for row in range(2):
    reads = np.flatnonzero(second[row]).tolist()
    part = bottom[reads, :]
    solution = part * (part.T * part).inv() * wanted[row, :].T
    for place, unit in enumerate(reads):
        top[row, unit] = solution[place]
assert top * bottom == wanted
print("A B = W exactly; A has", sum(value != 0 for value in top), "entries, all on the mask")

# %% [markdown]
# ## Copies that share their weights
#
# In the dual every neuron of $V$ is one equation for each input. But copies of the same target neuron have the same row
# $w_v$, so they may have the same weights, and then they are one equation together.
#
# *Construction.* $V$ falls into classes $V_1, \dots, V_n$. Choose $s \ge 1$ and cut class $j$ into
# $\lceil |V_j| / s \rceil$ parts of $s$ neurons at most. A part may use those neurons of layer 0 that *all* of its
# neurons read, with one weight for all of them. Draw these weights, and solve for the columns of $B$.
#
# **Theorem.** Let the classes depend on $S_2$ alone, and let $a_1, \dots, a_n$ be independent numbers that are at least
# their sizes wherever the colouring succeeds. With $M = \sum_j \lceil a_j / s \rceil$ layer 0 fails with probability
# $E[\min(1, d\,\varepsilon(M, N_0, p_1^s, p_0))]$ at most.
#
# *Proof.* Given $S_2$, all neurons of a part of $b \le s$ read a given neuron of layer 0 with probability
# $p_1^b \ge p_1^s$. Different parts and different neurons of layer 0 rest on different entries of $S_1$, so this is
# independent, and independent of $S_0$. Leave such pairs out at random until each is there with probability $p_1^s$,
# which does not help. By the proof of the dual lemma one choice of the shared weights serves all inputs if for every
# input all parts can be matched to neurons in $K^i$ along such pairs, and that fails with probability
# $\varepsilon(M', N_0, p_1^s, p_0)$ at most for $M'$ parts. Sum over the inputs; fewer parts are no harder to match,
# and $M' \le M$. For the sequential greedy the $a_j$ are its chains. $\square$
#
# With $s = 1$ this is the dual. A larger $s$ has about $s$ times fewer rows, each of which finds fewer neurons of layer
# 0. In deeper targets the first $t_1$ copies of every neuron of layer 1 are used, so $a_j = t_1$.

# %%
from ertheory import Target, width

drawn("coded-classes")
print("sparsity   N_0, one row for each   with parts   s")
for sparsity in ("0.1", "0.3", "0.5", "0.7", "0.8"):
    answer = width(Target.from_text("784-128-10"), method="sharp", sparsity=sparsity, failure_probability="0.001")
    colours, densities = answer.design.colours, answer.densities
    rest = Fraction(1, 1000) - colours.failure(answer.design.served)[1]
    alone = coded_width(colours.used, 784, densities[:2], rest)[0]
    print(f"{sparsity:8} {alone:22,} {answer.widths[0]:12,} {answer.design.part:3}")

# %% [markdown]
# ## I4. The sequential greedy
#
# *Construction.* Nobody says beforehand which target neuron a neuron of the last hidden layer copies. Outputs
# $t = 1, \dots, R$ are served in turn. Output $t$ needs an adjacent neuron of every class (target neuron) in a set
# $D_t$; of the free neurons adjacent to $t$ those of smallest index get the classes that $t$ lacks.
#
# **Theorem I4.** Let $a_1, \dots, a_n$ be independent chains from 0; at step $t$, if $j \in D_t$, chain $j$ rises by 1
# with probability $r^{a_j}$. Let $U_t$ be their sum and $M_t$ the number that rise at step $t$. Then
# $$P(\text{success}) = E\left[\prod_{t=1}^R P(\mathrm{Bin}(N - U_{t-1}, p) \ge M_t \mid U_{t-1}, M_t)\right],\qquad
# P(\text{failure}) \le \sum_{t=1}^R E\left[P(\mathrm{Bin}(N - U_{t-1}, p) < M_t \mid U_{t-1}, M_t)\right]$$
# with $N - U$ read as 0 where it is negative. If it succeeds $U_R$ neurons have a class.
#
# *Proof.* Which neurons have which class after output $t - 1$ is a function of the edges to outputs $1, \dots, t - 1$.
# So the edges to $t$ are fresh. Class $j$ with $a_j$ members has none adjacent to $t$ with probability $r^{a_j}$, and
# then gains one member; classes are disjoint, so this is independent over $j$: the sizes move as the chains do. The
# $N - U_{t-1}$ free neurons are others, so the number of them adjacent to $t$ is binomial and independent of that. The
# first formula follows step by step. For the second sum the probabilities of a first failure at $t$, and drop the
# condition that there was none before; the chains go on by coins of their own. $\square$
#
# It would be wrong to prefer free neurons that later outputs can use: their edges would no longer be fresh. Checked:
# the law over all masks, and how little the bound gives away.

# %%
from ertheory.bounds.sharp.sequential import sequential_failure, stages_of
from ertheory.bounds.sharp.sequential_law import sequential_law


def greedy(mask, needs):
    owners = [-1] * mask.shape[1]
    for row, needed in zip(mask, needs, strict=True):
        around = np.flatnonzero(row).tolist()
        lacking = [kind for kind, need in enumerate(needed) if need and not any(owners[v] == kind for v in around)]
        free = [v for v in around if owners[v] < 0]
        if len(free) < len(lacking):
            return False
        for neuron, kind in zip(free, lacking, strict=False):
            owners[neuron] = kind
    return True


needs = [[True, True], [True, False], [True, True]]
for neurons in range(1, 5):
    law = sequential_law(needs, neurons, HALF)
    assert law == over_masks(lambda mask: greedy(mask, needs), [(3, neurons)], [HALF])
    assert 1 - law <= sequential_failure(stages_of(needs), neurons, HALF)[1]
print("law over all masks: right for N = 1, .., 4")
for neurons in (12, 16, 20):
    failure = float(sequential_failure(stages_of(needs), neurons, HALF)[1])
    print(f"N = {neurons}: fails with {float(1 - sequential_law(needs, neurons, HALF)):.3e}, bound {failure:.3e}")
drawn("sequential")

# %% [markdown]
# How large do classes grow? $E[r^{-a_{t+1}} \mid a_t = a] = r^{-a}(1 - r^a) + r^{-a-1} r^a = r^{-a} + p/r$, so
# $E[r^{-a_R}] = 1 + R p/r$, and by Jensen a class has $\log(1 + R p / r) / \log(1/r)$ members at most on average:
# $\log R$ and not $\log(m/\delta)$, as in the printed theorem. Where the joint law is too long to sum, Markov's
# inequality for $r^{-U}$ bounds $U_{R-1}$.

# %%
a, p = sympy.symbols("a p", positive=True)
step = (1 - p) ** (-a) * (1 - (1 - p) ** a) + (1 - p) ** (-a - 1) * (1 - p) ** a
assert sympy.simplify(step - ((1 - p) ** (-a) + p / (1 - p))) == 0
print("E[r^-a'] = r^-a + p / r")

# %% [markdown]
# ## Private matching
#
# **Theorem.** Let output $o$ read $c_o$ target neurons. With $c(T) = \sum_{o \in T} c_o$, the probability that outputs
# cannot be given $c_o$ adjacent neurons of their own is at most
# $$\sum_{\emptyset \ne T} P(\mathrm{Bin}(N, 1 - r^{|T|}) \le c(T) - 1).$$
#
# *Proof.* Split output $o$ into $c_o$ clones with the same neighbours. Neurons of their own for all are a matching of
# all clones. By Hall's theorem it exists if and only if no set of clones has fewer neighbours than members. A set that
# touches the outputs $T$ has the neighbours $N(T)$ and $c(T)$ members at most, so the condition is $|N(T)| \ge c(T)$
# for all $T$. A neuron lies outside of $N(T)$ if it lacks $|T|$ edges: $|N(T)| \sim \mathrm{Bin}(N, 1 - r^{|T|})$. Sum
# over $T$. $\square$
#
# Each neuron copies one target neuron for one output, and $c_1 + \dots + c_O = m_L$ neurons are used, whatever the
# mask.

# %%
from ertheory.bounds.sharp.private import private_failure


def private(mask):
    clones = mask[[0, 1, 1]]  # demands 1 and 2
    return not unmatched(clones)


for neurons in range(3, 8):
    failure = 1 - over_masks(private, [(2, neurons)], [HALF])
    bound = private_failure((1, 2), neurons, HALF)[1]
    assert failure <= bound
    print(f"N = {neurons}: fails with {float(failure):.4f}, bound {float(bound):.4f}")
drawn("matching")

# %% [markdown]
# ## Sharp: the budget split among them
#
# **Theorem.** For one hidden layer: let $\mathrm{last}(N)$ be the bound of I4 or of private matching, whichever was
# chosen before the mask was seen, and $V$ the neurons that get a class. Then
# $$P(\text{failure}) \le \mathrm{last}(N_1) + \min\left\{E|V|\,\varepsilon(d, N_0, p_0, p_1),\
# \min_s E[\min(1, d\,\varepsilon(M_s, N_0, p_1^s, p_0))]\right\},$$
# and outside of this event *all* targets with these places of non-zeros are represented, whatever their weights.
#
# *Proof.* $V$ is a function of $S_2$ alone, so it is independent of $S_0$ and $S_1$: apply I3, and the theorem on
# shared weights with $M_s$ parts of at most $s$ copies, given $S_2$, average over $V$, and add the failure of the
# colouring.
# That the minimum is taken is no choice after the fact: each is a bound on the probability that the numbers do not
# exist, since any of the lemmas is enough. $\square$
#
# Spare neurons may be traded in: only neurons of layer 1 with $k$ edges into layer 0 or more are used; then $K$ has its
# law given $K \ge k$. A colouring fails hardly more often with one neuron fewer, but that two neurons are wired badly
# is far less likely than that one is: so even beside the smallest $N_1$ some neurons are better not counted on, and
# $N_0$ falls from 9,206 to 8,551 at sparsity 0.9, as shown below. For deeper targets thresholds $t_l$ as in I2 stand in
# between, and neurons of the last hidden layer are good if they may take *any* class, so that goodness does not depend
# on the colouring:
# $$P(\text{failure}) \le [\text{layer 0}] + \sum_{l=1}^{L-2} \sum_j P(\mathrm{Bin}(q_l, g_{lj}) < t_l) +
# P(\mathrm{Bin}(N_{L-1}, g) < N') + \mathrm{last}(N').$$
# *Proof.* Order the masks from below. Given those of lower layers in which nothing is short, copies in layer $l$ are
# good independently, with probability $g_{lj}$ each, so the probability that layer $l$ is the first to be short is at
# most its term. Which neurons of the last hidden layer are good does not depend on $S_L$; the first $N'$ of them are
# coloured. For a coded layer 0 the used neurons of layer 1 depend on $S_1$ through which of them have $k$ edges, and on
# later masks; given that, $S_0$ is still independent. $\square$

# %%
from ertheory import width

drawn("sharp")
digits = Target.from_text("784-128-10")
for sparsity in ("0.5", "0.9", "0.95", "0.99"):
    answer = width(digits, method="sharp", sparsity=sparsity, failure_probability="0.001")
    print(sparsity, answer.widths[:2], "success at least", answer.to_dict()["success_probability_lower"])

# %%
from dataclasses import replace

from ertheory.bounds.sharp.spare import wired

tenth = width(digits, method="sharp", sparsity="0.9", failure_probability="0.001").design
print("counted on   k     N_0   [layer 0]  too few wired  colouring  in all")
for spare, neurons in ((0, 9206), (1, 8992), (4, 8778), (22, 8551)):
    design = replace(tenth, first_width=neurons, served=1850 - spare, columns=0)
    design = wired(design) if spare else design
    first, last, whole = (
        bound[1] for bound in (design.first_layer(), design.colours.failure(design.served), design.failure())
    )
    assert whole <= Fraction(1, 1000)
    terms = f"{float(first):11.3g}  {float(whole - first - last):13.3g}  {float(last):9.3g}  {float(whole):.6f}"
    print(f"{design.served:10,}  {design.columns:3}  {neurons:5,} {terms}")

# %% [markdown]
# ## Necessary: chambers
#
# From here on $L = 2$, $n = n_1 \le d$, $W_2$ has no zeros, and the hyperplanes $H_j = \{W_1 x + b_1 = 0\}_j$ have a
# common point inside the box. Row $u$ of $S_0$ has $a_u \sim \mathrm{Bin}(d, p_0)$ entries.
#
# **Theorem (chambers).** For every $W_1$ outside of a null set that does not depend on the masks: if the source
# represents the target and $\sum_u (a_u - d + n)^+ < n$, then some convex set, open and inside the box, meets every
# $H_j$, and layer 0 is affine on it.
#
# So what holds with high probability of sources whose layer 0 is affine there holds of all sources, up to
# $$E = P\Big(\sum_{u \le N_0} (a_u - d + n)^+ \ge n\Big).$$
#
# *Proof.* Let $Z = \bigcap_j H_j$ and $y = W_1 x + b_1$. The kink of row $u$ contains $Z$ only if its normal is
# $W_1^T s$ with $s \in S_u$, the $s$ for which $W_1^T s$ vanishes outside of the entries of row $u$; for almost every
# $W_1$ this space has dimension $(a_u - d + n)^+$. Let $T$ be the sum of all $S_u$, which is not $R^n$. For almost
# every $W_1$ no $e_j$ is in $T$: $S_u(G W_1) = G^{-T} S_u(W_1)$ for invertible $G$, and $e_j \in G^{-T} T$ only if row
# $j$ of $G$ is in $T$, for a null set of $G$; by Fubini's theorem such $W_1$ are a null set, and there are finitely
# many masks.
# So $T^\perp$ contains a $v$ without zeros. Take $z \in Z$ inside the box off all kinks that do not contain $Z$. Near
# $z$ the others are hyperplanes $s \cdot y = 0$ with $s \in T$, and the open cones between them contain with $y$ the
# line $y + t v$, which meets every $y_j = 0$. Small multiples stay in the cone: it is the set that was claimed.
# $\square$
#
# If it is *known* that no minor of size $n$ of $W_1$ is 0, the theorem holds with "no row has $d - n + 1$ entries" in
# place of the sum, whose probability is at least $1 - N_0 P(\mathrm{Bin}(d, p_0) \ge d - n + 1)$: then $T = 0$. For the
# sum itself that is not enough: with rows $a + b, a - b, c + e, c - e$ and a generic one in $W_1$, and rows
# $a, b, c, e$ of two entries in layer 0, $\max(|a|, |b|) = |b| + \phi(|a| - |b|)$ saves a neuron.
#
# ## Necessary: the degree bound
#
# **Theorem LB1.** $P(\text{represented}) \le P(\mathrm{Bin}(N_1, p_2) \ge n)^o + E.$
#
# *Proof.* On the set of the chamber theorem the preactivations of layer 1 are affine. The target has a kink along every
# $H_j$ there, in every output. Finitely many hyperplanes cannot cover a piece of $H_j$ unless one equals it, so for
# every output and every $j$ some neuron of layer 1 adjacent to the output vanishes exactly on $H_j$; different $j$ need
# different neurons, as $W_1$ has rank $n$. So each output has $n$ neighbours or more, and the degrees of outputs are
# independent. $\square$
#
# Rank $n$ cannot be left out: with two equal neurons $H_1 = H_2$, and one neighbour is enough.
#
# ## Necessary: the size bound
#
# The proof shows more. The neurons that vanish on $H_j$ near $z$ are a class; classes are disjoint, and each is
# adjacent to all outputs.
#
# **Theorem.** Let $z_0 = 0$ and $z_1, \dots, z_o \ge 0$ with $z_{s_1} + z_{s_2} + \dots \ge 1$ whenever
# $s_1 + s_2 + \dots \ge o$. Then the first term may be replaced by $P(z_{D_1} + \dots + z_{D_{N_1}} \ge n)$, with
# independent $D_v \sim \mathrm{Bin}(o, p_2)$.
#
# *Proof.* $D_v$ is the number of outputs adjacent to neuron $v$. The sizes of a class sum to $o$ at least, its $z$ to 1
# at least; there are $n$ disjoint classes. $\square$
#
# The best $z$ on average solves a linear program, which is solved in double precision and rounded to rationals; that
# they satisfy all constraints is then checked exactly. Here all constraints are listed for ten outputs, 76 of them.

# %%
from ertheory.bounds.necessary.size_lp import cover_weights, size_shortfall

covers = [
    sizes
    for length in range(1, 11)
    for sizes in itertools.combinations_with_replacement(range(1, 11), length)
    if sum(sizes) >= 10 > sum(sizes) - sizes[0]
]
for density in (Fraction(1, 10), HALF, Fraction(9, 10)):
    weights = cover_weights(10, density)
    assert min(sum(weights[size] for size in sizes) for sizes in covers) >= 1
print(len(covers), "covers; z at density 1/2:", [str(z) for z in cover_weights(10, HALF)])


def packs(mask):
    ways = itertools.product(range(2), repeat=mask.shape[1])
    return any(all(mask[:, np.array(way) == kind].any(axis=1).all() for kind in range(2)) for way in ways)


for outputs, neurons in [(2, 3), (2, 5), (3, 3), (3, 4)]:
    found = over_masks(packs, [(outputs, neurons)], [HALF])
    ceiling = 1 - size_shortfall(cover_weights(outputs, HALF), neurons, 2, HALF)[0]
    assert found <= ceiling
    print(f"{outputs} outputs, {neurons} neurons: two classes with {float(found):.4f}, at most {float(ceiling):.4f}")
drawn("degree", "size-lp")

# %% [markdown]
# ## Necessary for colourings: the first moment
#
# **Theorem.** If every neuron of a hidden layer copies at most one of $n$ target neurons, and $R$ consumers that do not
# depend on the mask between them are to find all $n$, then
# $$P(\text{success}) \le \frac{n^N}{n!} (1 - r^{N/n})^{nR}.$$
#
# *Proof.* A colouring with class sizes $a_j$ serves all with probability $\prod_j (1 - r^{a_j})^R$, as the edges are
# disjoint. $\log(1 - r^a)$ is concave in $a$, so the product is largest at $a_j = N / n$. There are $n^N$ colourings;
# those that differ by a permutation of colours succeed together, and no class is empty, so every success has $n!$ of
# them: divide the expected number by $n!$. $\square$
#
# Concavity: the second derivative of $\log(1 - e^{-a \lambda})$ by sympy, with $x = e^{-a \lambda}$.

# %%
size, rate = sympy.symbols("size rate", positive=True)
second_derivative = sympy.diff(sympy.log(1 - sympy.exp(-size * rate)), size, 2)
substituted = sympy.simplify(second_derivative.subs(sympy.exp(size * rate), 1 / x).subs(sympy.exp(-size * rate), x))
assert sympy.simplify(substituted + rate**2 * x / (1 - x) ** 2) == 0
print("second derivative:", -(rate**2) * x / (1 - x) ** 2, " with 0 < x < 1")
for outputs, neurons in [(2, 2), (3, 3), (3, 4), (4, 3)]:
    found = over_masks(packs, [(outputs, neurons)], [Fraction(3, 4)])
    ceiling = 2**neurons / 2 * (1 - 0.25 ** (neurons / 2)) ** (2 * outputs)
    assert found <= ceiling
drawn("first-moment")

# %% [markdown]
# ## Necessary for layer 0: the parameter count
#
# For a set $V$ of $n$ neurons of layer 1 and a neuron $u$ of layer 0 let $u$ read $a_u$ inputs and be read by $b_u$
# neurons of $V$, and $X_u = a_u + b_u - 1$ if both are positive, else 0.
#
# **Lemma.** For fixed masks and $V$, the products $A B$, with $A$ of shape $(n, N_0)$ and $B$ of shape $(N_0, d)$ on
# their masks, lie in finitely many images of $R^k$ under polynomials, $k = \sum_u X_u$. If $k < n d$ they are a null
# set.
#
# *Proof.* $A B = \sum_u A_{\cdot u} B_{u \cdot}$. Drop the $u$ for which either factor is zero; in the others move a
# number from one factor to the other so that the first non-zero entry of $B_{u \cdot}$ becomes 1. Finitely many choices
# of the $u$ that are left and of the places of the ones remain, and each leaves at most $X_u$ entries of $u$ free. A
# smooth map from $R^k$ to $R^{nd}$ has an image of measure zero if $k < n d$. $\square$
#
# **Theorem.** For almost every $W_1$ (the null set does not depend on the masks),
# $$P(\text{represented}) \le \binom{N_1}{n} p_2^n P(X_1 + \dots + X_{N_0} \ge n d) + E,$$
# with independent $a_u \sim \mathrm{Bin}(d, p_0)$ and $b_u \sim \mathrm{Bin}(n, p_1)$. For every $t > 0$ the first
# probability is at most $M(t)^{N_0} e^{-t n d}$ with
# $$M(t) = 1 + e^{-t} ((r_0 + p_0 e^t)^d - r_0^d) ((r_1 + p_1 e^t)^n - r_1^n) - (1 - r_0^d) (1 - r_1^n).$$
#
# *Proof.* On the set of the chamber theorem preactivations of layer 1 are $A B x + c$, with $B$ on $S_0$. For every $j$
# some $v_j$ that output 1 reads vanishes exactly on $H_j$, so row $v_j$ of $A B$ is a multiple of row $j$ of $W_1$, and
# not zero. Divide: $W_1 = A' B$ with $A'$ on the mask of $V = \{v_1, \dots, v_n\}$, so $N_0 \ge n$. By the lemma this
# needs $\sum_u X_u \ge n d$ for this $V$, unless $W_1$ is in a null set that belongs to the masks, $V$ and its order:
# finitely many. Output 1 reads all of $V$ with probability $p_2^n$; sum over the $\binom{N_1}{n}$ sets $V$. The rest is
# Markov's inequality for $e^{t X}$. $\square$
#
# Checked: $M(t) = E e^{t X}$ by sympy, and the lemma by the rank of the derivative of $(A, B) \mapsto A B$ at random
# points.

# %%
for inputs, rows in itertools.product(range(1, 4), range(1, 4)):
    moment = sympy.Integer(0)
    for reads, read in itertools.product(range(inputs + 1), range(rows + 1)):
        chance = math.comb(inputs, reads) * g**reads * (1 - g) ** (inputs - reads)
        chance *= math.comb(rows, read) * r**read * (1 - r) ** (rows - read)
        moment += chance * t ** (reads + read - 1 if reads and read else 0)  # t stands for e^t
    one, other = (1 - g + g * t) ** inputs - (1 - g) ** inputs, (1 - r + r * t) ** rows - (1 - r) ** rows
    closed = 1 + one * other / t - (1 - (1 - g) ** inputs) * (1 - (1 - r) ** rows)
    assert sympy.expand(moment - closed) == 0
print("M(t) is right for d and n up to 3")

rng = np.random.default_rng(0)
for _ in range(300):
    neurons, inputs, rows = rng.integers(1, 6, 3)
    first, second = rng.random((neurons, inputs)) < 0.6, rng.random((rows, neurons)) < 0.6
    bottom, top = first * rng.normal(size=first.shape), second * rng.normal(size=second.shape)
    moved = [np.outer(np.eye(rows)[j], bottom[u]).ravel() for j, u in np.argwhere(second)]
    moved += [np.outer(top[:, u], np.eye(inputs)[i]).ravel() for u, i in np.argwhere(first)]
    reads, read = first.sum(axis=1), second.sum(axis=0)
    free = int(((reads + read - 1) * (reads > 0) * (read > 0)).sum())
    assert not moved or np.linalg.matrix_rank(np.array(moved)) <= min(free, rows * inputs)
print("300 masks: the rank is never above the count")
drawn("parameter-count")

# %% [markdown]
# Where layers are sparse, parameters are many enough but not in the right places:
#
# **Theorem (path count).** If $W_1$ has no zeros,
# $$P(\text{represented}) \le \frac{N_1 p_2}{n} P_A(N_0) + E,\qquad P_A(N_0) = E[(1 - r_0^K)^d],\quad
# K \sim \mathrm{Bin}(N_0, p_1).$$
#
# *Proof.* Row $v_j$ of $A B$ has no zeros, so a path leads from every input to $v_j$. $P_A$ is the probability that
# this is so for a given neuron of layer 1: it reads $K$ neurons of layer 0, and each input is read by one of them with
# probability $1 - r_0^K$, independently. Output 1 reads it with probability $p_2$. By Markov's inequality there are $n$
# such neurons with probability $N_1 p_2 P_A / n$ at most. $\square$
#
# All outputs need them, which asks for more:
#
# **Theorem (coupled layers).** Let $g(N) = P(\mathrm{Bin}(N, p_2) \ge n)^o$. If $W_1$ has no zeros, for every
# $s \ge 0$
# $$P(\text{represented}) \le \max_{N \le N_1} (g(N) - s N) + s N_1 P_A(N_0) + E.$$
#
# *Proof.* Every output reads $n$ of the $K$ neurons of layer 1 that are reached from all inputs. $K$ depends on layers
# 0 and 1 alone, so given $K$ that has probability $g(K)$, which is at most the maximum plus $s K$; and
# $E K = N_1 P_A(N_0)$. $\square$
#
# With the best $s$ this is the least concave function above $g$, at $N_1 P_A(N_0)$. All bounds grow with $N_0$ and
# $N_1$. So $(N_0, N_1)$ rules out all smaller pairs, and a total $T$ is ruled out for all $N_1$ from $a$ to $b$ at once
# if the pair $(T - a, b)$ is: that gives the least total.

# %%
from ertheory.bounds.necessary.path_count import path_count_ceiling

target, densities = Target.from_text("2-2-1"), (Fraction(3, 5), HALF, HALF)
for neurons in (1, 2):
    found = over_masks(
        lambda first, second, last: sum((first[row].any(axis=0)).all() for row in second[last[0]]) >= 2,
        [(neurons, 2), (3, neurons), (1, 3)],
        densities,
    )
    ceiling = path_count_ceiling(target, densities, neurons, 3, affine=True)
    assert found <= ceiling
    print(f"N_0 = {neurons}: two of three are reached and read with {float(found):.4f}, at most {float(ceiling):.4f}")
drawn("path-count", "coupled")

# %% [markdown]
# ## The gap
#
# 784-128-10, $\delta = 0.001$, every layer masked with the same sparsity. For the second hidden layer the best
# necessary width is that of `degree` or `size-lp`; for layer 0 that of `coupled`, beside a layer 1 as narrow as we
# can prove to be enough; for both together `least-total`. They are stated for targets in general position.

# %%
print("sparsity   N_1: necessary  sharp  ratio     N_0: necessary    sharp  ratio    in all: necessary    sharp")
for sparsity in ("0.3", "0.5", "0.7", "0.9", "0.95", "0.99"):
    asked = {"sparsity": sparsity, "failure_probability": "0.001"}
    sharp = width(digits, method="sharp", **asked)
    second = max(width(digits, method=name, **asked).widths[1] or 0 for name in ("degree", "size-lp"))
    first = width(digits, method="coupled", **asked).widths[0]
    total = width(digits, method="least-total", **asked).total
    ratios = sharp.widths[1] / second, sharp.widths[0] / first
    line = f"{sparsity:8} {second:15,} {sharp.widths[1]:6,} {ratios[0]:6.2f} {first:18,} {sharp.widths[0]:8,}"
    print(line, f"{ratios[1]:6.1f} {total:20,} {sharp.total:8,}")

# %% [markdown]
# In the second hidden layer little is left to gain: from sparsity 0.9 on, less than a tenth. In layer 0 a factor of
# about 1.5 to 8 is open. From below, the parameter count takes every entry of the two masks for useful. From above, the
# coding asks that *every* target is represented at once, with $B$ chosen before the rows are known.
