"""Weights of files against those of a model, by names, shapes and types: what `init` would load, and what is wrong.

The same comparison is made from the headers of files before a run, and from their tensors when a phase starts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from declare.contract.files.weight_files import Facts, first_of, other_type
from declare.contract.problem import Problem, Rewrite, cut_start
from declare.diagnostics.suggest import suggest
from declare.ir.plan import InitPlan

Value = TypeVar("Value")
_SHOWN = 8
_WIDTH = 32


@dataclass(frozen=True)
class InitReport:
    """What became of an `init` entry, by names in the model's state.

    `missing` are wanted but not in the file, `unexpected` in the file but not in the model, `reshaped` in
    both with different shapes (and so not loaded).
    """

    source: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)


def new_name(name: str, rename: Mapping[str, str]) -> str:
    """Return a name with the longest prefix of its parts that `rename` knows replaced."""
    old = _renamed_part(name, rename)
    if old is None:
        return name
    rest = name[len(old.rstrip(".")) :].lstrip(".")
    return ".".join(part for part in (rename[old].rstrip("."), rest) if part)


def _renamed_part(name: str, rename: Mapping[str, str]) -> str | None:
    for old in sorted(rename, key=len, reverse=True):
        start = old.rstrip(".")
        if name == start or name.startswith(f"{start}.") or not start:
            return old
    return None


def rename_tensors(tensors: Mapping[str, Value], rename: Mapping[str, str]) -> dict[str, Value]:
    """Return tensors under their new names."""
    return {new_name(name, rename): item for name, item in tensors.items()}


def is_selected(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a pattern matches a name of the state: `encoder` matches everything below it."""
    return any(fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*") for pattern in patterns)


def match(state: Facts, tensors: Facts, entry: InitPlan) -> InitReport:
    """Compare the wanted part of a model's state with what a file holds under its new names."""
    wanted = [name for name in state if is_selected(name, entry.modules)]
    present = [name for name in wanted if name in tensors]
    return InitReport(
        source=f"{entry.source}:{entry.reference}",
        loaded=tuple(name for name in present if state[name].shape == tensors[name].shape),
        missing=tuple(name for name in wanted if name not in tensors),
        unexpected=tuple(name for name in tensors if name not in state and is_selected(name, entry.modules)),
        reshaped=tuple(name for name in present if state[name].shape != tensors[name].shape),
    )


def refusals(state: Facts, file: Facts, entry: InitPlan, at: str) -> list[Problem]:
    """Return why the weights that a file holds (under its own names) may not be loaded.

    Two names that become one (REF246), shapes (SHP501), absent weights (SHP503), types (RES853), and an entry that
    loads nothing at all (SHP504).
    """
    merged = [
        name for name, count in Counter(new_name(name, entry.rename) for name in file).items() if count > 1
    ]
    if merged:
        return [_name_clash(merged[0], file, entry, at)]
    tensors = rename_tensors(file, entry.rename)
    report = match(state, tensors, entry)
    problems = []
    if entry.strict and report.reshaped:
        problems.append(_reshape_problem(report, tensors, state, at))
    if entry.strict and report.missing:
        problems.append(_missing(report, tensors, entry, at))
    other = [name for name in report.loaded if not tensors[name].can_fill(state[name])]
    if other:
        problems.append(other_type(other, tensors, state, f"{at}.from"))
    return problems or ([] if report.loaded else [_nothing(report, entry, at)])


def idle_renames(file: Facts, entry: InitPlan, at: str) -> Iterator[Problem]:
    """Yield prefixes of `rename` that begin no name of a file (REF245)."""
    used = {_renamed_part(name, entry.rename) for name in file}
    for old in entry.rename:
        if old in used:
            continue
        near = suggest(old, sorted(_prefixes(file)))
        rewrites = tuple(
            Rewrite(f"rename to `{word}`", f"{at}.rename.{old}", key=word, safe=False)
            for word in near[:1]
            if "." not in old
        )
        yield Problem(
            "REF245",
            f"no weight of the file begins with `{cut_start(old, _WIDTH)}`",
            at=f"{at}.rename" if "." in old else f"{at}.rename.{old}",
            on="key",
            label="renames nothing",
            notes=first_of([f"in the file: `{name}`" for name in file], 3),
            helps=(f"write {' or '.join(f'`{word}`' for word in near)}",) if near else ("remove it",),
            rewrites=rewrites,
        )


def _prefixes(names: Mapping[str, Any]) -> set[str]:
    """Return what names begin with, up to each of their dots."""
    parts = (name.split(".") for name in list(names)[:1000])
    return {".".join(part[:count]) for part in parts for count in range(1, min(len(part), 4))}


def _name_clash(name: str, file: Facts, entry: InitPlan, at: str) -> Problem:
    both = [old for old in file if new_name(old, entry.rename) == name]
    return Problem(
        "REF246",
        f"`rename` makes one name, `{cut_start(name, _WIDTH)}`, of {len(both)} weights",
        at=f"{at}.rename",
        label="one of them would be lost",
        notes=first_of([f"in the file: `{old}`" for old in both], _SHOWN),
        helps=("rename only the one that is meant",),
    )


def _reshape_problem(report: InitReport, tensors: Facts, state: Facts, at: str) -> Problem:
    lines = [
        f"`{name}` is {list(state[name].shape)} in the model, {list(tensors[name].shape)} in the file"
        for name in report.reshaped
    ]
    first = report.reshaped[0]
    here = list(state[first].shape)
    return Problem(
        "SHP501",
        f"`{cut_start(first, _WIDTH)}` is {here} here but {list(tensors[first].shape)} in the file",
        at=f"{at}.from",
        label="weights of another shape",
        notes=first_of(lines[1:], _SHOWN),
        helps=(
            "build the model as it was when these weights were made",
            "name the modules to load with `modules:`, or set `strict: false` to leave these fresh",
        ),
    )


def _missing(report: InitReport, tensors: Facts, entry: InitPlan, at: str) -> Problem:
    many = len(report.missing)
    what = f"`{cut_start(report.missing[0], _WIDTH)}` is" if many == 1 else f"{many} weights of the model are"
    helps = ["name the modules to load with `modules:`, or set `strict: false` to leave these fresh"]
    if guess := _guess(report, tensors):
        helps.insert(0, f"set `rename: {{{guess[0]}: {guess[1]}}}`: the file calls them so")
    return Problem(
        "SHP503",
        f"{what} not in `{entry.source}:{cut_start(entry.reference, _WIDTH)}`",
        at=f"{at}.from",
        label=f"{many} missing",
        notes=(
            *first_of([f"missing: `{name}`" for name in report.missing], _SHOWN),
            *first_of([f"in the file only: `{name}`" for name in report.unexpected], 3),
        ),
        helps=tuple(helps),
    )


def _guess(report: InitReport, tensors: Facts) -> tuple[str, str] | None:
    """Return (old, new) prefixes that would give every missing weight its counterpart in the file."""
    new, _, tail = report.missing[0].partition(".")
    for name in tensors:
        old = name.removesuffix(f".{tail}") if tail and name.endswith(f".{tail}") else ""
        moved = [item for item in report.missing if item.startswith(f"{new}.")]
        if old and all(f"{old}.{item.partition('.')[2]}" in tensors for item in moved):
            return old, new
    return None


def _nothing(report: InitReport, entry: InitPlan, at: str) -> Problem:
    if report.missing or report.reshaped:
        remedy = "use `rename:` to map the file's names of modules, or remove the entry"
    else:
        remedy = "name modules that have weights with `modules:`"
    return Problem(
        "SHP504",
        f"nothing in `{entry.source}:{cut_start(entry.reference, _WIDTH)}` fits the model",
        at=f"{at}.from",
        label="loads nothing",
        notes=(
            *first_of([f"in the file: `{name}`" for name in report.unexpected], 3),
            *first_of([f"in the model: `{name}`" for name in report.missing], 3),
        ),
        helps=(remedy,),
    )


def unreadable(path: Any, reason: str, at: str) -> Problem:
    """Return the problem that no weights can be read from a file."""
    return Problem(
        "RES814",
        f"no weights can be read from `{cut_start(str(path), _WIDTH)}`",
        at=at,
        label="not readable",
        notes=(f"`{path}`: {reason}",),
        helps=("use a `.safetensors` file, or a `.pt` file that contains a plain state dict",),
    )
