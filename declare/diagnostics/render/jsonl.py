"""One JSON object per finding and line, as in the list `diagnostics` of the format `json`."""

import json
from collections.abc import Sequence

from declare.diagnostics.diagnostic import Diagnostic
from declare.diagnostics.output import Settings
from declare.diagnostics.render.json import as_dict


def render(diagnostics: Sequence[Diagnostic], settings: Settings) -> str:  # noqa: ARG001  # one signature for all formats
    """Return one line for each diagnostic."""
    return "".join(json.dumps(as_dict(item), allow_nan=False) + "\n" for item in diagnostics)
