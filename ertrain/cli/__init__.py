"""The command line: ``ertrain run table1 --scale quick``.

Exit status: 0 done, 2 bad input or a folder that cannot be used, with one line on standard error.
"""

from __future__ import annotations

from collections.abc import Sequence

from ertheory.cli.program import Commands, run_program

__all__ = ["main"]

_ABOUT = """Train randomly masked networks, and see what it says about the paper.

Start with:
  ertrain run table1 --scale quick --only data=digits
  ertrain report runs"""

_COMMANDS: Commands = (
    (
        "list",
        "ertrain.cli.run:ListCommand",
        """The recipes, with their scales, their cost and what each tests.""",
    ),
    (
        "run",
        "ertrain.cli.run:RunCommand",
        """Train the networks of a recipe; go on where an earlier process was stopped.

Examples:
  ertrain run table1 --scale quick --only data=digits
  ertrain run table1 --scale small --seeds 1 --only ratio=balanced density=0.01
  torchrun --nproc-per-node 4 -m ertrain run table1 --scale paper""",
    ),
    (
        "sweep",
        "ertrain.cli.sweep:SweepCommand",
        """The same as run, many runs at a time, small networks as one batched model.

Examples:
  ertrain sweep table1 --scale quick --workers 2
  ertrain sweep table1 --scale quick --seeds 20 --only data=digits --cluster tcp://127.0.0.1:8786""",
    ),
    (
        "train",
        "ertrain.cli.train:TrainCommand",
        """Train one network, with settings from the command line or from a file.

Examples:
  ertrain train --set data=digits model=mlp-64-32 ratio=erk epochs=5 --density 0.1
  ertrain train --config run.toml --set seed=1""",
    ),
    (
        "report",
        "ertrain.cli.report:ReportCommand",
        """Results of the runs in a folder, and the claims of the paper beside them.

Examples:
  ertrain report runs --format markdown
  ertrain report runs --plot pictures --curves pictures""",
    ),
    (
        "verify",
        "ertrain.cli.verify:VerifyCommand",
        """Training against theory: from which width on a teacher is learnt, or floors.

Examples:
  ertrain verify widths --target 4-8-3 --sparsity .5 --delta .2 --scale quick
  ertrain verify widths --target digits --sparsity .5 --delta .05 --cluster tcp://scheduler:8786
  ertrain verify floors --target 3-1-1 --density .5 --delta .1""",
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
        Exit status: 0 done, 2 bad input or a folder that cannot be used.
    """
    return run_program("ertrain", _ABOUT, _COMMANDS, arguments)
