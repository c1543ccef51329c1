"""Patterns: globs over dotted names, in which `*` spans dots."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from declare.contract.problem import Problem, Rewrite
from declare.diagnostics.suggest import suggest

_TOKEN = re.compile(r"\*|\?|\[[^\]]+\]|.", re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern matches a whole name."""
    return fnmatchcase(name, pattern)


def may_reach(pattern: str, prefix: str) -> bool:
    """Return whether a pattern could match some name that starts with `prefix`."""
    tokens = _TOKEN.findall(pattern)
    alive = _epsilon_closure({0}, tokens)
    for char in prefix:
        steps = {index for index in alive if index < len(tokens)}
        moved = {index for index in steps if tokens[index] == "*"}
        moved |= {index + 1 for index in steps if tokens[index] != "*" and fnmatchcase(char, tokens[index])}
        alive = _epsilon_closure(moved, tokens)
    return bool(alive)


def _epsilon_closure(alive: set[int], tokens: list[str]) -> set[int]:
    """Add the places that are reached where stars match nothing."""
    closure = set(alive)
    for index in sorted(alive):
        at = index
        while at < len(tokens) and tokens[at] == "*":
            at += 1
            closure.add(at)
    return closure


def unmatched_problem(
    pattern: str, at: str, paths: Iterable[str], names: Iterable[str], what: str = "parameter"
) -> Problem:
    """Return the problem of a pattern that matches nothing; `paths` are the nodes, `names` what there is."""
    known = list(paths)
    near = [f"{path}.*" for path in suggest(pattern.partition(".*")[0].rstrip(".*"), known)]
    if pattern in known:
        near = [f"{pattern}.*"]
    some = ", ".join(f"`{name}`" for name in list(names)[:4]) or ", ".join(
        f"`{path}.*`" for path in known[:6]
    )
    rewrites = (Rewrite(f"change to `{near[0]}`", at, near[0], safe=False),) if near else ()
    return Problem(
        "REF202",
        f"pattern `{pattern[:40]}` matches no {what}",
        at=at,
        label="matches nothing",
        notes=(f"there are {some}, ...",) if some else (),
        helps=(f"write {' or '.join(f'`{item}`' for item in near)}",)
        if near
        else (f"name a {what} that there is",),
        rewrites=rewrites,
    )
