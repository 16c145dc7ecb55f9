"""Options as the help shows them."""

from __future__ import annotations

from typing import Any

import tyro

__all__ = ["option"]

# What stands for an option that was left out, or a switch that is off; its help says in words what follows from that.
_UNSAID = ("None", "False", "")


def option(*, metavar: str | None = None, help: str | None = None) -> Any:
    """Describe an option; its default stands in the help where it is one.

    Examples
    --------
    >>> from typing import Annotated
    >>> Seed = Annotated[str, option(metavar="N", help="Seed of the masks.")]
    """
    return tyro.conf.arg(metavar=metavar, help=help, help_behavior_hint=_hint)


def _hint(default: str) -> str:
    if default in _UNSAID:
        return ""
    return "(required)" if default == str(tyro.MISSING) else f"(default: {default})"
