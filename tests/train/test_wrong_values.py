"""Arguments of the right type and a wrong value: one line that names the argument and shows what was given."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

import numpy as np  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

import ertrain  # noqa: E402
from ertheory.errors import InvalidInput  # noqa: E402
from ertheory.layerwise import layer_densities  # noqa: E402
from ertheory.networks.target import Target  # noqa: E402
from ertrain import data, masks, models, own, ratios, reports, storage, students, training  # noqa: E402
from ertrain.masks import sparse  # noqa: E402

INPUTS, LABELS = torch.randn(40, 4, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 3
PAIR = (INPUTS, LABELS)
EDGES = torch.tensor([[0, 1], [1, 0]])
DENSITIES = layer_densities(((6, 4), (3, 6)), "1/2", "uniform")
HALF = Fraction(1, 2)
HUGE = Target.from_text("9999999-9999999-2")


class Itself(nn.Linear):
    """A module that is inside itself."""

    def __init__(self) -> None:
        super().__init__(4, 3)
        self.itself = self


class Raises(TensorDataset):
    """Items that cannot be had."""

    def __getitem__(self, _: int) -> None:
        raise ZeroDivisionError


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def deep() -> nn.Module:
    network: nn.Module = nn.Linear(4, 3)
    for _ in range(1500):
        network = nn.Sequential(network)
    return network


def lazy() -> nn.Module:
    """Make a network that does not know its shapes yet."""
    return nn.Sequential(nn.Linear(4, 6), nn.LazyBatchNorm1d(), nn.Linear(6, 3))


def with_weight(weight: torch.Tensor | None) -> nn.Module:
    network = net()
    network[0].weight = None if weight is None else nn.Parameter(weight)
    return network


def fit(**others):
    return ertrain.fit(**{"model": net(), "train": PAIR, "density": "0.5", "epochs": 1, "batch": 10, **others})


def loop(**others):
    network = others.pop("model", net())
    optimiser = torch.optim.SGD([*network.parameters(), nn.Parameter(torch.zeros(1))])
    return ertrain.start_sparse(network, optimiser, **{"density": "0.5", "method": "rigl", "steps": 9, **others})


def scores(by, **others):
    return by(**{"module": net(), "names": ["0", "2"], "batches": lambda: iter([PAIR]), **others})


def synflow(**others):
    return ratios.synflow_masks(**{"module": net(), "names": ["0"], "inputs": (4,), "count": 3, "rounds": 2, **others})


def imp(**others):
    return ratios.imp_masks(**{"module": net(), "names": ["0"], "count": 3, "fit": id, "keep": 0.5, **others})


def drawn(seeds, densities=(HALF, HALF)):
    return students.student_masks(((5, 2), (1, 5)), densities, seeds)


def layer(**others):
    return ertrain.SparseLinear(**{"in_features": 3, "out_features": 2, "mask": [[1, 0, 1], [0, 1, 0]], **others})


# What is called, the argument that is named, and a word of what was given.
CASES = {
    # modules
    "inside itself": (lambda: ertrain.layer_shapes(Itself()), "module", "Itself"),
    "nested too deep": (lambda: ertrain.masks_of(deep()), "module", "Sequential"),
    "a layer without a weight": (lambda: ertrain.layer_shapes(with_weight(None)), "module", "None"),
    "a layer without inputs": (lambda: ertrain.layer_shapes(with_weight(torch.zeros(3, 0))), "module", "(3, 0)"),
    "fit of a module inside itself": (lambda: fit(model=Itself()), "model", "Itself"),
    "guard of a deep module": (lambda: ertrain.guard(torch.optim.SGD(net().parameters()), deep()), "module", "Seq"),
    "densities of no layers": (lambda: ertrain.allocate_sparsity(nn.ReLU(), "1/2", "erk"), "module", "ReLU"),
    "densities of layers all skipped": (
        lambda: ertrain.allocate_sparsity(net(), "1/2", "erk", skip=("0", "2")), "skip", "'0', '2'",
    ),
    "no weights to count": (lambda: masks.layer_positions(nn.ReLU(), (4,)), "module", "ReLU"),
    "no weights to follow": (lambda: ertrain.dead_neurons(nn.ReLU(), (4,)), "module", "ReLU"),
    "weights that are nowhere": (lambda: ertrain.dead_neurons(net().to("meta"), (4,)), "module", "'meta'"),
    "layers nested too deep": (lambda: sparse.rewire(deep(), 0.3), "module", "Sequential"),
    "parts nested too deep": (lambda: ertrain.maskable(deep()), "model", "Sequential"),
    "fit of a lazy network": (lambda: fit(model=lazy()), "model", "Sequential"),
    "a loop of a lazy network": (lambda: loop(model=lazy()), "model", "Sequential"),
    "parts of a lazy network": (lambda: ertrain.maskable(lazy()), "model", "Sequential"),
    "the start of a lazy network": (
        lambda: ertrain.initialise(lazy(), "kaiming", torch.Generator()), "module", "LazyBatchNorm1d",
    ),
    "positions in a lazy network": (lambda: masks.layer_positions(lazy(), (4,)), "module", "LazyBatchNorm1d"),
    "neurons of a lazy network": (lambda: ertrain.dead_neurons(lazy(), (4,)), "module", "LazyBatchNorm1d"),
    "nothing to optimise": (
        lambda: training.make_optimiser(ertrain.Configuration(recipe="x"), nn.ReLU()), "model", "ReLU",
    ),
    # shapes of inputs
    "inputs of another size": (lambda: masks.layer_positions(net(), (7,)), "inputs", "(7,)"),
    "inputs below 0": (lambda: masks.layer_positions(net(), (-1,)), "inputs", "-1"),
    "inputs beyond any memory": (lambda: masks.forward_flops(net(), (10**30,)), "inputs", "1000000"),
    "dead neurons for other inputs": (lambda: ertrain.dead_neurons(net(), (7,)), "inputs", "(7,)"),
    "flow through other inputs": (lambda: synflow(inputs=(7,)), "inputs", "(7,)"),
    "an image without channels": (
        lambda: ertrain.build_model("resnet20", inputs=(8, 8), classes=2), "inputs", "(8, 8)",
    ),
    "positions of unknown layers": (lambda: masks.masked_flops(net(), {"9": 1}, {}), "positions", "'9'"),
    "masks that are not boolean": (lambda: masks.masked_flops(net(), {}, {"0": INPUTS}), "masks", "float32"),
    # names and counts
    "an unknown name": (lambda: ratios.magnitude(net(), ["0", "9"]), "names", "'9'"),
    "a name twice": (lambda: scores(ratios.grasp, names=["0", "0"]), "names", "'0'"),
    "no names": (lambda: synflow(names=[]), "names", "[]"),
    "a name of no layer": (lambda: imp(names=["1"]), "names", "'1'"),
    "more than there is": (lambda: ratios.keep_highest({"a": torch.ones(3)}, 4), "count", "4"),
    "fewer than none": (lambda: synflow(count=-1), "count", "-1"),
    "fewer than none in rounds": (lambda: imp(count=-(10**30)), "count", "-1000"),
    "no rounds": (lambda: synflow(rounds=0), "rounds", "0"),
    "no scores": (lambda: ratios.keep_highest({}, 0), "scores", "[]"),
    "a share that keeps all": (lambda: imp(keep=1.0), "keep", "1.0"),
    "batches that give nothing": (lambda: scores(ratios.snip, batches=lambda: iter(())), "batches", "none"),
    "labels that no output has": (
        lambda: scores(ratios.snip, batches=lambda: iter([(INPUTS, LABELS + 9)])), "batches", "(40,)",
    ),
    "a context that keeps nothing": (
        lambda: ertrain.PruningContext(data.load_data, 0, id, keep=math.nan), "keep", "nan",
    ),
    "batches of three": (
        lambda: scores(ratios.snip, batches=lambda: iter([(*PAIR, LABELS)])), "batches", "'Tensor', 'Tensor', 'Te",
    ),
    "batches of one": (lambda: scores(ratios.grasp, batches=lambda: iter([INPUTS])), "batches", "'Tensor'"),
    # densities
    "no densities": (lambda: fit(density=None, densities={}), "densities", "{}"),
    "a density in percent": (lambda: fit(density=None, densities={"0": "90%"}), "densities", "90%"),
    "a layer twice": (lambda: ratios.by_layers("layers:0=0.5,0=0.2"), "ratio", "'0'"),
    "a density that is infinite": (
        lambda: masks.structured_mask((6, 8), math.inf, "n:4", np.random.default_rng(0)), "density", "inf",
    ),
    "a density that is no number": (
        lambda: masks.structured_mask((6, 8), math.nan, "n:4", np.random.default_rng(0)), "density", "nan",
    ),
    "a shape without axes": (
        lambda: masks.structured_mask((), 0.5, "n:4", np.random.default_rng(0)), "shape", "()",
    ),
    "a shape below 0": (
        lambda: masks.structured_mask((-1, 2), 0.5, "constant-fan-in", np.random.default_rng(0)), "shape", "-1",
    ),
    "a shape beyond any memory": (
        lambda: masks.structured_mask((10**12, 4), 0.5, "n:4", np.random.default_rng(0)), "shape", "(1000000000000, 4)",
    ),
    "masks beyond any memory": (
        lambda: ertrain.draw_masks(layer_densities(((10**7, 10**7),), "1/2", "uniform"), 0), "densities", "10000000",
    ),
    "masks that are nowhere": (
        lambda: ertrain.attach_masks(net(), {"0": torch.ones(6, 4, device="meta").bool()}), "masks", "meta",
    ),
    "masks of nothing": (
        lambda: ertrain.repair_masks({"a": torch.ones(0, 2).bool()}, np.random.default_rng(0), hold_budget=True),
        "mask of 'a'", "(0, 2)",
    ),
    "an unknown drawing": (lambda: masks.expected_without_weights(DENSITIES, drawing="odd"), "drawing", "'odd'"),
    "an unknown repair": (lambda: masks.expected_without_weights(DENSITIES, repair="odd"), "repair", "'odd'"),
    "groups that share nothing": (
        lambda: ertrain.repair_masks(
            {"a": torch.ones(3, 2).bool()}, np.random.default_rng(0), hold_budget=True, groups={"a": 2}
        ),
        "groups of 'a'", "2",
    ),
    # data of somebody else
    "a validation item that is None": (lambda: fit(validation=[None]), "validation", "GivenItems"),
    "a test item that is None": (lambda: fit(test=[None]), "test", "GivenItems"),
    "items that raise": (lambda: own.supplied_data(Raises(*PAIR)), "train", "GivenItems"),
    "batches that raise": (lambda: own.supplied_data(DataLoader(Raises(*PAIR))), "train", "GivenBatches"),
    "columns of unequal lengths": (lambda: fit(train=(INPUTS, LABELS[:-1])), "train", "(39,)"),
    "empty arrays": (lambda: fit(train=(INPUTS[:0], LABELS[:0])), "train", "(0, 4)"),
    "arrays that are nowhere": (lambda: fit(train=(INPUTS.to("meta"), LABELS)), "train", "others"),
    "sparse arrays": (lambda: own.supplied_data((INPUTS.to_sparse(), LABELS)), "train", "others"),
    "inputs that are nowhere": (lambda: layer()(torch.zeros(2, 3, device="meta")), "inputs", "meta"),
    "batches of nothing": (lambda: next(data.InMemory(*PAIR).in_order(0)), "batch", "0"),
    # optimisers
    "no optimiser": (lambda: fit(optimiser=dict), "optimiser", "dict"),
    "an optimiser of others": (
        lambda: fit(optimiser=lambda _: torch.optim.SGD(net().parameters())), "optimiser", "SGD",
    ),
    "an optimiser of sparse gradients": (lambda: fit(optimiser=torch.optim.SparseAdam), "optimiser", "SparseAdam"),
    "a rate that is no number": (
        lambda: fit(optimiser=lambda given: torch.optim.SGD(given, lr=math.nan)), "optimiser", "nan",
    ),
    "a rate below 0": (lambda: sparse.SparseSGD(net().parameters(), lr=-1.0), "lr", "-1.0"),
    "a loss for every item": (
        lambda: sparse.SparseSGD(net().parameters(), lr=0.1).step_through(INPUTS), "loss", "(40, 4)",
    ),
    "a share beyond any double": (lambda: training.cosine_decay(10**5000, 0.1), "share", "thousands of digits"),
    "a share that is infinite": (lambda: training.cosine_decay(math.inf, 0.1), "share", "inf"),
    "nothing to move": (lambda: sparse.SparseSGD([]), "params", "list"),
    "an unknown setting": (lambda: loop(nothing=1), "settings", "'nothing'"),
    "a loop without a mask": (lambda: loop(density=None, masks={}), "masks", "{}"),
    # devices and sizes
    "a device that is none": (lambda: layer(device="nowhere"), "device", "'nowhere'"),
    "a device of no text": (lambda: layer(device=""), "device", "''"),
    "a size of 5000 digits": (lambda: layer(in_features=10**5000), "in_features", "thousands of digits"),
    "one width": (lambda: models.MLP((3,)), "widths", "(3,)"),
    "a width below 0": (lambda: models.MLP((3, -1)), "widths", "-1"),
    "no stage": (lambda: models.ResNet(()), "blocks", "()"),
    "a depth that is none": (lambda: models.WideResNet(21, 2), "depth", "21"),
    "widths beyond any memory": (lambda: models.MLP((10**9, 10**9)), "widths", "(1000000000, 1000000000)"),
    "images beyond any memory": (
        lambda: ertrain.build_model("vgg16", inputs=(10**9, 64, 64), classes=2), "inputs", "(1000000000, 64, 64)",
    ),
    "classes beyond any memory": (
        lambda: ertrain.build_model("mlp-8", inputs=(4,), classes=10**30), "classes", "100000",
    ),
    "a graph without nodes": (
        lambda: ertrain.build_model("gcn-4", inputs=(4,), classes=2, edges=EDGES), "inputs", "(4,)",
    ),
    "an edge that ends nowhere": (lambda: models.GCN((4, 2), EDGES + 9, nodes=3), "edges", "(2, 2)"),
    "one factor": (lambda: models.FactoredLayer([nn.Linear(3, 2)]), "factors", "1"),
    "no layers side by side": (lambda: models.BatchedMLP({}), "layers", "[]"),
    "a bias of others": (lambda: models.BatchedLinear(torch.ones(3, 5, 2), torch.ones(3, 4)), "weight", "(3, 4)"),
    "a bias of whole numbers": (
        lambda: models.BatchedLinear(torch.ones(3, 5, 2), torch.ones(3, 5).long()), "weight", "int64",
    ),
    # reports
    "results that are none": (lambda: ertrain.rows_of([{}]), "results", "one without "),
    "comparisons of what are none": (lambda: ertrain.compare([{"recipe": "x"}]), "results", "one without "),
    "curves of what are none": (lambda: reports.curve_columns([{}]), "results", "one without "),
    "a result that is none": (lambda: reports.paper_accuracy({"recipe": "x"}), "result", "one without "),
    "no rows": (lambda: reports.report_columns([]), "rows", "[]"),
    "a value beyond any double": (lambda: reports.mean_of([10**400, 1]), "values", "1000"),
    "a difference beyond any double": (lambda: reports.paired_difference([10**400], [1]), "first", "1000"),
    "content that JSON cannot say": (lambda: storage.write_json(None, {"a": math.nan}), "content", "dict"),
    # students
    "no points in a step": (lambda: students.Budget(steps=3, batch=0), "batch", "0"),
    "a rate that is infinite": (lambda: students.Budget(steps=3, learning_rate=math.inf), "learning_rate", "inf"),
    "a tolerance that is no number": (lambda: students.Tolerance(rms=math.nan), "rms", "nan"),
    "no seeds": (lambda: drawn([]), "seeds", "[]"),
    "densities of fewer layers": (lambda: drawn([1], (HALF,)), "densities", "(1, 2)"),
    "fewer densities than widths": (lambda: students.Cell((4, 1), (HALF,)), "densities", "(1, 2)"),
    "more seeds than students": (lambda: students.Students(drawn([7, 8]), [7, 8, 9]), "masks", "(2, 5, 2)"),
    "students without layers": (lambda: students.Students([], [7]), "masks", "[]"),
    "a start of fewer layers": (lambda: students.Students(drawn([7]), [7], start=[]), "start", "0"),
    "a start that is none": (lambda: students.Students(drawn([7]), [7], start=(-1,)), "start", "(-1,)"),
    "factors of 5000 digits": (
        lambda: students.Students(drawn([7]), [7], factors=10**5000), "factors", "thousands of digits",
    ),
    "no masks at all": (lambda: students.Students(5, [7]), "masks", "5"),
    "a teacher beyond any memory": (lambda: students.draw_teacher(HUGE), "target", "9999999"),
    "a seed beyond PyTorch's": (lambda: students.draw_teacher(Target.from_text("2-1"), 10**30), "seed", "10000"),
    "inputs of 5000 digits": (
        lambda: students.Cell((4, 1), (HALF, HALF)).expected_weights(10**5000), "inputs", "thousands of digits",
    ),
    "trials before the first": (lambda: students.widths.trial_seeds(0, 20, -1, 3), "start", "-1"),
    "nothing to choose from": (lambda: students.choose_ratio([]), "predictions", "[]"),
    "errors that never change": (
        lambda: students.compare_forms([0.1, 0.2, 0.5, 0.8], np.zeros((4, 3))), "errors", "0.0",
    ),
    "a seed below 0": (
        lambda: students.compare_forms([0.1, 0.2, 0.5, 0.8], np.arange(12).reshape(4, 3), seed=-1), "seed", "-1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_value_is_refused_by_the_name_of_its_argument(case):
    call, argument, given = CASES[case]
    with pytest.raises(InvalidInput) as caught:
        call()
    line = str(caught.value)
    assert line.startswith(f"{argument}: expected ")
    assert given in line.rpartition(", got ")[2]
    assert "\n" not in line
    assert len(line) <= 400


def test_nothing_is_changed_before_it_is_refused():
    network = net()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    before = copy.deepcopy(network.state_dict())
    for call in (
        lambda: ertrain.attach_masks(network, {"0": torch.zeros(6, 4).bool(), "9": torch.zeros(3, 6).bool()}),
        lambda: ertrain.start_sparse(network, optimiser, density=None, densities={"0": 0}, method="rigl", steps=9),
        lambda: masks.layer_positions(network, (7,)),
        lambda: ertrain.dead_neurons(network, (7,)),
        lambda: ertrain.initialise(network, "odd", torch.Generator()),
    ):
        with pytest.raises(InvalidInput):
            call()
        assert network.training
        assert not optimiser._optimizer_step_pre_hooks
        assert list(network.state_dict()) == list(before)
        assert all(torch.equal(now, before[name]) for name, now in network.state_dict().items())


def test_a_file_whose_name_no_system_takes_is_one_line(tmp_path):
    for call in (
        lambda path: storage.write_whole(path, b""),
        lambda path: storage.locked(path).__enter__(),
        lambda path: fit(out=path),
    ):
        with pytest.raises(ertrain.RunFolderError, match="cannot be used"):
            call(tmp_path / "a\0b")
    assert list(tmp_path.iterdir()) == []
