"""The shell snippets, tried in real interactive shells behind a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import shutil
import sys
import time
from pathlib import Path

import pytest

from declare.cli.shells.snippets import snippet

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
SHELLS = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}


def talk(shell: str, folder: Path, lines: list[str]) -> str:
    """Type `lines` into an interactive shell that loaded the snippet; returns all that it printed."""
    program = folder / "dcl"
    program.write_text('#!/bin/sh\necho "PROGRAM<$*>"\n')
    program.chmod(0o755)
    (folder / "snippet").write_text(snippet(shell, ("plan", "train", "validate")))
    process, terminal = pty.fork()
    if process == 0:
        path = f"{folder}:{os.environ['PATH']}"
        environ = {"PATH": path, "HOME": str(folder), "TERM": "xterm", "PS1": "$ ", "LANG": "C.UTF-8"}
        os.execvpe(SHELLS[shell][0], SHELLS[shell], environ)
    printed = b""
    for number, line in enumerate([f". {folder}/snippet", *lines, "exit"]):
        os.write(terminal, line.encode() + b"; echo MARK$((" + str(number).encode() + b"+1000))\r")
        printed += _read_until(terminal, f"MARK{number + 1000}".encode())
    os.waitpid(process, 0)
    return printed.decode(errors="replace")


def _read_until(terminal: int, mark: bytes) -> bytes:
    printed, end = b"", time.monotonic() + 20
    while mark not in printed and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                printed += os.read(terminal, 65536)
            except OSError:  # the shell has left
                break
    return printed


@pytest.mark.parametrize("shell", SHELLS)
def test_typed_lines_reach_the_program(shell: str, tmp_path: Path) -> None:
    """A typed `declare SUBCOMMAND` runs the program, alone, after `&&` and in a pipe."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    said = talk(
        shell, tmp_path, ["declare train a.yaml", "true && declare plan b.yaml | cat", "declare --help"]
    )
    assert "PROGRAM<train a.yaml>" in said
    assert "PROGRAM<plan b.yaml>" in said
    assert "PROGRAM<--help>" in said


@pytest.mark.parametrize("shell", SHELLS)
def test_the_builtin_stays(shell: str, tmp_path: Path) -> None:
    """The builtin keeps working when typed, in functions and in sourced files, and quoted words stay as they are."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "sourced").write_text("g() { declare train=inner; echo G=$train; }\n")
    lines = [
        "declare -i n=5; n=n+2; echo N=$n",
        "f() { declare plan=inside; echo F=$plan; }",
        "f; echo OUT=${plan:-unset}",
        f". {tmp_path}/sourced; g",
        "echo 'declare train' said",
    ]
    said = talk(shell, tmp_path, lines)
    for expected in ("N=7", "F=inside", "OUT=unset", "G=inner", "declare train said"):
        assert expected in said
    assert "PROGRAM" not in said
