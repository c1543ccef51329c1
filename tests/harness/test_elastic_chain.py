"""A run that goes on in groups of other sizes trains on every sample once an epoch; the books tell if not."""

import json

import pytest

from tests.harness.elastic_chain import compare, errors_of_books


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_groups_of_other_sizes_go_on_where_the_one_before_stopped(tmp_path):
    """Two processes, one, two: the weights are those of one alone, with `exact` to the bit, and the books are right."""
    found = compare(tmp_path, [2, 1, 2], 30)
    assert found["wrong"] == []
    assert found["distances"]["exact"] == 0


def books(folder, stages):
    """Write the books of a run: stage -> step -> samples."""
    for stage, steps in stages.items():
        lines = [json.dumps([number, rows]) + "\n" for number, rows in steps.items()]
        (folder / f"book-a-{stage}-0.jsonl").write_text("".join(lines))
    return errors_of_books(folder, "a", "chain", 5)


EPOCH = {number: list(range(12 * number, min(12 * number + 12, 54))) for number in range(5)}


def test_books_of_one_epoch_are_right(tmp_path):
    """Five steps in two stages that hold each sample once."""
    assert books(tmp_path, {"chain-0": {0: EPOCH[0]}, "chain-1": {n: EPOCH[n] for n in range(1, 5)}}) == []


@pytest.mark.parametrize(
    "stages",
    [
        {"chain-0": {0: EPOCH[0]}, "chain-1": EPOCH},
        {"chain-0": {n: EPOCH[n] for n in range(4)}},
        {"chain-0": EPOCH | {4: [*EPOCH[4][:-1], 0]}},
        {"chain-0": EPOCH | {4: [*EPOCH[4], 53]}},
    ],
    ids=["a step twice", "a step less", "another sample", "a sample twice"],
)
def test_books_that_are_wrong_are_found(tmp_path, stages):
    """Steps and samples that are lost or come twice are said."""
    assert books(tmp_path, stages)
