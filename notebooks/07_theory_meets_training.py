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
# # Theory meets training
#
# The theorems say from which width on a randomly masked network *contains* a target. Training has to *find* it. Does a
# network learn a target as soon as it is wide enough to contain it? This page answers for a target so small that it
# takes about a minute; the same in a terminal, for a larger one:
#
# ```
# ertrain verify widths --target 4-8-3 --sparsity .5 --delta .05 --plot figures
# ```

# %% [markdown]
# ## Teacher and students
#
# The *teacher* is a ReLU network with random weights, scaled so that its outputs have mean 0 and spread 1 on a box.
# *Students* have one layer more, as the theorem asks, and every layer is masked at random. They learn side by side, as
# one batched model, each with its own mask and start; a student has learnt its teacher when at fresh points its errors
# are small against that spread.

# %%
from fractions import Fraction

import torch

from ertheory import Target
from ertrain.students.batched import Budget, Students, errors_of, student_masks, train_students
from ertrain.students.teacher import TOLERANCE, draw_teacher

torch.set_num_threads(1)  # of operations this small, more threads wait for one another
teacher = draw_teacher(Target.from_text("2-3-1"), seed=0)
print(TOLERANCE)

# %%
for hidden in (4, 8, 16):
    shapes = ((hidden, 2), (hidden, hidden), (1, hidden))
    masks = student_masks(shapes, (Fraction(1, 2),) * 3, seeds=range(32))
    students = train_students(teacher, Students(masks, seeds=range(32)), Budget(steps=2000))
    errors = errors_of(students, teacher)
    learnt = int(TOLERANCE.met(errors.rms, errors.largest).sum())
    print(f"{hidden} + {hidden} hidden neurons: {learnt} of 32 students learn; median error {errors.rms.median():.3f}")

# %% [markdown]
# ## One axis
#
# `meet` walks a line of widths from the necessary through the sharp to the printed ones, and looks for where a
# share of 1 - δ of the masks is good. It asks twice, on the same masks: does our construction find the target there,
# and does training? Every test may be looked at after each mask, because its interval holds at all times at once, and
# how much is trained is fixed before anything is measured. With δ = 1/3 few masks are enough.

# %%
from ertrain.students.widths import Scale, measure_widths

scale = Scale(budget=Budget(steps=2000), level=Fraction(9, 10), effort=30, students=32, least=64)
found = measure_widths(Target.from_text("2-3-1"), density="1/2", failure_probability="1/3", scale=scale, path=None)
for row in found.to_dict()["results"]:
    print(f"{row['method']:<13} widths {row['widths']}, total {row['total']}, interval {row['interval']}")

# %%
import tempfile
from pathlib import Path

from IPython.display import Image

from ertrain.students.widths import draw_widths

with tempfile.TemporaryDirectory() as folder:
    picture = draw_widths(found, Path(folder))[0].read_bytes()
Image(picture, width=820)

# %% [markdown]
# ## Theory or training: which is the bottleneck?
#
# Take the largest number of neurons that is shown to be too few for training. Every student that fails there
# has a mask. If the construction does not find the target on that mask either, the mask is to blame, as far as we know;
# if it does, weights that compute the target exist, and training did not find them.

# %%
split = found.failures
print(f"{split.trials} students with {split.total} hidden neurons")
print(f"failed on masks without the construction: {split.mask}")
print(f"failed on masks with it:                  {split.optimiser}")

# %% [markdown]
# What this does not say: that no other optimiser or longer training would do better, or that a mask without our
# construction has no weights at all for the target (a student that learns there shows the opposite, up to the
# tolerance). Only the necessary widths are for every choice of weights.
