"""The command line: ``ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001``.

Exit status: 0 done, 1 a check failed, 2 bad input, with one line on standard error that says what is allowed.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from ertheory.cli.embed import EmbedCommand
from ertheory.cli.inverse import ConfidenceCommand, SparsityCommand
from ertheory.cli.others import DensitiesCommand, FigureCommand, VerifyCommand
from ertheory.cli.subset_sum import SubsetSumCommand
from ertheory.cli.ticket import TicketCommand
from ertheory.cli.widths import LowerCommand, WidthCommand
from ertheory.errors import ErError

__all__ = ["main"]

_LONGEST_LINE = 400

_ABOUT = """How wide must a random sparse network be to contain a target network?

Start with:
  ertheory width --target 784-128-10 --sparsity 0.9 --delta 0.001"""

# Command, what it is for, an example each.
_COMMANDS: tuple[tuple[str, type[Any], str], ...] = (
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
        "subset-sum",
        SubsetSumCommand,
        """Lemma 2.4: how many random variables, of which a mask keeps some, come close to a target by a subset sum.

Examples:
  ertheory subset-sum --density 0.5 --epsilon 0.01 --delta 0.01
  ertheory subset-sum --density 0.99 --epsilon 0.01 --delta 0.01 --mode printed --constant 5
  ertheory subset-sum --sparsity 0.5 --epsilon 0.01 --delta 0.1 --uniform --mode calibrated --json
  ertheory subset-sum --density 0.5 --epsilon 0.01 --delta 0.1 --simulate --trials 100000 --seed 1""",
    ),
    (
        "ticket",
        TicketCommand,
        """Theorem 2.5: widths of a random sparse network that holds the target by pruning alone, or the ticket itself.

Examples:
  ertheory ticket --target 784-300-100-10 --density 0.5 --epsilon 0.01 --delta 0.01
  ertheory ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --domain=-1,1 --depth both --sensitivity
  ertheory ticket --target 2-4-1 --density 0.5 --epsilon 0.1 --delta 0.1 --mode printed --constant 5 --gamma 0.5
  ertheory ticket --target net.npz --density 0.5 --epsilon 0.1 --build --widths 210,160 --seed 1 --out ticket.npz""",
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
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["--version"]:
        from ertheory import __version__

        print(f"ertheory {__version__}")
        return 0
    try:
        return int(_parse(given).run())
    except ErError as error:
        return _refuse(str(error))
    except BrokenPipeError:  # a reader such as `head` has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123
        return 0
    except OSError as error:
        return _refuse(f"{error.filename or 'file'}: {error.strerror or error}")
    except KeyboardInterrupt:
        _refuse("interrupted")
        return 130


def _parse(arguments: list[str]) -> Any:
    commands: Any = None
    for name, command, about in _COMMANDS:
        option = Annotated[command, tyro.conf.subcommand(name, description=about)]  # type: ignore[valid-type]
        commands = option if commands is None else commands | option
    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return tyro.cli(
                commands,
                prog="ertheory",
                description=_ABOUT,
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        word = arguments[0] if arguments and not arguments[0].startswith("-") else ""
        raise UsageError(_in_one_line(messages.getvalue()), word) from None


class UsageError(ErError):
    """The words of the command line do not form a command."""

    def __init__(self, message: str, command: str) -> None:
        shown = f"ertheory {command}".strip()
        super().__init__(f"{message} (see {shown} --help)")


def _in_one_line(box: str) -> str:
    """Turn tyro's box into one line, without its frame and its pointer to the help."""
    lines = (re.sub(r"[│╭╮╰╯─]+|^[|+]|[|+]$|-{3,}", " ", line).strip() for line in box.splitlines())
    kept: list[str] = []
    for line in filter(None, lines):
        if line.startswith(("For full helptext", "Argument helptext", "Perhaps you meant")):
            break
        kept.append(" ".join(line.split()))
    # The first line is the title of the box; the next one often says the same again.
    return " ".join(kept[1:] or kept)


def _refuse(message: str) -> int:
    line = " ".join(f"ertheory: {message}".split())
    print(line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "...", file=sys.stderr)
    return 2
