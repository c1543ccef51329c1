"""One diagnostic for each cause at each place."""

from __future__ import annotations

from declare.compiler.diagnose.diagnostic_list import DiagnosticList
from declare.compiler.reports import Assumption, Retraction
from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Label, Source, Span

SPAN = Span(Source("spec.yaml", "no: 1\n"), 0, 2)


def error(path: str, code: str = "SCH101") -> Diagnostic:
    return make(code, "wrong", path=path)


def codes(diagnostics: DiagnosticList) -> list[tuple[str, str]]:
    return [(item.path, item.code) for item in diagnostics]


def test_a_place_has_one_diagnostic_of_a_code() -> None:
    """The same code at the same place is kept once, another code or place beside it."""
    diagnostics = DiagnosticList()
    for item in (error("a"), error("a"), error("a", "SCH105"), error("b")):
        diagnostics.add(item)
    assert codes(diagnostics) == [("a", "SCH101"), ("a", "SCH105"), ("b", "SCH101")]


def test_places_stay_right_after_a_retraction() -> None:
    """What comes after a diagnostic that was taken back is still found by its path."""
    diagnostics = DiagnosticList()
    diagnostics.add(make("SYN003", "a truth value?", labels=[Label(SPAN, "here")]))
    diagnostics.add(error("a"))
    diagnostics.remove(Retraction("SYN003", [SPAN]))
    diagnostics.add(error("a"))
    diagnostics.add(error("b"))
    assert codes(diagnostics) == [("a", "SCH101"), ("b", "SCH101")]


def test_parts_of_a_dataset_are_wrong_until_repaired() -> None:
    """Wrong are the keys with errors and single fields; an error that keeps nothing from being read is none."""
    diagnostics = DiagnosticList()
    for path in ("datasets.d.split.by", "datasets.d.fields.x.type", "datasets.d.limit", "datasets.dd.cache"):
        diagnostics.add(error(path))
    diagnostics.assume(Assumption("datasets.d.limit", "datasets.d.limit"))
    assert diagnostics.wrong_parts("datasets.d") == {"split", "fields.x"}
    diagnostics.add(error("datasets.d.limit", "SCH105"))
    assert diagnostics.wrong_parts("datasets.d") == {"split", "fields.x", "limit"}
    assert len(codes(diagnostics)) == 4
