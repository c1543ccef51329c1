"""`extends`: loads base files and merges them, left to right, below the file that names them."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from declare.contract.problem import key_path
from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Label, Source
from declare.language.document import Node, Text
from declare.language.yaml.parse_file import (
    MAX_BYTES,
    ParsedText,
    display_name,
    folder_of,
    open_source,
    parse,
    real,
)
from declare.language.yaml.tree import MAX_EXPANDED

MAX_DEPTH = 8
_SPECS = frozenset({".yaml", ".yml", ".json"})
MAX_FILES = 64
MAX_BYTES_IN_ALL = 4 * MAX_BYTES
# Maps of free names: a `type` in them is a name like any other, not the type of a component.
_FREE_NAMES = ("vars", "metrics", "expect", "datasets", "model", "tasks", "phases")


class Loader:
    """Loads a spec with its bases; collects sources and problems, and whether anything is missing."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.sources: list[Source] = []
        self.diagnostics: list[Diagnostic] = []
        self.complete = True
        self._parsed: dict[Path, ParsedText | None] = {}
        self._files = 0
        self._values = 0
        self._bytes = 0
        self._is_full = False  # the rest is not read: one diagnostic is enough

    def load(self, path: Path, name: str) -> Node | None:
        """Return the merged tree of a file and its bases; None if the file cannot be read."""
        return self._file(path, name, None, ())

    def _file(self, path: Path, name: str, at: Label | None, above: tuple[Path, ...]) -> Node | None:
        """Read one file and merge it over its bases. `above` are the files that lead to it."""
        parsed = None if self._is_full else self._read(path, name, at)
        if parsed is None or parsed.node is None:
            self.complete = False
            return None
        if not self._take(parsed.size, at):
            return None
        root = parsed.node
        stated = root.entries.get("extends")
        if stated is None:
            return root
        without_extends = root.with_value(
            {key: node for key, node in root.entries.items() if key != "extends"}
        )
        bases = [self._base(item, name, (*above, real(path))) for item in self._names(stated)]
        merged: Node | None = None
        for base in bases:
            if base is not None:
                merged = base if merged is None else self._merge(merged, base)
        merged = without_extends if merged is None else self._merge(merged, without_extends)
        is_whole = bases and None not in bases and not stated.poison
        return merged if is_whole else _with_unknown_sections(merged)

    def _take(self, size: int, at: Label | None) -> bool:
        """Count the values of a file, each time that it is extended; report one that is too many."""
        self._values += size
        if self._values <= MAX_EXPANDED:
            return True
        self._is_full, self.complete = True, False
        self.diagnostics.append(_too_large("SYN010", f"{MAX_EXPANDED:,} values", at))
        return False

    def _read(self, path: Path, name: str, at: Label | None) -> ParsedText | None:
        """Read and parse one file, once."""
        key = real(path)
        if key not in self._parsed:
            self._parsed[key] = self._parse(path, name, at)
        return self._parsed[key]

    def _parse(self, path: Path, name: str, at: Label | None) -> ParsedText | None:
        """Open and parse a file; None if there is no map in it."""
        without_extends = self._texts.get(name)
        source = open_source(path, name, at) if without_extends is None else Source(name, without_extends)
        if isinstance(source, Diagnostic):
            self.diagnostics.append(_as_base(source) if at else source)
            return None
        self._bytes += len(source.text)
        if self._bytes > MAX_BYTES_IN_ALL:
            self._is_full = True
            self.diagnostics.append(_too_large("SYN008", f"{MAX_BYTES_IN_ALL // 1_000_000} MB", at))
            return None
        self.sources.append(source)
        text = Text(folder_of(path), "extends" if at else "written", others=self._values)
        parsed = parse(source, text)
        self._is_full = self._is_full or parsed.limited
        self.diagnostics += parsed.diagnostics
        self.complete = self.complete and parsed.complete
        node = parsed.node
        if node is None or (node.kind == "scalar" and node.scalar is None):
            if not any(item.severity == "error" for item in parsed.diagnostics):
                self.diagnostics.append(_empty(name, at))
            return None
        if node.kind != "map":
            self.diagnostics.append(_no_map(name, node))
            return None
        return parsed

    def _names(self, stated: Node) -> list[Node]:
        """Return the nodes that name base files; report values that are not file names."""
        if stated.poison:
            self.complete = False
            return []
        items = stated.items if stated.kind == "list" else [stated]
        good: list[Node] = []
        for item in items:
            if isinstance(item.scalar, str) and item.scalar.strip():
                good.append(item)
            elif not item.poison:
                self.complete = False
                self.diagnostics.append(
                    make(
                        "REF223",
                        "`extends` names a file or a list of files",
                        labels=[Label(item.span, "not a file name")],
                        path="extends",
                        helps=["write `extends: base.yaml` or `extends: [base.yaml, other.yaml]`"],
                    )
                )
        return good

    def _base(self, item: Node, child: str, above: tuple[Path, ...]) -> Node | None:
        """Load one base, unless that would never end."""
        stated = str(item.scalar)
        path = item.base / stated
        name = display_name(os.path.join(os.path.dirname(child), stated))  # noqa: PTH118, PTH120  # text, as given
        label = Label(item.span, "extended here")
        self._files += 1
        problem = None
        if path.suffix.lower() not in _SPECS and not real(path).is_relative_to(real(item.base)):
            # Findings show lines of what they read: no other file is opened, whatever is in it.
            helps = ["name a .yaml, .yml or .json file, or one in the spec's own folder"]
            problem = make(
                "REF223",
                f"`{stated[:60]}` does not have the file name of a spec",
                labels=[label],
                path="extends",
                helps=helps,
            )
        elif real(path) in above:
            chain = " -> ".join([*(_name(file) for file in above), _name(path)])
            helps = ["remove one of these `extends`"]
            problem = make("REF221", f"`{stated}` extends itself", labels=[label], notes=[chain], helps=helps)
        elif len(above) > MAX_DEPTH:
            title = f"bases are nested more than {MAX_DEPTH} deep"
            problem = make("REF224", title, labels=[label], helps=["merge some of the bases into one file"])
        elif self._files > MAX_FILES:
            title = f"the spec extends more than {MAX_FILES} files"
            problem = make("REF224", title, labels=[label], helps=["merge some of the bases into one file"])
        if problem is not None:
            self.complete = False
            self.diagnostics.append(problem)
            return None
        return self._file(path, name, label, above)

    def _merge(self, base: Node, over: Node) -> Node:
        """Merge two files and keep what is worth a note."""
        return merge(base, over, "", self.diagnostics)


def merge(base: Node, over: Node, path: str, notes: list[Diagnostic]) -> Node:
    """Return `base` overridden by `over`: maps merge key by key, everything else is replaced.

    `key: null` removes an inherited key. A map whose `type` changes replaces the whole block, with a note. If one
    of two maps cannot be read, so is the whole, with what is known of it.
    """
    if base.poison or over.poison:
        return _with_unknown(base, over, path, notes)
    if base.kind != "map" or over.kind != "map":
        _note_short_form(base, over, path, notes)
        return over
    switch = _changed_type(base, over, path)
    if switch is not None:
        _note_switch(base, over, path, notes)
        return over
    entries = dict(base.entries)
    for key, node in over.entries.items():
        inherited = entries.get(key)
        if inherited is None:
            entries[key] = node
        elif node.kind == "scalar" and node.scalar is None and not node.poison:
            del entries[key]
        else:
            entries[key] = merge(inherited, node, key_path(path, key), notes)
    return over.with_value(entries)


def _with_unknown(base: Node, over: Node, path: str, notes: list[Diagnostic]) -> Node:
    """Merge two values of which one cannot be read; keys missing in a map may be in the other."""
    if over.kind != "map" and not over.poison:
        return over
    known = base if over.kind != "map" else over
    if base.kind == over.kind == "map":
        known = merge(replace(base, poison=False), replace(over, poison=False), path, notes)
    return replace(known, poison=True)


def _with_unknown_sections(root: Node) -> Node:
    """Return the root if a base is missing: keys missing in its sections may be there."""
    return root.with_value(
        {key: replace(node, poison=node.poison or node.kind == "map") for key, node in root.entries.items()}
    )


def _type(node: Node, path: str) -> Node | None:
    """Return the node of a component's type."""
    stated = node.entries.get("type")
    named = stated is not None and isinstance(stated.scalar, str) and path not in _FREE_NAMES
    return stated if named else None


def _changed_type(base: Node, over: Node, path: str) -> Node | None:
    """Return the new type if it differs from the inherited one."""
    before, after = _type(base, path), _type(over, path)
    if before is None or after is None or before.scalar == after.scalar:
        return None
    return after


def _note_switch(base: Node, over: Node, path: str, notes: list[Diagnostic]) -> None:
    """Note which inherited keys a changed type drops."""
    before, after = base.entries["type"], over.entries["type"]
    dropped = [key for key in base.entries if key not in over.entries]
    if dropped:
        notes.append(switch_note(before, after, str(after.scalar), dropped, path))


def _note_short_form(base: Node, over: Node, path: str, notes: list[Diagnostic]) -> None:
    """Note the same for `optimizer: adamw` over a block with parameters."""
    before = _type(base, path)
    if before is None or base.poison or over.poison or not isinstance(over.scalar, str):
        return
    dropped = [key for key in base.entries if key != "type"]
    if dropped:
        notes.append(switch_note(before, over, over.scalar, dropped, path))


def switch_note(before: Node, after: Node, name: str, dropped: list[str], path: str) -> Diagnostic:
    """Return the note that a changed type replaces its block."""
    return make(
        "REF204",
        f"type `{name}` replaces the whole inherited block of type `{before.scalar}`",
        labels=[Label(after.span, "the new type"), Label(before.span, "the inherited type")],
        path=path,
        notes=[f"dropped: {', '.join(f'`{key}`' for key in dropped)}"],
        helps=["state again what should stay"],
    )


def _too_large(code: str, limit: str, at: Label | None) -> Diagnostic:
    """Report that a spec and its bases are together larger than any spec may be."""
    helps = ["keep data in its own files and name them in a source"]
    title = f"the spec and its bases have more than {limit}"
    return make(code, title, labels=[at] if at else (), path="extends", helps=helps)


def _as_base(diagnostic: Diagnostic) -> Diagnostic:
    """Turn a missing file into a missing base."""
    if diagnostic.code != "SYN004":
        return diagnostic
    title = diagnostic.title.replace("no file", "no base file")
    return make("REF222", title, labels=diagnostic.labels, path="extends", helps=diagnostic.helps)


def _empty(name: str, at: Label | None) -> Diagnostic:
    helps = ["start with `declare: 1`, or run `dcl new`"]
    return make("SYN007", f"`{name}` contains no values", labels=[at] if at else (), helps=helps)


def _no_map(name: str, node: Node) -> Diagnostic:
    what = "a list" if node.kind == "list" else "a single value"
    return make(
        "SYN019",
        f"`{name}` contains {what}, but a spec is a map of sections",
        labels=[Label(node.span, what)],
        helps=["write `key: value` lines, starting with `declare: 1`"],
    )


def _name(path: Path) -> str:
    return path.name
