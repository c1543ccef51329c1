"""The program: `declare`, its twin `dcl`, and `python -m declare`.

Until `main` runs, Ctrl-C ends Python with a traceback: what is imported at the top is only what Python has anyway.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:  # before the command started
        sys.stderr.write("interrupted\n")
        return 130


def _run(arguments: Sequence[str] | None) -> int:
    from declare.cli.dispatch import run

    if arguments is None:
        from declare.cli.signal_watch import end_soon_after_interrupt
        from declare.cli.streams import open_streams
        from declare.system.python_process import protect_children

        protect_children()
        open_streams()  # else the pipe of the watch takes the numbers of closed ones
        end_soon_after_interrupt()
    return run(sys.argv[1:] if arguments is None else arguments)


def _root() -> str:
    """Return the folder of this package."""
    return os.path.realpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - cheap


def _leave_folder() -> None:
    """Import nothing from the folder that `python -m declare` is called in: it may hold another user's files."""
    try:
        here = os.path.realpath(os.getcwd())  # noqa: PTH109 - cheap
    except OSError:  # the folder is gone
        return
    if here != _root():
        sys.path[:] = [place for place in sys.path if os.path.realpath(place or here) != here]


def _import_own_package() -> None:
    """Make `declare` the package that this file belongs to, wherever the path leads: it was started as a file."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("declare", os.path.join(_root(), "declare", "__init__.py"))  # noqa: PTH118 - cheap
    assert spec is not None
    assert spec.loader is not None
    sys.modules["declare"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["declare"])
    sys.path.append(_root())  # for processes that this one starts


if __name__ == "__main__":
    if __package__:
        _leave_folder()
    else:
        _import_own_package()
    raise SystemExit(main())
