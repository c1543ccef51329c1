"""A problem: a finding stated in terms of spec paths, before the compiler gives it spans."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

At = Literal["value", "key"]


@dataclass(frozen=True)
class Rewrite:
    """A proposed change of the spec in terms of paths: set `path` to `value`.

    A `value` of None removes `path`; `key` renames its last key instead; `to` moves the value there, as it is or
    as `value`. A safe one takes nothing away, and leaves a spec without findings that it did not have before. `sure`
    means that nothing else can be meant, though it is not safe. With the first rewrite of a problem, if it is either,
    reading continues, so that one mistake hides no other.
    """

    title: str
    path: str
    value: object = None
    key: str | None = None
    to: str | None = None
    safe: bool = True
    sure: bool = False

    @property
    def is_assumed(self) -> bool:
        """Return whether reading continues as if the fix were applied."""
        removes = self.value is None and self.key is None and self.to is None
        return (self.safe or self.sure) and not removes


@dataclass(frozen=True)
class Problem:
    """What a component, a rule or a reader found wrong.

    `at` is the dotted path of the value that is wrong, relative to what reports it (a component gives
    paths inside its own block; `""` is the block itself). `also` maps other absolute paths to their labels.
    `row` is the position of a value that is wrong among the values that were read.
    """

    code: str
    title: str
    at: str = ""
    label: str = ""
    on: At = "value"
    also: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    row: int | None = None

    def with_prefix(self, path: str) -> "Problem":
        """Return the problem with its paths and its rewrites' below `path`; `also` is absolute already."""
        rewrites = tuple(
            replace(
                item,
                path=join_path(path, item.path),
                to=None if item.to is None else join_path(path, item.to),
            )
            for item in self.rewrites
        )
        return replace(self, at=join_path(path, self.at), rewrites=rewrites)


def cut_end(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters: its beginning and `...` if it is longer."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def cut_start(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters: `...` and its end if it is longer."""
    return text if len(text) <= limit else f"...{text[3 - limit :]}"


def key_path(path: str, key: str) -> str:
    """Return the dotted path of a key of the block at `path` (empty: the spec)."""
    return f"{path}.{key}" if path else key


def join_path(path: str, inner: str) -> str:
    """Return the dotted path of `inner` below `path`, either of which may be empty."""
    return f"{path}.{inner}" if path and inner else path or inner


class ProblemError(Exception):
    """Carries problems out of code that reads the outside world (files, devices, checkpoints).

    `problem` is the first of `problems`.
    """

    def __init__(self, problem: Problem, *more: Problem) -> None:
        super().__init__(problem.title)
        self.problem = problem
        self.problems = (problem, *more)

    def __reduce__(self) -> "tuple[type[ProblemError], tuple[Problem, ...]]":
        """Return how another process makes the same error."""
        return type(self), self.problems
