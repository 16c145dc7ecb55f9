"""What weights that no mask covers are multiplied with: recurrent layers, attention's projections, and the like."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ertrain.masks.shapes import unlisted

__all__ = ["DenseUses"]

_VF: Any = torch._VF
_RECURRENT = (_VF.lstm, _VF.gru, _VF.rnn_tanh, _VF.rnn_relu)
_CELLS = (_VF.lstm_cell, _VF.gru_cell, _VF.rnn_tanh_cell, _VF.rnn_relu_cell)
_TRANSPOSED = (
    functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d,
    torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d,
)  # fmt: skip
_BILINEAR = (functional.bilinear, torch.bilinear)


class DenseUses(TorchFunctionMode):
    """While it is entered, count multiplications by the weights that `ertrain.masks.shapes.unlisted` names.

    Parameters
    ----------
    module
        The module whose parameters are looked at.

    Attributes
    ----------
    multiplications
        Their number by the names of the parameters, of those that are used in a way that is known: by recurrent layers
        and cells, as projections into attention, in transposed convolutions and in bilinear layers. Embeddings are
        looked up, and nothing is multiplied.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        names = unlisted(module)
        self._names = {id(one): name for name, one in module.named_parameters() if name in names}
        self.multiplications: dict[str, int] = {}

    def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function, and look at the weights that it was given."""
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function in _RECURRENT:  # with the sizes of batches in the second place where sequences are packed
            weights = args[2] if isinstance(args[2], list | tuple) else args[3]
            self._tell(_vectors(args[0]), *weights)
        elif function in _CELLS:
            self._tell(_vectors(args[0]), args[2], args[3])
        elif function in _TRANSPOSED:
            weight = args[1] if len(args) > 1 else kwargs["weight"]
            self._tell(args[0].numel() // weight.shape[0], weight)
        elif function in _BILINEAR:
            self._tell(_vectors(result), args[2])
        elif function is functional.multi_head_attention_forward:
            self._attention(args, kwargs)
        return result

    def _attention(self, args: Any, kwargs: Any) -> None:
        counts, joint = [_vectors(given) for given in args[:3]], args[5]
        if joint is None:
            for name, count in zip("qkv", counts, strict=True):
                self._tell(count, kwargs[f"{name}_proj_weight"])
        elif id(joint) in self._names:
            name = self._names[id(joint)]
            each = joint.numel() // 3
            self.multiplications[name] = self.multiplications.get(name, 0) + each * sum(counts)

    def _tell(self, times: int, *weights: Any) -> None:
        for weight in weights:
            name = self._names.get(id(weight))
            if name is not None:
                self.multiplications[name] = self.multiplications.get(name, 0) + times * weight.numel()


def _vectors(given: Tensor) -> int:
    return given.numel() // given.shape[-1]
