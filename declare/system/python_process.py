"""Python processes that this program starts: none of them imports from the current folder.

Python puts that folder first on the path of `python -m NAME` and `python -c CODE`, so that a file `typing.py` there
runs. `-P` and `PYTHONSAFEPATH` keep it out; what the user's own `PYTHONPATH` names stays.
"""

import os
from pathlib import Path

SAFE_PATH = "PYTHONSAFEPATH"
"""The variable that keeps the current folder and that of a script off the path of a Python process."""
_PROGRAM = Path(__file__).parents[1] / "__main__.py"


def program_arguments(*words: str) -> list[str]:
    """Return what follows the interpreter to run this program with `words`: its own file, by its place."""
    return ["-P", str(_PROGRAM), *words]


def protect_children() -> None:
    """Keep the current folder off the path of every process that is started from here on, by libraries too.

    A value that the user has set stays, an empty one included.
    """
    os.environ.setdefault(SAFE_PATH, "1")
