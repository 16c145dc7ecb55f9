"""A plan, a source that was built and what a mask lacks, as values that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ertheory.bounds.result import rational_text, success_text
from ertheory.builders import Embedding, Plan
from ertheory.builders.factored.matching import Unmatched
from ertheory.builders.factored.planning import FactoredPlan
from ertheory.builders.factored.result import FactoredChain
from ertheory.check import Check

__all__ = ["described", "measured", "rests_on"]


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


def measured(embedding: Embedding | FactoredChain, check: Check) -> dict[str, Any]:
    """Give the fields that are known once the source is built and checked."""
    content = check.to_dict()
    known = _factors(embedding) if isinstance(embedding, FactoredChain) else {"copies_used": list(embedding.copies)}
    return {
        "max_abs_error": content.pop("max_abs_error"),
        "max_rel_error": content.pop("max_rel_error"),
        "edges_used": embedding.edges_used,
        "edges_available": embedding.edges_available,
        **known,
        "error_bound": None if embedding.error_bound is None else float(embedding.error_bound),
        "check": content,
    }


def described(edge: Any) -> dict[str, Any]:
    """Give what a mask lacks, an edge or a matching, as values that JSON can hold."""
    return dict(edge._asdict()) if isinstance(edge, Unmatched) else asdict(edge)


def _factors(chain: FactoredChain) -> dict[str, Any]:
    names = ("schemes", "universal", "certificates", "conditions")
    return {name: value for name, value in chain.to_dict().items() if name in names}
