"""Events have types: what is written about them, and what reads them back, follows from these."""

from __future__ import annotations

import dataclasses
import string

import pytest

from declare.report import collect, incidents
from declare.runtime.listeners import progress_bar
from declare.runtime.run_folder.events import EventBody
from declare.system.schema_check import mistakes

FIELDS = {kind.event_name: {field.name for field in dataclasses.fields(kind)} for kind in EventBody.kinds}
TEMPLATES = (
    progress_bar._NOTICES.items(),
    collect._TOLD.items(),
    [(name, text) for name, (_, text) in incidents.KINDS.items()],
)


def test_templates_name_fields_that_their_event_has() -> None:
    """Lines of the terminal and of the report are made of what the event says."""
    for name, text in (item for table in TEMPLATES for item in table):
        used = {field for _, field, _, _ in string.Formatter().parse(text) if field}
        assert used <= FIELDS[name] | {"phase", "step", "total"}, name


@pytest.mark.parametrize("kind", EventBody.kinds, ids=lambda kind: kind.event_name)
def test_a_field_of_another_type_is_refused(kind: type[EventBody]) -> None:
    """Each event is compared with its own type; what a later version adds is let through."""
    line = {"time": 1.0, "event": kind.event_name}
    assert mistakes(line, "event") == []
    assert mistakes({**line, "later": [["x"]]}, "event") == []
    for field in dataclasses.fields(kind):
        if field.type != "Any":
            assert mistakes({**line, field.name: [[["x"]]]}, "event"), field.name
