"""Layers of a run that were never dense: the weights of the mask that was drawn, and which of them are there now."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ertrain.masks.keeping import MASK
from ertrain.masks.sparse.convolution import SparseConv2d
from ertrain.masks.sparse.layer import SparseLinear

__all__ = ["KeptConv2d", "KeptLinear"]

_INDICES = ("starts", "columns", "of_columns", "rows", "places")


class KeptLinear(SparseLinear):
    """A sparse layer with a mask of its kept weights, so that methods can choose among them.

    Its pattern is S_ER, the mask that was drawn; ``weight_mask``, booleans of shape (kept,), is S_P, the weights that
    are there now. Methods, optimisers and guards treat both vectors as they treat the matrices of a masked layer.

    Parameters
    ----------
    in_features, out_features, mask, bias, engine, device, dtype
        They are as in `SparseLinear`; the weights begin with 0.

    Notes
    -----
    A state dict holds weights, bias and mask: the pattern follows from the run's seed. Copies share the pattern, which
    nobody writes to.

    Examples
    --------
    >>> layer = KeptLinear(3, 2, [[1, 0, 1], [0, 1, 0]])
    >>> list(layer.state_dict()), layer.whole_shape, layer.flat_places().tolist()
    (['weight', 'bias', 'weight_mask'], (2, 3), [0, 2, 4])
    """

    weight_mask: Tensor

    def __init__(self, *given: Any, **how: Any) -> None:
        super().__init__(*given, **how)
        self.register_buffer(MASK, torch.ones_like(self.columns, dtype=torch.bool))
        self._non_persistent_buffers_set.update(("starts", "columns"))

    def reset_parameters(self) -> None:
        """Begin with 0, and use up nobody's random numbers."""
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    @property
    def whole_shape(self) -> tuple[int, ...]:
        """Shape of W with its zeros."""
        return self.out_features, self.in_features

    def flat_places(self) -> Tensor:
        """Give the number of each kept weight among all entries of W, row by row, rising."""
        rows = torch.repeat_interleave(self.starts.diff())
        return rows.mul_(self.in_features).add_(self.columns)

    def present(self) -> SparseLinear:
        """Make a sparse layer of the weights that are there now."""
        from ertheory.masks import pattern_csr

        mask = self.weight_mask
        counted = torch.cat((self.starts.new_zeros(1), mask.cumsum(0)))[self.starts]
        pattern = pattern_csr(counted.cpu().numpy(), self.columns[mask].cpu().numpy(), self.in_features)
        how: dict[str, Any] = {"engine": self.engine, "device": self.weight.device, "dtype": self.weight.dtype}
        with torch.random.fork_rng(devices=[]):
            made = self._like(pattern, **how)
        with torch.no_grad():
            made.weight.copy_(self.weight[mask])
        made.weight.requires_grad_(self.weight.requires_grad)
        return made

    def _like(self, pattern: Any, **how: Any) -> SparseLinear:
        return SparseLinear(self.in_features, self.out_features, pattern, self.bias is not None, **how)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Load as any module does: there is no pattern to be looked at."""
        nn.Module._load_from_state_dict(self, state_dict, prefix, *rest)

    def __deepcopy__(self, memo: dict[int, Any]) -> KeptLinear:
        """Copy all but the pattern."""
        import copy

        made = type(self).__new__(type(self))
        memo[id(self)] = made
        memo |= {id(self._buffers[name]): self._buffers[name] for name in _INDICES}
        made.__dict__ = {key: copy.deepcopy(value, memo) for key, value in self.__dict__.items()}
        return made


class KeptConv2d(KeptLinear, SparseConv2d):
    """The same of a convolution.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, mask, bias, stride, padding, dilation, engine, device, dtype
        They are as in `SparseConv2d`; the weights begin with 0.

    Examples
    --------
    >>> layer = KeptConv2d(1, 2, 3, torch.eye(3).expand(2, 1, 3, 3))
    >>> layer.whole_shape, layer.flat_places().tolist()
    ((2, 1, 3, 3), [0, 4, 8, 9, 13, 17])
    """

    @property
    def whole_shape(self) -> tuple[int, ...]:
        """Shape of the kernels with their zeros."""
        return self.out_channels, self.in_channels, *self.window.size

    def _like(self, pattern: Any, **how: Any) -> SparseLinear:
        size, stride, padding, dilation = self.window
        how |= {"stride": stride, "padding": padding, "dilation": dilation}
        return SparseConv2d(self.in_channels, self.out_channels, size, pattern, self.bias is not None, **how)
