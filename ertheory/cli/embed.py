"""``ertheory embed``: build the target inside one drawn source, check what was written, and keep it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ertheory.bounds.result import rational_text, success_text
from ertheory.builders import (
    BUILT,
    FORMS,
    Embedding,
    Form,
    MissingEdge,
    Plan,
    plan,
    write_embedding,
)
from ertheory.check import Check, check_file, float_bound
from ertheory.cli.arguments import (
    Confidence,
    Delta,
    Density,
    ReadingName,
    Sparsity,
    densities_inputs,
    read_delta,
    read_integer,
    read_target_text,
)
from ertheory.cli.options import option
from ertheory.cli.output import document, show, wrap
from ertheory.cli.widths import checked_reading
from ertheory.errors import ConstructionFailed, InvalidInput, TheoremNotApplicable
from ertheory.files import check_place
from ertheory.networks.network import Network
from ertheory.networks.target import network_of
from ertheory.numbers import exact_rational

__all__ = ["EmbedCommand"]

Array: TypeAlias = npt.NDArray[np.float64]

_UNBOUNDED = "unbounded"
_OPTIONS = {"activation", "density", "method", "sparsity"}


@dataclass(frozen=True)
class EmbedCommand:
    """Build the target inside a random masked network, and write it to a file."""

    target: Annotated[str, option(metavar="FILE", help="The network to represent: .npz or .safetensors.")]
    out: Annotated[str, option(metavar="FILE", help="Where the source goes: .npz or .safetensors.")]
    density: Density = None
    sparsity: Sparsity = None
    delta: Delta = None
    confidence: Confidence = None
    method: Annotated[str, option(metavar="M", help=f"One of {', '.join(BUILT)}.")] = "exact"
    layer0: ReadingName = None
    seed: Annotated[str, option(metavar="N", help="Seed of the masks.")] = "0"
    domain: Annotated[
        str | None,
        option(
            metavar="A,B",
            help="Every input lies between these; or 'unbounded'. If left out: what the target's file says, else 0,1.",
        ),
    ] = None
    inputs: Annotated[
        str | None,
        option(metavar="FILE", help="Points (n, d) at which errors are measured, .npy or .npz; else random ones."),
    ] = None
    activation: Annotated[str, option(metavar="A", help="Of the hidden layers, such as relu or gelu.")] = "relu"
    form: Annotated[
        str | None,
        option(metavar="F", help=f"How layer 0 hands inputs on: {', '.join(FORMS)}; the exact one that fits."),
    ] = None
    no_mask: bool = False
    """Leave the masks out of the file; they can be drawn again from its seed and densities."""
    force: bool = False
    """Write over a file that exists."""
    json: bool = False
    """Print one JSON document."""

    def run(self) -> int:
        """Build, check, write; exit status 1 if the mask lacks an edge or the check fails."""
        out = Path(self.out)
        check_place(out, force=self.force, argument="--out")
        seed = read_integer("--seed", self.seed)
        chosen = self._plan()
        points = None if self.inputs is None else _read_points(self.inputs, chosen.network.domain)
        started = time.perf_counter()
        with tqdm(total=chosen.entries, unit=" entries", unit_scale=True, desc="mask", delay=2, leave=False) as bar:
            try:
                embedding = chosen.embed(seed, progress=bar.update)
            except ConstructionFailed as error:
                return self._failed(chosen, seed, error, time.perf_counter() - started)
        if embedding.error_bound is None:
            raise InvalidInput("--target", "weights and a box on which rounding costs less than 1e308", self.target)
        checked, passed = self._write(out, embedding, points, seed)
        seconds = time.perf_counter() - started
        if self.json:
            fields = {**_measured(embedding, checked), **_rests_on(chosen), "seconds": seconds, "file": str(out)}
            show(document("embed", self._inputs(chosen), seed=seed, success=passed, missing=[], **fields))
        else:
            _report(chosen, embedding, checked, str(out) if passed else None, seconds)
        return 0 if passed else 1

    def _plan(self) -> Plan:
        delta, layer0, form = (
            read_delta(self.delta, self.confidence),
            checked_reading(self.layer0),
            _checked_form(self.form),
        )
        try:
            chosen = plan(
                self._network(),
                method=self.method,
                density=self.density,
                sparsity=self.sparsity,
                failure_probability=delta,
                layer0=layer0,
                form=form,
            )
        except InvalidInput as error:  # named as in a call from Python
            option = f"--{error.argument}" if error.argument in _OPTIONS else error.argument
            raise InvalidInput(option, error.allowed, error.value) from None
        if chosen.coding.error is None and chosen.layer0 != "coded":
            msg = f"{self.activation}: weights would have to be rounded, which unbounded inputs turn into any error"
            raise TheoremNotApplicable(f"{msg}; state a box by --domain a,b")
        return chosen

    def _network(self) -> Network:
        target = read_target_text(self.target)
        if target.network is None:
            raise InvalidInput("--target", "a file with weights, and with the geometry of convolutions", self.target)
        network = network_of(target, activation=self.activation)
        if self.domain == _UNBOUNDED:
            return Network(network.steps)
        if self.domain is None and network.domain is not None:
            return network
        ends = ("0,1" if self.domain is None else self.domain).split(",")
        if len(ends) != 2:
            raise InvalidInput("--domain", "two numbers a,b or unbounded", self.domain)
        low, high = (float(exact_rational("--domain", end)) for end in ends)
        if low > high:
            raise InvalidInput("--domain", "a,b with a <= b", self.domain)
        return Network(network.steps, np.tile([low, high], (network.inputs, 1)))

    def _write(self, out: Path, embedding: Embedding, points: Array | None, seed: int) -> tuple[Check, bool]:
        """Write the file, but only if it passes the check once it is read back."""
        found: list[Check] = []

        def check(path: Path) -> None:
            total = 0 if points is None else len(points)
            with tqdm(total=total, unit=" points", desc="check", delay=2, leave=False) as bar:
                options: dict[str, Any] = {"points": points, "seed": seed}
                options["progress"] = lambda done: bar.update(done - bar.n)
                found.append(check_file(path, embedding.target, masks=embedding.masks, **options))
            if not _acceptable(embedding, found[0]):
                raise _CheckFailed

        passed = True
        try:
            write_embedding(out, embedding, with_masks=not self.no_mask, force=self.force, check=check)
        except _CheckFailed:
            passed = False
        return found[0], passed

    def _failed(self, chosen: Plan, seed: int, error: ConstructionFailed, seconds: float) -> int:
        if self.json:
            missing = [asdict(edge) for edge in error.missing if isinstance(edge, MissingEdge)]
            nothing = dict.fromkeys(("max_abs_error", "max_rel_error", "edges_used", "edges_available"))
            fields = {**nothing, **_rests_on(chosen), "seconds": seconds}
            show(document("embed", self._inputs(chosen), seed=seed, success=False, missing=missing, **fields))
        else:
            show(wrap(f"Failed: {error}."))
            show(wrap(f"This happens to at most {_share(chosen)} of the masks; another --seed draws another one."))
        return 1

    def _inputs(self, chosen: Plan) -> dict[str, Any]:
        box = chosen.network.domain
        return {
            **densities_inputs(chosen.answer.target, chosen.answer.densities),
            "target": self.target,
            "out": self.out,
            "delta": rational_text(chosen.answer.failure_probability),
            "method": self.method,
            "layer0": chosen.layer0,
            "activation": self.activation,
            "form": chosen.coding.form,
            "domain": _UNBOUNDED if box is None else box.tolist() if np.ptp(box, axis=0).any() else box[0].tolist(),
            "inputs": self.inputs,
            "no_mask": self.no_mask,
            "force": self.force,
        }


class _CheckFailed(Exception):
    """Leaves nothing behind of a file that did not pass."""


def _acceptable(embedding: Embedding, checked: Check) -> bool:
    """Whether the source is the target, or as close to it as the approximate form claims."""
    box = embedding.source.domain
    if embedding.coding.form != "approximate" or box is None:
        return checked.passed
    networks = embedding.target, embedding.source
    rounding = sum(float(float_bound(network, box).max(initial=0.0)) for network in networks)
    return checked.on_mask is True and checked.max_abs_error <= float(embedding.error_bound or 0) + rounding


def _rests_on(chosen: Plan) -> dict[str, Any]:
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


def _measured(embedding: Embedding, checked: Check) -> dict[str, Any]:
    content = checked.to_dict()
    return {
        "max_abs_error": content.pop("max_abs_error"),
        "max_rel_error": content.pop("max_rel_error"),
        "edges_used": embedding.edges_used,
        "edges_available": embedding.edges_available,
        "copies_used": list(embedding.copies),
        "error_bound": float(embedding.error_bound or 0),
        "check": content,
    }


def _share(chosen: Plan) -> str:
    lower = chosen.answer.success_lower
    return "a share delta" if lower is None else f"{float(1 - lower):.3g}"


def _report(chosen: Plan, embedding: Embedding, checked: Check, written: str | None, seconds: float) -> None:
    answer = chosen.answer
    target = "-".join(
        str(size) for size in (embedding.target.inputs, *(step.outputs for step in embedding.target.affine))
    )
    widths = " + ".join(f"{width:,}" for width in embedding.widths[:-1])
    show(f"{target} inside {widths} hidden neurons, found in {seconds:.1f} s.")
    success = "" if answer.success_lower is None else f"; success >= {success_text(answer.success_lower)}"
    show(wrap(f"  widths   {answer.statement}, {answer.variant}; layer 0 {chosen.layer0}{success}"))
    show(wrap(f"  mask     {chosen.entries:,} entries drawn, {embedding.edges_available:,} of them kept"))
    copies = " + ".join(f"{count:,}" for count in embedding.copies[:-1])
    show(
        wrap(f"  used     {embedding.edges_used:,} weights in {copies} hidden neurons; inputs by {chosen.coding.form}")
    )
    show(wrap(f"  proved   {_proved(embedding, checked)}"))
    show(wrap(f"  measured {checked.points} points, largest error {checked.max_abs_error:.3g} in double precision"))
    show(wrap("  nothing was written" if written is None else f"  written  {written}"))


def _proved(embedding: Embedding, checked: Check) -> str:
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


def _checked_form(name: str | None) -> Form | None:
    for known in FORMS:
        if name == known:
            return known
    if name is not None:
        raise InvalidInput("--form", f"one of {', '.join(FORMS)}", name)
    return None


def _read_points(text: str, box: Array | None) -> Array:
    path = Path(text)
    try:
        loaded = np.load(path, allow_pickle=False)
        array = loaded[_only_name(loaded.files)] if isinstance(loaded, np.lib.npyio.NpzFile) else loaded
    except FileNotFoundError:
        raise InvalidInput("--inputs", "a file that exists", text) from None
    except InvalidInput:
        raise
    except Exception as error:  # damaged bytes raise a dozen kinds in zipfile, zlib and numpy
        raise InvalidInput("--inputs", "an undamaged .npy or .npz file of plain arrays", text) from error
    if array.dtype.kind not in "biuf" or array.ndim < 2 or not array.size:
        raise InvalidInput("--inputs", "numbers of shape (n, d)", f"{array.dtype} of shape {array.shape}")
    points = np.asarray(array, dtype=np.float64)
    if box is not None and points.ndim == 2 and points.shape[1] == len(box):
        outside = ~((box[:, 0] <= points) & (points <= box[:, 1]))
        if outside.any():
            raise InvalidInput("--inputs", "points inside the domain", points[outside][0].item())
    return points


def _only_name(names: list[str]) -> str:
    if "inputs" in names:
        return "inputs"
    if len(names) != 1:
        raise InvalidInput("--inputs", "one array, or one that is named inputs", ", ".join(names))
    return names[0]
