"""Each path of a search must exist in the spec."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.diagnostics.suggest import suggest
from declare.rules.queries.compatible import join_words
from declare.rules.queries.search_paths import UnknownPath, locate
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "REF201"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each path of the space that does not exist."""
    for path in get(view.spec, "tune", "space") or {}:
        lost = locate(view.spec, path)
        if not isinstance(lost, UnknownPath):
            continue
        near = suggest(lost.word, lost.words)
        full = _replace_word(path, lost, near[0]) if near else ""
        where = f"`{lost.known}`" if lost.known else "the spec"
        yield Problem(
            CODE,
            f"the search varies `{lost.word}`, which {where} does not have",
            at=f"tune.space.{path}",
            on="key",
            label="no such value",
            also={lost.known: f"no `{lost.word}` here"} if lost.known else {},
            helps=_helps(lost, near),
            rewrites=(Rewrite(f"rename to `{full}`", f"tune.space.{path}", key=full, safe=False),)
            if near
            else (),
        )


def _helps(lost: UnknownPath, near: list[str]) -> tuple[str, ...]:
    if near:
        return (f"use {join_words(near)} for `{lost.word}`",)
    if lost.words:
        return (f"use {join_words(list(lost.words[:8]))}",)
    return (f"state `{lost.known}` in the spec first",)


def _replace_word(path: str, lost: UnknownPath, word: str) -> str:
    parts = path.split(".")
    parts[lost.known.count(".") + 1 if lost.known else 0] = word
    return ".".join(parts)
