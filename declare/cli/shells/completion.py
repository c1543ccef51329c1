"""Completion scripts: commands, options and choices written out, so that Tab never waits for Python."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What can follow one command: flags, values of flags that have a choice, words for its arguments.

    If `words` is empty the shell completes file names.
    """

    command: str
    summary: str
    flags: tuple[str, ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]
    words: tuple[str, ...]


def bash(commands: Sequence[Words]) -> str:
    """Return the script for bash."""
    cases = []
    for item in commands:
        values = [f"{item.command}:{flag}) found='{' '.join(words)}' ;;" for flag, words in item.choices]
        rest = f"{item.command}:*) found='{' '.join((*item.flags, *item.words))}' ;;"
        cases += [f"      {line}" for line in (*values, rest)]
    names = " ".join(item.command for item in commands)
    return "\n".join(
        [
            "_dcl() {",
            "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} found=''",
            "  if (( COMP_CWORD == 1 )); then",
            f"    found='{names} --help --version'",
            "  else",
            '    case "${COMP_WORDS[1]}:$before" in',
            *cases,
            "    esac",
            "  fi",
            '  COMPREPLY=($(compgen -W "$found" -- "$word"))',
            "}",
            "complete -o default -F _dcl dcl",
        ]
    )


def zsh(commands: Sequence[Words]) -> str:
    """Return the script for zsh."""
    cases = []
    for item in commands:
        values = [
            f"{item.command}:{flag}) compadd -- {' '.join(words)}; return ;;" for flag, words in item.choices
        ]
        rest = f"{item.command}:*) compadd -- {' '.join((*item.flags, *item.words))} ;;"
        cases += [f"    {line}" for line in (*values, rest)]
    shown = "\n".join(f"    '{item.command}:{_quote(item.summary)}'" for item in commands)
    return "\n".join(
        [
            "#compdef dcl",
            "_dcl() {",
            "  local -a commands=(",
            shown,
            "  )",
            "  if (( CURRENT == 2 )); then",
            "    _describe command commands",
            "    return",
            "  fi",
            '  case "${words[2]}:${words[CURRENT-1]}" in',
            *cases,
            "  esac",
            "  _files",
            "}",
            "(( $+functions[compdef] )) && compdef _dcl dcl",
        ]
    )


def fish(commands: Sequence[Words]) -> str:
    """Return the script for fish."""
    lines = []
    for item in commands:
        about = f"-a {item.command} -d '{_quote(item.summary)}'"
        lines.append(f"complete -c dcl -n __fish_use_subcommand -f {about}")
        inside = f"complete -c dcl -n '__fish_seen_subcommand_from {item.command}'"
        choices = dict(item.choices)
        for flag in item.flags:
            if flag.startswith("--"):
                values = f" -x -a '{' '.join(choices[flag])}'" if flag in choices else ""
                lines.append(f"{inside} -l {flag.removeprefix('--')}{values}")
        if item.words:
            lines.append(f"{inside} -f -a '{' '.join(item.words)}'")
    return "\n".join(lines)


def _quote(text: str) -> str:
    return text.replace("'", "").replace(":", ",")
