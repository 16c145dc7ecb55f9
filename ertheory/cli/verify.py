"""``ertheory verify``: a law against masks that are really drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ertheory.cli import reading
from ertheory.cli.arguments import Explain, Format, Json, Seed
from ertheory.cli.notes import show_explained
from ertheory.cli.options import Option
from ertheory.cli.output import document, render, show, wrap
from ertheory.cli.progress import Progress
from ertheory.commands import verify
from ertheory.montecarlo import CHECKS
from ertheory.montecarlo.statements.catalogue import ALIASES

__all__ = ["VerifyCommand"]

_SHORT = ", ".join(f"{short} means {name}" for short, name in ALIASES.items())


@dataclass(frozen=True)
class VerifyCommand:
    """Check an exact law against masks that are really drawn."""

    statement: Annotated[
        str,
        Option(
            f"The law is one of {', '.join(CHECKS)}; of these {_SHORT}.",
            "STATEMENT",
            read=reading.choice(*CHECKS),
            positional=True,
        ),
    ]
    trials: Annotated[
        int | None,
        Option(
            "So many masks are drawn; 20,000 at most if it is left out, 2,000 with --build.", "N", read=reading.whole(1)
        ),
    ] = None
    seed: Seed = 0
    build: Annotated[
        bool,
        Option(
            "Build the source in every mask and prove that it is the target, instead of reading the event off the mask."
        ),
    ] = False
    explain: Explain = False
    format: Format = "table"
    json: Json = False

    def run(self) -> int:
        """Draw the masks; exit status 1 if the law does not agree."""
        with Progress(total=self.trials, unit=" masks") as bar:
            result = verify(
                self.statement,
                trials=self.trials,
                seed=self.seed,
                build=self.build,
                progress=bar.reach,
            )
        content = result.to_dict()
        if self.json:
            inputs = {"statement": self.statement, "trials": result.trials, "seed": self.seed, "build": self.build}
            fields = {key: value for key, value in content.items() if key not in {"seed", "trials"}}
            show(document("verify", inputs, seed=self.seed, trials=result.trials, **fields))
            return 0 if result.agrees else 1
        if self.format == "table":
            for name, value in content.items():
                show(wrap(f"{name.replace('_', ' '):<15}{_plain(value)}"))
        else:
            show(render([[name, _plain(value)] for name, value in content.items()], ["field", "value"], self.format))
        if self.explain:
            show_explained(result.explain())
        return 0 if result.agrees else 1


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
