"""Starts a component, a rule or a command: its files, its test, its line in the changelog."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from declare.dev.repository import ROOT, relative_path
from declare.dev.stubs import commands, components, rules
from declare.parsing import lookup


def scaffold(kind: str, name: str) -> int:
    """Write the files of something new; of what exists only the changelog is touched. Returns an exit code."""
    family, name = _split_name(kind, name)
    if problem := _problem(kind, family, name):
        print(problem)
        return 2
    files, line = _start(kind, family, name)
    standing = [relative_path(path) for path in files if path.exists()]
    if standing:
        print(f"already there: {', '.join(standing)}")
        return 2
    _write(files)
    _announce(line)
    print("now: write it, then `python -m declare.dev generate` and `python -m declare.dev check`")
    return 0


def kinds() -> tuple[str, ...]:
    """Return what can be started."""
    return (*lookup.kinds(), "rules", "commands")


def _start(kind: str, family: str, name: str) -> tuple[Mapping[Path, str], str]:
    """Return the files of something new, and its line in the changelog."""
    if kind == "rules":
        return rules.files(family, name), rules.announcement(name)
    if kind == "commands":
        return commands.files(name), commands.announcement(name)
    return components.files(kind, name), components.announcement(kind, name)


def _split_name(kind: str, name: str) -> tuple[str, str]:
    """Return the family of a rule and its name; rules without a family are about style."""
    if kind != "rules":
        return "", name
    family, slash, rest = name.partition("/")
    return (family, rest) if slash else (rules.DEFAULT, name)


def _problem(kind: str, family: str, name: str) -> str | None:
    if kind not in kinds():
        return f"there is no kind `{kind}`; kinds: {', '.join(kinds())}"
    if family and family not in rules.families():
        return f"there is no family `{family}` of rules; families: {', '.join(rules.families())}"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return f"`{name}` is not a name: lower-case letters, digits and `_`, a letter first"
    return None


def _write(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {relative_path(path)}")
    code = [str(path) for path in files if path.suffix == ".py"]
    # Imports in order and lines of one length are what ruff is for.
    for words in (["check", "--select", "I", "--fix"], ["format"]):
        command = [sys.executable, "-m", "ruff", *words, "--quiet", *code]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)


def _announce(line: str) -> None:
    """Add a line under `Added` of the changelog's unreleased part."""
    path = ROOT / "CHANGELOG.md"
    text = path.read_text(encoding="utf-8")
    head, mark, rest = text.partition("### Added\n\n")
    if mark:
        path.write_text(head + mark + line + "\n" + rest, encoding="utf-8", newline="\n")
        print(f"added a line to {relative_path(path)}: state there what users gain")
