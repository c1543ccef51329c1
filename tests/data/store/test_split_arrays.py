"""Tables: rows of splits, samples that cannot be read, caches."""

import numpy as np
import polars as pl
import pytest
from PIL import Image

from declare.contract.problem import ProblemError
from declare.contract.shapes import Shape
from declare.data.facts.facts import gather
from declare.data.read import cache
from declare.data.store import statistics
from declare.data.store.dataset import Pool
from declare.data.store.split_arrays import Table
from declare.ir.plan import DatasetPlan, FieldPlan
from declare.language.spec import Dataset
from declare.parsing import parser


def dataset(source, **keys):
    """Read a dataset's block as a spec would."""
    found, problems = parser.read(Dataset, {"source": source, **keys})
    assert not problems, problems
    return found


def planned(block, seed=0):
    """Return the plan of a dataset, shapes as the source delivers them."""
    facts = gather("data", block, seed)
    split = block.split.model_dump()
    corrupt = block.on_corrupt
    return DatasetPlan(
        source=block.source.dump(),
        fingerprint=facts.fingerprint,
        num_samples=facts.num_samples,
        fields={
            name: FieldPlan(block=facts.blocks[name], facts=item, shape=item.shape)
            for name, item in facts.fields.items()
        },
        transforms=tuple(item.dump() for item in block.transforms),
        split={key: str(value) if hasattr(value, "parts") else value for key, value in split.items()}
        | {"seed": seed},
        splits=facts.splits,
        missing={},
        cache=block.cache,
        on_corrupt={"action": "error"} if corrupt == "error" else corrupt.model_dump(),
        limit=block.limit,
    )


@pytest.fixture
def images(tmp_path):
    """Forty images whose one grey value says which class they are of and which image they are."""
    for number in range(40):
        folder = tmp_path / "images" / ("dark" if number % 2 else "light")
        folder.mkdir(parents=True, exist_ok=True)
        shade = number if number % 2 else 200 + number
        Image.new("L", (6, 5), shade).save(folder / f"{number:02d}.png")
    return tmp_path / "images"


def broken(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"no image")


SKIP = {"on_corrupt": {"action": "skip", "limit": 5}, "split": {"val": 0.25}}


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_a_skipped_sample_takes_its_label_along(images, cache):
    """Where an image cannot be read, image and label both come from one other sample."""
    broken(images, "dark/01.png", "light/10.png", "dark/33.png")
    plan = planned(dataset({"type": "image_folder", "path": str(images)}, cache=cache, **SKIP))
    skipped = []
    for split in ("train", "val"):
        table = Table.open(plan, split, {})
        images = table.read("image", np.arange(table.num_samples))
        np.testing.assert_array_equal(images.mean(axis=(1, 2, 3)) > 100, table.array("label") == 1)
        if cache != "none":
            np.testing.assert_array_equal(table.array("image"), images)
        skipped += [item.where for item in table.skipped_samples]
        if split == "train":
            assert table.num_samples == plan.splits["train"]
        else:
            assert table.num_samples == plan.splits["val"] - len(table.skipped_samples)
    assert sorted(skipped) == ["dark/01.png", "dark/33.png", "light/10.png"]


def test_substitutes_are_the_same_in_every_run(images):
    """Which sample stands in for one that cannot be read depends on the seed alone."""
    broken(images, "dark/01.png", "light/10.png")
    block = dataset({"type": "image_folder", "path": str(images)}, **SKIP)
    first, second = (Table.open(planned(block), "train", {}).rows for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_more_unreadable_samples_than_allowed_are_an_error(images):
    """DAT332 counts over the whole dataset, and names files."""
    broken(images, *(f"dark/{number:02d}.png" for number in range(1, 13, 2)))
    plan = planned(dataset({"type": "image_folder", "path": str(images)}, **SKIP))
    with pytest.raises(ProblemError) as caught:
        Table.open(plan, "val", {})
    assert caught.value.problem.code == "DAT332"
    assert "dark/01.png" in caught.value.problem.notes[0]


def test_an_unreadable_sample_is_an_error_by_default(images):
    """DAT311 names the file."""
    plan = planned(dataset({"type": "image_folder", "path": str(images)}, split={"val": 0}))
    broken(images, "dark/01.png")
    table = Table.open(plan, "train", {})
    with pytest.raises(ProblemError) as caught:
        table.array("image")
    assert caught.value.problem.code == "DAT311"
    assert "01.png" in caught.value.problem.title


def test_a_disk_cache_gives_what_decoding_gives(images):
    """The mapped file holds the decoded images, and a second table decodes nothing."""
    plan = planned(dataset({"type": "image_folder", "path": str(images)}, cache="disk"))
    table = Table.open(plan, "train", {})
    packed = table.array("image")
    assert isinstance(packed, np.memmap)
    np.testing.assert_array_equal(packed, table.read("image", np.arange(table.num_samples)))
    for file in images.rglob("*.png"):
        stat = file.stat()
        file.write_bytes(b"x" * stat.st_size)
    np.testing.assert_array_equal(Table.open(plan, "train", {}).array("image"), packed)


def test_a_source_with_parts_of_its_own_lends_validation_samples_of_training(tmp_path):
    """Without a `val` folder, the stated share of the `train` folder is held out; `test` is left alone."""
    for number in range(30):
        part = "train" if number < 20 else "test"
        folder = tmp_path / part / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), number).save(folder / f"{number}.png")
    block = dataset({"type": "image_folder", "path": str(tmp_path)}, split={"val": 0.2, "stratify": "label"})
    plan = planned(block)
    assert plan.splits == {"train": 16, "val": 4, "test": 10}
    shades = {
        split: set(Table.open(plan, split, {}).array("image")[:, 0, 0, 0].tolist()) for split in plan.splits
    }
    assert shades["test"] == set(range(20, 30))
    assert shades["train"] | shades["val"] == set(range(20))


def test_images_named_in_a_table_are_read_beside_it(tmp_path):
    """A column of file names gives images; the paths start at the table's folder."""
    (tmp_path / "files").mkdir()
    rows = ["file,label"]
    for number in range(12):
        Image.new("RGB", (4, 3), (number, 0, 0)).save(tmp_path / "files" / f"{number}.png")
        rows.append(f"files/{number}.png,{'a' if number % 2 else 'b'}")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    fields = {"image": {"type": "image", "column": "file"}, "label": {"type": "category"}}
    plan = planned(dataset({"type": "csv", "path": str(tmp_path / "table.csv")}, fields=fields))
    table = Table.open(plan, "train", {})
    assert table.array("image").shape == (plan.splits["train"], 3, 3, 4)
    np.testing.assert_array_equal(table.array("image")[:, 0, 0, 0], table.rows)


def test_samples_of_different_lengths_are_padded_after_the_transforms(tmp_path):
    """A pooled mean is that of the sample itself, not of its padding; padding ends as zeros."""
    lines = [
        f'{{"x": [[{", ".join([str(number)] * (2 + number % 3))}]], "y": {number % 2}}}'
        for number in range(12)
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    source = {"type": "jsonl", "path": str(tmp_path / "data.jsonl")}
    fields = {"x": {"type": "series"}, "y": {"type": "category"}}
    plain = Table.open(planned(dataset(source, fields=fields)), "train", {})
    assert np.isfinite(plain.array("x")).all()
    assert plain.array("x").shape[1:] == (1, 4)
    pooled = planned(dataset(source, fields=fields, transforms=[{"type": "temporal_pool", "field": "x"}]))
    vector = pooled.fields["x"].model_copy(update={"shape": Shape("vector", (1,))})
    pooled = pooled.model_copy(update={"fields": pooled.fields | {"x": vector}})
    table = Table.open(pooled, "train", {})
    np.testing.assert_array_equal(table.array("x")[:, 0], table.rows)


def test_statistics_come_in_order_from_the_training_split():
    """A second transform is fitted on what the first one makes of the training samples."""
    source = {"type": "simulated", "name": "pain", "samples": 60, "subjects": 10, "channels": 3, "length": 5}
    transforms = [
        {"type": "temporal_pool", "field": "features"},
        {"type": "standardize", "field": "features"},
    ]
    plan = planned(dataset(source, transforms=transforms, split={"val": 0.3, "by": "subject"}))
    fitted = statistics.fit(plan)
    raw = Pool(plan).reader.read("features", Pool(plan).rows["train"]).mean(axis=-1)
    np.testing.assert_allclose(fitted["1.features"]["mean"], raw.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(fitted["1.features"]["std"], raw.std(axis=0), rtol=1e-4)


@pytest.mark.parametrize("first", ["normalize", "grayscale", "pad", "random_horizontal_flip"])
def test_statistics_are_of_what_batches_are_before_the_transform(first):
    """What is applied to batches and draws nothing is applied before; what draws for each sample is left out."""
    source = {"type": "sklearn", "name": "digits"}
    more = {"padding": 2, "fill": 255} if first == "pad" else {}
    channels = {"num_output_channels": 3} if first == "grayscale" else {}
    transforms = [
        {"type": first, "field": "image"} | more | channels,
        {"type": "normalize", "field": "image"},
    ]
    plan = planned(dataset(source, transforms=transforms, split={"val": 0.4}, limit=40))
    pool = Pool(plan)
    pixels = pool.encoded_values("image", pool.rows["train"]) / 255
    mean, std, mine = pixels.mean(), pixels.std(), statistics.fit(plan)["1.image"]
    if first == "normalize":
        mean, std = 0, 1
    if first == "pad":
        padded = np.pad(pixels, [(0, 0), (0, 0), (2, 2), (2, 2)], constant_values=1)
        mean, std = padded.mean(), padded.std()
    assert len(mine["mean"]) == (3 if first == "grayscale" else 1)
    np.testing.assert_allclose(mine["mean"], mean, atol=1e-2)
    np.testing.assert_allclose(mine["std"], std, rtol=1e-2)


def test_a_transform_of_evaluations_is_fitted_on_training_samples():
    """`on: eval` says which samples are changed, not which ones are measured."""
    source = {"type": "simulated", "name": "regression", "samples": 50, "features": 2}
    transforms = [{"type": "standardize", "field": "features", "on": "eval"}]
    plan = planned(dataset(source, transforms=transforms, split={"val": 0.4}))
    train = Table.open(plan, "train", statistics.fit(plan)).array("features")
    fitted = statistics.fit(plan)["0.features"]
    np.testing.assert_allclose(fitted["mean"], train.mean(axis=0), rtol=1e-4, atol=1e-6)
    val = Table.open(plan, "val", {"0.features": fitted}).array("features")
    raw = Pool(plan).reader.read("features", Pool(plan).rows["val"])
    np.testing.assert_allclose(val, (raw - fitted["mean"]) / fitted["std"], rtol=1e-4, atol=1e-5)


def test_a_torn_cache_is_made_again(images):
    """A file of decoded samples that was cut off is not trusted."""
    plan = planned(dataset({"type": "image_folder", "path": str(images)}, cache="disk"))
    whole = np.array(Table.open(plan, "train", {}).array("image"))
    kept = list(cache.folder("packed").glob("*.npy"))
    assert kept
    for file in kept:
        file.write_bytes(file.read_bytes()[:300])
    with pytest.warns(UserWarning, match="a damaged entry of the cache"):
        assert np.array_equal(Table.open(plan, "train", {}).array("image"), whole)


def test_encoded_images_in_a_column_are_decoded_lazily(images, tmp_path):
    """Images as bytes in a parquet file are heavy, as files are, and give the same pixels."""
    files = sorted(images.rglob("*.png"))
    pl.DataFrame({"image": [file.read_bytes() for file in files]}).write_parquet(tmp_path / "x.parquet")
    source = {"type": "parquet", "path": str(tmp_path / "x.parquet")}
    pool = Pool(planned(dataset(source, fields={"image": {"type": "image"}})))
    assert not pool.is_light("image")
    assert pool.encoded_values("image", np.array([3]))[0, 0, 0, 0] == np.asarray(Image.open(files[3]))[0, 0]


def test_a_sample_without_an_image_is_named(images, tmp_path):
    """A gap among names of images is a sample that cannot be read, with its line."""
    names = "".join(f"{file}\n" for file in sorted(images.rglob("*.png")))
    (tmp_path / "x.csv").write_text(f'image,n\n"",1\n{names.replace(chr(10), ",1" + chr(10))}')
    source = {"type": "csv", "path": str(tmp_path / "x.csv")}
    with pytest.raises(ProblemError) as caught:
        gather("data", dataset(source, fields={"image": {"type": "image"}}), 0)
    assert caught.value.problem.code == "DAT311"
    assert "line 2" in caught.value.problem.notes[0]


def test_a_stated_length_cuts_and_pads(tmp_path):
    """Series that differ in length all get the stated one; the padding is zero."""
    (tmp_path / "x.jsonl").write_text('{"s": [1, 2]}\n{"s": [3, 4, 5, 6]}\n' * 10)
    source = {"type": "jsonl", "path": str(tmp_path / "x.jsonl")}
    plan = planned(dataset(source, fields={"s": {"type": "series", "length": 3}}, split={"val": 0}))
    assert Table.open(plan, "train", {}).array("s")[:2, 0].tolist() == [[1, 2, 0], [3, 4, 5]]


def test_problems_of_an_open_dataset_stand_under_its_name(images):
    """More broken images than the limit allows are reported at the dataset's `on_corrupt`."""
    broken(images, "dark/01.png", "dark/03.png")
    block = dataset(
        {"type": "image_folder", "path": str(images)}, on_corrupt={"action": "skip", "limit": "1%"}
    )
    with pytest.raises(ProblemError) as caught:
        _ = Pool(planned(block), "datasets.shades").rows
    assert caught.value.problem.at == "datasets.shades.on_corrupt"
