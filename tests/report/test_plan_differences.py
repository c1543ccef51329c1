"""Differences of plans: every value of a plan takes part, and only what a user set counts as a setting."""

import warnings
from pathlib import Path
from typing import Any

import pytest

from declare.compiler import pipeline
from declare.ir.plan import HardwarePlan, PhasePlan, Plan
from declare.report.plan_differences import differences, sample_differences

SPECS = Path(__file__).parents[2] / "specs"


def plan_of(name: str, *sets: str) -> Plan:
    checked = pipeline.check(SPECS / f"{name}.yaml", tuple(sets), ())
    assert checked.plan is not None, checked.diagnostics
    return checked.plan


@pytest.fixture(scope="module")
def digits() -> Plan:
    return plan_of("digits")


def paths(*plans: Plan, follows: bool) -> set[str]:
    return {item.path for item in differences(plans) if item.follows is follows}


def test_equal_plans_have_none(digits: Plan) -> None:
    assert differences([digits, digits, digits]) == ()


def test_a_setting_and_what_follows_from_it_are_told_apart(digits: Plan) -> None:
    other = plan_of("digits", "model.encoder.channels=[8, 64]")
    assert paths(digits, other, follows=False) == {"model.encoder.channels"}
    assert paths(digits, other, follows=True) == {
        "model.encoder.parameters",
        "model.encoder.flops",
        "model.encoder.activation_bytes",
        "phases.fit.trainable_parameters",
        "phases.fit.memory_bytes",
    }


def test_what_one_plan_lacks_is_one_difference(digits: Plan) -> None:
    other = plan_of("digits", "phases.fit.ema={decay: 0.9}", "tasks.digit.metrics=[accuracy]")
    found = {item.path: item.values for item in differences([digits, other])}
    assert found["phases.fit.ema"] == (None, {"decay": 0.9, "warmup": True})
    assert found["tasks.digit.metrics.f1"][1] is None
    assert "tasks.digit.metrics.order" not in found


def test_an_inserted_entry_of_a_list_leaves_the_others_where_they_are(digits: Plan) -> None:
    before = plan_of("digits", "datasets.digits.transforms=[{type: resize, field: image, size: 16}]")
    after = plan_of(
        "digits",
        "datasets.digits.transforms=[{type: grayscale, field: image}, {type: resize, field: image, size: 16}]",
    )
    changed = {item.path for item in differences([before, after]) if item.path.startswith("datasets.")}
    assert changed == {"datasets.digits.transforms.grayscale"}
    both = [
        plan_of("digits", f"datasets.digits.transforms=[{first}, {second}]")
        for first, second in (
            ("{type: grayscale, field: image}", "{type: resize, field: image, size: 16}"),
            ("{type: resize, field: image, size: 16}", "{type: grayscale, field: image}"),
        )
    ]
    assert "datasets.digits.transforms.order" in {item.path for item in differences(both)}


def test_metrics_of_another_split_are_of_other_samples(digits: Plan) -> None:
    other = plan_of("digits", "datasets.digits.split.seed=1")
    assert sample_differences(differences([digits, other])) == ("datasets.digits.split.seed",)
    assert not sample_differences(differences([digits, plan_of("digits", "model.encoder.dropout=0.1")]))


def changed(value: Any) -> Any:
    """Return another value of the same kind, as far as the dump of a plan is concerned."""
    if isinstance(value, dict):
        return {**value, "another": 1}
    if isinstance(value, tuple):
        return (*value, {"type": "another"}) if value and hasattr(value[0], "keys") else (*value, "another")
    return "another"


@pytest.mark.parametrize("field", sorted(PhasePlan.model_fields.keys() - {"rates"}))
def test_every_value_of_a_phase_takes_part(digits: Plan, field: str) -> None:
    phase = digits.phases[0]
    other = digits.model_copy(
        update={"phases": (phase.model_copy(update={field: changed(getattr(phase, field))}),)}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert differences([digits, other])


@pytest.mark.parametrize("field", sorted(HardwarePlan.model_fields))
def test_every_value_of_the_hardware_takes_part(digits: Plan, field: str) -> None:
    hardware = digits.hardware.model_copy(update={field: changed(getattr(digits.hardware, field))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert [
            item.path for item in differences([digits, digits.model_copy(update={"hardware": hardware})])
        ] == [f"hardware.{field}"]
