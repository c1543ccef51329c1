"""Early ends of a command: something that cannot be done, or a bug of ours."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from declare.contract import strict_json

DONE, FINDINGS, COULD_NOT, BUG, RUN_FAILED, STOPPED = 0, 1, 2, 3, 4, 75
INTERRUPTED = 130
BROKEN_PIPE = 141
FORMAT = "1.0"


class CommandError(Exception):
    """The command cannot be done; the message states why and the fix."""

    def __init__(self, message: str, *, hint: str = "", code: int = COULD_NOT) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating-system error in writing `path` into the end of the command."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"`{path}` cannot be written: {error.strerror or error}") from error


def wants_json(arguments: Sequence[str]) -> bool:
    """Return whether the arguments request JSON, parsed so simply that it works for wrong ones too."""
    return any(
        word in {"--json", "--format=json", "--format=jsonl"}
        or (word == "--format" and value in {"json", "jsonl"})
        for word, value in pairwise([*arguments, ""])
    )


def report(kind: str, message: str, code: int, *, hint: str = "", as_json: bool) -> int:
    """Print why nothing was done, on standard error (and as JSON on standard output if requested)."""
    from declare.system.secrets import hide_values

    message, hint = hide_values(message), hide_values(hint)
    if as_json:
        error = {"kind": kind, "message": message, "hint": hint, "exit_code": code}
        print(strict_json.dumps({"format": FORMAT, "valid": False, "error": error}, indent=2))
    else:
        from declare.diagnostics.output import printable_lines

        print(f"error: {printable_lines(message)}", file=sys.stderr)
        if hint:
            print(f"  = help: {printable_lines(hint)}", file=sys.stderr)
    return code


def report_bug(error: BaseException, arguments: Sequence[str], *, as_json: bool) -> int:
    """Print that this is a bug of ours, with what a bug report needs."""
    from declare import __version__

    words = " ".join(arguments)
    where = f"declare {__version__}, Python {sys.version.split()[0]}, {sys.platform}"
    message = f"this is a bug in declare, not a mistake of yours: {type(error).__name__}: {error}"
    report("bug", message, BUG, hint=f"report it with: {where}; arguments: {words}", as_json=as_json)
    if not show_traceback(error):
        print("  = help: set DECLARE_DEBUG=1 to see the traceback", file=sys.stderr)
    return BUG


def show_traceback(error: BaseException) -> bool:
    """Print the traceback of an error if the environment requests it; return whether it did."""
    if not os.environ.get("DECLARE_DEBUG"):
        return False
    import traceback

    traceback.print_exception(error, file=sys.stderr)
    return True
