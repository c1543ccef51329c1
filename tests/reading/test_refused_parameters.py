"""A parameter that a component's own check refuses is one that cannot be read."""

from declare.reading.parser import parse, read
from declare.reading.poison import POISON


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
