"""Multi-head attention whose four projections are layers of their own.

`torch.nn.MultiheadAttention` reads the weights of its projections instead of calling them, so they cannot be replaced
in it. Here they are called; what lies between them is PyTorch's own function, with identities in the places of the
projections, which changes no bit of a finite number.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PROJECTIONS", "Attention", "linear_layer", "projections_of"]

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")


class Attention(nn.Module):
    """What a `torch.nn.MultiheadAttention` computes, without its fast path.

    Parameters
    ----------
    given
        The module to take the place of; its projections are copied into Linear layers.
    """

    # A transformer layer asks for them before it takes its own fast path, which would read weights.
    in_proj_weight = None
    in_proj_bias = None
    _qkv_same_embed_dim = False
    q_proj: Any
    k_proj: Any
    v_proj: Any
    out_proj: Any
    bias_k: nn.Parameter | None
    bias_v: nn.Parameter | None

    def __init__(self, given: Any) -> None:
        super().__init__()
        self.embed_dim, self.kdim, self.vdim = given.embed_dim, given.kdim, given.vdim
        self.num_heads, self.head_dim = given.num_heads, given.head_dim
        self.dropout, self.batch_first = given.dropout, given.batch_first
        self.add_zero_attn = given.add_zero_attn
        for name, layer in zip(PROJECTIONS, projections_of(given), strict=True):
            setattr(self, name, layer)
        self.register_parameter("bias_k", given.bias_k)
        self.register_parameter("bias_v", given.bias_v)
        self.train(given.training)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; arguments and results as in `torch.nn.MultiheadAttention`."""
        turned = self.batch_first and query.dim() == 3
        parts = self.q_proj(query), self.k_proj(key), self.v_proj(value)
        projected = [part.transpose(0, 1) for part in parts] if turned else list(parts)
        identity = torch.eye(self.embed_dim, dtype=projected[0].dtype, device=projected[0].device)
        attend: Any = functional.multi_head_attention_forward
        output, weights = attend(
            *projected,
            self.embed_dim,
            self.num_heads,
            None,
            None,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            identity,
            None,
            training=self.training,
            key_padding_mask=_additive(key_padding_mask, query.dtype),
            need_weights=need_weights,
            attn_mask=_additive(attn_mask, query.dtype),
            use_separate_proj_weight=True,
            q_proj_weight=identity,
            k_proj_weight=identity,
            v_proj_weight=identity,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        projection: Tensor = self.out_proj(output.transpose(0, 1) if turned else output)
        return projection, weights


def _additive(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """Give masks of booleans and of numbers one form, in which they can be added to each other."""
    if mask is None or mask.is_floating_point():
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(mask, float("-inf"))


def projections_of(given: nn.MultiheadAttention) -> tuple[nn.Linear, nn.Linear, nn.Linear, nn.Linear]:
    """Copy the maps to queries, keys and values and the one to the outputs, however PyTorch stores them."""
    apart = (given.q_proj_weight, given.k_proj_weight, given.v_proj_weight)
    weights: Any = apart if given.in_proj_weight is None else given.in_proj_weight.chunk(3)
    biases: Any = (None,) * 3 if given.in_proj_bias is None else given.in_proj_bias.chunk(3)
    query, key, value = (linear_layer(*pair) for pair in zip(weights, biases, strict=True))
    return query, key, value, linear_layer(given.out_proj.weight, given.out_proj.bias)


def linear_layer(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """Copy a weight and a bias into a layer; random numbers are left as they are."""
    skip_init: Any = nn.utils.skip_init  # it leaves torch's random numbers as they are
    layer: nn.Linear = skip_init(
        nn.Linear, weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device, dtype=weight.dtype
    )
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=weight.requires_grad)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone(), requires_grad=bias.requires_grad)
    return layer
