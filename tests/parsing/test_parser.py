"""Blocks are read strictly: every error in one go, each with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from declare.contract.component import DataValue, Slot, Strict
from declare.contract.duration import Duration
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.module import Head
from declare.contract.kinds.source import SpecPath
from declare.contract.problem import ProblemError
from declare.language.spec import Phase
from declare.parsing.parser import parse, read
from declare.parsing.poison import POISON
from declare.system.trust import entry, grant

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Inner(Strict):
    """A block inside of another."""

    lr: float = Field(gt=0)
    mode: Literal["max", "min"] = "max"


class Outer(Strict):
    """A block with one key of each form."""

    inner: Inner
    count: int = Field(1, ge=1, le=10)
    share: float | SpecPath | None = None
    flag: bool | Literal["auto"] = "auto"
    every: Duration | None = None
    words: list[str] = Field([])
    named: dict[Name, int] = Field({})
    free: dict[str, Any] = Field({})
    plain: float | None = None
    loss: Annotated[list[Loss] | Loss | None, Slot("losses")] = None
    head: Annotated[str | Head | None, Slot("heads")] = None
    losses: list[Annotated[Loss, Slot("losses")]] = Field([])
    values: list[int | Annotated[float, DataValue()] | str | bool | None] = Field([])
    from_: str | None = Field(None, alias="from")


class Lists(Strict):
    """Lists with a least length, one of them optional."""

    needed: list[int] = Field(min_length=1)
    pair: list[int] = Field([], min_length=2)


def outer(**keys: Any) -> tuple[Any, list[Any]]:
    return read(
        Outer, {"inner": {"lr": 0.1}, **{key.removesuffix("_"): value for key, value in keys.items()}}
    )


def codes(problems: list[Any]) -> dict[str, str]:
    return {problem.at: problem.code for problem in problems}


def test_whole():
    """A legal block gives an object with the stated values and the defaults."""
    block, problems = outer(count=3, share=0.5, flag=True, every="2 epochs", named={"a": 1}, from_="x")
    assert problems == []
    assert (block.inner.lr, block.inner.mode, block.count, block.share) == (0.1, "max", 3, 0.5)
    assert (block.every, block.flag, block.from_, block.words) == (Duration(2, "epochs"), True, "x", [])


@pytest.mark.parametrize(
    ("keys", "at", "code"),
    [
        ({"count": "3"}, "count", "SCH102"),
        ({"count": "three"}, "count", "SCH104"),
        ({"count": 2.5}, "count", "SCH104"),
        ({"count": True}, "count", "SCH104"),
        ({"count": 0}, "count", "SCH108"),
        ({"count": [1]}, "count", "SCH104"),
        ({"count": None}, "count", "SCH104"),
        ({"flag": "yes"}, "flag", "SCH105"),
        ({"every": 5}, "every", "SCH112"),
        ({"every": "5 weeks"}, "every", "SCH112"),
        ({"words": "one"}, "words", "SCH104"),
        ({"words": [1]}, "words.0", "SCH104"),
        ({"words": None}, "words", "SCH109"),
        ({"named": {"A-b": 1}}, "named.A-b", "SCH110"),
        ({"named": [1]}, "named", "SCH107"),
        ({"inner": 3}, "inner", "SCH107"),
        ({"inner": None}, "inner", "SCH109"),
        ({"inner": {"lr": 0.1, "mode": "maxx"}}, "inner.mode", "SCH105"),
        ({"inner": {"mode": "max"}}, "inner", "SCH103"),
        ({"loss": "msee"}, "loss", "SCH106"),
        ({"loss": {"type": "msee"}}, "loss.type", "SCH106"),
        ({"loss": {"weight": 2}}, "loss", "SCH103"),
        ({"loss": 4}, "loss", "SCH104"),
        ({"loss": ["mse", {"type": "mse", "weight": 0}]}, "loss.1.weight", "SCH108"),
        ({"losses": ["mse", 3]}, "losses.1", "SCH107"),
        ({"colour": 1}, "colour", "SCH101"),
    ],
)
def test_one_error(keys, at, code):
    """Each kind of mistake has its code, at the path of the value that is wrong."""
    block, problems = outer(**keys)
    assert codes(problems) == {at: code}
    assert block is not POISON


def test_an_empty_list_of_an_optional_key_may_be_left_out():
    """The help says so, with a fix that is not safe; of a required one it does not."""
    found = {}
    for key in ("pair", "needed"):
        (problem,) = read(Lists, {"needed": [1]} | {key: []})[1]
        found[key] = (problem.helps[-1], [item.safe for item in problem.rewrites])
    assert found == {"pair": ("or leave the key out", [False]), "needed": ("add at least one entry", [])}


def test_all_at_once():
    """Independent mistakes are all reported, and what failed is POISON beside what did not."""
    block, problems = outer(count="x", flag="no", words=["a", 2, "b"], inner={"lr": -1})
    assert set(codes(problems)) == {"count", "flag", "words.1", "inner.lr"}
    assert block.count is POISON
    assert block.words == ["a", POISON, "b"]
    assert block.inner.lr is POISON
    assert block.inner.mode == "max"


def test_misspelt_required_key_is_one_error():
    """A misspelt key explains the missing one, which is not reported again."""
    block, problems = read(Outer, {"inner": {"lrr": 0.1}})
    assert codes(problems) == {"inner.lrr": "SCH101"}
    assert problems[0].rewrites[0].key == "lr"
    assert block.inner.lr is POISON


@pytest.mark.parametrize(
    ("tree", "at", "place"),
    [
        ({"inner": {"lr": 0.1}, "mode": "max"}, "mode", "inner"),
        ({"inner": {"lr": 0.1, "count": 3}}, "inner.count", "top level"),
    ],
)
def test_key_at_the_wrong_level(tree, at, place):
    """A key of the block above or inside is told where it belongs."""
    _, problems = read(Outer, tree)
    assert codes(problems) == {at: "SCH101"}
    assert place in problems[0].helps[0]


def test_key_moved_down_excuses_the_missing_one():
    """A required key that stands one level too high is not missing as well."""
    _, problems = read(Outer, {"inner": {}, "lr": 0.1})
    assert codes(problems) == {"lr": "SCH101"}


def test_parameter_of_another_component():
    """An unknown parameter that another component of the kind has is told so."""
    _, problems = read("losses", {"type": "mse", "label_smoothing": 0.1})
    assert any("cross_entropy" in text for text in problems[0].helps)


@pytest.mark.parametrize("form", ["mse", {"type": "mse"}, [{"type": "mse"}], ["mse"]])
def test_shorthands(form):
    """A component may be a block or its name, and one may stand where a list is allowed."""
    block, problems = outer(loss=form)
    assert problems == []
    found = block.loss[0] if isinstance(form, list) else block.loss
    assert found.type_name() == "mse"


def test_name_stays_text_where_text_is_allowed():
    """A bare name in a slot that takes text stays text: it may be a task's or a component's."""
    block, problems = outer(head="linear")
    assert problems == []
    assert block.head == "linear"
    assert outer(head={"type": "linear"})[0].head.type_name() == "linear"


def test_wrapped_component_is_unwrapped():
    """A block of the form `{NAME: {...}}` gets a rewrite to `{type: NAME, ...}`."""
    _, problems = outer(loss={"mse": {"weight": 2.0}})
    assert problems[0].rewrites[0].value == {"type": "mse", "weight": 2.0}


def test_type_of_another_kind():
    """A name of another kind of component is told what it is."""
    _, problems = read("losses", "linear")
    assert problems[0].code == "SCH106"
    assert "a head" in problems[0].notes[0]


@pytest.mark.parametrize("value", [1, 1.5, "a", True, None])
def test_nothing_is_coerced(value):
    """In a list of any scalars every value keeps its very type."""
    block, _ = outer(values=[value])
    assert type(block.values[0]) is type(value)
    assert block.values == [value]


def test_whole_number_for_a_number():
    """A whole number is legal where a number is wanted, and becomes one."""
    block, problems = read(Inner, {"lr": 1})
    assert problems == []
    assert type(block.lr) is float


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_number_is_out_of_bounds(value):
    """A bounded number must be finite."""
    assert codes(read(Inner, {"lr": value})[1]) == {"lr": "SCH108"}


def test_poison_is_silent():
    """A value that failed before is POISON and says nothing again."""
    block, problems = outer(count=POISON, loss=POISON, inner=POISON, words=["a", POISON])
    assert problems == []
    assert block.count is POISON
    assert block.inner is POISON
    with pytest.raises(TypeError):
        bool(block.loss)


def test_paths_start_from_their_base():
    """A path becomes absolute from the folder of the value; other text does not."""
    tree = {"inner": {"lr": 1.0}, "share": "../x.csv", "from": "../y"}
    block, problems = read(Outer, tree, base=lambda path: Path("/data") / path)
    assert problems == []
    assert block.share == Path("/data/x.csv")
    assert block.from_ == "../y"


def test_all_missing_keys_of_a_block_are_named_at_once():
    """They have one place, and a list of findings has one of a code there."""
    _, problems = read(Phase, {"epochs": 1}, at="phases.fit")
    assert [item.title for item in problems] == [
        "phase `fit` needs `batch_size` and `optimizer`, which are missing"
    ]
    assert [item.split("`")[1] for item in problems[0].helps] == ["batch_size:", "optimizer:"]


def test_prefix():
    """Paths of problems start with the path that the block has."""
    _, problems = read(Outer, {"inner": {}}, at="phases.fit")
    assert problems[0].at == "phases.fit.inner"


def test_parse():
    """A plan's block gives its component back; one that somebody changed is a finding."""
    loss = parse("losses", {"type": "cross_entropy", "label_smoothing": 0.1})
    assert parse("losses", loss.dump()) == loss
    with pytest.raises(ProblemError, match="no key"):
        parse("losses", {"type": "mse", "x": 1})


def test_messages_are_ours():
    """No message speaks of pydantic, classes or Python types."""
    tree = {"inner": 3, "count": "x", "share": [1], "flag": 3, "every": {}, "loss": 3, "named": {"a": "b"}}
    _, problems = read(Outer, tree)
    assert len(problems) == 7
    text = " ".join(f"{problem.title} {problem.helps}" for problem in problems)
    assert not any(word in text for word in ("pydantic", "Input should", "dict", "str ", "int ", "NoneType"))


def test_titles_are_short():
    """A title stays within 80 characters whatever the value."""
    _, problems = outer(count="x" * 200, flag="y" * 200, loss="z" * 200)
    assert len(problems) == 3
    assert all(len(problem.title) <= 80 for problem in problems)


trees = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*Outer.model_fields, "type", "lr", "mode", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(trees)
def test_anything_reads(tree):
    """Whatever stands in a spec, reading ends with an object or POISON, and POISON never without a problem."""
    block, problems = read(Outer, tree)
    assert problems or block is not POISON
    assert all(problem.code.startswith("SCH") for problem in problems)


@given(st.integers(1, 10), st.floats(0.001, 10), st.sampled_from(["max", "min"]))
def test_reading_what_was_written(count, lr, mode):
    """A legal block reads to exactly its values."""
    block, problems = read(Outer, {"inner": {"lr": lr, "mode": mode}, "count": count})
    assert problems == []
    assert (block.inner.lr, block.inner.mode, block.count) == (lr, mode, count)


def test_code_runs_only_where_it_is_trusted(tmp_path):
    """A component that runs a file of the user's is POISON until that very content is trusted."""
    path = tmp_path / "data.py"
    path.write_text("def load(): ...\n")
    tree = {"type": "python", "file": str(path), "name": "load"}
    block, problems = read("sources", tree)
    assert block is POISON
    assert codes(problems) == {"file": "REF242"}
    grant([entry(path, path.read_bytes())])
    assert read("sources", tree)[1] == []
    path.write_text("import os\n")
    assert codes(read("sources", tree)[1]) == {"file": "REF242"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_number_is_infinite_or_none(value):
    """A number without bounds must be finite too, also inside of free values: a plan cannot hold another."""
    assert codes(outer(plain=value)[1]) == {"plain": "SCH108"}
    assert codes(outer(free={"a": [{"b": value}]})[1]) == {"free.a": "SCH108"}
    assert outer(plain=1e30, free={"a": 1e300})[1] == []


def test_values_of_the_data_may_be_any_number():
    """Among values that may be texts, NaN is a gap and an infinity its text: both mean the same there."""
    block, problems = outer(values=[float("nan"), float("inf"), -float("inf"), 1e300])
    assert problems == []
    assert block.values == [None, "inf", "-inf", 1e300]


@pytest.mark.parametrize("wrong", ["tpye", "tipe", "typ", "Type"])
def test_a_misspelt_type_is_suggested(wrong):
    """A block whose `type` is misspelt is told which key is meant, and one edit repairs it."""
    _, (problem,) = outer(loss={wrong: "mse"})
    assert problem.code == "SCH103"
    assert problem.helps == (f"write `type` in place of `{wrong}`",)
    assert [(item.path, item.key) for item in problem.rewrites] == [(f"loss.{wrong}", "type")]


def test_keys_beside_an_unknown_type_are_judged_by_all_of_its_kind():
    """A key that no component of the kind has is a mistake of its own; one that some have may be right."""
    keys = {"type": "zzz", "lr": 0.1, "momentum": 0.9, "betaz": [0.9, 0.9], "foo": 1}
    _, problems = read("optimizers", keys)
    assert codes(problems) == {"type": "SCH106"}  # without what all of the kind have, nothing more is asked
    phase = {"epochs": 1, "batch_size": 1, "optimizer": keys}
    _, problems = read(Phase, phase)
    at = "optimizer."
    assert codes(problems) == {f"{at}type": "SCH106", f"{at}betaz": "SCH101", f"{at}foo": "SCH101"}


def test_of_two_likely_keys_the_one_that_takes_the_value_is_meant():
    """A text beside `datasett` means `dataset`, a list `datasets`."""
    for value, meant in (("a", "dataset"), (["a"], "datasets")):
        _, problems = read("tasks", {"type": "classification", "datasett": value, "target": "y"})
        assert [item.key for item in problems[0].rewrites if item.safe] == [meant]
