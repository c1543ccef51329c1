"""A parameter that a component's own check refuses is one that cannot be read."""

from declare.components.fields.text import Text
from declare.components.losses.cross_entropy import CrossEntropy
from declare.components.tokenizers.bpe import Bpe
from declare.contract.problem import Problem
from declare.parsing.parser import parse, read
from declare.parsing.poison import POISON


def test_a_refused_parameter_is_poison():
    """Nothing is asked of it again, and one mistake stays one finding."""
    component, problems = read("transforms", {"type": "center_crop", "field": "x", "size": []})
    assert [(item.code, item.at) for item in problems] == [("SCH108", "size")]
    assert component.size is POISON
    assert component.field == "x"


def test_a_parameter_that_a_check_warns_of_stays():
    """A warning takes nothing away: the component is there, also where a plan's block is read."""
    block = {"type": "rprop", "lr": 0.1, "groups": [{"match": "*.weight", "weight_decay": 0.5}]}
    component, problems = read("optimizers", block)
    assert [item.code for item in problems] == ["REF203"]
    assert component.groups[0].weight_decay == parse("optimizers", block).groups[0].weight_decay == 0.5


def test_a_warning_inside_does_not_hide_the_check_outside(monkeypatch):
    """A block whose parts only give warnings is checked as a whole."""
    monkeypatch.setattr(Bpe, "check", lambda self: [Problem("REF203", "inside", at="vocab_size")])
    monkeypatch.setattr(Text, "check", lambda self: [Problem("SCH108", "outside", at="max_length")])
    _, problems = read(
        "fields", {"type": "text", "tokenizer": {"type": "bpe", "vocab_size": 300}, "max_length": 8}
    )
    assert [(item.code, item.at) for item in problems] == [
        ("REF203", "tokenizer.vocab_size"),
        ("SCH108", "max_length"),
    ]


def test_a_parameter_is_refused_by_the_key_that_specs_write(monkeypatch):
    """A key that stands for an attribute of another name refuses that attribute, and nothing else."""
    monkeypatch.setattr(
        CrossEntropy, "check", lambda self: [Problem("SCH108", "refused", at="class_weights")]
    )
    component, _ = read("losses", {"type": "cross_entropy", "class_weights": [1.0, 2.0]})
    assert component.class_weights_ is POISON
    assert callable(component.class_weights)
