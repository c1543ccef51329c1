"""Unknown keys: other frameworks' words lead to our keys, in the block where they belong."""

from __future__ import annotations

from copy import deepcopy

import pytest

from declare.diagnostics.synonyms import plain, synonym, synonyms
from declare.language.spec import Spec
from declare.parsing.keys.other_blocks import _key_places
from declare.parsing.lookup import find, kinds, own_names
from declare.parsing.parser import read

FIT = {"epochs": 2, "batch_size": 4, "optimizer": {"type": "adamw", "lr": 1e-3}}
LAB = {"source": {"type": "csv", "path": "x.csv"}}


def spec(**sections):
    """Return a whole spec with sections replaced."""
    base = {
        "declare": 1,
        "datasets": {"lab": LAB},
        "model": {"encoder": {"type": "mlp", "input": "x"}},
        "tasks": {"kind": {"type": "classification", "target": "y"}},
        "phases": {"fit": FIT},
    }
    return base | sections


def rewrites(tree):
    """Return by path what the first fix of each finding does, and whether it is safe."""
    found = {}
    for problem in read(Spec, tree)[1]:
        first = next(iter(problem.rewrites), None)
        found[problem.at] = first and (first.key or first.to, first.value, first.safe)
    return found


@pytest.mark.parametrize(
    ("word", "value", "meant", "stated"),
    [
        ("max_epochs", 3, "epochs", None),
        ("num_train_epochs", 3, "epochs", None),
        ("n_epochs", 3, "epochs", None),
        ("lr_scheduler", "cosine", "schedule", None),
        ("gradient_accumulation_steps", 2, "accumulate", None),
        ("learning_rate", 0.1, "phases.fit.optimizer.lr", None),
        ("weight_decay", 0.1, "phases.fit.optimizer.weight_decay", None),
        ("max_grad_norm", 1.0, "phases.fit.clip.norm", None),
        ("eval_steps", 50, "phases.fit.evaluate.every", "50 steps"),
        ("save_steps", 50, "phases.fit.checkpoint.every", "50 steps"),
        ("num_workers", 2, "hardware.workers", None),
        ("gpus", 2, "hardware.devices", None),
        ("accelerator", "cpu", "hardware.accelerator", None),
    ],
)
def test_words_of_a_training(word, value, meant, stated):
    """A word for a key of a phase or of the machine leads to its place, with the value as it is taken there."""
    fit = {
        key: item
        for key, item in FIT.items()
        if key != meant and not (word == "learning_rate" and key == "lr")
    }
    if word == "learning_rate":
        fit["optimizer"] = {"type": "adamw"}
    assert rewrites(spec(phases={"fit": fit | {word: value}})) == {
        f"phases.fit.{word}": (meant, stated, True)
    }


def test_flags_become_words():
    """`bf16: true` is `precision: bf16`; the flag itself goes, so that this is no safe fix."""
    found = rewrites(spec(phases={"fit": FIT | {"bf16": True}}))
    assert found == {"phases.fit.bf16": ("phases.fit.precision", "bf16", False)}


def test_a_share_becomes_a_duration():
    """`warmup_ratio: 0.1` is a warm-up of 10%, in a schedule that is there."""
    fit = FIT | {"warmup_ratio": 0.1, "schedule": {"type": "cosine"}}
    found = rewrites(spec(phases={"fit": fit}))
    assert found == {"phases.fit.warmup_ratio": ("phases.fit.schedule.warmup", "10%", False)}


def test_where_the_block_is_missing_the_help_writes_it():
    """A warm-up without a schedule is told how both are written."""
    (problem,) = read(Spec, spec(phases={"fit": FIT | {"warmup_steps": 5}}))[1]
    assert problem.helps == ("write `schedule: {type: NAME, warmup: 5 steps}`",)


@pytest.mark.parametrize(
    ("section", "block", "word", "meant"),
    [
        ("datasets", {"lab": LAB | {"val_split": 0.2}}, "datasets.lab.val_split", "datasets.lab.split.val"),
        ("model", {"e": {"type": "mlp", "hidden_dims": [8]}}, "model.e.hidden_dims", "hidden"),
        ("tasks", {"k": {"type": "classification", "criterion": "focal"}}, "tasks.k.criterion", "loss"),
        ("tasks", {"k": {"type": "classification", "label": "y"}}, "tasks.k.label", "target"),
    ],
)
def test_words_of_other_blocks(section, block, word, meant):
    """Words for keys of datasets, modules and tasks lead to these."""
    assert rewrites(spec(**{section: block}))[word][0] == meant


@pytest.mark.parametrize("key", ["num_classes", "out_features"])
def test_widths_of_heads_are_linked(key):
    """A number of classes in a module has no place: the width of a head follows from the target."""
    (problem,) = read(Spec, spec(model={"e": {"type": "mlp", key: 3}}))[1]
    assert "linked" in " ".join(problem.helps)


def test_per_device_sizes_are_only_alike():
    """A size for each device is not our global one, so that its fix is not safe."""
    fit = {key: value for key, value in FIT.items() if key != "batch_size"}
    found = rewrites(spec(phases={"fit": fit | {"per_device_train_batch_size": 8}}))
    assert found == {"phases.fit.per_device_train_batch_size": ("batch_size", None, False)}


def test_every_word_of_the_table_is_found_in_any_case():
    """Words are known in upper case and with `-`; an unknown one means nothing."""
    assert synonyms("Learning-Rate")[0] == "lr"
    assert synonym("learning_rate") == synonym("learningRate")
    assert synonym("zzz") is None


def test_a_type_of_another_framework():
    """A class of torch by its path is our component by its name, and reading goes on with it."""
    optimizer = {"type": "torch.optim.AdamW", "lr": -1.0}
    problems = read(Spec, spec(phases={"fit": FIT | {"optimizer": optimizer}}))[1]
    (problem,) = (item for item in problems if item.code == "SCH106")
    assert (problem.rewrites[0].value, problem.rewrites[0].sure) == ("adamw", True)


def test_words_of_phases_that_belong_to_data_and_tasks():
    """A held-out share or a loss in a phase goes to the one dataset or task there is."""
    found = rewrites(spec(phases={"fit": FIT | {"val_split": 0.2, "criterion": "mse"}}))
    assert found == {
        "phases.fit.val_split": ("datasets.lab.split.val", None, True),
        "phases.fit.criterion": ("tasks.kind.loss", None, True),
    }


def test_what_is_said_twice_is_told_so():
    """Another framework's word beside our own key is to be removed, not renamed."""
    (problem,) = read(Spec, spec(phases={"fit": FIT | {"max_epochs": 3}}))[1]
    assert problem.helps == ("remove it: `epochs` states it already",)


@pytest.mark.parametrize("kind", kinds())
def test_no_two_components_are_called_alike(kind):
    """What other frameworks call a component is the name of no other one of its kind."""
    owners: dict[str, str] = {}
    for name in own_names(kind):
        component = find(kind, name)
        for word in {plain(word) for word in (name, *(component.also_called if component else ()))}:
            assert owners.setdefault(word, name) == name, word


@pytest.mark.parametrize(
    ("kind", "word", "name"),
    [
        ("losses", "nn.CrossEntropyLoss", "cross_entropy"),
        ("schedules", "CosineAnnealingLR", "cosine"),
        ("metrics", "roc_auc", "auroc"),
        ("modules", "LSTM", "rnn"),
    ],
)
def test_names_of_other_frameworks(kind, word, name):
    """A class or a word of another framework leads to the component that is the same."""
    (problem,) = (item for item in read(kind, word)[1] if item.code == "SCH106")
    assert problem.rewrites[0].value == name


WHOLE = spec(
    datasets={"lab": LAB | {"fields": {"x": {"type": "number"}}, "split": {"val": 0.1}}},
    tasks={
        "kind": {"type": "regression", "target": "y", "head": {"type": "linear"}, "loss": {"type": "mse"}}
    },
    phases={"fit": FIT | {"schedule": {"type": "cosine"}}},
    hardware={"workers": 0},
)
BLOCKS = (
    "",
    *("datasets.lab", "datasets.lab.source", "datasets.lab.fields.x", "datasets.lab.split", "model.encoder"),
    *("tasks.kind", "tasks.kind.head", "tasks.kind.loss", "phases.fit", "phases.fit.optimizer", "hardware"),
)


@pytest.mark.parametrize("number", range(4))
def test_a_key_of_any_block_in_any_other_is_named_with_its_place(number):
    """Whatever the language has a key for, no message says only which other keys there are."""
    keys = sorted(_key_places(Spec))
    for at, (key, path) in enumerate((key, path) for key in keys for path in BLOCKS):
        if at % 41 != number * 10 or key == "type":
            continue
        tree = deepcopy(WHOLE)
        block = tree
        for step in path.split(".") if path else ():
            block = block[step]
        if key in block:
            continue
        block[key] = 0.123
        where = f"{path}.{key}" if path else key
        for problem in read(Spec, tree)[1]:
            if (problem.at, problem.code) == (where, "SCH101"):
                assert not all(line.startswith("use one of") for line in problem.helps), where


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ("datasets.lab.source", "decimal", "`datasets.lab.fields.NAME` of type `number`"),
        ("datasets.lab.fields.x", "encoding", "`datasets.lab.source` of type `csv`, `jsonl`, `text`"),
        ("tasks.kind.loss", "every", "`phases.fit.evaluate`"),
    ],
)
def test_the_place_of_a_key_is_told_in_both_directions(path, key, place):
    """A key of fields in a source leads to the fields, one of sources in a field to the source."""
    tree = deepcopy(WHOLE)
    block = tree
    for step in path.split("."):
        block = block[step]
    block[key] = "x"
    (problem,) = (item for item in read(Spec, tree)[1] if item.at == f"{path}.{key}")
    assert place in problem.helps[0]
