"""Build the target inside one drawn source, check it, and write it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.bounds import Reading
from ertheory.bounds.factored import Split
from ertheory.bounds.factored.options import factors_of
from ertheory.builders import BUILT, FORMS, Embedding, Form, Plan, plan
from ertheory.builders.factored.inner import Inner
from ertheory.builders.factored.planning import FactoredPlan, Outer, plan_factored
from ertheory.builders.factored.result import FactoredChain
from ertheory.check import Check
from ertheory.commands.arguments import called, read_delta, read_network_too, refuse_given
from ertheory.commands.built_networks import BuiltNetwork, build_network
from ertheory.commands.checked import checked
from ertheory.commands.described import measured, rests_on
from ertheory.commands.exactly import exact_layer
from ertheory.commands.points import read_points
from ertheory.commands.sampling import drawn_weights
from ertheory.commands.written import Whole, listed, read_box_text, read_whole
from ertheory.errors import InvalidInput, TheoremNotApplicable, one_of
from ertheory.files import check_place
from ertheory.networks.arrays import read_box
from ertheory.networks.network import Network
from ertheory.networks.target import Target, network_of
from ertheory.numbers import Rational, probability, whole_number
from ertheory.results import Explained, Step

__all__ = ["Built", "embed"]

Array: TypeAlias = npt.NDArray[np.float64]
FilePath: TypeAlias = str | PathLike[str]

_UNBOUNDED = "unbounded"
_UNBOUNDED_ROUNDING = "which unbounded inputs turn into any error; state a box by `domain`"


@dataclass(frozen=True, kw_only=True)
class Built(Explained):
    """A source that holds the target.

    Parameters
    ----------
    plan
        The widths, and what they rest on.
    embedding
        The source, its masks, and the error bound.
    check
        What the checker found, which shares nothing with the builder.
    passed
        Whether the source is the target, or as close to it as the form of layer 0 claims.
    seed
        The seed of the masks.
    file
        Where the source was written, or ``None``.
    seconds
        How long building, checking and writing took.
    exact_layer
        The layer, 0 or 1, whose weights can be replaced by rational ones on the same mask so that the source is the
        target exactly, as was checked; ``None`` where that is so without, or too large to be looked at.
    """

    plan: Plan | FactoredPlan
    embedding: Embedding | FactoredChain
    check: Check
    passed: bool
    seed: int
    file: Path | None
    seconds: float
    exact_layer: int | None = None

    @property
    def heading(self) -> str:
        """The method and the reading of layer 0."""
        return self.plan.answer.heading

    def steps(self) -> tuple[Step, ...]:
        """Give what the widths were computed from, and what the checker found."""
        found = self.check
        error = "" if found.difference_bound is None else f", |source - target| <= {float(found.difference_bound):.4g}"
        proved = "equal in exact arithmetic" if found.exact else f"on the mask: {found.on_mask}{error}"
        if self.exact_layer is not None:
            proved += f"; equal in exact arithmetic with rational weights of layer {self.exact_layer} on the same mask"
        return (*self.plan.answer.steps(), f"built with seed {self.seed} and checked: {proved}")

    def to_dict(self) -> dict[str, Any]:
        """Collect everything in types that JSON knows, as ``--json`` prints it beside what was asked."""
        return {
            "seed": self.seed,
            "success": self.passed,
            "missing": [],
            **measured(self.embedding, self.check),
            **rests_on(self.plan),
            "exact_layer": self.exact_layer,
            "seconds": self.seconds,
            "file": None if self.file is None else str(self.file),
        }


def embed(
    target: object,
    *,
    density: Rational | Sequence[Rational] | None = None,
    sparsity: Rational | Sequence[Rational] | None = None,
    delta: Rational | None = None,
    confidence: Rational | None = None,
    failure_probability: Rational | None = None,
    method: str = "exact",
    layer0: Reading | None = None,
    seed: Whole = 0,
    domain: npt.ArrayLike | None = None,
    inputs: FilePath | npt.ArrayLike | None = None,
    activation: str | None = None,
    form: Form | None = None,
    inner: Inner | None = None,
    outer: Outer | None = None,
    split: Split | None = None,
    factors: Whole | None = None,
    out: FilePath | None = None,
    no_mask: bool = False,
    force: bool = False,
    planned: Callable[[Any], object] | None = None,
    progress: Callable[[int], object] | None = None,
    checking: Callable[[int], object] | None = None,
) -> Built | BuiltNetwork:
    """Build the target inside one random masked network and prove it, as ``ertheory embed`` does.

    Parameters
    ----------
    target
        A file, or whatever `ertheory.read_network` reads. Where it gives widths alone, weights are drawn by the seed. A
        network that is no chain of fully connected layers, with convolutions, skips or norms, is built by the method
        factored.
    density, sparsity
        Exactly one of them: one number for all layers of the source, or one per source layer, layer 0 first.
    delta, confidence, failure_probability
        Exactly one of them: the failure probability in (0, 1) by either name, or 1 minus it.
    method
        The statement whose widths the source gets; one that can be built.
    layer0
        How layer 0 is read; the method chooses if this is left out.
    seed
        The seed of the masks, a whole number of at least 0.
    domain
        The box of the inputs: one interval (a, b) for all of them, shape (d, 2) for one each, or ``"unbounded"``. If
        left out, it is the box of the target, or else [0, 1] for each input.
    inputs
        Points of the box, shape (n, d), at which errors are measured, or a .npy or .npz file of them. If left out,
        they are drawn by the seed.
    activation
        An activation that takes the place of the target's own, such as ``relu`` or ``gelu``.
    form
        How layer 0 hands inputs on, one of `ertheory.builders.FORMS`. If left out, the exact one that fits.
    inner
        What the inner neurons of the method factored do: ``relu``, the default for chains; ``identity``, which needs no
        box, the default for other networks and three factors; or ``relu-positive``, which needs no bounds where inputs
        are not negative, but more neurons.
    outer
        With ``random`` the second factor of every pair of the method factored is drawn, and only the first one solved;
        by default, ``solved``, whichever of the two needs fewer weights.
    split
        With ``best`` the densities of a pair, or a triple, of the method factored differ, at the same overall density,
        where that needs fewer weights; ``equal`` by default.
    factors
        How many masked maps the method factored makes of each map: 2, the default, or 3, for chains alone, where inner
        neurons are linear.
    out
        Where the source is written: .npz or .safetensors. Nothing is written if this is left out.
    no_mask
        Whether the masks are left out of the file; they can be drawn again from its seed and densities.
    force
        Whether a file that exists is written over.
    planned
        A function that is given the plan before the masks are drawn.
    progress
        A function that is told of mask entries that were drawn.
    checking
        A function that is told how many points the check has evaluated.

    Raises
    ------
    ConstructionFailed
        If the mask lacks an edge, which happens with probability delta at most.
    InvalidInput
        If an argument lies outside its domain.
    TheoremNotApplicable
        If the statement does not hold for this source.

    Examples
    --------
    >>> built = embed("3-4-2", sparsity=0.5, delta=0.05, seed=1)
    >>> built.passed, built.check.exact, built.plan.answer.widths
    (True, True, (48, 36, 2))
    """
    seed, factors = whole_number("seed", read_whole("seed", seed), least=0), read_whole("factors", factors)
    place = None if out is None else Path(out)
    if place is not None:
        with called(path="out"):
            check_place(place, force=force)
    factored = one_of("method", method, BUILT) == "factored"
    if factored:
        refuse_given("another `method` to go with it", form=form)
    else:
        refuse_given("the `method` factored to go with it", inner=inner, outer=outer, split=split, factors=factors)
    factors = factors_of({} if factors is None else {"factors": factors})
    known = read_network_too(target)
    if factored and (factors == 3 or isinstance(known, Network) or _is_no_chain(known)):
        whole = known if isinstance(known, Network) else network_of(drawn_weights(known, seed))
        if factors == 3 and not whole.is_chain:
            raise InvalidInput("factors", "2 for a network that is no chain of fully connected layers", factors)
        refuse_given("a chain of fully connected layers, and two factors, to go with it", activation=activation)
        if layer0 not in (None, "factored"):
            raise InvalidInput("layer0", "factored, as the method factored always reads it", layer0)
        return build_network(
            _boxed(whole, domain),
            densities=_given_densities(density, sparsity),
            factors=factors,
            failure_probability=read_delta(delta, confidence, failure_probability),
            seed=seed,
            inputs=inputs,
            inner=inner,
            outer=outer,
            split=split,
            place=place,
            no_mask=no_mask,
            force=force,
            progress=progress,
            checking=checking,
        )
    known = Target.from_network(known) if isinstance(known, Network) else known
    network = _network(drawn_weights(known, seed), activation, domain)
    asked: dict[str, Any] = {
        "density": density,
        "sparsity": sparsity,
        "failure_probability": read_delta(delta, confidence, failure_probability),
        "layer0": layer0,
    }
    chosen: Plan | FactoredPlan
    if factored:
        chosen = _planned_pairs(
            network, inner=inner or "relu", outer=outer or "solved", split=split or "equal", **asked
        )
    else:
        chosen = _planned(network, method, form, **asked)
    points = None if inputs is None else read_points(inputs, chosen.network.domain)
    if planned is not None:
        planned(chosen)
    started = time.perf_counter()
    embedding = _embedded(chosen, seed, progress)
    if embedding.error_bound is None and network.domain is not None:
        raise InvalidInput("target", "weights and a box on which rounding costs less than 1e308", str(known))
    options = {"points": points, "seed": seed, "progress": checking}
    found, passed = checked(embedding, place, options, with_masks=not no_mask, force=force)
    return Built(
        plan=chosen,
        embedding=embedding,
        check=found,
        passed=passed,
        seed=seed,
        file=place if passed else None,
        exact_layer=_exact_layer(embedding) if passed and not found.exact else None,
        seconds=time.perf_counter() - started,
    )


def _planned(network: Network, method: str, form: Form | None, **asked: Any) -> Plan:
    chosen = plan(network, method=method, form=None if form is None else one_of("form", form, FORMS), **asked)
    if chosen.coding.error is None and chosen.layer0 != "coded":
        raise TheoremNotApplicable(f"{network.activation}: weights would have to be rounded, {_UNBOUNDED_ROUNDING}")
    return chosen


def _planned_pairs(network: Network, *, layer0: Reading | None, **asked: Any) -> FactoredPlan:
    if layer0 not in (None, "factored"):
        raise InvalidInput("layer0", "factored, as the method factored always reads it", layer0)
    chosen = plan_factored(network, **asked)
    if network.domain is None and not chosen.rational:
        raise TheoremNotApplicable(f"factored: weights are solved for and rounded, {_UNBOUNDED_ROUNDING}")
    return chosen


def _embedded(
    chosen: Plan | FactoredPlan, seed: int, progress: Callable[[int], object] | None
) -> Embedding | FactoredChain:
    if isinstance(chosen, Plan):
        return chosen.embed(seed, progress=progress)
    return chosen.embed(seed, progress=progress, exact=chosen.rational)


def _exact_layer(embedding: Embedding | FactoredChain) -> int | None:
    return exact_layer(embedding) if isinstance(embedding, Embedding) else None


def _is_no_chain(target: Target) -> bool:
    return target.network is not None and not target.network.is_chain


def _given_densities(density: Any, sparsity: Any) -> tuple[Fraction, ...]:
    """Read densities of a network, which is no chain with a number of layers that is known from counts."""
    if (density is None) == (sparsity is None):
        raise InvalidInput("density", "exactly one of density and sparsity", (density, sparsity))
    name, given = ("density", density) if sparsity is None else ("sparsity", sparsity)
    numbers = listed(given)
    if name == "density":
        return tuple(probability(name, one, one=True) for one in numbers)
    return tuple(1 - probability(name, one, zero=True) for one in numbers)


def _network(target: Target, activation: str | None, domain: npt.ArrayLike | None) -> Network:
    return _boxed(network_of(target, activation=activation), domain)


def _boxed(network: Network, domain: npt.ArrayLike | None) -> Network:
    if isinstance(domain, str):
        if domain == _UNBOUNDED:
            return Network(network.steps)
        domain = read_box_text(domain, also=f" or {_UNBOUNDED}")
    if domain is None and network.domain is not None:
        return network
    return Network(network.steps, read_box((0.0, 1.0) if domain is None else domain, network.inputs))
