"""How many hidden neurons are needed in all, however they are shared out between the two hidden layers.

A necessary total N_0 + N_1 for targets d-n-o with one hidden layer, all source layers masked, under the hypotheses of
`ertheory.bounds.necessary.coupled`.

A pair (N_0, N_1) is ruled out if the bound of the degrees, the envelope or the parameter count, each with what dense
rows of layer 0 may evade, is below 1 - delta, or if N_0 < n and rows of layer 0 evade with a probability below that.
All these bounds grow with both widths, so a pair that is ruled out rules out all that are smaller.

A total T is ruled out if every pair with N_0 + N_1 = T is; then all smaller totals are as well. Pairs with N_1 from a
to b are ruled out together if (T - a, b) is, which is no smaller than any of them. So some hundred blocks do: the first
begins where the degrees stop to rule out, the last ends where fewer than n neurons are left for layer 0. Where to look
is guessed; what is returned is one more than a total of which all blocks have been ruled out.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from ertheory.bounds.necessary.envelope import envelope_of, reached_above
from ertheory.bounds.necessary.first_layer import AFFINE_ONLY, first_layer_refusal
from ertheory.bounds.necessary.parameter_count import log_count_above
from ertheory.bounds.necessary.position import Position, position_of
from ertheory.bounds.result import Width
from ertheory.bounds.statement import Question, Statement, Step
from ertheory.networks.source import read_densities
from ertheory.networks.target import Target
from ertheory.numbers import ball, decide, log_choose, probability

__all__ = ["LEAST_TOTAL", "least_total"]

_SPARSEST = Fraction(1, 1_000)


def least_total(target: Target, densities: tuple[Fraction, ...], failure_probability: Fraction) -> Width:
    """Smallest N_0 + N_1 that is not ruled out.

    Returns
    -------
    Width
        The widths are necessary, with ``total_at_least``; neither width is bounded alone. If the target or the
        densities violate a hypothesis, `applies` is false.

    Examples
    --------
    >>> least_total(Target.from_text("784-128-10"), (Fraction(1, 10),) * 3, Fraction(1, 1000)).total
    2808
    """
    densities = read_densities(target, density=densities)
    delta = probability("failure_probability", failure_probability)
    refusal = first_layer_refusal(target, densities, None)
    total, second, affine = None, 0, False
    if not refusal and min(densities) < _SPARSEST:
        refusal = f"is searched for densities of at least {float(_SPARSEST)} only"
    if not refusal:
        total, second = _Totals(position_of(target), densities, delta).least()
        affine = total is None
        if total is None:
            total, second = _Totals(position_of(target), densities, delta, affine=True).least()
    conditions = "" if refusal else position_of(target).conditions(generic=True)
    named = f"; {AFFINE_ONLY}" if affine else ""
    return LEAST_TOTAL.answer(
        Question(target=target, densities=densities, failure_probability=delta),
        (None, None, target.widths[-1]) if target.depth == 2 else (*(None,) * target.depth, target.widths[-1]),
        refusal=refusal,
        reason=f"N_0 + N_1 >= {total} with any N_1, {conditions}; W_1 without zeros; N_1 = {second} is not ruled out"
        + named,
        total_at_least=total,
        certified="double precision with directed bounds, and balls",
    )


class _Totals:
    """Which pairs are ruled out, for one target, densities and delta."""

    def __init__(
        self, position: Position, densities: tuple[Fraction, ...], delta: Fraction, *, affine: bool = False
    ) -> None:
        self.position, self.densities, self.delta, self.affine = position, densities, delta, affine
        self.envelope = envelope_of(position.classes, position.outputs, densities[2])
        self.reached = lru_cache(maxsize=4096)(
            lambda first: reached_above(position.inputs, first, densities[0], densities[1])
        )
        self.counted = lru_cache(maxsize=4096)(
            lambda first: log_count_above((position.inputs, position.classes), densities[:2], first)
        )

    def least(self) -> tuple[int | None, int]:
        """Give the least total and an N_1 for which it is not ruled out, or None."""
        classes = self.position.classes
        if self.room(classes - 1) <= 0:
            return None, 0
        least = self.first_second(self.room(classes))
        second = _lowest(lambda second: second + self.first(second), least)
        total = second + self.first(second)
        step = 1
        while total >= 2 * classes and not self.rules_out(total - 1):
            total, step = total - step, 2 * step
        return (total, second) if total >= 2 * classes else (None, 0)

    def room(self, first: int) -> Fraction:
        """Give what is left of 1 - delta beside the rows of layer 0 that evade."""
        evaded = Fraction(0) if self.affine else self.position.evaded(self.densities[0], first)
        return 1 - self.delta - evaded

    def first_second(self, room: Fraction) -> int:
        """Find the smallest N_1 that the degrees do not rule out."""
        low, high = 0, self.position.classes
        while self.envelope.at(high) < room:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.envelope.at(middle) < room else (low, middle)
        return high

    def excluded(self, first: int, second: int, room: Fraction) -> bool:
        """Say whether a pair is ruled out by the envelope or by the parameters."""
        if first < self.position.classes:
            return room > 0
        if self.envelope.above(second * self.reached(first), second) < room:
            return True
        classes, counted = self.position.classes, self.counted(first)
        if room <= 0 or counted > 0:
            return False
        return not decide(
            lambda: (
                ball(counted) + log_choose(second, classes) + classes * ball(self.densities[2]).log() - ball(room).log()
            ),
            undecided=True,
        ).holds

    def first(self, second: int) -> int:
        """Guess the smallest N_0 that is not ruled out beside an N_1."""
        low, high = self.position.classes - 1, 2 * self.position.classes
        while self.excluded(high, second, self.room(high)):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.excluded(middle, second, self.room(middle)) else (low, middle)
        return high

    def rules_out(self, total: int) -> bool:
        """Say whether every pair with this total is ruled out, block by block."""
        room = self.room(total)  # for every N_0 up to the total
        if room <= 0:
            return False
        second, block = self.first_second(room), 1
        most = total - self.position.classes
        while second <= most:
            first = total - second
            if not self.excluded(first, second, room):
                return False
            while second + 2 * block <= most and self.excluded(first, second + 2 * block, room):
                block *= 2
            while block > 1 and not self.excluded(first, min(most, second + block), room):
                block //= 2
            second += block if self.excluded(first, min(most, second + block), room) else 0
            second += 1
        return True


def _lowest(values: Callable[[int], int], start: int) -> int:
    """Guess where a function that falls and then grows is lowest, from a point at or before that on."""
    known: dict[int, int] = {}

    def value(place: int) -> int:
        if place not in known:
            known[place] = values(place)
        return known[place]

    low, middle, step = start, start, max(1, start // 8)
    while value(middle + step) < value(middle):
        low, middle, step = middle, middle + step, 2 * step
    high = middle + step
    while high - low > 2:
        third = max(1, (high - low) // 3)
        left, right = low + third, high - third
        if value(left) <= value(right):
            high = right
        else:
            low = left
        if left >= right:
            break
    return min(known, key=lambda place: (known[place], place))


def _widths(question: Question) -> Width:
    return least_total(question.target, question.densities, question.failure_probability)


def _steps(answer: Width) -> tuple[Step, ...]:
    if not answer.applies:
        return ()
    first = (answer.total or 1) - 1  # layer 0 has no more neurons
    return (
        "excluded: P(Bin(N1, p2) >= n)^o + E < 1 - delta,",
        "  or max_N (g(N) - s N) + s N1 P_A(N0) + E < 1 - delta for some s >= 0,",
        "  or C(N1, n) p2^n P(X_1 + .. + X_N0 >= n d) + E < 1 - delta,",
        "  or N0 < n and E < 1 - delta;",
        "  and N1 in [a, b] at N0 + N1 = T if (T - a, b) is excluded;",
        f"all blocks at N0 + N1 = {first} are excluded",
        *(() if AFFINE_ONLY in answer.reason else position_of(answer.target).evasion_lines(answer.densities[0], first)),
    )


LEAST_TOTAL = Statement(
    name="least-total",
    kind="necessary",
    variant="exact",
    source="least total (ours)",
    title="so many hidden neurons in all, however they are shared out between layers 0 and 1",
    widths=_widths,
    conditions="as for coupled",
    refuses=first_layer_refusal,
    not_inverted="asks how widths are shared out; where both are given, coupled rules out as much",
    steps=_steps,
    checks=("coupled",),
)
