"""The codes of all findings, read from the folder of catalogue pages: the file name is code and name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import cast, get_args

from declare.diagnostics.diagnostic import Diagnostic, Fix, Label, Severity, Span
from declare.diagnostics.titles import fit

FOLDER = Path(__file__).with_name("catalogue")
_FILE_NAME = re.compile(r"([A-Z]{2,3}\d{3})-([a-z0-9]+(?:-[a-z0-9]+)*)")
_FENCE = re.compile(r"^(`{3,})([a-z]+)[ ]+(\S+)(?:[ ]+x(\d+))?[ ]*\n(.*?)^\1[ ]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """Files of an example spec, extra words for `dcl validate spec.yaml`, or a whole command after `dcl`."""

    files: Mapping[str, bytes]
    args: str = ""
    command: str = ""

    def write(self, folder: Path) -> None:
        """Write the files into `folder`."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


@dataclass(frozen=True)
class Page:
    """The page of a code: what it means, why it matters, and a wrong and a right example.

    `place` is the path of the finding in the bad example (empty: the whole spec), None if the page
    states none.
    """

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    bad: Example = field(repr=False)
    good: Example = field(repr=False)
    text: str = field(repr=False)
    place: str | None = None


@cache
def codes() -> Mapping[str, str]:
    """Return the name of every code, in the order of the codes, without opening a page."""
    matches = [_FILE_NAME.fullmatch(entry.stem) for entry in FOLDER.glob("*.md")]
    return {match[1]: match[2] for match in sorted(filter(None, matches), key=lambda match: match[1])}


@cache
def page(code_or_name: str) -> Page:
    """Return the page of a code (`LOS401`, in any case) or a name (`class-count-mismatch`).

    Raises:
        LookupError: There is no such page.
    """
    code, name = _find(code_or_name)
    text = _read(code, name)
    header, _, body = text.partition("\n---\n")
    sections = dict(_sections(body))
    return Page(
        code=code,
        name=name,
        severity=_severity(header, code),
        summary=sections.get("", "").strip(),
        why=sections.get("Why", "").strip(),
        bad=_example(sections.get("Bad", "")),
        good=_example(sections.get("Good", "")),
        text=body.strip() + "\n",
        place=_header_value(header, "place"),
    )


def make(
    code: str,
    title: str,
    *,
    labels: Iterable[Label | Span] = (),
    path: str = "",
    notes: Iterable[str] = (),
    helps: Iterable[str] = (),
    fixes: Iterable[Fix] = (),
    severity: Severity | None = None,
) -> Diagnostic:
    """Return the diagnostic of a catalogue code, with the name and severity that its page states.

    Raises:
        LookupError: The code has no page.
    """
    name, default = _name_and_severity(code)
    return Diagnostic(
        code=code,
        name=name,
        severity=severity or default,
        title=fit(title),
        labels=tuple(item if isinstance(item, Label) else Label(item) for item in labels),
        path=path,
        notes=tuple(notes),
        helps=tuple(helps),
        fixes=tuple(fixes),
    )


def is_error(code: str) -> bool:
    """Return whether a finding of a code is an error by default."""
    return _name_and_severity(code)[1] == "error"


@cache
def _name_and_severity(code: str) -> tuple[str, Severity]:
    """Return name and severity of a code from the first lines of its page."""
    name = codes().get(code)
    if name is None:
        raise LookupError(f"{code} has no page in {FOLDER}")
    return name, _severity(_read(code, name).partition("\n---\n")[0], code)


def _find(code_or_name: str) -> tuple[str, str]:
    """Return code and name for either of them."""
    known = codes()
    code = code_or_name.upper()
    if code in known:
        return code, known[code]
    for code, name in known.items():
        if name == code_or_name.lower():
            return code, name
    raise LookupError(f"{code_or_name} is neither a code nor the name of one")


def _read(code: str, name: str) -> str:
    return (FOLDER / f"{code}-{name}.md").read_text(encoding="utf-8")


def _severity(header: str, code: str) -> Severity:
    """Read the `severity:` line of a page's header."""
    stated = _header_value(header, "severity")
    if stated not in get_args(Severity):
        raise LookupError(f"the page of {code} states no severity")
    return cast(Severity, stated)


def _header_value(header: str, key: str) -> str | None:
    """Return what a page's header states under `key`, None if it lacks it."""
    match = re.search(rf"^{key}:[ ]*(\S*)", header, re.MULTILINE)
    return match[1] if match else None


def _sections(body: str) -> list[tuple[str, str]]:
    """Split a page at its `## ` headings; headings inside of fences do not count."""
    sections: list[tuple[str, list[str]]] = [("", [])]
    fence = ""
    for line in body.splitlines(keepends=True):
        if line.startswith("```"):
            ticks = line[: len(line) - len(line.lstrip("`"))]
            fence = "" if fence == ticks else fence or ticks
        if line.startswith("## ") and not fence:
            sections.append((line[3:].strip(), []))
        else:
            sections[-1][1].append(line)
    return [(name, "".join(lines)) for name, lines in sections]


def _example(section: str) -> Example:
    """Read the fences of a section: `LANGUAGE FILE [xTIMES]`, `hex FILE`, `sh args`, `sh command`."""
    files: dict[str, bytes] = {}
    shell = {"args": "", "command": ""}
    for match in _FENCE.finditer(section):
        language, name, times, content = match[2], match[3], int(match[4] or 1), match[5]
        if language == "sh" and name in shell:
            shell[name] = content.strip()
        elif language == "hex":
            files[name] = bytes.fromhex(content) * times
        else:
            files[name] = content.encode() * times
    return Example(files, **shell)
