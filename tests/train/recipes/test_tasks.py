"""Other tasks than images: their data do not meet, their networks compute what they say, their runs are like others."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import networkx
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import layer_densities  # noqa: E402
from ertrain import layer_shapes  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402
from ertrain.data import NO_LABEL, Data, Nodes, load_data  # noqa: E402
from ertrain.masks.flops import forward_flops, layer_positions  # noqa: E402
from ertrain.masks.flow import dead_neurons  # noqa: E402
from ertrain.masks.masking import attach_masks, draw_masks, masks_of  # noqa: E402
from ertrain.methods import METHODS  # noqa: E402
from ertrain.models import build_model  # noqa: E402
from ertrain.models.gcn import GraphConvolution, neighbour_weights  # noqa: E402
from ertrain.recipes import RECIPES, recipe  # noqa: E402
from ertrain.training import accuracies, pretrain  # noqa: E402
from ertrain.training.experiments import perform  # noqa: E402
from ertrain.training.process_group import join_process_group  # noqa: E402
from ertrain.training.start import start_model  # noqa: E402

BASE = Configuration(recipe="test", density="0.3", optimiser="adamw", learning_rate=0.01, epochs=3)
TASKS = {
    "gcn": replace(BASE, data="block-model", model="gcn-4", batch=1, validation="1/2", epochs=2),
    "encoder-decoder": replace(BASE, data="modular-addition-31", model="encoder-decoder", width="1/4", batch=64),
    "transformer": replace(BASE, data="modular-addition-31", model="transformer", width="1/8", batch=64),
    "table": replace(BASE, data="wine", model="mlp-20-10", batch=32, precision="bfloat16", accumulation=2),
}
INSIDE = {
    "rigl": {"final_density": "0.1", "update_every": 3},
    "imp": {"final_density": "0.2", "epochs": 1, "round_keep": 0.7},
    "str": {"final_density": "0.1", "update_every": 3},
    "edge-popup": {"final_density": "0.1", "initialisation": "signed-constant"},
}


class Killed(BaseException):
    pass


def run(configuration: Configuration, out: Path, *, stop_after: int | None = None) -> dict:
    def progress(line):
        if line["epoch"] == stop_after:
            raise Killed

    with join_process_group("cpu") as processes:
        return perform(configuration, out, processes, data_dir=out / "data", progress=progress)


# --- Data ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["breast-cancer", "wine", "modular-addition-31"])
def test_rows_lie_in_one_part_each_and_every_class_is_learned_and_tested(name):
    data = load_data(name, Path("nowhere"), validation="1/4")
    parts = [data.train, data.validation, data.read_test()]
    rows = torch.cat([part.inputs.flatten(1) for part in parts])
    assert len(torch.unique(rows, dim=0)) == len(rows)
    assert set(parts[0].labels.tolist()) == set(range(data.classes))
    again = load_data(name, Path(), validation="1/4")
    assert again.train.inputs.equal(data.train.inputs)
    assert again.checksum == data.checksum


@pytest.mark.parametrize("name", ["breast-cancer", "wine"])
def test_features_are_scaled_by_the_rows_to_train_with(name):
    data = load_data(name, Path())
    before = data.train.inputs.clone()
    scaled = data.normalised(data.train.inputs)
    assert data.train.inputs.equal(before)
    torch.testing.assert_close(scaled.mean(0), torch.zeros(len(data.mean)), atol=1e-4, rtol=0)
    torch.testing.assert_close(scaled.std(0, correction=0), torch.ones(len(data.mean)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("modulus", [31, 97])
def test_every_sum_is_there_once_however_its_terms_are_ordered(modulus):
    data = load_data(f"modular-addition-{modulus}", Path())
    parts = [data.train, data.validation, data.read_test()]
    pairs = [(*sorted(terms), label) for part in parts for terms, label in zip(
        part.inputs.int().argmax(2).tolist(), part.labels.tolist(), strict=True)]  # fmt: skip
    assert sorted(pairs) == [(a, b, (a + b) % modulus) for a in range(modulus) for b in range(a, modulus)]
    marks = data.normalised(data.train.inputs)
    assert marks.sum(2).eq(1).all()
    assert set(marks.unique().tolist()) == {0, 1}


def test_nodes_have_their_label_in_one_part_and_the_test_labels_are_not_there_before():
    data = load_data("block-model", Path(), validation="1/2")
    test = data.read_test()
    told = [part.labels != NO_LABEL for part in (data.train, data.validation, test)]
    assert [int(part.sum()) for part in told] == [250, 250, 1000]
    assert int(sum(part.int() for part in told).max()) == 1
    for part in (data.train, data.validation, test):
        counts = torch.bincount(part.labels[part.labels != NO_LABEL], minlength=5)
        assert counts.max() - counts.min() <= 1
        assert part.inputs.equal(test.inputs)
    assert [len(part) for part in (data.train, test)] == [10, 10]  # times that an epoch shows the graph
    assert len(list(data.train.shuffled(1, seed=0, epoch=0))) == 10
    # Twenty of a hundred words are typical of a class; 30,000 and 120,000 marks, within five standard deviations.
    has = test.inputs[0] > 0
    typical = torch.arange(100)[:, None] // 20 == torch.arange(1500) % 5
    for marks, chance in ((has[typical], 0.08), (has[~typical], 0.03)):
        assert abs(float(marks.float().mean()) - chance) < 5 * (chance * (1 - chance) / marks.numel()) ** 0.5
    words = has.sum(0)
    torch.testing.assert_close(test.inputs[0], has / words.clamp(min=1))
    edges = set(map(tuple, test.edges.T.tolist()))
    assert len(edges) == test.edges.shape[1]
    assert edges == {(v, u) for u, v in edges}
    assert all(u != v for u, v in edges)
    # 1,500 nodes with 10 neighbours each: 7,500 edges, give or take 5 standard deviations of 87; a fixed seed.
    assert abs(len(edges) / 2 - 7500) < 435
    degree = torch.bincount(test.edges[0], minlength=1500)
    together = (torch.arange(1500)[test.edges[0]] - test.edges[1]) % 5 == 0
    assert abs(float(together.float().mean()) - 0.6) < 0.04
    assert degree.float().mean() == pytest.approx(10, abs=0.6)


def test_graphs_are_checked():
    features, labels, edges = torch.ones(1, 4, 3), torch.zeros(1, 3, dtype=torch.int64), torch.tensor([[0, 1], [1, 0]])
    Nodes(features, labels, edges)
    for wrong, name in (
        ((features, labels[:, :2], edges), "labels"),
        ((features.expand(2, -1, -1), labels.expand(2, -1), edges), "labels"),
        ((features, labels, edges + 2), "edges"),
        ((features, labels, edges.flatten()), "edges"),
    ):
        with pytest.raises(InvalidInput, match=rf"^{name}: "):
            Nodes(*wrong)
    graph = Nodes(features, labels, edges)
    for options in ({"batch": 2}, {"batch": 1, "world_size": 2}, {"batch": 1, "augmentation": "crop-zero"}):
        with pytest.raises(InvalidInput, match=rf"^{list(options)[-1]}: "):
            next(graph.shuffled(**options, seed=0, epoch=0))


def test_tables_are_not_augmented():
    with pytest.raises(InvalidInput, match=r"^augmentation: expected none for other data than images"):
        next(load_data("wine", Path()).train.shuffled(8, seed=0, epoch=0, augmentation="crop-zero"))


@pytest.mark.parametrize("name", ["acs-employment", "cora", "citeseer", "pubmed"])
def test_packages_that_are_missing_are_one_clear_line(name, monkeypatch, tmp_path):
    package = "folktables" if name == "acs-employment" else "torch_geometric"
    for module in (package, f"{package}.datasets"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InvalidInput, match=rf"^data_dir: expected a folder .*{package.replace('_', '.')}") as caught:
        load_data(name, tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 400


def test_what_pytorch_geometric_reads_is_a_graph(monkeypatch, tmp_path):
    numbers = torch.Generator().manual_seed(0)
    content = SimpleNamespace(
        x=(torch.rand(60, 9, generator=numbers) < 0.3).float(), y=torch.arange(60) % 7,
        edge_index=torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]),
        train_mask=torch.arange(60) < 20, val_mask=(torch.arange(60) >= 20) & (torch.arange(60) < 40),
        test_mask=torch.arange(60) >= 45,
    )  # fmt: skip
    asked = []

    def planetoid(root, name, *, split):
        asked.append((root, name, split))
        return [content]

    module = ModuleType("torch_geometric.datasets")
    module.Planetoid = planetoid
    monkeypatch.setitem(sys.modules, "torch_geometric", ModuleType("torch_geometric"))
    monkeypatch.setitem(sys.modules, "torch_geometric.datasets", module)
    data = load_data("cora", tmp_path, validation="1/2")
    assert asked == [(str(tmp_path / "planetoid"), "cora", "public")]
    told = [(part.labels != NO_LABEL).flatten() for part in (data.train, data.validation, data.read_test())]
    assert (told[0] ^ told[1]).equal(torch.arange(60) < 40)
    assert told[2].equal(torch.arange(60) >= 45)
    assert data.train.shape == (9, 60)
    sums = data.train.inputs[0].sum(0)
    assert ((sums - 1).abs() < 1e-6).logical_or(content.x.sum(1) == 0).all()


def test_what_folktables_reads_is_a_table(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    features, labels = rng.integers(0, 9, (50, 16)).astype(float), rng.integers(0, 2, 50).astype(bool)
    module = ModuleType("folktables")
    module.ACSDataSource = lambda *asked, root_dir: SimpleNamespace(
        get_data=lambda states, download: (asked, root_dir, states, download)
    )
    asked = []
    module.ACSEmployment = SimpleNamespace(df_to_numpy=lambda frame: (asked.append(frame), (features, labels, None))[1])
    monkeypatch.setitem(sys.modules, "folktables", module)
    data = load_data("acs-employment", tmp_path, validation="1/4")
    assert (len(data.train), len(data.validation), len(data.read_test())) == (30, 10, 10)
    assert data.read_test().inputs.equal(torch.from_numpy(features[::5]).float())
    assert data.read_test().labels.tolist() == labels[::5].astype(int).tolist()
    # Persons of Alabama, in one year.
    assert {(words, root, *states) for words, root, states, _ in asked} == {
        (("2018", "1-Year", "person"), str(tmp_path), "AL")
    }


# --- Networks -----------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), nodes=st.integers(1, 12), share=st.sampled_from([0.0, 0.2, 0.7]))
def test_graph_convolution_is_the_dense_product(seed, nodes, share):
    rng = np.random.default_rng(seed)
    joined = np.triu(rng.random((nodes, nodes)) < share, 1)
    joined = (joined | joined.T).astype(float)
    edges = torch.from_numpy(np.argwhere(joined).T.reshape(2, -1))
    layer, hidden = GraphConvolution(4, 3).double(), rng.normal(size=(nodes, 4))
    neighbours, weights = neighbour_weights(edges, nodes)
    loops = joined + np.eye(nodes)
    roots = np.diag(loops.sum(0) ** -0.5)
    weight, bias = (part.detach().numpy() for part in (layer.weight, layer.bias))
    expected = roots @ loops @ roots @ hidden @ weight.T + bias
    received = layer(torch.from_numpy(hidden)[None], neighbours, weights.double())
    np.testing.assert_allclose(received[0].detach(), expected, atol=1e-6)


def test_gcn_follows_its_formula_and_ignores_labels_and_order_of_edges():
    data = load_data("block-model", Path())
    model = build_model("gcn-6-4", inputs=data.train.shape, classes=5, edges=data.train.edges).eval()
    logits = model(data.train.inputs)
    assert logits.shape == (1, 5, 1500)
    loops = np.eye(1500)
    loops[data.train.edges[0], data.train.edges[1]] = 1
    spread = loops / np.sqrt(np.outer(loops.sum(0), loops.sum(0)))
    hidden = data.train.inputs[0].T.numpy().astype(float)
    for number in (1, 2, 3):
        weight, bias = (part.detach().numpy() for part in model.get_submodule(f"gc{number}").parameters())
        hidden = spread @ hidden @ weight.T + bias
        hidden = np.maximum(hidden, 0) if number < 3 else hidden
    np.testing.assert_allclose(logits[0].T.detach(), hidden, atol=1e-5)
    turned = build_model("gcn-6-4", inputs=data.train.shape, classes=5, edges=data.train.edges.flip(1)).eval()
    turned.load_state_dict(model.state_dict())
    torch.testing.assert_close(turned(data.train.inputs), logits)


def test_gcn_drops_six_features_in_ten_while_it_trains():
    """Of 4,000 features 1,600 are left, 2.5 times as large, within five standard deviations of 31; a fixed seed."""
    model = build_model("gcn-8", inputs=(400, 10), classes=2, edges=torch.zeros(2, 0, dtype=torch.int64)).train()
    seen = []
    model.gc1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(0)
    model(torch.ones(1, 400, 10))
    assert set(seen[0].unique().tolist()) == {0, 2.5}
    assert abs(int((seen[0] > 0).sum()) - 1600) < 155
    model.eval()(torch.ones(1, 400, 10))
    assert (seen[1] == 1).all()


@pytest.mark.parametrize("name", ["encoder-decoder", "transformer"])
def test_sums_do_not_depend_on_the_order_of_their_terms(name):
    model = build_model(name, inputs=(2, 31), classes=31, width="1/4").double()
    terms = load_data("modular-addition-31", Path()).train.inputs.double()
    assert model(terms).shape == (len(terms), 31)
    torch.testing.assert_close(model(terms.flip(1)), model(terms))


def test_attention_is_that_of_pytorch():
    model = build_model("transformer", inputs=(3, 7), classes=5, width="1/8").double()
    attention = torch.nn.MultiheadAttention(16, 4, batch_first=True).double()
    with torch.no_grad():
        three = (model.query, model.key, model.value)
        attention.in_proj_weight.copy_(torch.cat([layer.weight for layer in three]))
        attention.in_proj_bias.copy_(torch.cat([layer.bias for layer in three]))
        attention.out_proj.load_state_dict(model.joined.state_dict())
    terms = torch.randn(6, 3, 7, dtype=torch.float64)
    hidden = model.embedding(terms)
    hidden = hidden + attention(hidden, hidden, hidden, need_weights=False)[0]
    hidden = hidden + model.down(model.up(hidden).relu())
    torch.testing.assert_close(model(terms), model.unembedding(hidden.mean(1)))


@pytest.mark.parametrize("seed", range(6))
def test_dead_neurons_of_a_transformer_are_those_off_every_path(seed):
    model = build_model("transformer", inputs=(2, 5), classes=4, width="1/8")
    attach_masks(model, draw_masks(layer_densities(layer_shapes(model), "0.06", "uniform"), seed))
    masks, graph = masks_of(model), networkx.DiGraph()
    wide = 16

    def join_up(layer: str, before: str, after: str) -> None:
        graph.add_nodes_from((after, row) for row in range(len(masks[layer])))
        graph.add_edges_from(((before, column), (after, row)) for row, column in masks[layer].nonzero().tolist())

    def hand_on(before: str, after: str) -> None:
        graph.add_edges_from(((before, place), (after, place)) for place in range(wide))

    join_up("embedding", "in", "embedding")
    for layer in ("query", "key", "value"):
        join_up(layer, "embedding", layer)
    hand_on("value", "mixed")
    join_up("joined", "mixed", "joined")
    for before in ("embedding", "joined"):
        hand_on(before, "first")
    join_up("up", "first", "up")
    join_up("down", "up", "down")
    for before in ("first", "down"):
        hand_on(before, "second")
    join_up("unembedding", "second", "unembedding")
    graph.add_edges_from(("source", ("in", place)) for place in range(5))
    graph.add_edges_from((("unembedding", place), "sink") for place in range(4))
    alive = networkx.descendants(graph, "source") & networkx.ancestors(graph, "sink")
    # A query leads on through the key that it is multiplied with, into its head's values, and the other way round.
    reached = networkx.descendants(graph, "source")
    per_head = 4
    counted = {layer.name: layer.dead for layer in dead_neurons(model, (2, 5))}
    for layer in ("value", "joined", "up", "down", "unembedding"):
        assert counted[layer] == sum((layer, row) not in alive for row in range(len(masks[layer]))), layer
    for one, other in (("query", "key"), ("key", "query")):
        useful = 0
        for place in range(wide):
            head = range(place // per_head * per_head, (place // per_head + 1) * per_head)
            both = (one, place) in reached and (other, place) in reached
            useful += both and any(("value", end) in alive for end in head)
        assert counted[one] == wide - useful, one


def test_operations_of_a_graph_are_those_of_all_its_nodes():
    data = load_data("block-model", Path())
    model = build_model("gcn-8", inputs=data.train.shape, classes=5, edges=data.train.edges)
    assert layer_positions(model, data.train.shape) == {"gc1": 1500, "gc2": 1500}
    assert forward_flops(model, data.train.shape) == 2 * 1500 * (100 * 8 + 8 * 5)


@pytest.mark.parametrize(
    ("data", "model"),
    [("block-model", "mlp-8"), ("block-model", "resnet18"), ("block-model", "transformer"), ("block-model", "gcn"),
     ("wine", "gcn-8"), ("wine", "transformer"), ("wine", "vgg16"), ("digits", "encoder-decoder"),
     ("modular-addition-31", "resnet20")],
)  # fmt: skip
def test_networks_for_other_inputs_are_refused(data, model, tmp_path):
    with pytest.raises(InvalidInput, match=r"^model: ") as caught:
        run(replace(BASE, data=data, model=model, batch=1), tmp_path)
    assert len(str(caught.value)) <= 400


# --- Runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fixed", *INSIDE])
@pytest.mark.parametrize("name", TASKS)
def test_masks_hold_at_every_step_and_interruptions_leave_no_trace(name, method, tmp_path, monkeypatch):
    configuration = replace(TASKS[name], method=method, **INSIDE.get(method, {}))
    steps = []

    class Watched(METHODS[method]):
        def step(self, optimiser, at):
            super().step(optimiser, at)
            steps.append(at)
            for layer, mask in masks_of(self.model).items():
                assert not (mask & ~self.drawn[layer]).any()
                weight = self.model.get_submodule(layer).weight
                assert torch.count_nonzero(weight[~self.drawn[layer]]) == 0
                if method != "edge-popup":
                    assert torch.count_nonzero(weight[~mask]) == 0

    monkeypatch.setitem(METHODS, method, Watched)
    whole = run(configuration, tmp_path / "whole")
    assert len(steps) == len(set(steps)) > 0
    with pytest.raises(Killed):
        run(configuration, tmp_path / "parts", stop_after=whole["epochs"] // 2)
    parts = run(configuration, tmp_path / "parts")
    one, other = (tmp_path / each / configuration.folder for each in ("whole", "parts"))
    for file in ("checkpoint.safetensors", "state.safetensors"):
        assert (one / file).read_bytes() == (other / file).read_bytes()
    of_the_process = {"seconds": 0, "memory_peak": 0}
    assert whole | of_the_process == parts | of_the_process
    assert not any("edges" in key for key in load_file(one / "checkpoint.safetensors"))


def test_a_graph_is_tested_on_the_labels_of_its_test_alone(tmp_path):
    result = run(replace(TASKS["gcn"], epochs=20), tmp_path)
    assert result["data"]["sizes"] == {"train": 250, "validation": 250, "test": 1000}
    assert result["flops_dense"] == 3 * 20 * 10 * 2 * 1500 * (100 * 4 + 4 * 5)
    # Counted in thousandths, and better than one class in five by 5 standard deviations: by far, on any processor.
    assert result["accuracy_test"] * 1000 == pytest.approx(round(result["accuracy_test"] * 1000))
    assert result["accuracy_test"] > 0.27


def test_accuracy_counts_labels_that_are_there():
    labels = torch.tensor([[0, 1, 1, NO_LABEL]])
    graph = Nodes(torch.eye(2)[[0, 1, 0, 1]].T[None].contiguous(), labels, torch.empty(2, 0, dtype=torch.int64))
    data = Data("graph", 2, graph, graph, lambda: graph, "", torch.zeros(2, 1), torch.ones(2, 1))
    with join_process_group("cpu") as processes:
        assert accuracies(torch.nn.Identity(), graph, data, processes) == [2 / 3]


@pytest.mark.parametrize("ratio", ["grasp", "imp", "snip", "synflow"])
@pytest.mark.parametrize("name", TASKS)
def test_pruning_methods_share_out_the_budget_of_these_networks_too(name, ratio):
    configuration = replace(TASKS[name], ratio=ratio, epochs=1, ratio_keep=0.5)
    data = load_data(configuration.data, Path(), validation=configuration.validation)
    with join_process_group("cpu") as processes:
        _, shared = start_model(configuration, data, fit=partial(pretrain, configuration, data, processes))
    weights = [layer.weights for layer in shared.layers]
    spent = sum(share * count for share, count in zip(shared.densities, weights, strict=True))
    assert spent == pytest.approx(round(Fraction(3, 10) * sum(weights)))


# --- Recipes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gcn", "imagenet", "modular-addition", "tabular"])
def test_every_mask_has_the_dense_network_beside_it(name):
    for scale in RECIPES[name].scales:
        runs = recipe(name).configurations(scale, seeds=2)
        assert len({run.hash for run in runs}) == len(runs)
        assert {run.density for run in runs} == {"1", "0.5", "0.3", "0.2", "0.1", "0.05"}
        for run_ in runs:
            assert replace(run_, density="1") in runs
            assert Fraction(run_.validation) < 1
