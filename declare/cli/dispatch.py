"""From argv to a command: imports only the chosen command and turns every outcome into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from declare.cli import command_index
from declare.cli.failure import (
    BROKEN_PIPE,
    COULD_NOT,
    DONE,
    FINDINGS,
    INTERRUPTED,
    CommandError,
    report,
    report_bug,
    show_traceback,
    wants_json,
)
from declare.cli.streams import open_streams, output_error

if TYPE_CHECKING:
    from click import Command

    from declare.contract.problem import Problem

PROGRAM = "dcl"
_NOTE = "`declare` runs this program too, unless the shell has a builtin of that name: see `dcl shell`."


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code."""
    from declare.system.out_of_memory import hold_reserve

    open_streams()
    hold_reserve()
    code = _run(arguments)
    error = output_error()
    if error is None:
        return code
    message = f"standard output cannot be written: {str(error.strerror).lower()}"
    hint = "what the command did besides printing is done" if code == DONE else ""
    report("failure", message, COULD_NOT, hint=hint, as_json=False)
    return COULD_NOT if code in {DONE, FINDINGS} else code


def _run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code, whatever ends it."""
    try:
        code = _choose(list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone, so later flushes must find no pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever comes this far is our own bug and is reported as one
        return COULD_NOT if error is output_error() else _report_error(error, arguments)
    return code


def _report_error(error: Exception, arguments: Sequence[str]) -> int:
    """Report what ended a command early: lack of memory, code or a path of the user's, or else a bug of ours."""
    problem = _outside_problem(error)
    if problem is not None:
        return _show(problem, error, as_json=wants_json(arguments))
    unusable = _unusable_path(error, arguments)
    if unusable is not None:
        return report("usage", unusable, COULD_NOT, as_json=wants_json(arguments))
    return report_bug(error, arguments, as_json=wants_json(arguments))


def _say_damaged(entry: Path) -> None:
    """Report a damaged cache entry, if no list of problems and no run does."""
    from declare.cli import spec_diagnostics
    from declare.system.user_cache import damaged_entry

    spec_diagnostics.show_problems([damaged_entry(entry)], None)


def _outside_problem(error: Exception) -> Problem | None:
    """Return the problem of an error that is not a bug of ours: lack of memory, or code of the user's that fails."""
    from declare.system import user_code
    from declare.system.out_of_memory import before_training, is_shortage, is_starved

    if is_shortage(error):
        return before_training(error)
    starved = is_starved()  # gives up the reserve, without which no frame can be looked at
    return user_code.user_code_problem(error) or (before_training(error) if starved else None)


def _unusable_path(error: Exception, arguments: Sequence[str]) -> str | None:
    """Return why the system does not accept a path of an argument; None for any other error."""
    if not isinstance(error, OSError) or error.filename is None or error.strerror is None:
        return None
    path = os.path.abspath(os.fsdecode(error.filename))  # noqa: PTH100 - as the argument is written
    stated = (word.partition("=")[2] if word.startswith("--") else word for word in arguments)
    named = any(word and path.startswith(os.path.abspath(word)) for word in stated if word)  # noqa: PTH100
    return f"cannot use `{os.fsdecode(error.filename)[:80]}`: {error.strerror.lower()}" if named else None


def _show(problem: Problem, error: Exception, *, as_json: bool) -> int:
    """Print a problem that ended a command early."""
    from declare.cli import spec_diagnostics

    if as_json:
        from declare.cli import terminal

        terminal.emit_json(spec_diagnostics.document([spec_diagnostics.diagnose(problem, None)]))
    else:
        spec_diagnostics.show_problems([problem], None)
    show_traceback(error)
    return COULD_NOT


def _refuse_odd_names(words: Sequence[str]) -> int:
    """Return the exit code if an argument or the current folder is not UTF-8, else 0: plans store paths as text."""
    for name in (_current_folder(), *words):
        try:
            name.encode()
        except UnicodeEncodeError:
            hint = "rename the file or folder"
            return report("usage", f"`{name}` is not UTF-8", COULD_NOT, hint=hint, as_json=wants_json(words))
    return DONE


def _current_folder() -> str:
    """Return the current folder; empty if it no longer exists."""
    try:
        return os.getcwd()  # noqa: PTH109 - as it is written
    except OSError:
        return ""


def _choose(arguments: list[str]) -> int:
    match arguments:
        case [] | ["--help" | "-h" | "help"]:
            print(overview())
            return DONE if arguments else COULD_NOT
        case ["--version", *_]:
            from declare import __version__

            print(f"declare {__version__}")
            return DONE
        case ["help", name, *_]:
            return _choose([name, "--help"])
        case [name, *words] if name in command_index.names():
            return _refuse_odd_names(words) or invoke(name, words)
        case _:
            return _unknown_command(arguments)


def _unknown_command(arguments: list[str]) -> int:
    from declare.diagnostics.suggest import did_you_mean

    hint = did_you_mean(arguments[0], command_index.names()) or f"`{PROGRAM} --help` lists the commands"
    what = "option" if arguments[0].startswith("-") else "command"
    return report(
        "usage", f"there is no {what} `{arguments[0]}`", COULD_NOT, hint=hint, as_json=wants_json(arguments)
    )


def overview() -> str:
    """Return what `dcl --help` prints: every command with the first line of its file's docstring."""
    from declare import __doc__ as title

    width = max(map(len, command_index.names())) + 2
    lines = [f"  {name:<{width}}{command_index.summary(name)}" for name in command_index.names()]
    return "\n".join(
        [
            f"Usage: {PROGRAM} COMMAND [ARGUMENTS]...",
            "",
            f"  {title}",
            "",
            "Commands:",
            *lines,
            "",
            f"`{PROGRAM} COMMAND --help` shows more. Exit codes: 0 done, 1 problems, 2 cannot be done,",
            "3 our bug, 4 run failed, 75 stopped with its state saved.",
            _NOTE,
        ]
    )


def invoke(name: str, words: list[str]) -> int:
    """Run a command with its arguments; returns its exit code."""
    import typer

    from declare.cli.spec_diagnostics import FindingsError
    from declare.system.user_cache import on_damage

    # Click's own base of usage errors, wherever this version of typer keeps click.
    usage_error = cast("type[Exception]", typer.BadParameter.__mro__[2])
    as_json = wants_json(words)
    try:
        command = parser(name)
        context = command.make_context(f"{PROGRAM} {name}", command_index.prepare_argv(name, words))
        with context, on_damage(_say_damaged):
            return command.invoke(context) or DONE
    except typer.Exit as ending:
        return ending.exit_code
    except typer.Abort:
        return INTERRUPTED
    except FindingsError as ending:
        return ending.code
    except CommandError as failure:
        return report("failure", str(failure), failure.code, hint=failure.hint, as_json=as_json)
    except usage_error as error:
        message = error.format_message().replace("Value error, ", "").replace("\\x09", " ")  # type: ignore[attr-defined]
        hint = f"`{PROGRAM} {name} --help` shows its arguments"
        return report("usage", message, COULD_NOT, hint=hint, as_json=as_json)


def parser(name: str) -> Command:
    """Return the command-line parser of a command."""
    import typer
    from typer.main import get_command

    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    settings = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
    app.command(name, context_settings=settings)(_with_shared_options(command_index.function(name)))
    return get_command(app)  # type: ignore[return-value]


def _with_shared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--quiet` and `--no-color`, which every command takes, to a command's function."""
    import inspect

    from declare.cli.options import NoColor, Quiet
    from declare.cli.terminal import configure

    def command(*, quiet: bool, no_color: bool, **values: Any) -> Any:
        configure(quiet=quiet, no_color=no_color)
        return function(**values)

    signature = inspect.signature(function, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter("quiet", keyword, default=False, annotation=Quiet),
        inspect.Parameter("no_color", keyword, default=False, annotation=NoColor),
    ]
    parameters = [item.replace(kind=keyword) for item in signature.parameters.values()] + shared
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {item.name: item.annotation for item in parameters}
    command.__doc__ = function.__doc__
    return command
