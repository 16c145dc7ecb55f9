"""The command line: ``ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001``.

Exit status: 0 done, 1 a check failed, 2 bad input, with one line on standard error that says what is allowed, 3 an
unexpected error.
"""

from __future__ import annotations

from collections.abc import Sequence

from ertheory.cli.program import Commands, run_program

__all__ = ["main"]

_ABOUT = """How wide must a random sparse network be to contain a target network?

Start with:
  ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001"""

_COMMANDS: Commands = (
    (
        "width",
        "ertheory.cli.widths:WidthCommand",
        """Widths of a random sparse network that contains the target, by every statement.

Examples:
  ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001
  ertheory width --target 784-128-10 --density 1,0.1,0.1 --delta 1/1000 --method printed --explain
  ertheory width --target net.npz --sparsity 0.9 --confidence 0.999 --layer0 matched --json
  ertheory width --model resnet18 --sparsity 0.9 --delta 0.001 --split best""",
    ),
    (
        "sparsity",
        "ertheory.cli.inverse:SparsityCommand",
        """Largest sparsity at which given widths suffice, and beyond which they cannot.

Example:
  ertheory sparsity --target 784-128-10 --widths 179536,18048 --delta 0.001""",
    ),
    (
        "confidence",
        "ertheory.cli.inverse:ConfidenceCommand",
        """Success probability of given widths at a given sparsity.

Example:
  ertheory confidence --target 784-128-10 --widths 179536,18048 --density 1,0.1,0.1""",
    ),
    (
        "capacity",
        "ertheory.cli.capacity:CapacityCommand",
        """Largest targets that a given source certainly contains.

Examples:
  ertheory capacity --source 784-1921-128-1600-10 --sparsity 0.9 --delta 0.001
  ertheory capacity --model resnet18 --sparsity 0.9 --delta 0.001""",
    ),
    (
        "lower",
        "ertheory.cli.widths:LowerCommand",
        """Theorem 2.3: how many hidden neurons a single ReLU neuron of d inputs needs.

Example:
  ertheory lower --inputs 10 --density 0.01 --delta 0.05 --output relu""",
    ),
    (
        "embed",
        "ertheory.cli.embed:EmbedCommand",
        """Build the target inside one random masked network, prove it, and write a file.

Examples:
  ertheory embed --target net.npz --sparsity 0,0.9,0.9 --delta 0.001 --method printed --out source.npz
  ertheory embed --target net.npz --sparsity 0.9 --delta 0.01 --method drop --domain=-1,1 --seed 3 --out source.npz""",
    ),
    (
        "calibrate",
        "ertheory.cli.calibrate:CalibrateCommand",
        """Widths at which the builder succeeds: measured, beside the proved ones.

Examples:
  ertheory calibrate --target 8-6-3 --sparsity 0.5 --delta 0.05
  ertheory calibrate --target 24-14-5 --sparsity 0.8 --delta 0.05 --resolution 0.05 --seed 1 --json""",
    ),
    (
        "subset-sum",
        "ertheory.cli.subset_sum:SubsetSumCommand",
        """Lemma 2.4: how many random variables come close to a target by a subset sum.

Examples:
  ertheory subset-sum --density 0.5 --epsilon 0.01 --delta 0.01
  ertheory subset-sum --density 0.99 --epsilon 0.01 --delta 0.01 --mode printed --constant 5
  ertheory subset-sum --sparsity 0.5 --epsilon 0.01 --delta 0.1 --uniform --mode calibrated --json
  ertheory subset-sum --density 0.5 --epsilon 0.01 --delta 0.1 --simulate --trials 100000 --seed 1""",
    ),
    (
        "ticket",
        "ertheory.cli.ticket:TicketCommand",
        """Theorem 2.5: widths that hold the target by pruning alone, or the ticket.

Examples:
  ertheory ticket --target 784-300-100-10 --density 0.5 --epsilon 0.01 --delta 0.01
  ertheory ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --domain=-1,1 --depth both --sensitivity
  ertheory ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --mode printed --constant 5 --gamma 0.5
  ertheory ticket --target net.npz --density 0.5 --epsilon 0.1 --build --widths 210,160 --seed 1 --out ticket.npz""",
    ),
    (
        "densities",
        "ertheory.cli.others:DensitiesCommand",
        """Layer-wise densities of a known architecture.

Example:
  ertheory densities --model resnet18 --ratio balanced --density 0.1""",
    ),
    (
        "figure",
        "ertheory.cli.others:FigureCommand",
        """Draw a figure as PNG and SVG, with its numbers as CSV.

Example:
  ertheory figure figure2 --out figures""",
    ),
    (
        "explore",
        "ertheory.cli.explore:ExploreCommand",
        """A page in the browser: widths, curves and a drawing, with sliders.

Examples:
  ertheory explore
  ertheory explore --target 784-300-100-10 --sparsity 0.95 --delta 1e-4 --out explorer.html""",
    ),
    (
        "sample",
        "ertheory.cli.others:SampleCommand",
        """Write a small network with weights, to try the other commands with.

Example:
  ertheory sample --out net.npz --target 4-8-3 --seed 1""",
    ),
    (
        "verify",
        "ertheory.cli.verify:VerifyCommand",
        """Check an exact law by Monte Carlo on masks that are really drawn.

Examples:
  ertheory verify theorem-2.1 --trials 20000 --seed 1
  ertheory verify drop --build""",
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        Words of the command line; those of the process if left out.

    Returns
    -------
    int
        Exit status: 0 done, 1 a check failed, 2 bad input, 3 an unexpected error.
    """
    return run_program("ertheory", _ABOUT, _COMMANDS, arguments)
