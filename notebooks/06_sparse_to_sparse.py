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
# # Sparse to sparse
#
# A method that goes from a dense network to a sparse one does not need the dense network, says the paper: it may start
# from a random mask. This page trains with four such methods inside the same kind of mask, on the handwritten digits
# that come with scikit-learn, and judges the claim seed by seed. It takes about a minute on a CPU.
#
# In a terminal, with more starts, more final densities and Fashion-MNIST:
#
# ```
# ertrain run table2 --scale quick    # RiGL, beside the fixed mask
# ertrain run table3 --scale quick    # STR
# ertrain run table4 --scale quick    # IMP
# ertrain run table5 --scale quick    # edge-popup
# ertrain report runs
# ```

# %% [markdown]
# ## Two masks
#
# $S_{ER}$ is drawn once, with the density of the start. $S_P$ is what the network has at the moment; it always lies
# inside $S_{ER}$, and ends with the final density. A dense start is the same with density 1.
#
# | method | what $S_P$ is at first | how it changes |
# | --- | --- | --- |
# | fixed | $S_{ER}$ | never |
# | RiGL | a random part of $S_{ER}$ with the final density | the smallest weights go, those with large gradients come |
# | STR | $S_{ER}$ | thresholds on the weights are learned, and steered to the final density |
# | IMP | $S_{ER}$ | train, prune the smallest, go back to the first weights, again |
# | edge-popup | part of $S_{ER}$ | weights stay as they were drawn; scores learn which to use |

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from ertrain import Configuration, compare, join_process_group, perform, read_results, rows_of

torch.set_num_threads(1)
place_of_runs = tempfile.TemporaryDirectory()
folder = Path(place_of_runs.name)

base = Configuration(
    recipe="notebook",
    model="lenet-300-100",
    data="digits",
    ratio="balanced",
    optimiser="sgd",
    learning_rate=0.05,
    warmup=1,
    epochs=12,
    batch=64,
)
methods = {
    "rigl": replace(base, method="rigl", ratio="erk", update_every=20),
    "str": replace(base, method="str", update_every=20),
    "imp": replace(base, method="imp", round_keep=0.3, epochs=6),
    "edge-popup": replace(
        base, method="edge-popup", ratio="uniform", initialisation="signed-constant", learning_rate=0.1
    ),
}


def performed(runs):
    with join_process_group("cpu") as processes:
        for run in runs:
            perform(run, folder, processes, data_dir=folder)


# %% [markdown]
# ## One run, looked at
#
# IMP from a mask of density 0.3 to 0.05: three rounds of six epochs, with a cut after the first and the second.

# %%
run = replace(methods["imp"], density="0.3", final_density="0.05")
performed([run])
(result,) = read_results(folder)
print(f"density {result['density_realised']:.4f} at the start, {result['density_final']:.4f} at the end")

# %% [markdown]
# The metrics have a line per epoch. The density is that after the epoch, with which the next one begins. After a cut
# everything is back at the first weights, and has to be learned again in what is left.

# %%
import json

for line in map(json.loads, (folder / run.folder / "metrics.jsonl").read_text().splitlines()):
    print(
        f"epoch {line['epoch']:2}   validation {line['accuracy_validation']:.3f}   density then {line['density']:.3f}"
    )

# %% [markdown]
# The checkpoint holds both masks of every layer.

# %%
kept = load_file(folder / run.folder / "checkpoint.safetensors")
for name in ("fc1", "fc2", "fc3"):
    weight = kept[f"{name}.weight"]
    drawn, final = (kept[f"{name}.weight.mask_{which}"].bool() for which in ("initial", "final"))
    assert not (final & ~drawn).any()  # S_P inside S_ER
    assert not weight[~final].any()  # and exactly 0 outside
    print(f"{name}: {drawn.sum():6} weights drawn, {final.sum():5} left, of {weight.numel()}")

# %% [markdown]
# ## From a random mask, and from a dense network
#
# STR, IMP and edge-popup, all to density 0.05, from a dense network and from a random mask of density 0.3. RiGL is set
# beside the fixed mask of the final density 0.02, where there is something to gain. Three seeds each.

# %%
runs = [
    replace(methods[name], density=start, final_density="0.05", seed=seed)
    for name in ("str", "imp", "edge-popup")
    for start in ("1", "0.3")
    for seed in range(3)
]
rewired = replace(methods["rigl"], density="0.3", final_density="0.02")
fixed = replace(methods["rigl"], method="fixed", density="0.02")
runs += [replace(run, seed=seed) for run in (rewired, fixed) for seed in range(3)]
performed(runs)

results = read_results(folder)
for row in rows_of(results):
    mean = row.accuracy_test
    interval = f"[{mean.low:.3f}, {mean.high:.3f}]"
    print(
        f"{row.method:<10} from {row.density_target:>4} to {row.density_final:.3f}   "
        f"test {mean.value:.3f} {interval}, n = {mean.count}"
    )

# %% [markdown]
# ## Verdicts
#
# Runs that share a seed share their random numbers, so a claim is judged by differences within seeds. "Matches" means
# that the 95 % interval of the difference lies above -1 point; an improvement has to lie above 0. The test has 360
# digits, of which one is 0.28 points, and there are three seeds: often the honest answer is that one cannot tell.

# %%
for claim in compare(results):
    mean = claim.difference.mean
    interval = f"[{100 * mean.low:+.2f}, {100 * mean.high:+.2f}]"
    print(f"{claim.verdict}: {claim.claim}\n    {100 * mean.value:+.2f} points {interval}")

# %%
place_of_runs.cleanup()
