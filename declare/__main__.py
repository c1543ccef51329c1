"""The program: `declare`, its twin `dcl`, and `python -m declare`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    from declare.cli.dispatch import run

    return run(sys.argv[1:] if arguments is None else arguments)


def _leave_folder() -> None:
    """Import nothing from the folder that `python -m declare` is called in: it may hold somebody else's files."""
    here, own = os.path.realpath(os.getcwd()), os.path.realpath(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH109, PTH120 - cheap
    if here != own:
        sys.path[:] = [place for place in sys.path if os.path.realpath(place or here) != here]


if __name__ == "__main__":
    _leave_folder()
    raise SystemExit(main())
