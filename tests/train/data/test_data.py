"""Data sets: split alike for every run, shuffled by seed and epoch alone, shared out among processes."""

from __future__ import annotations

import gzip
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from ertheory.errors import InvalidInput  # noqa: E402
from ertrain.data import InMemory, idx_files, load_data, split, streamed  # noqa: E402
from ertrain.data.augmentation import AUGMENTATIONS, augment  # noqa: E402
from ertrain.data.digit_images import digits  # noqa: E402
from ertrain.models import build_model  # noqa: E402


def held(count: int, *, size: int = 6, channels: int = 2, classes: int = 3) -> InMemory:
    numbers = torch.Generator().manual_seed(count)
    images = torch.randint(256, (count, channels, size, size), generator=numbers, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(count) % 256  # to tell them apart
    return InMemory(images, torch.arange(count) % classes)


def test_digits_are_always_there_and_their_parts_do_not_meet():
    data = load_data("digits", Path("nowhere"))
    test = data.read_test()
    parts = [data.train, data.validation, test]
    assert sum(map(len, parts)) == 1797
    rows = torch.cat([part.inputs.flatten(1) for part in parts])
    assert len(torch.unique(rows, dim=0)) == 1797
    for part in parts:  # every class in every part
        assert set(part.labels.tolist()) == set(range(10))
    assert data.checksum == load_data("digits", Path(), validation="1/5").checksum


def test_digits_in_the_form_of_cifar_are_the_same_digits():
    small, large = (load_data(name, Path("nowhere")) for name in ("digits", "digits-32"))
    assert large.train.inputs.shape[1:] == (3, 32, 32)
    for one, other in (
        (small.train, large.train),
        (small.validation, large.validation),
        (small.read_test(), large.read_test()),
    ):
        assert one.labels.equal(other.labels)
        blocks = other.inputs.unflatten(2, (8, 4)).unflatten(4, (8, 4))  # image, channel, row, within, column, within
        assert blocks.equal(one.inputs[:, :, :, None, :, None].expand_as(blocks))
    assert build_model("vgg16", inputs=(3, 32, 32), classes=10, width="1/16")(
        large.normalised(large.train.inputs[:2])
    ).shape == (2, 10)


def test_normalised_pixels_have_mean_zero_and_deviation_one():
    data = load_data("digits", Path())
    pixels = data.normalised(data.train.inputs)
    assert abs(float(pixels.mean())) < 1e-5
    assert float(pixels.std(correction=0)) == pytest.approx(1, abs=1e-5)


# Whatever runs are kept were trained and tested on these: inputs, labels, and how they are shared out.
CHECKSUMS = {
    "block-model": ("a1bf90747405", "00e8da88d50d", "f00b0349ed14", "3d88d05929f1"),
    "breast-cancer": ("0bf9c661ef26", "0a7689994f48", "89c61027e1ed", "6be4d5e626c2"),
    "digits": ("c081272f079a", "730ce6d7e032", "470c1ed276c6", "ac38c155bcb0"),
    "digits-32": ("df5ce07a6465", "2cbcb1eca8c7", "ff38c874e2fd", "b78ab9c8c870"),
    "modular-addition-31": ("177203a12e2b", "3ff5b09391a3", "7b82b53fc34f", "925fad37b27f"),
    "modular-addition-97": ("e2a7146c1682", "a8f3677f2bce", "05cab6db0917", "6970424a6fe8"),
    "wine": ("407ecd4b0449", "5ee902976e5a", "70e3c623dd00", "cf8454d6c682"),
}


@pytest.mark.parametrize("name", CHECKSUMS)
def test_data_sets_that_are_always_there_stay_the_same(name):
    data = load_data(name, Path("nowhere"))
    parts = (data.train, data.validation, data.read_test())
    assert (data.checksum[:12], *(part.checksum()[:12] for part in parts)) == CHECKSUMS[name]


def test_features_that_never_change_are_left_as_large_as_they_are():
    numbers = torch.tensor([[1.0, 7.0], [3.0, 7.0]])
    mean, deviation = InMemory(numbers, torch.tensor([0, 1])).statistics()
    assert (mean.tolist(), deviation.tolist()) == ([2, 7], [1, 1])
    mean, deviation = InMemory(numbers.bool(), torch.tensor([0, 1])).statistics()
    assert (mean.tolist(), deviation.tolist()) == ([0, 0], [1, 1])


@settings(max_examples=30)
@given(count=st.integers(10, 200), share=st.fractions("1/10", "9/10"), classes=st.integers(1, 5))
def test_splits_are_stratified_and_repeatable(count, share, classes):
    whole = held(count, classes=classes)
    train, apart = split(whole, share)
    assert len(train) + len(apart) == count
    assert abs(len(apart) - share * count) < 1
    for label in range(classes):
        assert abs(int((apart.labels == label).sum()) - share * int((whole.labels == label).sum())) <= 1
    assert split(whole, share)[1].inputs.equal(apart.inputs)


@pytest.mark.parametrize("examples", [2, 100, 143, 1000])
def test_a_part_of_the_data_has_its_share_of_every_class_and_the_test_stays(examples):
    """An oracle of its own: classes in turn, images of each in the order that one generator gives them."""
    offered, data = digits(Path(), train=True), load_data("digits", Path(), examples=examples, validation="1/2")
    numbers, owed, wanted = np.random.default_rng(2023), Fraction(0), []
    for label in range(10):
        places = numbers.permutation(np.flatnonzero(offered.labels.numpy() == label))
        before, owed = owed, owed + Fraction(examples * len(places), len(offered))
        wanted += places[: int(owed) - int(before)].tolist()
    assert len(wanted) == examples
    assert data.checksum == offered.part(torch.tensor(sorted(wanted))).checksum() != offered.checksum()
    assert len(data.train) + len(data.validation) == examples
    assert data.read_test().checksum() == digits(Path(), train=False).checksum()


@pytest.mark.parametrize("examples", [-1, 1438])
def test_more_inputs_than_there_are_are_refused(examples):
    with pytest.raises(InvalidInput, match=r"^examples: expected 0, or a whole number from 1 to 1437"):
        load_data("digits", Path(), examples=examples)
    assert load_data("digits", Path(), examples=1437).checksum == load_data("digits", Path()).checksum


@pytest.mark.parametrize("share", [0, 1, "2", "1/100000"])
def test_splits_without_images_that_select_are_refused(share):
    with pytest.raises(InvalidInput, match=r"^validation: "):
        split(held(50), share)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_an_epoch_is_a_function_of_seed_and_epoch_whatever_the_number_of_processes(augmentation, processes):
    whole = held(50)
    alone = list(whole.shuffled(8, seed=1, epoch=2, augmentation=augmentation))
    assert len(alone) == 6
    shares = [
        list(whole.shuffled(8, seed=1, epoch=2, augmentation=augmentation, rank=rank, world_size=processes))
        for rank in range(processes)
    ]
    for step, (images, labels) in enumerate(alone):
        # In turn, so that parts of a batch hold the same images too, for batch normalisation.
        for rank, share in enumerate(shares):
            assert share[step][0].equal(images[rank::processes])
            assert share[step][1].equal(labels[rank::processes])
    other = torch.cat([labels for _, labels in whole.shuffled(8, seed=1, epoch=3, augmentation=augmentation)])
    assert not other.equal(torch.cat([labels for _, labels in alone]))


def test_an_epoch_shows_every_image_once():
    whole = held(60)
    seen = torch.cat([images for images, _ in whole.shuffled(7, seed=0, epoch=0)])
    assert len(seen) == 56
    assert len(torch.unique(seen[:, 0, 0, 0])) == 56


def test_images_keep_their_labels_through_shuffling():
    whole = held(60)
    for images, labels in whole.shuffled(7, seed=0, epoch=0):
        assert (images[:, 0, 0, 0].long() % 3).equal(labels)


@pytest.mark.parametrize(("batch", "processes"), [(0, 1), (51, 1), (9, 2)])
def test_batches_that_can_not_be_filled_or_shared_are_refused(batch, processes):
    with pytest.raises(InvalidInput, match=r"^batch: "):
        next(held(50).shuffled(batch, seed=0, epoch=0, world_size=processes))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_is_padding_cropping_and_flipping(name):
    images = held(200, size=12).inputs
    moved = augment(images, name, torch.Generator().manual_seed(3))
    if name == "none":
        assert moved is images
        return
    mode = "constant" if "zero" in name else "reflect"
    padded = torch.nn.functional.pad(images.float(), (4, 4, 4, 4), mode).byte()
    windows = padded.unfold(2, 12, 1).unfold(3, 12, 1).permute(0, 2, 3, 1, 4, 5).reshape(200, 81, -1)
    mirrored = padded.unfold(2, 12, 1).unfold(3, 12, 1).flip(5).permute(0, 2, 3, 1, 4, 5).reshape(200, 81, -1)
    straight = (windows == moved.reshape(200, 1, -1)).all(2)
    turned = (mirrored == moved.reshape(200, 1, -1)).all(2)
    assert (straight.sum(1) + turned.sum(1) == 1).all()
    # Of 200 images, 100 are mirrored, within 5 standard deviations of 7; a fixed seed.
    assert abs(int(turned.sum()) - (100 if "flip" in name else 0)) <= 35
    # Each of 81 shifts comes up in 200 images with probability above 0.9.
    assert len(torch.unique((straight | turned).nonzero()[:, 1])) > 60


def test_unknown_names_are_refused():
    with pytest.raises(InvalidInput, match=r"^augmentation: expected one of none"):
        augment(held(3).inputs, "mixup", torch.Generator())
    with pytest.raises(InvalidInput, match=r"^data: expected one of acs-employment, block-model, "):
        load_data("svhn", Path())


@pytest.mark.parametrize(("images", "labels", "name"), [((4, 1, 2, 2), 3, "labels"), ((4,), 4, "inputs")])
def test_held_images_are_checked(images, labels, name):
    with pytest.raises(InvalidInput, match=rf"^{name}: "):
        InMemory(torch.zeros(images, dtype=torch.uint8), torch.zeros(labels, dtype=torch.int64))


def test_what_torchvision_keeps_is_read(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 40), ("t10k", 10)):
        images = bytes(place % 251 for place in range(count * 784))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, count, 28, 28) + images)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, count) + bytes(place % 10 for place in range(count))
        )
    data = load_data("mnist", tmp_path)
    assert (len(data.train), len(data.validation), len(data.read_test())) == (36, 4, 10)
    assert data.train.shape == (1, 28, 28)
    assert data.read_test().inputs[0, 0, 0, :3].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion-mnist", "mnist", "tiny-imagenet"])
def test_files_that_can_not_be_had_are_a_clear_error(name, tmp_path, monkeypatch):
    monkeypatch.setattr(idx_files, "DEBIAN", tmp_path / "none")  # where the package is installed they are found
    place = tmp_path / "file"
    place.write_bytes(gzip.compress(b""))
    with pytest.raises(InvalidInput, match=rf"^data_dir: expected a folder with the files of {name}"):
        load_data(name, place)


def test_tiny_imagenet_is_read_from_its_folders(tmp_path):
    to_image = pytest.importorskip("torchvision.transforms.functional").to_pil_image

    def write(pixels, path):
        to_image(pixels).save(path)

    root = tmp_path / "tiny-imagenet-200"
    for word in ("n2", "n1"):
        (root / "train" / word / "images").mkdir(parents=True)
        for number in range(4):
            write(
                torch.full((3, 64, 64), 100 + number, dtype=torch.uint8),
                str(root / "train" / word / "images" / f"{number}.JPEG"),
            )
    (root / "val" / "images").mkdir(parents=True)
    write(torch.full((1, 64, 64), 7, dtype=torch.uint8), str(root / "val" / "images" / "v.JPEG"))
    (root / "val" / "val_annotations.txt").write_text("v.JPEG\tn2\t0\t0\t1\t1\n")
    (root / "wnids.txt").write_text("n2\nn1\n")
    data = load_data("tiny-imagenet", tmp_path, validation="1/4")
    assert (len(data.train), len(data.validation)) == (6, 2)
    test = data.read_test()
    assert test.labels.tolist() == [1]
    assert test.inputs.shape == (1, 3, 64, 64)


@pytest.fixture
def imagenet(tmp_path, monkeypatch):
    """A folder as torchvision unpacks it: two classes, five images each to train with and one for the test."""
    to_image = pytest.importorskip("torchvision.transforms.functional").to_pil_image
    root = tmp_path / "imagenet"
    for split_name, count in (("train", 5), ("val", 1)):
        for word in ("n01", "n02"):
            (root / split_name / word).mkdir(parents=True)
            for number in range(count):
                pixels = torch.randint(256, (3, 260, 300 + number), dtype=torch.uint8)
                to_image(pixels).save(root / split_name / word / f"{number}.JPEG")
    torch.save(({"n01": ("one",), "n02": ("two",)}, []), root / "meta.bin")
    monkeypatch.setattr(streamed, "_WORKERS", 0)
    return tmp_path


def test_imagenet_is_read_from_its_files(imagenet):
    data = load_data("imagenet", imagenet, validation="1/5")
    assert (len(data.train), len(data.validation), len(data.read_test())) == (8, 2, 2)
    assert data.classes == 1000
    assert data.read_test().labels.tolist() == [0, 1]
    options = {"seed": 3, "epoch": 1, "augmentation": "resized-crop-flip"}
    (whole,) = data.train.shuffled(6, **options)
    assert whole[0].shape == (6, 3, 224, 224)
    assert whole[0].dtype == torch.uint8
    shares = [next(data.train.shuffled(6, **options, rank=rank, world_size=2)) for rank in range(2)]
    for rank, (images, labels) in enumerate(shares):
        assert images.equal(whole[0][rank::2])
        assert labels.equal(whole[1][rank::2])
    (other,) = data.train.shuffled(6, seed=3, epoch=2, augmentation="resized-crop-flip")
    assert not other[0].equal(whole[0])
    middles = list(next(data.train.in_order(8))[0])
    (plain,) = data.train.shuffled(6, seed=3, epoch=1)
    for images, expected in ((plain[0], True), (whole[0], False)):  # cut to the middle, unless crops are asked for
        assert [any(image.equal(one) for one in middles) for image in images] == [expected] * 6
    middle = next(data.train.part(torch.tensor([4])).in_order(5))
    assert middle[0].shape == (1, 3, 224, 224)
    assert abs(float(data.normalised(whole[0]).mean())) < 0.5
    for wrong, name in (({"augmentation": "crop-flip"}, "augmentation"), ({"world_size": 4}, "batch")):
        with pytest.raises(InvalidInput, match=rf"^{name}: "):
            next(data.train.shuffled(6, **{**options, **wrong}))


def test_imagenet_without_its_archives_is_a_clear_error(tmp_path):
    with pytest.raises(InvalidInput, match=r"^data_dir: expected a folder with the archives of ImageNet"):
        load_data("imagenet", tmp_path)
