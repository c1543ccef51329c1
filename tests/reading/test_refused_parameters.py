"""A parameter that a component's own check refuses is one that cannot be read."""

from declare.reading.parser import read
from declare.reading.poison import POISON


def test_a_refused_parameter_is_poison():
    """Nothing is asked of it again, and one mistake stays one finding."""
    component, problems = read("transforms", {"type": "center_crop", "field": "x", "size": []})
    assert [(item.code, item.at) for item in problems] == [("SCH108", "size")]
    assert component.size is POISON
    assert component.field == "x"
