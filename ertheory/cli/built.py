"""What ``ertheory embed`` says of a source that was built."""

from __future__ import annotations

from ertheory.bounds.result import success_text
from ertheory.builders import Embedding, Plan
from ertheory.builders.factored.planning import FactoredPlan
from ertheory.builders.factored.result import FactoredChain
from ertheory.check import Check
from ertheory.cli.output import show, wrap
from ertheory.commands import Built, BuiltNetwork
from ertheory.numbers import number_of

__all__ = ["report", "report_network", "share_of_failures"]


def share_of_failures(chosen: Plan | FactoredPlan) -> str:
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
    used = f"{embedding.edges_used:,} weights"
    if isinstance(built.plan, FactoredPlan):
        used += (
            f", {float(embedding.edges_available / built.plan.design.nonzeros):.3g} kept ones for each of the target"
        )
    elif isinstance(embedding, Embedding):
        copies = " + ".join(f"{count:,}" for count in embedding.copies[:-1])
        used += f" in {copies} hidden neurons; inputs by {built.plan.coding.form}"
    for line in (
        f"  widths   {answer.statement}, {answer.variant}; layer 0 {built.plan.layer0}{success}",
        f"  mask     {built.plan.entries:,} entries drawn, {embedding.edges_available:,} of them kept",
        f"  used     {used}",
        *_pairs(embedding),
        f"  proved   {_proved(built)}",
        *_exact(built),
        f"  measured {checked.points} points, largest error {checked.max_abs_error:.3g} in double precision",
        "  nothing was written" if built.file is None else f"  written  {built.file}",
    ):
        show(wrap(line))


def _between(built: BuiltNetwork) -> str:
    """Say what stands between the factors."""
    return "ReLU between them" if built.embedding.inner != "identity" else "identity between them"


def report_network(built: BuiltNetwork) -> None:
    """Print the source of a network that is no chain in words."""
    embedding, checked = built.embedding, built.check
    weights = sum(one.nonzeros for one in embedding.maps)
    factors = 1 + len(embedding.maps[0].inner)
    counted = f"{number_of(len(embedding.maps), 'layer')} of {number_of(weights, 'weight')}"
    kind = "pairs" if factors == 2 else "triples"
    show(f"{counted} as {kind} of masked ones, found in {built.seconds:.1f} s.")
    success = success_text(embedding.success_lower)
    proved = "every weight lies on the mask; source and target differ by at most"
    left = embedding.left_dense
    product = "AB" if factors == 2 else "ACB"
    for line in (
        f"  widths   factored sources (ours), exact; {_universal(built)}; success >= {success}",
        f"  mask     {embedding.edges_available:,} entries kept, {embedding.edges_ratio:.3g} for each weight",
        *([f"  left     {len(left)} as they are: {', '.join(list(left)[:6])}"] if left else []),
        f"  factors  {_between(built)}; |{product} - W| <= {max(one.error_bound for one in embedding.maps):.2g} in all",
        f"  proved   {f'{proved} {checked.difference_bound:.3g} on the box' if built.passed else _wrong(checked)}",
        f"  measured {checked.points} points, largest error {checked.max_abs_error:.3g} in double precision",
        "  nothing was written" if built.file is None else f"  written  {built.file}",
    ):
        show(wrap(line))


def _universal(built: BuiltNetwork) -> str:
    """Say for how many layers these masks hold every layer of the shape, and for how many this one was looked at."""
    alone = sum(one.universal is not True for one in built.embedding.maps)
    every = "these masks hold every network of these shapes"
    if alone == len(built.embedding.maps):
        return "these masks hold this network"
    return every if not alone else f"{every} but in {number_of(alone, 'layer')}, where they hold this one"


def _pairs(embedding: Embedding | FactoredChain) -> list[str]:
    """Say how each map was solved."""
    if not isinstance(embedding, FactoredChain):
        return []
    maps = (
        f"layer {number} {one.scheme}, the masks hold {'every map' if one.universal else 'this map'}, "
        f"|AB - W| <= {one.certificate.bound:.2g}"
        for number, one in enumerate(embedding.factors[:6], start=1)
    )
    more = f"; and {len(embedding.factors) - 6} more" if len(embedding.factors) > 6 else ""
    return [f"  pairs    {embedding.inner} between A and B; {'; '.join(maps)}{more}"]


def _exact(built: Built) -> list[str]:
    if built.exact_layer is None:
        return []
    text = f"the mask holds the target itself: with rational weights of layer {built.exact_layer} the two are equal"
    return [f"  exact    {text} in exact arithmetic"]


def _proved(built: Built) -> str:
    checked = built.check
    if not built.passed:
        return _wrong(checked)
    if checked.exact:
        return "every weight lies on the mask; source and target are equal in exact arithmetic on the whole box"
    if checked.equal:
        return f"every weight lies on the mask; source and target differ by at most {checked.difference_bound:.3g}"
    bound = float(built.embedding.error_bound or 0)
    return f"every weight lies on the mask; an approximation, off by at most {bound:.3g} on the box before rounding"


def _wrong(checked: Check) -> str:
    """Say what speaks against a source that did not pass."""
    if checked.off_mask:
        return f"WRONG: weights outside of the mask, the first at (layer, row, column) = {checked.off_mask[0]}"
    return f"WRONG: {checked.differs or 'outputs differ by more than was proved'}"
