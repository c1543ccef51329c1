"""From words to commands and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from declare.__main__ import main
from declare.cli import command_index, dispatch
from declare.cli.failure import CommandError
from declare.language.compose.compose import load

ROOT = Path(__file__).parents[2]


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names each command that has a file, with its first line."""
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    for name in command_index.names():
        assert f"  {name} " in output
        assert command_index.summary(name).rstrip(".") in output


def test_no_words_show_help_and_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command there is nothing to do: the help is shown and the exit code is 2."""
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints name and version."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("declare 0.")


@pytest.mark.parametrize("name", command_index.names())
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`dcl COMMAND --help` and `dcl help COMMAND` exit with 0 and show the shared options."""
    assert main([name, "--help"]) == 0
    first = capsys.readouterr().out
    assert "--quiet" in first
    assert "--no-color" in first
    assert main(["help", name]) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize("name", command_index.names())
def test_file_and_function_say_the_same(name: str) -> None:
    """The first line of a command's file is the first line of its help."""
    assert (command_index.function(name).__doc__ or "").partition("\n")[0] == command_index.summary(name)


def test_a_misspelt_command_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command exits with 2 and names the nearest one."""
    assert main(["lst"]) == 2
    assert "did you mean `list`?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["list", "--format", "json", "--bogus"], ["lst", "--format=json"]])
def test_usage_errors_are_json_where_asked(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With `--format json` standard output is one JSON document on wrong usage too."""
    assert main(words) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["valid"] is False
    assert answer["error"]["kind"] == "usage"
    assert answer["error"]["exit_code"] == 2


def fail(error: BaseException) -> Any:
    """Return a stand-in for a command that raises."""

    def command() -> None:
        """Raise."""
        raise error

    return command


def test_our_own_bug_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An exception that nobody expected exits with 3 and asks for a report, without a traceback."""
    monkeypatch.setattr(command_index, "function", lambda name: fail(ValueError("the moon")))
    assert main(["list"]) == 3
    err = capsys.readouterr().err
    assert "this is a bug in declare" in err
    assert "ValueError: the moon" in err
    assert "arguments: list" in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`DECLARE_DEBUG=1` adds the traceback of a bug."""
    monkeypatch.setenv("DECLARE_DEBUG", "1")
    monkeypatch.setattr(command_index, "function", lambda name: fail(ValueError("the moon")))
    assert main(["list"]) == 3
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(CommandError("no", code=2), 2), (KeyboardInterrupt(), 130), (PermissionError("x"), 3)],
)
def test_endings_become_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be done, Ctrl-C and bugs have exit codes of their own."""
    monkeypatch.setattr(command_index, "function", lambda name: fail(error))
    assert main(["list"]) == code
    capsys.readouterr()


def test_a_closed_pipe_is_no_bug() -> None:
    """A reader that goes away ends the program quietly."""
    code = "import sys; from declare.__main__ import main; sys.exit(main(['list']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=30) in {0, 141}
    assert err == ""


def test_unknown_exceptions_in_the_parser_are_bugs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever breaks before a command starts is our bug as well."""
    monkeypatch.setattr(dispatch, "parser", fail(RuntimeError("odd")))
    assert main(["list"]) == 3
    capsys.readouterr()


def test_closed_streams_are_no_bug(tmp_path: Path) -> None:
    """A command whose standard output was closed does its work and says nothing."""
    words = f"{sys.executable} -m declare list >&- 2>&-"
    assert subprocess.run(["bash", "-c", words], check=False).returncode == 0


def test_letters_that_the_locale_lacks_are_escaped(tmp_path: Path) -> None:
    """A finding about letters that the terminal cannot show is shown all the same."""
    (tmp_path / "spec.yaml").write_text("declare: 1\nnam\u00e9: \u20ac\n", encoding="utf-8")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "declare", "validate", str(tmp_path / "spec.yaml")]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nam\\xe9" in done.stdout


@pytest.mark.parametrize(
    "words", [["validate", "\udcff.yaml"], ["validate", "spec.yaml", "--set", "name=\udcff"]]
)
def test_arguments_that_are_no_text_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A name in another encoding could not be kept in a plan; it is shown with escapes."""
    assert main(words) == 2
    assert "\\udcff" in capsys.readouterr().err


def test_a_folder_that_is_no_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is begun in it: the paths of a plan would be no text either."""
    place = tmp_path / "\udcff"
    place.mkdir()
    (place / "spec.yaml").write_text("declare: 1\n")
    monkeypatch.chdir(place)
    assert main(["validate", "spec.yaml"]) == 2
    assert "is not UTF-8" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    _, found = load(place / "spec.yaml")
    assert [item.code for item in found] == ["SYN005"]


# `schema` makes every schema whatever the word: seconds each time.
@pytest.mark.parametrize("name", [name for name in command_index.names() if name != "schema"])
def test_odd_arguments_are_no_bug(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No argument, an empty one, a folder, an absent or binary file or a tab ends no command as our bug."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "a\tb.yaml").write_text("declare: 1\nname:\tx\n\tfoo: 1\n")
    odd = ["", "folder", "absent.yaml", "binary.yaml", "/dev/null", "a\tb.yaml", "https://example.org/a.yaml"]
    for words in ([], *([word] for word in odd), ["--set"], ["--format", ""]):
        assert main([name, *words]) != 3, words
        out, err = capsys.readouterr()
        assert "\\x09" not in out + err


@pytest.mark.parametrize("name", ["evaluate", "fix", "inspect", "new", "predict", "report", "validate"])
def test_a_path_that_no_file_system_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is too long is no bug of the program: the command could not be done, and says why."""
    assert main([name, "x" * 300]) == 2
    captured = capsys.readouterr()
    assert "name too long" in captured.err + captured.out
    assert "bug" not in captured.err
