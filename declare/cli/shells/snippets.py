"""Snippets that let a typed `declare SUBCOMMAND` reach the program in shells with a builtin of that name.

The line editor rewrites the line when Enter is pressed, so that only typed lines change: functions, sourced
files and scripts keep the builtin. An alias or a function named `declare` would break every function that
declares a variable.
"""

from collections.abc import Sequence

_BASH = r"""# Typed `declare SUBCOMMAND ...` runs `dcl`; functions and scripts keep the builtin.
if [[ $- == *i* ]] && (( BASH_VERSINFO[0] >= 4 )); then
  __dcl_words='@WORDS@'
  __dcl_rewrite() {
    local before after start='(^|[;&|(!{]|&&|then|do|else|time)([[:space:]]*)'
    local pattern="${start}declare([[:space:]]+(${__dcl_words})([[:space:];&|)<>]|\$))"
    while [[ $READLINE_LINE =~ $pattern ]]; do
      before=${READLINE_LINE%%"${BASH_REMATCH[0]}"*}
      after=${READLINE_LINE#*"${BASH_REMATCH[0]}"}
      READLINE_LINE="${before}${BASH_REMATCH[1]}${BASH_REMATCH[2]}dcl${BASH_REMATCH[3]}${after}"
      READLINE_POINT=${#READLINE_LINE}
    done
  }
  for __dcl_map in emacs vi-insert vi-command; do
    bind -m "$__dcl_map" -x '"\C-x\C-]r": __dcl_rewrite'
    bind -m "$__dcl_map" '"\C-x\C-]a": accept-line'
    # Enter arrives as C-j if it was typed before the prompt was there.
    bind -m "$__dcl_map" '"\C-m": "\C-x\C-]r\C-x\C-]a"'
    bind -m "$__dcl_map" '"\C-j": "\C-x\C-]r\C-x\C-]a"'
  done
  unset __dcl_map
fi
"""

_ZSH = r"""# Typed `declare SUBCOMMAND ...` runs `dcl`; functions and scripts keep the builtin.
if [[ -o interactive ]]; then
  typeset -g __dcl_words='@WORDS@'
  __dcl_accept_line() {
    emulate -L zsh
    local before start='(^|[;&|(!{]|&&|then|do|else|time)([[:space:]]*)'
    local pattern="${start}declare([[:space:]]+(${__dcl_words})([[:space:];&|)<>]|\$))"
    while [[ $BUFFER =~ $pattern ]]; do
      before=${BUFFER[1,MBEGIN-1]}
      BUFFER="${before}${match[1]}${match[2]}dcl${match[3]}${BUFFER[MEND+1,-1]}"
    done
    zle __dcl_previous_accept_line
  }
  zle -A accept-line __dcl_previous_accept_line
  zle -N accept-line __dcl_accept_line
fi
"""


def snippet(shell: str, commands: Sequence[str]) -> str:
    """Return the snippet for `bash` or `zsh`; `commands` are the words that make a line ours."""
    words = "|".join([*commands, "--help", "--version"])
    return {"bash": _BASH, "zsh": _ZSH}[shell].replace("@WORDS@", words)
