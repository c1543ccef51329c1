"""Writes `schemas/<name>.v1.json`: what editors and other programs check our files with."""

import json
from pathlib import Path

from declare.cli.schemas import schemas
from declare.dev.repository import ROOT

FOLDER = ROOT / "schemas"
OWNS = (FOLDER,)


def outputs() -> dict[Path, str]:
    """Return every schema as JSON text."""
    return {
        FOLDER / f"{name}.v1.json": json.dumps(schema, indent=1) + "\n" for name, schema in schemas().items()
    }
