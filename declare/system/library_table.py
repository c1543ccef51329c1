"""Tables of the contents of outside libraries: written for one version, read from the library for any other.

A table is a JSON file, `{"versions": {library: version}, "records": {name: record}}`, one record a line. It
answers without importing the library, for the versions that it was made of. If others are installed, the
library itself is asked, once, in its own process, and the answer is kept in the user's cache.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from declare.system import user_cache

Record = dict[str, Any]
_CHILD = """
import json, sys, warnings
from importlib import import_module
warnings.simplefilter("ignore")
sys.path.append(sys.argv[1])
records = import_module(sys.argv[2]).records()
open(sys.argv[3], "w", encoding="utf-8").write(json.dumps(records))
"""
_SECONDS = 600


def installed_version(library: str) -> str | None:
    """Return the version of an installed library without its build (`+cu130`), or None if it is not installed."""
    try:
        return version(library).partition("+")[0]
    except PackageNotFoundError:
        return None


class LibraryTable:
    """What a library has, by name.

    Parameters:
        path: the generated file.
        introspection: the module that asks the installed libraries; its `records()` gives name -> record.
        libraries: the packages that the records depend on.
    """

    def __init__(self, path: Path, introspection: str, libraries: tuple[str, ...]) -> None:
        self.path, self.introspection, self.libraries = path, introspection, libraries

    @cached_property
    def _text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def versions(self) -> dict[str, str]:
        """Versions of the libraries that the file was made of."""
        head = self._text.partition(', "records": {')[0]
        versions: dict[str, str] = json.loads(head + "}")["versions"]
        return versions

    def is_current(self) -> bool:
        """Whether the installed libraries are those that the file was made of."""
        return all(installed_version(name) == self.versions.get(name) for name in self.libraries)

    @cached_property
    def shipped_records(self) -> Mapping[str, Record]:
        """Return the records of the file, whatever is installed."""
        records: dict[str, Record] = json.loads(self._text)["records"]
        return records

    def records(self) -> Mapping[str, Record]:
        """Return the records of the installed libraries."""
        return self.shipped_records if self.is_current() else self._records_of_installed

    def record(self, name: str) -> Record | None:
        """Return one record, read without parsing the others, or None if the library has no such name."""
        if not self.is_current():
            return self._records_of_installed.get(name)
        start = f"\n{json.dumps(name, allow_nan=False)}: "
        at = self._text.find(start)
        if at < 0:
            return None
        record: Record = json.loads(
            self._text[at + len(start) : self._text.index("\n", at + 1)].removesuffix(",")
        )
        return record

    @cached_property
    def _records_of_installed(self) -> Mapping[str, Record]:
        """Records of the installed libraries; the file's records if they cannot be asked."""
        installed = {name: installed_version(name) for name in self.libraries}
        name = user_cache.key(self.introspection, installed, self._code())
        path = user_cache.folder("libraries") / f"{name}.json"
        known = _parse_records(user_cache.read_text(path))
        if known is None:
            try:
                text = self._ask()
            except (OSError, subprocess.SubprocessError) as error:
                self._warn(installed, error)
                return self.shipped_records
            user_cache.write_text(path, text)
            known = _parse_records(text)
        assert known is not None, "an introspection writes a mapping"
        return known

    def _code(self) -> str:
        spec = find_spec(self.introspection)
        assert spec is not None, self.introspection
        assert spec.origin is not None, self.introspection
        return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()

    def _ask(self) -> str:
        """Run the introspection in a separate process, since libraries print and change settings."""
        root = str(Path(__file__).parents[2])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "records.json"
            words = [sys.executable, "-P", "-c", _CHILD, root, self.introspection, str(path)]
            subprocess.run(  # noqa: S603 - our own module, in the running interpreter
                words, check=True, capture_output=True, timeout=_SECONDS, env=os.environ | {"NO_COLOR": "1"}
            )
            return path.read_text(encoding="utf-8")

    def _warn(self, installed: Mapping[str, str | None], error: Exception) -> None:
        output = getattr(error, "stderr", b"") or b""
        reason = (output.decode(errors="replace").strip().splitlines() or [str(error)])[-1]
        libraries = ", ".join(f"{name} {number}" for name, number in installed.items())
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        warnings.warn(
            (
                f"{libraries} could not be asked for its contents ({reason[:200]}); the table of "
                f"{versions} is used"
            ),
            stacklevel=2,
        )


def _parse_records(text: str | None) -> dict[str, Record] | None:
    try:
        records = json.loads(text or "null")
    except ValueError:
        return None
    return records if isinstance(records, dict) else None


def dump(versions: Mapping[str, str | None], records: Mapping[str, Record], **facts: Any) -> str:
    """Return the text of a table: one record a line, sorted as given; `facts` are further keys."""
    lines = [f"{json.dumps(name, allow_nan=False)}: {_text(record)}" for name, record in records.items()]
    head = _text({"versions": dict(versions)} | facts)[:-1]
    return head + ', "records": {\n' + ",\n".join(lines) + "\n}}\n"


def _text(record: Record) -> str:
    return json.dumps(record, allow_nan=True)  # the defaults of a library come back as they were
