"""The command line: ``ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001``.

Exit status: 0 done, 1 a check failed, 2 bad input, with one line on standard error that says what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence

from ertheory.cli.embed import EmbedCommand
from ertheory.cli.inverse import ConfidenceCommand, SparsityCommand
from ertheory.cli.others import DensitiesCommand, FigureCommand, VerifyCommand
from ertheory.cli.program import Commands, run_program
from ertheory.cli.widths import LowerCommand, WidthCommand

__all__ = ["main"]

_ABOUT = """How wide must a random sparse network be to contain a target network?

Start with:
  ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001"""

_COMMANDS: Commands = (
    (
        "width",
        WidthCommand,
        """Widths of a random sparse network that contains the target, by every statement.

Examples:
  ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001
  ertheory width --target 784-128-10 --density 1,0.1,0.1 --delta 1/1000 --method printed --explain
  ertheory width --target net.npz --sparsity 0.9 --confidence 0.999 --layer0 matched --json""",
    ),
    (
        "sparsity",
        SparsityCommand,
        """Largest sparsity at which given widths suffice, and beyond which they can not.

Example:
  ertheory sparsity --target 784-128-10 --widths 179536,18048 --delta 0.001""",
    ),
    (
        "confidence",
        ConfidenceCommand,
        """Success probability of given widths at a given sparsity.

Example:
  ertheory confidence --target 784-128-10 --widths 179536,18048 --density 1,0.1,0.1""",
    ),
    (
        "lower",
        LowerCommand,
        """Theorem 2.3: width that one hidden layer needs for a single ReLU neuron of d inputs.

Example:
  ertheory lower --inputs 10 --density 0.01 --delta 0.05 --output relu""",
    ),
    (
        "embed",
        EmbedCommand,
        """Build the target inside one random masked network, prove that it is there, and write it to a file.

Examples:
  ertheory embed --target net.npz --sparsity 0,0.9,0.9 --delta 0.001 --method printed --out source.npz
  ertheory embed --target net.npz --sparsity 0.9 --delta 0.01 --method drop --domain=-1,1 --seed 3 --out source.npz""",
    ),
    (
        "densities",
        DensitiesCommand,
        """Layer-wise densities of a known architecture.

Example:
  ertheory densities --model resnet18 --ratio balanced --density 0.1""",
    ),
    (
        "figure",
        FigureCommand,
        """Draw a figure as PNG and SVG, with its numbers as CSV.

Example:
  ertheory figure figure2 --out figures""",
    ),
    (
        "verify",
        VerifyCommand,
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
        Exit status: 0 done, 1 a check failed, 2 bad input.
    """
    return run_program("ertheory", _ABOUT, _COMMANDS, arguments)
