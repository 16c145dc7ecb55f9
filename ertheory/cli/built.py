"""What ``ertheory embed`` says of a source that was built."""

from __future__ import annotations

from typing import Any

from ertheory.bounds.result import success_text
from ertheory.builders import Plan
from ertheory.cli.output import show, wrap
from ertheory.commands import Built

__all__ = ["measured", "report", "rests_on", "share_of_failures"]


def rests_on(chosen: Plan) -> dict[str, Any]:
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
    }


def measured(built: Built) -> dict[str, Any]:
    """Give the fields that are known once the source is built and checked."""
    content, embedding = built.check.to_dict(), built.embedding
    return {
        "max_abs_error": content.pop("max_abs_error"),
        "max_rel_error": content.pop("max_rel_error"),
        "edges_used": embedding.edges_used,
        "edges_available": embedding.edges_available,
        "copies_used": list(embedding.copies),
        "error_bound": float(embedding.error_bound or 0),
        "check": content,
    }


def share_of_failures(chosen: Plan) -> str:
    """Say in words on how many masks the builder fails."""
    lower = chosen.answer.success_lower
    return "a share delta" if lower is None else f"{float(1 - lower):.3g}"


def report(built: Built) -> None:
    """Print the source in words."""
    answer, embedding, checked = built.plan.answer, built.embedding, built.check
    sizes = (embedding.target.inputs, *(step.outputs for step in embedding.target.affine))
    widths = " + ".join(f"{width:,}" for width in embedding.widths[:-1])
    show(f"{'-'.join(map(str, sizes))} inside {widths} hidden neurons, found in {built.seconds:.1f} s.")
    success = "" if answer.success_lower is None else f"; success >= {success_text(answer.success_lower)}"
    copies = " + ".join(f"{count:,}" for count in embedding.copies[:-1])
    inputs = f"inputs by {built.plan.coding.form}"
    for line in (
        f"  widths   {answer.statement}, {answer.variant}; layer 0 {built.plan.layer0}{success}",
        f"  mask     {built.plan.entries:,} entries drawn, {embedding.edges_available:,} of them kept",
        f"  used     {embedding.edges_used:,} weights in {copies} hidden neurons; {inputs}",
        f"  proved   {_proved(built)}",
        f"  measured {checked.points} points, largest error {checked.max_abs_error:.3g} in double precision",
        "  nothing was written" if built.file is None else f"  written  {built.file}",
    ):
        show(wrap(line))


def _proved(built: Built) -> str:
    checked, embedding = built.check, built.embedding
    if not checked.on_mask:
        return f"WRONG: weights outside of the mask, the first at (layer, row, column) = {checked.off_mask[0]}"
    if checked.exact:
        return "every weight lies on the mask; source and target are equal in exact arithmetic on the whole box"
    if checked.equal:
        return f"every weight lies on the mask; source and target differ by at most {checked.difference_bound:.3g}"
    if embedding.coding.form == "approximate":
        bound = float(embedding.error_bound or 0)
        return f"every weight lies on the mask; an approximation, off by at most {bound:.3g} on the box before rounding"
    return f"WRONG: {checked.differs}"
