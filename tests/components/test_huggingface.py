"""Models and data sets of Hugging Face: from local files alone, refused with a reason."""

from __future__ import annotations

import bz2
import gzip
import importlib.util

import pytest
import torch
from safetensors.torch import load_file, save_file

from declare.compiler.meta.shape_cache import ProbeAnswer, probe
from declare.components.sources.huggingface import Huggingface
from declare.contract.files.weight_files import state_in
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.nn.tensor_facts import TensorFacts
from declare.nn.weight_headers import read_facts
from declare.parsing import parser
from declare.system import extras

TOKENS = {"input": (Shape("tokens", (7,), "int64", 30),)}
TINY = {
    "bert": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32},
    "gpt2": {"n_embd": 16, "n_layer": 1, "n_head": 2},
    "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32},
    "t5": {"d_model": 16, "num_layers": 1, "num_heads": 2, "d_kv": 8, "d_ff": 32},
}


def module(name="bert", **block):
    stated = {"type": "huggingface", "name": name, "config": TINY.get(name, {})}
    return parser.parse("modules", stated | block)


@pytest.mark.parametrize("name", TINY)
def test_architectures_are_probed_by_their_configuration(name):
    """Outputs, parameters and FLOPs are known before anything is trained; padding changes nothing."""
    found = probe("modules", module(name), TOKENS)
    assert isinstance(found, ProbeAnswer), found
    assert {key: (shape.layout, shape.dims) for key, shape in found.outputs.items()} == {
        "output": ("sequence", (7, 16)),
        "pooled": ("vector", (16,)),
        "mask": ("valid", (7,)),
    }
    assert found.costs.flops
    real = module(name).build(TOKENS).eval()
    assert sum(weight.numel() for weight in real.parameters()) == found.costs.parameters
    both = torch.tensor([[4, 5, 6, 7], [8, 9, -1, -1]])
    with torch.no_grad():
        torch.testing.assert_close(
            real(both)["output"][1, :2], real(both[1:, :2])["output"][0], atol=1e-4, rtol=1e-3
        )


def test_a_decoder_reads_what_is_written():
    """With `tokens` an encoder-decoder gives one position for each token that is written, blind to later ones."""
    inputs = {**TOKENS, "tokens": (Shape("tokens", (3,), "int64", 40),)}
    real = module("t5").build(inputs).eval()
    assert real.model.config.vocab_size == 40
    source, written = torch.tensor([[4, 5, 6]]), torch.tensor([[0, 7, 8]])
    other = torch.tensor([[0, 7, 9]])
    with torch.no_grad():
        first, second = (real(source, item)["output"] for item in (written, other))
    assert first.shape == (1, 3, 16)
    torch.testing.assert_close(first[:, :2], second[:, :2])


@pytest.mark.parametrize("name", ["bert", "gpt2", "distilbert"])
def test_a_second_text_needs_a_decoder(name):
    """A library model ignores what it does not know: `tokens` without a decoder is refused."""
    tokens = {**TOKENS, "tokens": (Shape("tokens", (7,), "int64", 30),)}
    found = probe("modules", module(name), tokens)
    assert isinstance(found, Problem)
    assert found.code == "SHP513"


@pytest.mark.parametrize(("name", "ahead"), [("bert", True), ("gpt2", False), ("t5", None)])
def test_causal_architectures_are_known(name, ahead):
    """A bidirectional one under a language model is a leak that is found."""
    assert module(name).looks_ahead() is ahead


def test_a_folder_gives_configuration_and_weights(tmp_path):
    """Weights of a local folder are loaded with `pretrained: true`; the vocabulary must be large enough."""
    saved = module().build(TOKENS)
    saved.model.save_pretrained(tmp_path)
    block = {"type": "huggingface", "path": str(tmp_path)}
    loaded = parser.parse("modules", {**block, "pretrained": True}).build(TOKENS)
    fresh = parser.parse("modules", block).build(TOKENS)
    name = "encoder.layer.0.attention.self.query.weight"
    assert torch.equal(loaded.model.state_dict()[name], saved.model.state_dict()[name])
    assert not torch.equal(fresh.model.state_dict()[name], saved.model.state_dict()[name])
    larger = {"input": (Shape("tokens", (7,), "int64", 99),)}
    refused = parser.parse("modules", {**block, "pretrained": True}).infer(larger)
    assert isinstance(refused, Problem)
    assert refused.code == "SHP522"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Write a model with its weights; return the folder and the state of the body."""
    folder = tmp_path_factory.mktemp("tiny")
    model = module().build(TOKENS).model
    model.save_pretrained(folder)
    return folder, {name: TensorFacts(tuple(item.shape), "F32") for name, item in model.state_dict().items()}


def test_weights_of_a_folder_are_compared_by_their_header(tiny):
    """With the names of a whole model too; another shape, or none of the names, is RES840 at the folder."""
    folder, own = tiny
    made = parser.parse("modules", {"type": "huggingface", "path": str(folder), "pretrained": True})
    path = made.weights_file()
    held = state_in(read_facts(path), TensorFacts)
    assert path == folder / "model.safetensors"
    assert made.check_weights(own, held, path) is None
    assert made.check_weights(own, {f"bert.{name}": item for name, item in held.items()}, path) is None
    for wrong in (
        {name: item._replace(shape=(*item.shape, 2)) for name, item in held.items()},
        {f"{name}_": item for name, item in held.items()},
    ):
        assert (made.check_weights(own, wrong, path).code, made.check_weights(own, wrong, path).at) == (
            "RES840",
            "path",
        )


def test_a_folder_that_lacks_weights_starts_nothing_at_random(tiny, tmp_path):
    """A folder without a file of weights is found before a run; a file that lacks some, when the model is built."""
    folder, _ = tiny
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    block = {"type": "huggingface", "path": str(tmp_path), "pretrained": True}
    assert [problem.code for problem in parser.read("modules", block)[1]] == ["RES840"]
    state = load_file(folder / "model.safetensors")
    state.popitem()
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ProblemError) as caught:
        parser.parse("modules", block).build(TOKENS)
    assert (caught.value.problem.code, caught.value.problem.at) == ("RES840", "path")
    single = {"type": "huggingface", "name": "bert", "pretrained": str(folder / "model.safetensors")}
    assert [problem.code for problem in parser.read("modules", single)[1]] == ["RES840"]


def test_an_unknown_model_type_is_suggested_for():
    """A typing mistake is answered with what is near."""
    found = probe("modules", module("bertt", config={}), TOKENS)
    assert isinstance(found, Problem)
    assert found.code == "REF241"
    assert "bert" in found.helps[0]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ({"name": "bert", "path": "here"}, "SCH113"),
        ({}, "SCH113"),
        ({"path": "/nowhere"}, "RES840"),
        ({"name": "bert", "pretrained": True}, "RES840"),
    ],
)
def test_a_model_is_named_once_and_stands_somewhere(block, code):
    """Neither or both of name and path, a folder that is none, weights of nowhere."""
    _, problems = parser.read("modules", {"type": "huggingface", **block})
    assert {problem.code for problem in problems} == {code}


def test_a_missing_library_is_said_with_its_extra(monkeypatch):
    """Without the library a spec is refused with the command that installs it."""
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    found = module().infer(TOKENS)
    assert isinstance(found, Problem)
    assert found.code == "RES852"
    assert "declare-trainer[huggingface]" in found.helps[0]
    with pytest.raises(ProblemError) as caught:
        parser.parse("sources", {"type": "huggingface", "path": "here"}).fingerprint()
    assert caught.value.problem.code == "RES852"


needs_datasets = pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="an optional extra")


def rows(reader):
    return {name: list(reader.read(name)) for name in reader.columns}


@needs_datasets
@pytest.mark.filterwarnings("ignore")
def test_a_saved_data_set_is_read_with_its_splits(tmp_path, monkeypatch):
    """`save_to_disk` folders give columns, classes and splits."""
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "mood": datasets.ClassLabel(names=["neg", "pos"])}
    )
    parts = {
        name: datasets.Dataset.from_dict(
            {"text": [f"{name} {row}" for row in range(size)], "mood": [0] * size}, features
        )
        for name, size in (("train", 4), ("test", 2))
    }
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "set")
    source = parser.parse("sources", {"type": "huggingface", "path": str(tmp_path / "set")})
    assert source.fingerprint() == source.fingerprint()
    reader = source.open()
    assert reader.splits == {"train": (0, 4), "test": (4, 6)}
    assert rows(reader)["text"] == ["train 0", "train 1", "train 2", "train 3", "test 0", "test 1"]
    assert reader.known_fields() == {"mood": {"type": "category", "classes": {"neg": 0, "pos": 1}}}
    assert reader.read("text", [5]) == ["test 1"]
    alone = parser.parse("sources", {"type": "huggingface", "path": str(tmp_path / "set"), "split": "test"})
    assert alone.open().num_samples == 2


@needs_datasets
def test_a_split_that_is_not_there_is_said(tmp_path):
    """The splits that there are are named."""
    import datasets

    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path / "set")
    block = {"type": "huggingface", "path": str(tmp_path / "set"), "split": "valid"}
    with pytest.raises(ProblemError) as caught:
        parser.parse("sources", block).open()
    assert caught.value.problem.helps == ("use one of train",)


def test_a_path_to_nothing_is_said():
    """A missing folder is no data."""
    with pytest.raises(ProblemError) as caught:
        parser.parse("sources", {"type": "huggingface", "path": "/nowhere/at/all"}).fingerprint()
    assert caught.value.problem.code == "DAT312"


@needs_datasets
@pytest.mark.filterwarnings("ignore")
def test_plain_files_are_read_by_the_library(tmp_path):
    """A jsonl file is one pool."""
    (tmp_path / "data.jsonl").write_text('{"text": "a b"}\n{"text": "c"}\n')
    reader = parser.parse("sources", {"type": "huggingface", "path": str(tmp_path / "data.jsonl")}).open()
    assert rows(reader) == {"text": ["a b", "c"]}


@needs_datasets
@pytest.mark.filterwarnings("ignore")
def test_files_named_by_splits_are_those_splits(tmp_path):
    """`train` and `test` files never mix; rows of other tables are counted, and no train at all is a question."""
    for name, number in (
        ("train-00000-of-00002", 2),
        ("train-00001-of-00002", 1),
        ("Test", 2),
        ("unsupervised", 3),
    ):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"text": "{name}"}}\n' * number)
    block = {"type": "huggingface", "path": str(tmp_path)}
    reader = parser.parse("sources", block).open()
    assert reader.splits == {"train": (0, 3), "test": (3, 5)}
    assert reader.passed_over == {"rows of `unsupervised`": 3}
    assert parser.parse("sources", block | {"split": "unsupervised"}).open().num_samples == 3
    for file in tmp_path.glob("train*"):
        file.unlink()
    with pytest.raises(ProblemError) as caught:
        parser.parse("sources", block).open()
    assert caught.value.problem.code == "DAT323"


def put(folder, **contents):
    for name, content in contents.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return {"type": "huggingface", "path": str(folder)}


@needs_datasets
@pytest.mark.filterwarnings("ignore")
def test_folders_named_by_splits_are_those_splits(tmp_path):
    """A folder around all of them says nothing; other files are counted."""
    block = put(tmp_path, data__train__a_DOT_csv="x\n007\n", data__test__a_DOT_csv="x\n7\n", READ_DOT_md="#")
    reader = parser.parse("sources", block).open()
    assert (reader.splits, rows(reader)) == ({"train": (0, 1), "test": (1, 2)}, {"x": ["007", "7"]})
    assert reader.passed_over == {"other files (.md)": 1}


@needs_datasets
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("files", "code", "why"),
    [
        ({"seg_train_DOT_csv": "x\n1\n", "seg_test_DOT_csv": "x\n1\n"}, "DAT323", "may be a split"),
        ({"train_DOT_csv": "x\n1\n", "test_DOT_json": '{"x": 1}'}, "DAT333", "contains files of csv, json"),
        ({"a_DOT_csv": "x,x\n1,2\n"}, "DAT333", "names `x` twice"),
        ({"a_DOT_csv": "x,y\n1,2,3\n"}, "DAT333", "has 3 cells"),
        ({"a_DOT_csv": "x,y\n1,2\n", "b_DOT_csv": "x,z\n1,2\n"}, "DAT333", "different columns"),
        ({"a_DOT_json": '{"x": 1, "x": 2}'}, "DAT333", "key `x` occurs twice"),
    ],
)
def test_files_that_would_be_read_in_part_are_refused(files, code, why, tmp_path):
    """Splits in names, two formats, a name that stands twice, lines with more cells: nothing is dropped."""
    with pytest.raises(ProblemError) as caught:
        parser.parse("sources", put(tmp_path, **files)).open()
    assert caught.value.problem.code == code
    assert why in f"{caught.value.problem.title} {caught.value.problem.notes}"


@needs_datasets
@pytest.mark.filterwarnings("ignore")
def test_lines_of_text_begin_behind_the_byte_order_mark(tmp_path):
    """The mark is no letter of the first document, in UTF-8 and in UTF-16."""
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "a.txt").write_text("h\u00e4llo\nb\n", encoding=encoding)
        reader = parser.parse("sources", {"type": "huggingface", "path": str(tmp_path / "a.txt")}).open()
        assert rows(reader) == {"text": ["h\u00e4llo", "b"]}


def test_an_architecture_that_reads_padding_is_refused():
    """FNet mixes all positions: a text would have another result beside a longer one."""
    config = {"hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 32}
    with pytest.raises(ProblemError) as caught:
        module("fnet", config=config).build(TOKENS)
    assert caught.value.problem.code == "SHP536"


HOSTILE = {
    "t.csv": (gzip.compress(b"a,label\n1,x\n"), "it is compressed with gzip"),
    "t.json": (gzip.compress(b'{"a": 1}\n'), "it is compressed with gzip"),
    "t.txt": (bz2.compress(b"some words\n"), "it is compressed with bzip2"),
    "w.csv": (
        ("a," + ",".join(f"c{n}" for n in range(1000)) + "\n" + "1\n" * 50_000).encode(),
        "line 2 has 1 cell",
    ),
    "t.parquet": (gzip.compress(b"PAR1" * 9), "it is not a Parquet file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_unpack_to_any_size_are_refused(tmp_path, name):
    """The library would unpack what is compressed, whatever it is called."""
    content, said = HOSTILE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ProblemError) as caught:
        Huggingface(path=tmp_path / name).open()
    assert caught.value.problem.code == "DAT333"
    assert said in caught.value.problem.notes[0]


@pytest.mark.parametrize("packing", [None, "zstd"])
def test_arrow_is_read_as_it_is_stored(tmp_path, packing):
    """Buffers that are compressed, dictionaries included, are refused before they are unpacked; others are read."""
    import pyarrow as pa

    table = pa.table({"a": pa.array(["x" * 1000] * 100).dictionary_encode()})
    options = pa.ipc.IpcWriteOptions(compression=packing)
    with pa.ipc.new_stream(str(tmp_path / "t.arrow"), table.schema, options=options) as writer:
        writer.write_table(table)
    source = Huggingface(path=tmp_path / "t.arrow")
    if packing is None:
        assert source.open().num_samples == 100
        return
    with pytest.raises(ProblemError) as caught:
        source.open()
    assert "compressed buffers" in caught.value.problem.notes[0]
