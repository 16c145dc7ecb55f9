"""Settings from files, as people write them: what a format makes of a word, names given twice, what is no setting."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
pytest.importorskip("yaml")

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.cli import main  # noqa: E402
from ertrain.cli.train import _configuration  # noqa: E402
from ertrain.configuration import Configuration  # noqa: E402


def asked(folder, name, text, *words, **density):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return _configuration(str(path), words, density.get("density"), density.get("sparsity"))


# Every setting with another value than its default, and what others it takes to be read and to be in its domain.
CHANGED = {
    "recipe": "mine",
    "seed": 3,
    "model": "mlp-6",
    "width": "1/2",
    "factored": 2,
    "failure_probability": "1/100",
    "outer": "frozen",
    "initialisation": "kaiming",
    "data": "wine",
    "examples": 100,
    "validation": "1/5",
    "augmentation": "crop-flip",
    "method": "rigl",
    "ratio": "erk",
    "density": "1/5",
    "ratio_epochs": 2,
    "ratio_keep": 0.7,
    "drawing": "exact",
    "repair": "add",
    "dense_layers": ["first", "last"],
    "optimiser": "adam",
    "learning_rate": 1e-3,
    "momentum": 0.5,
    "weight_decay": 1e-5,
    "schedule": "steps",
    "milestones": [1, 2],
    "decay": 0.2,
    "final_rate": 1e-4,
    "warmup": 1,
    "epochs": 3,
    "batch": 64,
    "accumulation": 2,
    "label_smoothing": 0.1,
    "precision": "bfloat16",
    "compile": True,
    "deterministic": False,
    "final_density": "1/10",
    "drop_share": 0.2,
    "update_every": 7,
    "update_until": 0.5,
    "prune_until": 0.4,
    "round_keep": 0.5,
    "rewind": "rate",
    "rewind_step": 2,
    "levels": 2,
    "threshold_start": -5.0,
}
BESIDE = {
    "failure_probability": {"factored": 2},
    "outer": {"factored": 2},
    "final_density": {"method": "rigl"},
    "drop_share": {"method": "rigl"},
    "update_every": {"method": "rigl"},
    "update_until": {"method": "rigl"},
    "prune_until": {"method": "granet"},
    "round_keep": {"method": "imp"},
    "rewind": {"method": "imp"},
    "rewind_step": {"method": "imp"},
    "levels": {"method": "edge-popup"},
    "threshold_start": {"method": "str"},
}


def test_no_setting_is_left_out():
    assert set(CHANGED) == {field.name for field in dataclasses.fields(Configuration)}


@pytest.mark.parametrize("name", CHANGED)
def test_every_setting_is_read_from_every_kind_of_file(name, tmp_path):
    settings = {**BESIDE.get(name, {}), name: CHANGED[name]}
    wanted = Configuration(**{"recipe": "train", **settings})
    assert getattr(wanted, name) != Configuration.__dataclass_fields__[name].default
    lines = [(each, json.dumps(value)) for each, value in settings.items()]  # which are values of all three
    texts = {
        "run.toml": "".join(f"{each} = {value}\n" for each, value in lines),
        "run.yaml": "".join(f"{each}: {value}\n" for each, value in lines),
        "run.json": json.dumps(settings),
    }
    for file, text in texts.items():
        assert asked(tmp_path, file, text) == wanted


READ = [
    ("run.yaml", "learning_rate: 1e-3", {"learning_rate": 1e-3}),
    ("run.yaml", "weight_decay: 5E-5", {"weight_decay": 5e-5}),
    ("run.yaml", "learning_rate: .5", {"learning_rate": 0.5}),
    ("run.yaml", "learning_rate: 1", {"learning_rate": 1.0}),
    ("run.yaml", "epochs: 010", {"epochs": 10}),
    ("run.yaml", "seed: 0x10", {"seed": 16}),
    ("run.yaml", "seed: 0o17", {"seed": 15}),
    ("run.yaml", "compile: no", {"compile": False}),
    ("run.yaml", "deterministic: off", {"deterministic": False}),
    ("run.yaml", "density: 1/10", {"density": "0.1"}),
    ("run.yaml", "epochs: &many 3\nwarmup: *many", {"epochs": 3, "warmup": 3}),
    ("run.yaml", "<<: {epochs: 3, batch: 32}\nbatch: 64", {"epochs": 3, "batch": 64}),
    ("run.yaml", "# nothing\n", {}),
    ("run.toml", "", {}),
    ("run.TOML", "epochs = 3", {"epochs": 3}),
    ("run.JSON", '{"epochs": 3}', {"epochs": 3}),
    ("no-ending", "epochs: 3", {"epochs": 3}),
    ("run.toml", b"\xef\xbb\xbfepochs = 3\r\nbatch = 64\r\n", {"epochs": 3, "batch": 64}),
    ("run.json", b'\xef\xbb\xbf{"epochs": 3}', {"epochs": 3}),
    ("run.toml", "levels = 1", {}),  # as it is without
]


@pytest.mark.parametrize(("name", "text", "wanted"), READ)
def test_a_word_means_what_it_says(name, text, wanted, tmp_path):
    assert asked(tmp_path, name, text) == Configuration(recipe="train", **wanted)


REFUSED = [
    ("run.yaml", "epochs: 1\nepochs: 2", r"--config: .*epochs is given twice"),
    ("run.json", '{"epochs": 1, "epochs": 2}', r"--config: .*epochs is given twice"),
    ("run.toml", "epochs = 1\nepochs = 2", r"--config: expected settings in TOML"),
    ("run.yaml", "epochs: 1:30", r"--config epochs: .*'1:30'"),
    ("run.yaml", "epochs: 1_000", r"--config epochs: .*'1_000'"),
    ("run.yaml", "epochs: !!int 1_000", r"--config: .*1_000 is no whole number"),
    ("run.yaml", "augmentation: no", r"--config augmentation: expected text, .*quotes.*False"),
    ("run.yaml", "augmentation: ~", r"--config augmentation: expected text, .*quotes.*None"),
    ("run.yaml", "\0", r"--config: expected settings in TOML"),
    ("run.toml", '[train]\nmodel = "mlp-6"', r"--config: expected settings that stand in no table, got 'train'"),
    ("run.toml", "learning-rate = 0.1", r"--config: expected names .*did you mean learning_rate\?"),
    ("run.toml", "Epochs = 1", r"--config: expected names .*did you mean epochs\?"),
    ("run.toml", "sparsity = 0.9", r"--config: expected settings; this is an option, --sparsity"),
    ("run.toml", "data_dir = 'data'", r"--config: expected settings; this is an option, --data-dir"),
    ("run.toml", "learning_rate = nan", r"--config learning_rate: expected a number above 0, got nan"),
    ("run.json", '{"weight_decay": NaN}', r"--config weight_decay: .* got nan"),
    ("run.toml", 'epochs = "3"', r"--config epochs: expected a value of type int, got '3'"),
    ("run.toml", "epochs = 2020-01-01", r"--config epochs: expected a value of type int"),
    ("run.toml", "update_every = 7", r"--config update_every: expected nothing with the method fixed, got 7"),
    ("run.toml", 'final_density = "0.1"', r"--config final_density: expected nothing with the method fixed"),
    ("run.toml", "levels = 3\nmethod = 'rigl'", r"--config levels: expected nothing with the method rigl, got 3"),
    ("run.toml", "outer = 'frozen'", r"--config outer: expected nothing with factored=0"),
    ("run.toml", "x = 1\n" * 2**18, r"--config: expected a file of settings, of at most"),
    ("run.toml", b"\xff\xfee\x00", r"--config: expected a file that can be read"),
]


@pytest.mark.parametrize(("name", "text", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_setting_is_refused(name, text, message, tmp_path):
    with pytest.raises(InvalidInput, match=f"^{message}"):
        asked(tmp_path, name, text)


def test_what_never_ends_is_not_read_to_its_end():
    with pytest.raises(InvalidInput, match=r"^--config: expected a file of settings"):
        _configuration("/dev/zero", (), None, None)


def test_the_command_line_goes_before_the_file_and_both_are_read_together(tmp_path):
    """Settings of the file may belong to a method that the command line names, or fit its density alone."""
    changed = asked(tmp_path, "run.toml", "update_every = 7\nepochs = 2", "method=rigl", "epochs=3")
    assert (changed.method, changed.update_every, changed.epochs) == ("rigl", 7, 3)
    changed = asked(tmp_path, "run.toml", 'density = "0.5"\nmethod = "rigl"', density=Fraction(1, 4))
    assert (changed.density, changed.final_density) == ("0.25", "0.25")
    changed = asked(tmp_path, "run.toml", 'final_density = "0.5"\nmethod = "gradual"\ndensity = "0.1"', "density=0.7")
    assert (changed.density, changed.final_density) == ("0.7", "0.5")
    changed = asked(tmp_path, "run.toml", 'update_every = 7\nmethod = "rigl"', "method=fixed")
    assert changed == Configuration(recipe="train")
    assert asked(tmp_path, "run.toml", "recipe = 'one'", "recipe=other").recipe == "other"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--density", "0.1"], "--config final_density: "),
        (["--set", "density=0.1"], "--config final_density: "),
        (["--set", "final_density=2"], "--set final_density: "),
        (["--set", "data=nowhere"], "--set data: expected one of"),
        (["--set", "dense_layers=nowhere"], "--set dense_layers: "),
        (["--set", "optimiser=own-x"], "--set optimiser: expected one that has a name"),
        (["--set", "initialisation=own"], "--set initialisation: expected one that has a name"),
        (["--config", "{}/own.toml"], "--config optimiser: expected one that has a name"),
        (["--config", "{}/layers.toml"], "--config dense_layers: "),
    ],
)
def test_a_message_names_where_the_wrong_value_was_given(words, message, tmp_path, capsys):
    (tmp_path / "run.toml").write_text('method = "gradual"\nfinal_density = "0.5"\nmodel = "mlp-6"\n')
    (tmp_path / "own.toml").write_text('optimiser = "own-x"\n')
    (tmp_path / "layers.toml").write_text('dense_layers = ["nowhere"]\n')
    words = [word.format(tmp_path) for word in words]
    config = [] if "--config" in words else ["--config", str(tmp_path / "run.toml")]
    assert main(["train", *config, *words, "--out", str(tmp_path / "runs"), "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert f"ertrain: {message}" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "density=0.01"], "--only: final_density of the runs: expected a number in (0, 0.01], got '0.02'"),
        (["--density", "0.01"], "--density: final_density of the runs: expected a number in (0, 0.01], got '0.1'"),
        (["--sparsity", "0.99"], "--sparsity: final_density of the runs: expected a number in (0, 0.01], got '0.1'"),
        (
            ["--only", "data=digits", "--set", "density=0.01"],
            "--only and --set: final_density of the runs: expected a number in (0, 0.01], got '0.1'",
        ),
        (["--only", "density=2"], "--only density: "),
        (["--set", "final_density=2"], "--set final_density: "),
    ],
)
def test_a_value_of_a_recipe_that_does_not_fit_is_blamed_on_what_was_given(words, message, tmp_path, capsys):
    assert main(["run", "table3", *words, "--out", str(tmp_path / "runs")]) == 2
    assert f"ertrain: {message}" in capsys.readouterr().err
