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
# # Training a random mask
#
# The theorems say what a randomly masked network *contains*. This page trains one: share out a budget of weights, draw
# the mask, see which neurons it cuts off, and train, on the handwritten digits that come with scikit-learn. It takes
# some seconds on a CPU.
#
# In a terminal, for every ratio of Table 1 with three seeds:
#
# ```
# ertrain run table1 --scale quick --only data=digits
# ertrain report runs
# ```

# %%
import torch
from torch import nn

from ertrain import allocate_sparsity, attach_masks, dead_neurons, draw_masks, guard, masks_of

torch.manual_seed(0)
network = nn.Sequential(nn.Flatten(), nn.Linear(64, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))

# %% [markdown]
# ## Share out
#
# A ratio turns one overall density into densities of the layers. All but the printed form of *balanced* spend the
# budget exactly; the table says what each leaves of the last layer, the bottleneck of small networks.

# %%
for ratio in ("uniform", "erk", "balanced", "balanced-printed", "pyramidal", "magnitude"):
    densities = allocate_sparsity(network, "0.02", ratio)
    shares = ", ".join(f"{density:.3f}" for density in densities.densities)
    print(f"{ratio:<17} {shares}   realised {densities.density_realised:.4f}")

# %% [markdown]
# ## Draw, and look
#
# A mask is a boolean buffer beside its weight. Dead neurons, those that no path from an input to an output goes
# through, are known before anything is trained.

# %%
attach_masks(network, draw_masks(allocate_sparsity(network, "0.02", "uniform"), seed=0))
for layer in dead_neurons(network, (1, 8, 8)):
    print(f"layer {layer.name}: {layer.dead} of {layer.neurons} neurons are dead")

# %% [markdown]
# ## Train
#
# `guard` is all that a training loop needs: after every step, of any optimiser, masked weights are 0, and so are their
# momentum and moments. A forward pass stays inside the masks in any case.

# %%
optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
guard(optimiser, network)
for _ in range(20):
    loss = nn.functional.cross_entropy(network(torch.rand(64, 1, 8, 8)), torch.randint(10, (64,)))
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
for name, mask in masks_of(network).items():
    weight = network.get_submodule(name).weight
    outside = int(torch.count_nonzero(weight[~mask]))
    print(f"layer {name}: {int(mask.sum())} of {mask.numel()} weights, {outside} outside the mask")

# %% [markdown]
# ## Runs
#
# A run is a frozen configuration. Its hash names a folder in which it can be interrupted at any moment; done again, it
# goes on, or returns its result. The validation images choose the best epoch, and the test is read once, at the end.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

from ertrain import Configuration, compare, join_process_group, perform, read_results, rows_of

base = Configuration(
    recipe="notebook", model="mlp-300-100", density="0.02", drawing="exact", epochs=20, batch=64, learning_rate=0.05
)
runs = [
    replace(base, ratio=ratio, seed=seed) for ratio in ("uniform", "erk", "balanced", "synflow") for seed in range(3)
]
with tempfile.TemporaryDirectory() as folder, join_process_group("cpu") as processes:
    for run in runs:
        perform(run, Path(folder), processes, data_dir=Path(folder))
    results = read_results(Path(folder))

for row in rows_of(results):
    mean = row.accuracy_test
    interval = f"[{mean.low:.3f}, {mean.high:.3f}]"
    print(f"{row.ratio:<9} density {row.density_realised:.4f}, test {mean.value:.3f} {interval}, n = {mean.count}")

# %% [markdown]
# The intervals are Student's, from three seeds, and wide. Runs that share a seed share their weights and batches, so a
# claim is judged by their differences: here the paper's, that the balanced ratio beats or matches ERK.

# %%
for claim in compare(results):
    print(f"{claim.verdict}: {claim.claim}; difference {claim.difference.mean.value:+.3f}")
