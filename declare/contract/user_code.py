"""Running a Python file that the user trusts."""

from __future__ import annotations

import sys
import types
from pathlib import Path

from declare.contract import trust
from declare.contract.problem import Problem, ProblemError


def load(path: Path) -> types.ModuleType:
    """Run a trusted file as a module of its own name, so that its classes can be pickled.

    Raises `ProblemError` REF242 where it is not trusted and REF243 where it fails.
    """
    content = trust.read(path)
    name = f"declare_user_{trust.entry(path, content).rpartition(':')[2][:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102 - trusted by the user, hash checked
    except Exception as error:
        del sys.modules[name]
        title = f"`{path.name}` fails when it is loaded"
        note = f"{type(error).__name__}: {error}"
        raise ProblemError(Problem("REF243", title, at="file", notes=(note,))) from error
    return module
