"""Words of Coq: what every certificate is written with.

A certificate is a file in which one answer is a theorem about networks. It rests on the theories in ``proofs/`` of the
repository, which say what a network, a mask and a probability are, and its numbers are checked by a computation inside
Coq. Nothing of this package has to be believed.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Literal

from ertheory.bounds.result import Width, rational_text
from ertheory.errors import InfeasibleWidth, TheoremNotApplicable
from ertheory.numbers import Ball, enclose

__all__ = ["checked", "definition", "distance", "fraction", "head", "margin_bits", "refuse", "table", "wrapped"]

_SCOPES = {"N": ("bin", 0), "positive": ("positive", 1), "nat": ("N", 0)}
_COLUMNS = 118
_LEAST_BITS = 64
_MOST_BITS = 4096


def head(answer: Width, theories: Iterable[str], *, says: str) -> str:
    """Begin a certificate: question, answer and how it is checked, in words; then what it loads.

    Parameters
    ----------
    answer
        The widths.
    theories
        The names of the files in ``proofs/`` that are used.
    says
        What the theorem says, in words.
    """
    target, densities = answer.target, ", ".join(map(rational_text, answer.densities))
    delta, widths = rational_text(answer.failure_probability), ", ".join(map(str, answer.widths))
    paragraphs = [
        f"Question. How wide must a random masked network be that contains a given network {target} with "
        f"{', '.join(map(str, target.nonzeros))} non-zero weights in its layers, with probability 1 - {delta} or more? "
        f"The densities of its layers are {densities}.",
        f"Answer ({answer.method}: {answer.statement}; layer 0 {answer.layer0}). {widths} neurons.",
        says,
        "Written by ertheory width --certificate. To check it, in the repository of ertheory: make certificate FILE=, "
        "with the name of this file, or python proofs/check.py with the same name. What a mask, a network and a "
        "probability are is said in proofs/README.md.",
    ]
    comment = "\n\n".join(
        textwrap.fill(_plain(one), _COLUMNS, initial_indent="   ", subsequent_indent="   ") for one in paragraphs
    )
    return f"""(* {comment.lstrip()} *)
From Coq Require Import NArith PArith.
From mathcomp Require Import all_ssreflect all_algebra.
From ERProofs Require Import names {" ".join(theories)}.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.
"""


def _plain(text: str) -> str:
    """Take away what would begin or end a comment or a string."""
    return text.replace('"', "'").replace("(*", "( *").replace("*)", "* )")


def definition(name: str, kind: str, value: int | str) -> str:
    """Define a constant.

    Examples
    --------
    >>> definition("depth", "nat", 2)
    'Definition depth : nat := 2%N.'
    """
    scope = f"%{_SCOPES[kind][0]}" if kind in _SCOPES else ""
    return f"Definition {name} : {kind} := {value}{scope}."


def table(name: str, kind: Literal["N", "nat", "positive"], values: Sequence[int]) -> str:
    """Define a function of the number of a layer by its values.

    Examples
    --------
    >>> table("copies", "positive", [226, 144])
    'Definition copies : nat -> positive := nth 1%positive [:: 226; 144]%positive.'
    """
    scope, outside = _SCOPES[kind]
    listed = "; ".join(map(str, values))
    return wrapped(f"Definition {name} : nat -> {kind} := nth {outside}%{scope} [:: {listed}]%{scope}.")


def wrapped(line: str) -> str:
    """Break a long line of Coq where there are spaces.

    Examples
    --------
    >>> wrapped("Definition depth : nat := 2%N.")
    'Definition depth : nat := 2%N.'
    """
    return textwrap.fill(line, _COLUMNS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def fraction(value: Fraction) -> str:
    """Write a rational as a quotient of two numbers in the real field R.

    Examples
    --------
    >>> fraction(Fraction(1, 1000))
    'toR R 1 / toR R 1000'
    """
    return f"toR R {value.numerator} / toR R {value.denominator}"


def checked(name: str, claim: str) -> str:
    """State what a computation inside Coq confirms."""
    return f"Lemma {name} : {claim}.\nProof. by vm_cast_no_check (erefl true). Qed.\n"


def margin_bits(margin: Fraction, roundings: int) -> int:
    """Choose the binary digits of a fixed-point computation that is to resolve a margin.

    Parameters
    ----------
    margin
        The least distance, greater than 0, that is to be seen.
    roundings
        How many units of the last digit the result may be wrong by.

    Raises
    ------
    TheoremNotApplicable
        If more than 4096 of them would be needed.

    Examples
    --------
    >>> margin_bits(Fraction(1, 10**6), 10**6)
    64
    """
    bits = 8 + math.ceil(1 / margin).bit_length() + roundings.bit_length()
    if bits > _MOST_BITS:
        raise TheoremNotApplicable(f"certificate: the law and 1 - delta differ by less than {_MOST_BITS} bits can tell")
    return max(_LEAST_BITS, 32 * -(-bits // 32))


def distance(difference: Callable[[], Ball]) -> Fraction:
    """Bound the distance of a number from 0 from below.

    Raises
    ------
    TheoremNotApplicable
        If it cannot be told from 0.
    """
    try:
        low, high = enclose(difference, digits=2)
    except InfeasibleWidth:
        low = high = Fraction(0)
    if low <= 0 <= high:
        msg = "certificate: the law and 1 - delta are equal or too close to be told apart"
        raise TheoremNotApplicable(msg)
    return min(abs(low), abs(high))


def refuse(answer: Width) -> None:
    """Refuse an answer that no certificate can be about.

    Raises
    ------
    TheoremNotApplicable
        If the statement does not apply, or the target has convolutions or a layer without weights.
    """
    if not answer.applies:
        raise TheoremNotApplicable(f"certificate: {answer.method} does not apply; {answer.reason}")
    if answer.target.is_convolutional:
        msg = "certificate: convolutions are not in the machine-checked proofs; give dense layers"
        raise TheoremNotApplicable(msg)
    if not min(answer.target.nonzeros):
        msg = "certificate: a layer of the target has no weights; reduce the target first"
        raise TheoremNotApplicable(msg)
