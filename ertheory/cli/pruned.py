"""What ``ertheory ticket`` says: widths, what they rest on, and the ticket."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from ertheory.bounds import TicketSensitivity, TicketWidth
from ertheory.bounds.result import number_for_json, rational_text
from ertheory.cli.output import render, show, wrap
from ertheory.networks.target import Target
from ertheory.tables import Cell, Shown, Style

__all__ = ["report", "show_ticket"]


def report(found: TicketWidth, table: TicketSensitivity | None, style: Style) -> None:
    """Print the widths, and what changes them where that was asked for."""
    headers = ["mode", "depth", "kind", *(f"N_{layer}" for layer in range(len(found.widths) - 1)), "total", "edges"]
    edges = Decimal(found.edges_expected.numerator) / found.edges_expected.denominator  # beyond a double perhaps
    kept = Shown(number_for_json(found.edges_expected), f"{edges:.4g}")
    row: list[Cell] = [found.mode, found.depth, found.kind, *found.widths[:-1], found.total, kept]
    show(render([row], headers, style))
    if style == "table":
        show("")
        for line in _notes(found):
            show(wrap(line))
    if table is not None:
        show("")
        headers = ["argument", "from", "to", *(f"N_{layer}" for layer in range(len(found.widths) - 1))]
        rows: list[list[Cell]] = [
            [
                change.argument,
                Shown(rational_text(change.before), _brief(change.before)),
                Shown(rational_text(change.after), _brief(change.after)),
                *(None if ratio is None else Shown(ratio, f"x {ratio:.4g}") for ratio in change.ratios[:-1]),
            ]
            for change in table.rows
        ]
        show(render(rows, headers, style))
        if style == "table":
            show(
                wrap("Each row changes one argument and leaves the others as they are. B_l are L1 norms, n_l neurons.")
            )


def _notes(found: TicketWidth) -> list[str]:
    facts = found.facts
    lines = [f"{found.statement}, {found.variant}; target {found.target}, delta {_brief(found.failure_probability)}."]
    tolerances = ", ".join(f"{float(value):.3g}" for value in found.epsilons)
    if found.bits is None:
        lines.append(f"  eps_1..eps_{len(found.epsilons)}: {tolerances}")
    if found.kept_most is not None:
        share = float(found.kept_most / found.edges_expected)
        lines.append(f"  the ticket has at most {found.kept_most:,} weights, {share:.3g} of those that the mask keeps")
    if found.problems is not None and found.share is not None:
        times = "1 pass" if found.iterations == 1 else f"{found.iterations} passes"
        passes = f", after {times}" if found.depth == "L+1" and found.iterations else ""
        lines.append(
            f"  {float(found.problems):.4g} subset sums, each fails with probability {float(found.share):.3g}{passes}"
        )
    if found.copies is not None and found.depth == "L+1" and len(found.copies) > 1:
        lines.append(f"  copies per neuron: {', '.join(f'{count:,}' for count in found.copies[:-1])}")
    if found.constants:
        lines.append(f"  of these, constants for biases: {', '.join(f'{count:,}' for count in found.constants[:-1])}")
    known = "read off the weights" if facts.known else "assumed"
    weights = ", ".join(_brief(value) for value in facts.largest_weights)
    biases = ", ".join(_brief(value) for value in facts.largest_biases)
    norms = ", ".join(_brief(value) for value in facts.norms)
    signed = "inputs of either sign" if facts.signed else "inputs that are not negative"
    lines.append(f"  {known}: max|W| {weights}; max|b| {biases}; L1 norms B_0.. {norms}; {signed}")
    return lines + [f"  ! {warning}" for warning in found.warnings]


def show_ticket(target: Target, content: dict[str, Any], out: str | None) -> None:
    """Print the ticket in words, or what is missing for one."""
    if not content["success"]:
        what = f"within {content['epsilon']}" if content["bits"] is None else "that is the target itself"
        show(wrap(f"No ticket of {target} {what} in this source; nothing was written."))
        for reason in content["missing"]:
            show(wrap(f"  {reason}"))
        if content["check"] is not None:
            show(wrap(f"  WRONG: the file did not pass the independent check: {content['check']}"))
        show("Another --seed draws another source; wider ones hold a ticket more often.")
        return
    widths = " + ".join(f"{width:,}" for width in content["widths"][:-1])
    show(f"A strong ticket of {target} in {widths} hidden neurons, by pruning alone.")
    if content["bits"] is not None:
        text = f"it is the target itself; weights have {content['bits']} bits behind the point"
        show(wrap(f"  exact    {text}"))
    else:
        show(wrap(f"  proved   off by at most {content['error_certified']:.3g} on the whole box"))
    if content["check"] is not None:
        again = content["check"]["error_certified"]
        show(
            wrap(f"  checked  the source was drawn again: nothing but 0/1 masks inside it, off by at most {again:.3g}")
        )
    show(wrap(f"  measured {content['error_measured']:.3g}"))
    show(wrap(f"  kept     {', '.join(f'{count:,}' for count in content['kept'])} weights per layer"))
    show(wrap(f"  lambda   {', '.join(f'{value:.3g}' for value in content['lambda'])}, by which errors are passed on"))
    if out is not None:
        show(wrap(f"  written  {out}"))


def _brief(value: Fraction) -> str:
    text = rational_text(value)
    return text if len(text) <= 10 else f"{float(value):.6g}"
