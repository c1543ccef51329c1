"""Running a Python file that the user trusts, and saying where in it something failed."""

import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path

from declare.contract.problem import Problem, ProblemError
from declare.system import trust

HELP = "repair the file, then trust its new content"
_PREFIX = "declare_user_"
_OURS = Path(__file__).parents[1]


def load(path: Path) -> types.ModuleType:
    """Run a trusted file as a module with a unique name, so that its classes can be pickled.

    Raises `ProblemError` REF242 if it is not trusted and REF243 if it fails.
    """
    content = trust.read(path)
    name = f"{_PREFIX}{trust.entry(path, content).rpartition(':')[2][:16]}"
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
        raise ProblemError(
            Problem(
                "REF243",
                title,
                at="file",
                notes=(error_text(error), *_lines(error, {str(path)})),
                helps=(HELP,),
            )
        ) from error
    return module


def error_text(error: BaseException) -> str:
    """Return the type of an error and the first line of its message."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:200]}" if text else type(error).__name__


def lines(error: BaseException) -> tuple[str, ...]:
    """Return the lines of trusted files that an error went through; none if it is not theirs.

    It is the user's if our last line comes before the user's last line: the user's code called what failed.
    """
    files = _files()
    names = [frame.filename for frame in traceback.extract_tb(error.__traceback__)] if files else []
    last = max((index for index, name in enumerate(names) if name in files), default=None)
    if last is None or any(Path(name).is_relative_to(_OURS) for name in names[last:]):
        return ()
    return tuple(_lines(error, files))


def user_code_problem(error: BaseException) -> Problem | None:
    """Return the problem that a trusted file failed; None if the error is another one."""
    frames = lines(error)
    if not frames:
        return None
    return Problem(
        "REF243",
        f"your code fails at {frames[-1].partition(' in ')[0][-40:]}: {type(error).__name__}",
        notes=(error_text(error), *frames),
        helps=(HELP,),
    )


def _files() -> set[str]:
    return {str(module.__file__) for name, module in list(sys.modules.items()) if name.startswith(_PREFIX)}


def _lines(error: BaseException, files: set[str]) -> Iterator[str]:
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename in files:
            code = f": `{frame.line}`" if frame.line else ""
            yield f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}{code}"
