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
# # From a question to a theorem
#
# A tool for verification should not ask for trust. Its formulas may be wrong, and so may the program that computes
# with them. So an answer can come with a certificate: a file in which this very answer is a theorem about networks,
# and which [Coq](https://coq.inria.fr) checks from the axioms of its logic on.
#
# The question: layers 0, 1 and 2 of a source have densities 1, 0.1 and 0.1. How wide must it be to contain a given
# 784-128-10 network with probability 0.999?

# %%
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import ertheory

answer = ertheory.width("784-128-10", method="exact", density=[1, 0.1, 0.1], delta=0.001)
print(answer.widths, "copies of each neuron:", answer.factors)

# %% [markdown]
# The certificate is a text. In a terminal `ertheory width ... --method exact --certificate answer.v` writes it to a
# file. First it names the numbers:

# %%
certificate = answer.certificate()
definitions = [line for line in certificate.splitlines() if line.startswith("Definition")]
print("\n".join(definitions))

# %% [markdown]
# Then Coq computes with them, in whole numbers that are rounded to the safe side after every step: the copies are
# enough, one copy less is too few, and the widths are those that the copies make.

# %%
lemmas = re.findall(r"^Lemma .*\n.*$", certificate, re.MULTILINE)
print("\n\n".join(lemmas))

# %% [markdown]
# The theorem is about networks. `R` is any ordered field, such as the real numbers; `W` and `b` are the weights and
# biases of the target, of which only the numbers of non-zero weights matter; `act` are its activations, whatever they
# are. A mask says which edges of the source are there, each one independently with its density (`Pr`). `represented`
# says that some weights on the mask make the outputs of the source those of the target, for every input `x` with `lo
# <= x`.

# %%
print(re.search(r"Theorem answer \(.*?\.\n(?=Proof)", certificate, re.DOTALL)[0])

# %% [markdown]
# `proofs/check.py` compiles the certificate together with the definitions and theorems that it uses (800 lines in
# [proofs/](../proofs/README.md)), and asks Coq on what the theorem rests. `make certificate FILE=answer.v` does the
# same. Without Coq nothing can be checked, and nothing is claimed.


# %%
def check(text: str) -> str:
    """Let Coq judge a certificate."""
    if shutil.which("coqc") is None:
        return "Nothing was checked: there is no coqc here."
    program = Path(ertheory.__file__).resolve().parents[1] / "proofs" / "check.py"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.v"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, str(program), str(file)], capture_output=True, text=True, check=False)
    said = (done.stderr if done.returncode else done.stdout).splitlines()[-1]
    return re.sub(r" in \d+ s", "", said)


print(check(certificate))

# %% [markdown]
# A check that cannot fail is worth nothing. With 140 copies of every hidden neuron instead of 141, or for a target
# with more weights than the certificate counted, there is no theorem:

# %%
print(check(certificate.replace("228; 141; 1", "228; 140; 1").replace("178752; 18048", "178752; 17920")))
print(check(certificate.replace("100352; 1280", "110000; 1280")))

# %% [markdown]
# What is left to believe: the kernel of Coq; that the definitions say what the words mean, about 40 lines that
# [proofs/README.md](../proofs/README.md) explains; and that edges are there independently of each other. Nothing of
# `ertheory` is among it.
#
# Our own construction spends depth instead of width. Its certificate adds up Hall's sums inside Coq:

# %%
factored = ertheory.width("20-10-5", method="factored", density=0.3, delta=0.001)
print(factored.widths)
print(check(factored.certificate()))
