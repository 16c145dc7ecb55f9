"""Networks that were trained keep their predictions inside masks: digits and sums, in seconds."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import ertheory
from ertrain.models.resnet import ResNet


def trained(model, inputs, labels, steps):
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        chosen = torch.randint(len(inputs), (128,))
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs[chosen]), labels[chosen]).backward()
        optimiser.step()
    return model.double().eval()


def digits():
    content = load_digits()
    images = torch.from_numpy(content.images).float().unsqueeze(1) / 16
    torch.manual_seed(0)
    model = ResNet((1, 1), channels=1, narrowest=4)
    labels = torch.from_numpy(content.target).long()
    return trained(model, images, labels, 80), images.double(), labels


class Sums(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(7, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 24, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 7)

    def forward(self, pairs):
        return self.head(self.layer(self.embedding(pairs)).mean(1))


def sums():
    torch.manual_seed(0)
    pairs = torch.cartesian_prod(torch.arange(7), torch.arange(7))
    labels = pairs.sum(1) % 7
    return trained(Sums(), pairs, labels, 150), pairs, labels


@pytest.mark.parametrize("sparsity", ["0.5", "0.8"])
@pytest.mark.parametrize("task", [digits, sums])
def test_every_prediction_is_as_before(task, sparsity):
    model, inputs, labels = task()
    found = ertheory.embed_module(model, sparsity=sparsity, failure_probability="0.001", workers=1)
    with torch.no_grad():
        wanted, got = model(inputs), found.module.eval()(inputs)
    assert (wanted.argmax(1) == labels).double().mean() > 0.6  # it has learnt something
    assert torch.equal(wanted.argmax(1), got.argmax(1))
    assert (wanted - got).abs().max() < 1e-9 * wanted.abs().max()
