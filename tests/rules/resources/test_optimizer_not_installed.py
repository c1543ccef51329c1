"""Rules that fall back on too much memory without a library are not started without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.compiler import pipeline
from declare.system import extras
from tests.rules.test_variants import SPEC


@pytest.mark.parametrize(("installed", "codes"), [(True, []), (False, ["RES852"])])
@pytest.mark.parametrize("optimizer", ["kron", "kronw"])
def test_kron_needs_opt_einsum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str, installed: bool, codes: list[str]
) -> None:
    """The other optimizers need nothing."""
    monkeypatch.setattr(extras, "is_installed", lambda library: installed)
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("type: adamw", f"type: {optimizer}"), encoding="utf-8")
    assert [item.code for item in pipeline.check(path).diagnostics if item.severity == "error"] == codes
