"""Products of sparse matrices with ReLU between them, one after another, as one function of PyTorch's.

At low density the products themselves take less time than what surrounds them: a ReLU forwards and backwards, sums for
the gradient of a bias, tensors that are made and turned around. Here activations stay (features, batch) from the first
product to the last, a ReLU is a part of the product before it, and its gradient of the product after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.autograd.function import once_differentiable

from ertheory.errors import InvalidInput
from ertrain.masks.sparse.engines import Engine, Motion, Structure

__all__ = ["HELD_BELOW", "Operand", "movable", "product"]

# Kept weights. Gradients of more are never held, where they are moved by; those of fewer are, one layer at a time: to
# move all of a vector in one go takes less time than to go to two places in it for every gradient that is found.
HELD_BELOW = 2**21

# Whether the graph that is gone through now is kept, to be gone through again; a PyTorch that does not say may keep it.
_kept_graph: Callable[[], bool] = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)


class Operand(NamedTuple):
    """A matrix W of which some entries exist, and what belongs to it.

    Parameters
    ----------
    values
        They are those of the entries, (kept,).
    bias
        b, (rows,), or None.
    structure
        Where the entries are.
    engine
        Who computes.
    relu
        Whether a ReLU follows.
    """

    values: Tensor
    bias: Tensor | None
    structure: Structure
    engine: Engine
    relu: bool


def product(operands: Sequence[Operand], inputs: Tensor) -> Tensor:
    """Give W x + b, or its ReLU, of the first operand to the second, and so on.

    Parameters
    ----------
    operands
        There is at least one; an operand has as many columns as the one before it has rows.
    inputs
        Shape (..., columns of the first).

    Returns
    -------
    torch.Tensor
        Shape (..., rows of the last). It stands in memory feature by feature, so that nothing is turned around between
        this product and another.

    Raises
    ------
    InvalidInput
        If the inputs have another shape.
    """
    outputs, columns = operands[-1].structure.shape[0], operands[0].structure.shape[1]
    if inputs.shape[-1:] != (columns,):
        raise InvalidInput("inputs", f"shape (..., {columns})", tuple(inputs.shape))
    device = operands[0].values.device
    if inputs.device != device:  # what is compiled would read memory that is not there
        raise InvalidInput("inputs", f"a tensor on the device of the weights, {device}", inputs.device)
    flat = inputs.to(operands[0].values.dtype)
    flat = flat if flat.dim() == 2 else flat.reshape(-1, columns)
    followed = flat.requires_grad or goes_forwards()
    flat = flat.t().contiguous() if followed else operands[0].engine.by_features(flat)
    parameters = [part for operand in operands for part in operand[:2]]
    result: Tensor = _Product.apply(flat, [operand[2:] for operand in operands], *parameters)
    return result.t() if inputs.dim() == 2 else result.t().reshape(*inputs.shape[:-1], outputs)


def movable(loss: Tensor) -> dict[int, Callable[[Motion], None]]:
    """Find weights and biases of sparse layers that may be moved as soon as the gradients of a loss come to them.

    They are leaves whose one use is in one product, and their gradients are seen by no hook. Each comes, by its `id`,
    with a function that is to be called with a motion before the loss is gone back from.
    """
    if loss.grad_fn is None:
        return {}
    uses, products = dict[int, int](), list[Any]()
    seen, ahead = {loss.grad_fn}, [loss.grad_fn]
    while ahead:
        node = ahead.pop()
        if isinstance(node, _Product._backward_cls):
            products.append(node)
        for further, _ in node.next_functions:
            leaf = getattr(further, "variable", None)
            if leaf is not None:
                uses[id(leaf)] = uses.get(id(leaf), 0) + 1
            elif further is not None and further not in seen:
                seen.add(further)
                ahead.append(further)
    return {
        id(parameter): partial(node.motions.__setitem__, at)
        for node in products
        if node.batch
        for at, parameter in enumerate(node.parameters)
        if uses.get(id(parameter)) == 1 and node.how[at // 2][1].moves and not _watched(parameter)
    }


def goes_forwards() -> bool:
    """Whether derivatives are taken forwards now; a PyTorch that does not say may do so."""
    return bool(getattr(forward_ad, "_current_level", 0) >= 0)


def _watched(weight: Tensor) -> bool:
    return bool(weight._backward_hooks or weight._post_accumulate_grad_hooks)


class _Product(torch.autograd.Function):
    """The same for X of shape (columns, batch)."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, how: list[tuple[Structure, Engine, bool]], *parameters: Tensor | None
    ) -> Tensor:
        """Compute all products, and keep what went into each."""
        weights, biases = parameters[::2], parameters[1::2]
        hidden = [inputs.detach()]
        for (structure, engine, relu), values, bias in zip(how, weights, biases, strict=True):
            assert values is not None
            constants = None if bias is None else bias.detach()
            hidden.append(engine.forward(structure, values.detach(), constants, hidden[-1], relu=relu))
        kept = hidden if how[-1][2] else hidden[:-1]
        ctx.how, ctx.kept, ctx.parameters, ctx.motions = how, len(kept), parameters, {}
        ctx.batch = inputs.shape[1]
        ctx.save_for_backward(*kept, *weights)
        if goes_forwards():
            ctx.save_for_forward(inputs, *parameters)
        return hidden[-1]

    @staticmethod
    def jvp(ctx: Any, along: Tensor | None, _: None, *alongs: Tensor | None) -> Tensor | None:
        """Give the derivative forwards, along what is given for the inputs and the parameters."""
        hidden, *parameters = ctx.saved_tensors
        hidden = hidden.detach()
        for at, (structure, engine, relu) in enumerate(ctx.how):
            values, bias = (None if part is None else part.detach() for part in parameters[2 * at : 2 * at + 2])
            terms = [] if along is None else [engine.forward(structure, values, None, along.contiguous(), relu=False)]
            of_values, of_bias = alongs[2 * at : 2 * at + 2]
            if of_values is not None:
                terms.append(engine.forward(structure, of_values.contiguous(), None, hidden, relu=False))
            if of_bias is not None:
                terms.append(of_bias[:, None].expand(-1, hidden.shape[1]))
            hidden = engine.forward(structure, values, bias, hidden, relu=relu)
            along = sum(terms[1:], terms[0]) if terms else None
            if along is not None and relu:
                along = along.masked_fill(hidden <= 0, 0)
        return along

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> Any:
        """Go back from the last to the first operand that asks for something."""
        saved = [tensor.detach() for tensor in ctx.saved_tensors]
        hidden, weights = saved[: ctx.kept], saved[ctx.kept :]
        wanted = ctx.needs_input_grad[2:]
        results: list[Tensor | None] = [None] * len(wanted)
        gradients, sums = gradients.contiguous(), None
        over = not _kept_graph()
        if ctx.how[-1][2]:
            gradients = gradients.masked_fill(hidden[-1] <= 0, 0)
        further = False
        for at in reversed(range(len(weights))):
            structure, engine, _ = ctx.how[at]
            if wanted[2 * at + 1]:
                sums = gradients.sum(1) if sums is None else sums
                motion = ctx.motions.get(2 * at + 1)
                if motion is None:
                    results[2 * at + 1] = sums
                else:
                    engine.move_vector(ctx.parameters[2 * at + 1].detach(), sums, motion)
            further = ctx.needs_input_grad[0] or any(wanted[: 2 * at])
            before = at > 0 and ctx.how[at - 1][2]  # whether a ReLU is
            sums = None
            motion = ctx.motions.get(2 * at)
            at_once = motion is not None and weights[at].shape[0] >= HELD_BELOW
            # What is hidden between two products is ours alone: its gradient takes its place.
            free = over and at > 0
            found = None
            if at_once and further:
                gradients, sums = engine.move_back(
                    structure, weights[at], hidden[at], gradients, motion, relu=before, over=free
                )
            elif at_once:
                engine.move(structure, weights[at], hidden[at], gradients, motion)
            elif further and wanted[2 * at]:
                gradients, found, sums = engine.backward(
                    structure, weights[at], hidden[at], gradients, relu=before, over=free
                )
            elif wanted[2 * at]:
                found = engine.of_values(structure, hidden[at], gradients)
            elif further:
                gradients = engine.turned(structure, weights[at], gradients)
                if before:
                    gradients.masked_fill_(hidden[at] <= 0, 0)
            if motion is None:
                results[2 * at] = found
            elif found is not None:
                engine.move_vector(weights[at], found, motion)
            if not further:
                break
        return gradients if further and ctx.needs_input_grad[0] else None, None, *results
