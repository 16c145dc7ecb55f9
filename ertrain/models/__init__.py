"""Networks by name, one family a file; their weights at the start; and many small ones as one module."""

from ertheory._typed import name_wrong_types
from ertrain.models.batched import BatchedLinear, BatchedMLP
from ertrain.models.build import MODELS, build_model, check_model_name
from ertrain.models.encoder_decoder import EncoderDecoder
from ertrain.models.factored import FactoredLayer, factor_model
from ertrain.models.gcn import GCN
from ertrain.models.initialisation import INITIALISATIONS, initialise
from ertrain.models.linear_maps import LinearAttention, LinearRecurrent, maskable
from ertrain.models.mlp import MLP
from ertrain.models.resnet import ResNet
from ertrain.models.transformer import Transformer
from ertrain.models.vgg import VGG16
from ertrain.models.wide_resnet import WideResNet

__all__ = [
    "GCN",
    "INITIALISATIONS",
    "MLP",
    "MODELS",
    "VGG16",
    "BatchedLinear",
    "BatchedMLP",
    "EncoderDecoder",
    "FactoredLayer",
    "LinearAttention",
    "LinearRecurrent",
    "ResNet",
    "Transformer",
    "WideResNet",
    "build_model",
    "check_model_name",
    "factor_model",
    "initialise",
    "maskable",
]

name_wrong_types(__name__)
