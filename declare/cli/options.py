"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

SpecFile = Annotated[
    Path, typer.Argument(metavar="SPEC", help="The spec, a YAML or JSON file.", show_default=False)
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
SpecOrRun = Annotated[
    Path, typer.Argument(metavar="SPEC|RUN", help="A spec, or the folder of a run.", show_default=False)
]
SpecPlanOrRun = Annotated[
    Path,
    typer.Argument(
        metavar="SPEC|PLAN|RUN",
        help="A spec, a plan in a JSON file, or the folder of a run.",
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Override a value of the spec; may be given several times.",
        show_default=False,
    ),
]
Trust = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        metavar="FILE@sha256:HASH",
        help="Let this code of yours run; findings print the words to copy.",
        show_default=False,
    ),
]
TextOrJson = Annotated[Literal["text", "json"], typer.Option("--format", help="How to print.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours (NO_COLOR does the same).")]
