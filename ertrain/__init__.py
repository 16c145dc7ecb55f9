"""Training of randomly masked networks in PyTorch.

The widths and densities come from `ertheory`, which never imports this package. It needs the extra ``train``:
``pip install "ertheory[train]"``.
"""

from ertrain.shapes import layer_shapes

__all__ = ["layer_shapes"]
