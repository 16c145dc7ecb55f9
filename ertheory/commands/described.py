"""A plan, a source that was built and what a mask lacks, as values that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from ertheory.bounds.result import rational_text, success_text
from ertheory.builders import Embedding, Plan
from ertheory.builders.factored.answers import solved_fields
from ertheory.builders.factored.matching import Unmatched
from ertheory.builders.factored.planning import FactoredPlan
from ertheory.builders.factored.result import FactoredChain
from ertheory.check import Check

__all__ = ["Checked", "described", "measured", "outcome", "rests_on"]


def rests_on(chosen: Plan | FactoredPlan) -> dict[str, Any]:
    """Give the fields that are known before the mask is drawn."""
    answer = chosen.answer
    lower = answer.success_lower
    return {
        "widths": list(answer.widths),
        "factors": None if answer.factors is None else list(answer.factors),
        "statement": answer.statement,
        "variant": answer.variant,
        "kind": answer.kind,
        "construction": chosen.construction,
        "success_probability_lower": None if lower is None else success_text(lower),
        "mask_entries": chosen.entries,
        **({} if isinstance(chosen, Plan) else {"densities": [rational_text(p) for p in answer.densities]}),
    }


class Checked(Protocol):
    """A source that was built and checked, of whatever kind."""

    @property
    def check(self) -> Check:
        """What the checker found."""

    @property
    def passed(self) -> bool:
        """Whether the source is what the builder claims."""

    @property
    def seed(self) -> int:
        """The seed of the masks."""

    @property
    def file(self) -> Path | None:
        """Where the source was written."""

    @property
    def seconds(self) -> float:
        """How long it took."""


def outcome(built: Checked) -> dict[str, Any]:
    """Give what is said of every source that was built: whether it passed, what was measured, and where it is."""
    content = built.check.to_dict()
    return {
        "seed": built.seed,
        "success": built.passed,
        "missing": [],
        "max_abs_error": content.pop("max_abs_error"),
        "max_rel_error": content.pop("max_rel_error"),
        "check": content,
        "seconds": built.seconds,
        "file": None if built.file is None else str(built.file),
    }


def measured(embedding: Embedding | FactoredChain) -> dict[str, Any]:
    """Give the fields that are known once the source of a chain is built."""
    known: dict[str, list[Any]] = (
        solved_fields(embedding.factors)
        if isinstance(embedding, FactoredChain)
        else {"copies_used": list(embedding.copies)}
    )
    return {
        "edges_used": embedding.edges_used,
        "edges_available": embedding.edges_available,
        **known,
        "error_bound": None if embedding.error_bound is None else float(embedding.error_bound),
    }


def described(edge: Any) -> dict[str, Any]:
    """Give what a mask lacks, an edge or a matching, as values that JSON can hold."""
    return dict(edge._asdict()) if isinstance(edge, Unmatched) else asdict(edge)
