"""Whether checkpoints fit on the disk, as far as a plan tells."""

import pytest

from declare.compiler.pipeline import check
from declare.diagnostics.codes import page


@pytest.mark.parametrize(("free", "found"), [(1_400, ["RES824"]), (100_000_000, [])])
def test_checkpoints_that_the_disk_cannot_hold_are_told_before(tmp_path, monkeypatch, free, found):
    """Weights and Adam's two averages count for each checkpoint that stands at once, one more than is kept."""
    monkeypatch.setattr("declare.compiler.passes.cost.free_bytes", lambda _: free)
    page("RES824").good.write(tmp_path)
    findings = check(tmp_path / "spec.yaml").diagnostics
    assert [item.code for item in findings if item.code.startswith("RES")] == found


def test_how_much_checkpoints_take(tmp_path, monkeypatch):
    """The estimate is that of the files that a run writes, within what headers and counters take."""
    monkeypatch.setattr("declare.compiler.passes.cost.free_bytes", lambda _: 0)
    page("RES824").good.write(tmp_path)
    checked = check(tmp_path / "spec.yaml")
    (finding,) = [item for item in checked.diagnostics if item.code == "RES824"]
    parameters = sum(node.total_parameters for node in checked.plan.nodes)
    assert finding.notes == (f"2 at once of about {4 * 3 * parameters} B each",)
