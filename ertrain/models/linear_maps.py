"""Recurrent layers and PyTorch's attention as linear layers, which can be masked, counted and stored sparse as others.

PyTorch keeps the weights of these modules in parameters of their own, ``weight_hh_l0`` or ``in_proj_weight``, in which
the maps of several gates, or of queries, keys and values, stand one below the other. Here every map is an `nn.Linear`.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, scaled_dot_product_attention

from ertheory.builders.factored.modules.attention import linear_layer, projections_of
from ertheory.errors import InvalidInput

__all__ = ["LinearAttention", "LinearRecurrent", "maskable"]

State = tuple[Tensor, ...]


def maskable(model: nn.Module) -> nn.Module:
    """Copy a network with its recurrent layers and attention as linear layers: the same function, all of it maskable.

    Parameters
    ----------
    model
        Any module. Its `nn.LSTM`, `nn.GRU` and `nn.RNN` become `LinearRecurrent`, its `nn.MultiheadAttention`
        `LinearAttention`, also inside of PyTorch's and torchvision's transformers; everything else is copied.

    Returns
    -------
    torch.nn.Module
        Its outputs are those of the model, roundings apart. Recurrent layers take their steps one by one, which is
        slower.

    Raises
    ------
    InvalidInput
        If it is no module, or attention appends keys of its own (``add_bias_kv``, ``add_zero_attn``).

    Examples
    --------
    >>> from ertrain.masks import layer_shapes, unlisted
    >>> model = maskable(nn.Sequential(nn.LSTM(3, 5)))
    >>> [(layer.name, layer.shape) for layer in layer_shapes(model)], unlisted(model)
    ([('0.parts.0.inward', (20, 3)), ('0.parts.0.onward', (20, 5))], {})
    """
    if not isinstance(model, nn.Module):
        raise InvalidInput("model", "a torch.nn.Module", model)
    return _turned(copy.deepcopy(model), "", {})


def _turned(part: nn.Module, name: str, known: dict[int, nn.Module]) -> nn.Module:
    if id(part) in known:  # a part that is used in several places stays one
        return known[id(part)]
    made = part
    if isinstance(part, nn.MultiheadAttention):
        made = LinearAttention(part, name)
    elif isinstance(part, nn.LSTM | nn.GRU | nn.RNN):
        made = LinearRecurrent(part)
    else:
        for key, child in list(part._modules.items()):
            if child is not None:
                part._modules[key] = _turned(child, f"{name}.{key}" if name else key, known)
        if isinstance(part, nn.TransformerEncoder) and any(isinstance(one, LinearAttention) for one in part.modules()):
            part.use_nested_tensor = False  # with padding it would go past the attention, and read weights of it
    known[id(part)] = made.train(part.training)
    return made


class LinearAttention(nn.Module):
    """Attention as `nn.MultiheadAttention` computes it, with a linear layer for queries, keys, values and results.

    Parameters
    ----------
    given
        Attention whose weights are taken.
    name
        The name under which an error message speaks of it.
    """

    def __init__(self, given: nn.MultiheadAttention, name: str = "") -> None:
        super().__init__()
        if given.bias_k is not None or given.bias_v is not None or given.add_zero_attn:
            allowed = "attention without keys and values of its own (add_bias_kv, add_zero_attn)"
            raise InvalidInput("model", allowed, name or type(given).__name__)
        self.embed_dim, self.num_heads, self.dropout = given.embed_dim, given.num_heads, given.dropout
        self.batch_first = given.batch_first
        # What PyTorch's transformer layers ask for before they go past a module: nothing of it is here.
        self.in_proj_bias, self._qkv_same_embed_dim = None, False
        self.query, self.key, self.value, self.out_proj = projections_of(given)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor | None]:
        """Attend, with the arguments and the results of `nn.MultiheadAttention`."""
        single = query.dim() == 2
        given = [
            one.unsqueeze(0) if single else one if self.batch_first else one.transpose(0, 1)
            for one in (query, key, value)
        ]
        maps = self.query, self.key, self.value
        queries, keys, values = (self._heads(part(one)) for part, one in zip(maps, given, strict=True))
        added = self._added(queries, attn_mask, key_padding_mask)
        share = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
            weights = dropout((scores if added is None else scores + added).softmax(-1), share)
            mixed = weights @ values
        else:
            mixed = scaled_dot_product_attention(queries, keys, values, attn_mask=added, dropout_p=share)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        if weights is not None:
            weights = weights.mean(1) if average_attn_weights else weights
            weights = weights.squeeze(0) if single else weights
        if single:
            return result.squeeze(0), weights
        return (result if self.batch_first else result.transpose(0, 1)), weights

    def _heads(self, tokens: Tensor) -> Tensor:
        apart = tokens.reshape(*tokens.shape[:-1], self.num_heads, -1)
        return apart.transpose(1, 2)  # (batch, heads, tokens, width)

    def _added(self, like: Tensor, *masks: Tensor | None) -> Tensor | None:
        """Add up what is added to the scores: of pairs (queries, keys), of keys (batch, keys)."""
        pairs, keys = (None if mask is None else _as_numbers(mask, like) for mask in masks)
        if pairs is not None and pairs.dim() == 3:
            pairs = pairs.reshape(-1, self.num_heads, *pairs.shape[1:])
        if keys is not None:
            keys = keys.reshape(-1, 1, 1, keys.shape[-1])
        return keys if pairs is None else pairs if keys is None else pairs + keys


class LinearRecurrent(nn.Module):
    """A recurrent network as `nn.LSTM`, `nn.GRU` and `nn.RNN` compute it, with linear layers for its maps.

    Parameters
    ----------
    given
        The network whose weights are taken.
    """

    def __init__(self, given: nn.RNNBase) -> None:
        super().__init__()
        self.mode, self.batch_first, self.dropout = given.mode, given.batch_first, given.dropout
        self.hidden_size, self.num_layers, self.ways = given.hidden_size, given.num_layers, 1 + given.bidirectional
        self.parts = nn.ModuleList(
            _Part(given, f"l{layer}{'_reverse' * way}") for layer in range(given.num_layers) for way in range(self.ways)
        )

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Map inputs (steps, batch, inputs), or as `batch_first` has them, and a state to outputs and a state."""
        if not isinstance(inputs, Tensor):
            raise InvalidInput("inputs", "a tensor, not a packed sequence", type(inputs).__name__)
        single = inputs.dim() == 2
        steps = inputs.unsqueeze(1) if single else inputs.transpose(0, 1) if self.batch_first else inputs
        many = self.mode == "LSTM"
        started = None if state is None else (tuple(state) if many else (state,))
        if started is not None and single:
            started = tuple(one.unsqueeze(1) for one in started)
        ends: list[State] = []
        for layer in range(self.num_layers):
            found = []
            for way in range(self.ways):
                part: Any = self.parts[layer * self.ways + way]
                first = part.start(steps, self.mode) if started is None else tuple(one[len(ends)] for one in started)
                outputs, last = self._along(part, steps.flip(0) if way else steps, first)
                found.append(outputs.flip(0) if way else outputs)
                ends.append(last)
            steps = torch.cat(found, -1)
            if layer + 1 < self.num_layers:
                steps = dropout(steps, self.dropout, self.training)
        result = steps.squeeze(1) if single else steps.transpose(0, 1) if self.batch_first else steps
        last = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))
        last = tuple(one.squeeze(1) for one in last) if single else last
        return result, last if many else last[0]

    def _along(self, part: Any, steps: Tensor, state: State) -> tuple[Tensor, State]:
        inward, outputs = part.inward(steps), []  # of all steps at once
        for gates in inward:
            state = part.next(self.mode, gates, state)
            outputs.append(state[0])
        return torch.stack(outputs), state


class _Part(nn.Module):
    """One layer in one direction: its map of inputs, its map of the state, and of what leaves it, if there is one."""

    def __init__(self, given: nn.RNNBase, end: str) -> None:
        super().__init__()
        self.inward = linear_layer(getattr(given, f"weight_ih_{end}"), getattr(given, f"bias_ih_{end}", None))
        self.onward = linear_layer(getattr(given, f"weight_hh_{end}"), getattr(given, f"bias_hh_{end}", None))
        self.outward = linear_layer(getattr(given, f"weight_hr_{end}"), None) if given.proj_size else None
        self.hidden_size = given.hidden_size

    def start(self, steps: Tensor, mode: str) -> State:
        """Give a state of zeros."""
        hidden = steps.new_zeros(steps.shape[1], self.onward.in_features)
        return (hidden, steps.new_zeros(steps.shape[1], self.hidden_size)) if mode == "LSTM" else (hidden,)

    def next(self, mode: str, inward: Tensor, state: State) -> State:
        """Take one step."""
        onward = self.onward(state[0])
        if mode == "GRU":
            (reset, update, new), (again, kept, old) = inward.chunk(3, -1), onward.chunk(3, -1)
            share = (update + kept).sigmoid()
            return ((1 - share) * (new + (reset + again).sigmoid() * old).tanh() + share * state[0],)
        if mode != "LSTM":
            together = inward + onward
            return (together.tanh() if mode == "RNN_TANH" else together.relu(),)
        into, forget, cell, out = (inward + onward).chunk(4, -1)
        kept = forget.sigmoid() * state[1] + into.sigmoid() * cell.tanh()
        hidden = out.sigmoid() * kept.tanh()
        return (hidden if self.outward is None else self.outward(hidden)), kept


def _as_numbers(mask: Tensor, like: Tensor) -> Tensor:
    """Turn a mask into what is added to scores: minus infinity where a boolean one forbids."""
    if mask.dtype != torch.bool:
        return mask.to(like.dtype)
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -torch.inf)
