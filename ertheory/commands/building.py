"""Build the target inside one drawn source, check it, and write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ertheory.bounds import Reading
from ertheory.bounds.factored import Split
from ertheory.bounds.factored.options import factors_of
from ertheory.builders import BUILT, Form
from ertheory.builders.factored.inner import Inner
from ertheory.builders.factored.planning import Outer
from ertheory.commands.arguments import called, read_delta, read_network_too, refuse_given
from ertheory.commands.built_chains import Built, build_chain, plan_chain
from ertheory.commands.built_networks import BuiltNetwork, build_network
from ertheory.commands.sampling import drawn_weights
from ertheory.commands.written import Whole, listed, read_box_text, read_whole
from ertheory.errors import InvalidInput, one_of
from ertheory.files import check_place
from ertheory.networks.arrays import read_box
from ertheory.networks.network import Network
from ertheory.networks.target import Target, network_of
from ertheory.numbers import Rational, probability, whole_number

__all__ = ["embed"]

Array: TypeAlias = npt.NDArray[np.float64]
FilePath: TypeAlias = str | PathLike[str]

_UNBOUNDED = "unbounded"


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
        Exactly one of them is given: one number for all layers of the source, or one per source layer, layer 0 first.
    delta, confidence, failure_probability
        Exactly one of them is given: the failure probability in (0, 1) by either name, or 1 minus it.
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
    chosen = plan_chain(
        _boxed(network_of(drawn_weights(known, seed), activation=activation), domain),
        method=method,
        form=form,
        inner=inner,
        outer=outer,
        split=split,
        density=density,
        sparsity=sparsity,
        failure_probability=read_delta(delta, confidence, failure_probability),
        layer0=layer0,
    )
    return build_chain(
        chosen,
        seed=seed,
        inputs=inputs,
        place=place,
        no_mask=no_mask,
        force=force,
        planned=planned,
        progress=progress,
        checking=checking,
    )


def _is_no_chain(target: Target) -> bool:
    return target.network is not None and not target.network.is_chain


def _given_densities(density: Any, sparsity: Any) -> tuple[Fraction, ...]:
    """Read densities of a network, which is no chain with a number of layers that is known from counts."""
    if (density is None) == (sparsity is None):
        raise InvalidInput("density", "exactly one of density and sparsity", "none" if density is None else "both")
    name, given = ("density", density) if sparsity is None else ("sparsity", sparsity)
    numbers = listed(given)
    if name == "density":
        return tuple(probability(name, one, one=True) for one in numbers)
    return tuple(1 - probability(name, one, zero=True) for one in numbers)


def _boxed(network: Network, domain: npt.ArrayLike | None) -> Network:
    if isinstance(domain, str):
        if domain == _UNBOUNDED:
            return Network(network.steps)
        domain = read_box_text(domain, also=f" or {_UNBOUNDED}")
    if domain is None and network.domain is not None:
        return network
    return Network(network.steps, read_box((0.0, 1.0) if domain is None else domain, network.inputs))
