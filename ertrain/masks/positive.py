"""Functions of PyTorch as increasing functions of positive numbers, through which paths can be followed by values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from ertheory.errors import InvalidInput

__all__ = ["INSTEAD"]

# Activations of positive numbers do no more than scale them here, and neither do normalisation and dropout.
_SAME = """
    relu relu_ relu6 hardtanh hardtanh_ hardswish gelu silu mish tanh tanh_ elu elu_ selu selu_ celu celu_
    leaky_relu leaky_relu_ threshold threshold_ softsign tanhshrink hardshrink softshrink prelu rrelu rrelu_ logsigmoid
    erf batch_norm layer_norm group_norm instance_norm rms_norm normalize local_response_norm dropout dropout_ dropout1d
    dropout2d dropout3d alpha_dropout feature_alpha_dropout
""".split()
# Of these a gate is made that lets something through although nothing reaches it.
_ABOVE_AT_ZERO = "sigmoid sigmoid_ hardsigmoid softplus".split()
# What is cut off or turned around is scaled as well, where it comes from the inputs: constants keep their values.
_CUT = dict.fromkeys("clamp clamp_ clamp_max clamp_max_ clamp_min clamp_min_ clip clip_ sin sin_".split(), 0)
_LARGER_OF_TWO = "fmax fmin maximum minimum".split()
_OF_MANY = "amax amin max min std var".split()
# Which number comes out where depends on the weights.
_BY_ORDER = "kthvalue median mode msort nanmedian nanquantile quantile sort topk".split()
# What falls with an argument that comes from the inputs rises with it here, since a path leads through it all the same:
# the functions, and the place of that argument.
_DIFFERENCES = {"sub": 1, "subtract": 1, "__sub__": 1, "rsub": 0, "__rsub__": 0}
_QUOTIENTS = dict.fromkeys(("div", "divide", "true_divide", "__truediv__"), 1)
_FALLING = dict.fromkeys(("neg", "negative", "__neg__", "reciprocal", "rsqrt"), 0)
_SUMS_TO_ONE = ("softmax", "log_softmax", "softmin")
_PRODUCTS = "mul multiply matmul bmm mul_ __mul__ __rmul__ __imul__ __matmul__ __rmatmul__".split()


def _same(given: Tensor, *_: Any, **__: Any) -> Tensor:
    return given


def _shifted(given: Tensor, *_: Any, **__: Any) -> Tensor:
    return given + 0.5


def _total(first: Any, second: Any) -> Any:
    return first + second


def _followed(given: Any) -> bool:
    """Whether something comes from the inputs, or would tell how it does."""
    if not isinstance(given, Tensor) or not given.is_floating_point():
        return False
    return given.requires_grad or forward_ad.unpack_dual(given).tangent is not None  # type: ignore[no-untyped-call]


def _sum_of_two(function: Callable[..., Any]) -> Callable[..., Any]:
    """Put a sum in the place of the larger or smaller of two numbers, which hands its derivative to one of them."""

    def together(first: Any, other: Any, **kwargs: Any) -> Any:
        return first + other if _followed(first) or _followed(other) else function(first, other, **kwargs)

    return together


def _mean(function: Callable[..., Any]) -> Callable[..., Any]:
    """Put a mean in the place of the largest number, for the same reason, or of a spread, which may fall with one."""

    def mean(given: Tensor, *args: Any, **kwargs: Any) -> Any:
        found = function(given, *args, **kwargs)
        axes = args[0] if args else kwargs.get("other", kwargs.get("dim", kwargs.get("axis")))
        if not _followed(given) and not _followed(axes):
            return found
        if isinstance(axes, Tensor):  # the second of two numbers
            return given + axes
        values = given.mean() if axes is None or isinstance(axes, bool) else given.mean(axes)
        if isinstance(found, Tensor):
            return values.reshape(found.shape)
        return type(found)((values.reshape(found[0].shape), found[1]))  # places stay what they are

    return mean


def _refused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse to follow paths through a function, but not to call it for something else."""

    def called(given: Any, *args: Any, **kwargs: Any) -> Any:
        if _followed(given):
            name = getattr(function, "__name__", str(function))
            raise InvalidInput("module", "operations through which paths can be followed", name)
        return function(given, *args, **kwargs)

    return called


def _turned(function: Callable[..., Any], place: int, instead: Callable[..., Any]) -> Callable[..., Any]:
    """Put another function in the place of one where the argument at a place is followed, in either direction."""

    def turned(*args: Any, **kwargs: Any) -> Any:
        given = args[place] if len(args) > place else None
        return instead(*args) if _followed(given) else function(*args, **kwargs)

    return turned


def _above_zero(given: Tensor, *_: Any, **__: Any) -> Tensor:
    # Shares of a sum have derivatives that cancel one another, and none of them is ever 0.
    return functional.softplus(given)


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    multiplied = _product(torch.matmul)
    found: Tensor = multiplied(functional.softplus(multiplied(query, key.transpose(-2, -1))), value)
    return found


def _product(function: Callable[..., Tensor], *, in_place: bool = False) -> Callable[..., Any]:
    """Divide a product by its larger factor, or its size would be squared, and of many products nobody's number."""

    def multiplied(first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
        found = function(first, second, *args, **kwargs)
        factors = [one for one in (first, second) if isinstance(one, Tensor) and one.is_floating_point()]
        if len(factors) < 2 or not all(one.numel() for one in factors):
            return found
        size = max(float(one.detach().abs().amax()) for one in factors)
        if not size > 0:
            return found
        return found.div_(size) if in_place else found / size

    return multiplied


def _sum_of_products(equation: Any, *operands: Any, **kwargs: Any) -> Any:
    found, tensors = torch.einsum(equation, *operands, **kwargs), [one for one in operands if isinstance(one, Tensor)]
    sizes = sorted(float(one.detach().abs().amax()) for one in tensors if one.numel())[1:]
    return found / math.prod(sizes) if all(sizes) else found


def _cosine(first: Tensor, second: Tensor, dim: int = 1, eps: float = 0.0) -> Tensor:  # noqa: ARG001
    found: Tensor = _product(torch.mul)(first, second)
    return found.sum(dim)


def _heads(given: Tensor, weight: Tensor, heads: int) -> Tensor:
    mapped = functional.linear(given, weight)
    apart = mapped.reshape(*mapped.shape[:-1], heads, mapped.shape[-1] // heads)
    return apart.movedim(0, -2)  # (batch, heads, tokens, width)


def _multi_head(query: Tensor, key: Tensor, value: Tensor, width: int, heads: int, *args: Any, **kwargs: Any) -> Any:
    joint, out = args[0], args[6] if len(args) > 6 else kwargs["out_proj_weight"]
    apart = kwargs.get("use_separate_proj_weight", False)
    into = [kwargs[f"{name}_proj_weight"] for name in "qkv"] if apart else joint.split(width)
    parts = zip((query, key, value), into, strict=True)
    mixed = _attention(*(_heads(given, weight, heads) for given, weight in parts))
    return functional.linear(mixed.movedim(-2, 0).flatten(-2), out), None


def _mean_pool(axes: int) -> Callable[..., Tensor]:
    maximum = getattr(functional, f"max_pool{axes}d")
    convolution = getattr(functional, f"conv{axes}d")

    def pooled(
        given: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor:
        # A maximum hands its derivative to one place, a sum to all.
        if return_indices:
            raise InvalidInput("module", "pooling whose places are not used again", f"max_pool{axes}d")
        size = _each(kernel_size, axes)
        steps = size if stride is None or stride == [] else _each(stride, axes)
        wanted = maximum(given.detach(), size, steps, padding, dilation, ceil_mode).shape[-axes:]
        borders = [
            side
            for border, step, spread, kernel in zip(
                _each(padding, axes), steps, _each(dilation, axes), size, strict=True
            )
            for side in (border + spread * (kernel - 1) + step, border)
        ][::-1]
        channels = given.shape[-axes - 1]
        ones = torch.ones(channels, 1, *size, dtype=given.dtype, device=given.device)
        wide: Tensor = convolution(functional.pad(given, borders), ones, None, steps, 0, dilation, channels)
        for axis, length in enumerate(wanted, start=wide.dim() - axes):
            wide = wide.narrow(axis, 0, length)
        return wide / ones[0].numel()

    return pooled


def _adaptive(axes: int) -> Callable[..., Tensor]:
    mean = getattr(functional, f"adaptive_avg_pool{axes}d")

    def pooled(given: Tensor, output_size: Any, return_indices: bool = False) -> Tensor:
        if return_indices:
            raise InvalidInput("module", "pooling whose places are not used again", f"adaptive_max_pool{axes}d")
        found: Tensor = mean(given, output_size)
        return found

    return pooled


def _each(number: Any, axes: int) -> tuple[int, ...]:
    return (number,) * axes if isinstance(number, int) else tuple(number)


def _table() -> dict[Any, Callable[..., Any]]:
    found: dict[Any, Callable[..., Any]] = {}
    for names, function in ((_SAME, _same), (_ABOVE_AT_ZERO, _shifted), (_SUMS_TO_ONE, _above_zero)):
        for name in names:
            for place in (torch, torch.Tensor, functional):
                if hasattr(place, name):
                    found[getattr(place, name)] = function
    for axes in (1, 2, 3):
        pool = _mean_pool(axes)
        found[getattr(functional, f"max_pool{axes}d")] = found[getattr(torch, f"max_pool{axes}d")] = pool
        found[getattr(functional, f"adaptive_max_pool{axes}d")] = _adaptive(axes)
    for place in (torch, torch.Tensor):
        for name in _PRODUCTS:
            if hasattr(place, name):
                product = getattr(place, name)
                found[product] = _product(product, in_place=name in ("mul_", "__imul__"))
        for names, around in ((_LARGER_OF_TWO, _sum_of_two), (_OF_MANY, _mean), (_BY_ORDER, _refused)):
            for name in names:
                if hasattr(place, name):
                    found[getattr(place, name)] = around(getattr(place, name))
        product = _product(torch.mul)
        for functions, other in ((_DIFFERENCES, _total), (_QUOTIENTS, product), (_FALLING, _same), (_CUT, _same)):
            for name, at in functions.items():
                if hasattr(place, name):
                    found[getattr(place, name)] = _turned(getattr(place, name), at, other)
    found[torch.einsum] = _sum_of_products
    found[functional.cosine_similarity] = _cosine
    found[functional.scaled_dot_product_attention] = _attention
    found[functional.multi_head_attention_forward] = _multi_head
    return found


INSTEAD = _table()
