"""What a statement about widths is: its name, what it rests on, and how it is asked.

A `Statement` is a value that names a theorem and holds its calculations as plain functions. Everything else is made
from these values: the methods of ``width``, ``sparsity`` and ``confidence``, their help, the rows of their tables, the
explanations, the plans of builders, and the list of checks by simulation. `ertheory.bounds.catalogue` lists them.

To add one, write a module that ends in a `Statement`, and add that value to the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

from ertheory.bounds.result import Construction, Kind, Reading, Variant, Width
from ertheory.errors import TheoremNotApplicable
from ertheory.networks.target import Target
from ertheory.results import Step

__all__ = ["NO_OPTIONS", "GivenWidths", "Inverse", "Question", "Reading", "Statement", "Step"]

Bounds = tuple[Fraction | None, Fraction | None]
NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Question:
    """The question how wide a source must be.

    Parameters
    ----------
    target
        The network to represent.
    densities
        One density in (0, 1] per layer of the source.
    failure_probability
        The failure probability delta, in (0, 1).
    layer0
        How layer 0 shall be read. Each statement chooses for itself where this is ``None``.
    options
        What only some statements know, by the names in `Statement.options`.
    reach
        Widths N_0..N_{L-1} up to which a necessary statement shall hold, where it needs such a limit.
    """

    target: Target
    densities: tuple[Fraction, ...]
    failure_probability: Fraction
    layer0: Reading | None = None
    options: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)
    reach: tuple[int, ...] = ()

    @property
    def copied_layer0(self) -> Reading:
        """How layer 0 is read by constructions that copy inputs, where they may choose."""
        return self.layer0 or ("dense" if self.densities[0] == 1 else "matched")


@dataclass(frozen=True, kw_only=True)
class GivenWidths:
    """A source of given widths, of which is asked what it is good for.

    Parameters
    ----------
    target
        The network to represent.
    widths
        The widths of all source layers, as `ertheory.bounds.inverse` has checked them.
    layer0
        How layer 0 is read. Necessary statements hold for every reading.
    options
        They are as in `Question`.
    """

    target: Target
    widths: tuple[int, ...]
    layer0: Reading
    options: Mapping[str, object] = field(default_factory=lambda: NO_OPTIONS)


def _no_refusal(given: GivenWidths) -> str:  # noqa: ARG001
    return ""


def _no_factors(
    given: GivenWidths,  # noqa: ARG001
    densities: tuple[Fraction, ...],  # noqa: ARG001
    failure_probability: Fraction | None,  # noqa: ARG001
) -> tuple[int, ...] | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Inverse:
    """A statement read the other way round, for widths that are given.

    Parameters
    ----------
    reason
        The conditions on which an answer rests.
    holds
        Whether the statement grants success with probability 1 - delta at these densities. A necessary one is asked
        whether it does not rule that out.
    success
        A lower and an upper bound on the success probability, ``None`` where the statement gives no such bound.
    refuses
        Why the statement says nothing about these widths, or an empty string.
    factors
        The copies of each target neuron that the answer builds on, or ``None``.
    steps
        What a success probability was computed from, for an answer that has the widths that were given. If left out,
        the steps of the statement for widths of its own. Where no failure probability was asked about, it is 1.
    digits
        How many significant digits of a density are looked for.
    """

    reason: Callable[[GivenWidths], str]
    holds: Callable[[GivenWidths, tuple[Fraction, ...], Fraction], bool]
    success: Callable[[GivenWidths, tuple[Fraction, ...]], Bounds]
    refuses: Callable[[GivenWidths], str] = _no_refusal
    factors: Callable[[GivenWidths, tuple[Fraction, ...], Fraction | None], tuple[int, ...] | None] = _no_factors
    steps: Callable[[Width], tuple[Step, ...]] | None = None
    digits: int = 12


def _one_layer_more(target: Target, options: Mapping[str, object]) -> int:  # noqa: ARG001
    return target.depth + 1


def _always(target: Target, densities: tuple[Fraction, ...], layer0: Reading | None) -> str:  # noqa: ARG001
    return ""


def _no_steps(answer: Width) -> tuple[Step, ...]:  # noqa: ARG001
    return ()


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One theorem about the widths of a source, with all that can be asked of it.

    Parameters
    ----------
    name
        The short name, as on the command line.
    kind
        ``printed`` as in the paper, ``sufficient`` (enough with probability 1 - delta) or ``necessary``.
    variant
        ``printed`` as in the paper, ``exact`` from the exact law, ``repaired`` where the printed one had to change. An
        answer may differ, where layer 0 is read in another way.
    source
        The theorem and where it stands, in a few words.
    title
        What the statement says, in one line.
    widths
        The calculation.
    conditions
        The hypotheses in words, as far as they are the same for every target.
    cites
        The statement and its source for one target; `source` where it is ``None``.
    refuses
        Why the statement does not hold for a target, its densities and a reading of layer 0, or an empty string.
    readings
        The readings of layer 0 that the statement knows. Empty for necessary ones, which hold for every source.
    unreadable
        Why a reading of layer 0 is not known, by its name.
    limited
        The source layers of whose width a necessary statement needs an upper limit: beyond it, it says nothing.
    inverse
        The same statement for given widths, or ``None``.
    not_inverted
        Why there is none.
    constructions
        The names of the constructions in which its widths can be built. Empty where there is none.
    steps
        What an answer was computed from: lines of text, or formulas and the numbers that are put in.
    checks
        The names of its checks by simulation, as ``ertheory verify`` knows them.
    layers
        How many layers the source has, of which one density each is read.
    options
        The names of options that the statement alone understands.
    default
        Whether the statement stands in the table that answers where no method is chosen.
    certificate
        Writes an answer as a theorem that Coq checks, or ``None``.
    chains_only
        Whether it speaks only of targets whose layers each read what the one before writes: no shortcuts.
    scope
        The sources that a necessary statement speaks of: every ``source``, those whose layer 1 is ``narrow``, those
        whose last hidden layer is coloured (``colouring``), or ``factored`` ones.
    slow_below
        The density below which the calculation takes so long that it has to be asked for by name.

    Examples
    --------
    >>> from ertheory.bounds.catalogue import find
    >>> find("degree").kind, find("degree").limited, find("exact").readings
    ('necessary', (0,), ('dense', 'preassigned', 'matched'))
    """

    name: str
    kind: Kind
    variant: Variant
    source: str
    title: str
    widths: Callable[[Question], Width]
    conditions: str = ""
    cites: Callable[[Target], str] | None = None
    refuses: Callable[[Target, tuple[Fraction, ...], Reading | None], str] = _always
    readings: tuple[Reading, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    limited: tuple[int, ...] = ()
    inverse: Inverse | None = None
    not_inverted: str = ""
    constructions: tuple[Construction, ...] = ()
    steps: Callable[[Width], tuple[Step, ...]] = _no_steps
    checks: tuple[str, ...] = ()
    layers: Callable[[Target, Mapping[str, object]], int] = _one_layer_more
    options: tuple[str, ...] = ()
    default: bool = False
    certificate: Callable[[Width], str] | None = None
    chains_only: bool = True
    scope: Literal["source", "narrow", "colouring", "factored"] = "source"
    slow_below: Fraction = Fraction(0)

    def applies(self, target: Target, densities: tuple[Fraction, ...], layer0: Reading | None = None) -> bool:
        """Say whether all hypotheses hold that can be decided; `refuses` says which one does not."""
        return not self.refuses(target, densities, layer0)

    def kind_of(self, layer0: str) -> Kind:
        """Say of which kind an answer is: a printed statement is the paper's own for a dense layer 0 only."""
        return "sufficient" if self.kind == "printed" and layer0 != "dense" else self.kind

    def citation(self, target: Target) -> str:
        """Name the statement and its source for one target."""
        return self.source if self.cites is None else self.cites(target)

    def checked_reading(self, layer0: Reading | None, densities: tuple[Fraction, ...]) -> None:
        """Refuse a reading of layer 0 that the statement does not know.

        Raises
        ------
        TheoremNotApplicable
            If it cannot be read in this way; the readings that it knows stand in the message.
        """
        if layer0 is None or not self.readings or layer0 in self.readings:
            return
        if layer0 == "dense" and densities[0] == 1:
            return  # without a mask on layer 0 all readings mean the same
        known = " or ".join(filter(None, [", ".join(self.readings[:-1]), self.readings[-1]]))
        why = self.unreadable.get(layer0, f"layer 0 is not read as {layer0}")
        raise TheoremNotApplicable(f"{self.name}: {why}; read layer 0 as {known}")

    def checked_shape(self, target: Target) -> None:
        """Refuse a network of which the statement does not speak.

        Raises
        ------
        TheoremNotApplicable
            If it speaks of chains alone, and this is none.
        """
        if self.chains_only and not target.is_chain:
            msg = f"{target} is no chain of layers with ReLU between them; of others only factored sources speak"
            raise TheoremNotApplicable(f"{self.name}: {msg}")

    def answer(
        self,
        question: Question,
        widths: tuple[int | None, ...],
        *,
        layer0: Reading | Literal["any"] = "any",
        refusal: str = "",
        reason: str = "",
        **known: Any,
    ) -> Width:
        """Make an answer of this statement.

        Parameters
        ----------
        question
            What was asked.
        widths
            The widths of all source layers, ``None`` for a layer of which nothing is said.
        layer0
            How layer 0 was read.
        refusal
            Why the statement does not apply, or an empty string.
        reason
            The conditions on which it applies.
        known
            Further fields of `Width`.
        """
        fields = {"variant": self.variant, "kind": self.kind_of(layer0)} | known
        return Width(
            method=self.name,
            statement=self.citation(question.target),
            layer0=layer0,
            applies=not refusal,
            reason=refusal or reason,
            target=question.target,
            densities=question.densities,
            failure_probability=question.failure_probability,
            widths=widths,
            **fields,
        )

    def no_answer(self, question: Question, reason: str) -> Width:
        """Make a row without widths, which says why there are none."""
        layers = self.layers(question.target, question.options)
        layer0: Reading | Literal["any"] = (question.layer0 or self.readings[0]) if self.readings else "any"
        widths = (*(None,) * (layers - 1), question.target.widths[-1])
        kind = {"kind": self.kind}  # as in the table's other rows
        return self.answer(question, widths, layer0=layer0, refusal=reason.removeprefix(f"{self.name}: "), **kind)
