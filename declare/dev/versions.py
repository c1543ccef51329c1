"""Tries the versions that `pyproject.toml` allows: new environments, one after another, and a table of what passed.

An environment holds the lowest versions that are allowed, those of `constraints.txt`, or the newest. In each
the project is installed, `specs/digits.yaml` is trained and the suite runs. The environments lie in a temporary
folder and are removed when they are done; each takes some 6 GB.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from declare.dev.constraints import pythons, requirements
from declare.dev.repository import ROOT, relative_path

PAGE = ROOT / "docs" / "versions.md"
RESOLUTIONS = ("lowest", "constrained", "newest")
SHOWN = ("torch", "torchvision", "timm", "numpy", "pydantic", "polars", "scikit-learn", "PyYAML", "typer")
"""Libraries whose versions are in the table."""
_COLUMNS = ("environment", "Python", *SHOWN, "install", "digits", "suite", "date")
_HOUR = 3600
_SAYS_WHO = "import sys, ensurepip; print('.'.join(map(str, sys.version_info[:3])))"
_SAYS_WHAT = (
    "import json, sys; from importlib.metadata import version; "
    "print(json.dumps([version(name) for name in sys.argv[1:]]))"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that can make environments."""

    path: Path
    version: str

    @property
    def minor(self) -> str:
        """Its version without the last number: `3.11`."""
        return self.version.rpartition(".")[0]


@dataclass(frozen=True)
class Environment:
    """A way to choose versions, for one Python."""

    resolution: str
    python: Interpreter


Row = dict[str, str]
Command = list[str | Path]


def interpreters(stated: Sequence[Path] = ()) -> tuple[list[Interpreter], list[str]]:
    """Return the Pythons that are there, and names of those that are not: `stated` ones, or all of the project's."""
    programs, missing = [], []
    for path in stated:
        version = _version(path)
        programs += [Interpreter(path, version)] if version else []
        missing += [] if version else [str(path)]
    if not stated:
        for minor in pythons():
            here = next(_on_the_path(minor), None)
            programs += [here] if here else []
            missing += [] if here else [f"python{minor}"]
    return programs, missing


def _on_the_path(minor: str) -> Iterator[Interpreter]:
    """Yield the Pythons of a version on the PATH that run and can make environments."""
    for folder in os.get_exec_path():
        path = Path(folder) / f"python{minor}"
        version = _version(path) if path.is_file() else None
        if version is not None:
            yield Interpreter(path, version)


def _version(python: Path) -> str | None:
    try:
        done = subprocess.run(
            [python, "-c", _SAYS_WHO], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def versions(
    resolutions: Sequence[str], stated: Sequence[Path] = (), *, suite: bool = True, processes: int = 2
) -> int:
    """Try environments one after another; prints and writes the table, returns 1 if one fails."""
    there, missing = interpreters(stated)
    for name in missing:
        print(f"{name} is not there, or cannot make environments: left out")
    rows = []
    for environment in (Environment(way, python) for python in there for way in resolutions):
        print(f"== {environment.resolution}, Python {environment.python.version}", flush=True)
        with tempfile.TemporaryDirectory(prefix="declare-versions-", ignore_cleanup_errors=True) as folder:
            row = Trial(environment, Path(folder)).run(suite=suite, processes=processes)
        rows.append(row)
        print("   " + ", ".join(f"{key}: {row[key]}" for key in ("install", "digits", "suite")), flush=True)
        write(PAGE, rows)
    print(table(rows))
    return 0 if rows and not any(_has_failed(row) for row in rows) else 1


def _has_failed(row: Row) -> bool:
    return any(row[key].startswith("failed") for key in ("install", "digits", "suite"))


class Trial:
    """One environment in its own folder."""

    def __init__(self, environment: Environment, folder: Path) -> None:
        self.environment, self.folder = environment, folder
        self.python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, *, suite: bool, processes: int) -> Row:
        """Install, train and test; what follows a failure is left out."""
        row = dict.fromkeys(_COLUMNS, "-") | {
            "environment": self.environment.resolution,
            "Python": self.environment.python.version,
            "date": time.strftime("%Y-%m-%d"),
        }
        row["install"] = self._step(self._install())
        if _has_failed(row):
            return row
        row |= self._installed_versions()
        row["digits"] = self._step([self._digits()], summarise=self._accuracy)
        if suite:
            words: Command = [self.python, "-m", "pytest", "-q", "-n", str(processes)]
            row["suite"] = self._step([words], summarise=_last_line)
        return row

    def _install(self) -> Iterator[Command]:
        """Yield the commands that make the environment."""
        yield [self.environment.python.path, "-m", "venv", self.folder / "venv"]
        pip: Command = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if self.environment.resolution == "newest":
            yield [*pip, f"{ROOT}[dev]"]
        elif self.environment.resolution == "constrained":
            yield [*pip, "-c", ROOT / "constraints.txt", f"{ROOT}[dev]"]
        else:
            yield from self._install_lowest(pip)

    def _install_lowest(self, pip: Command) -> Iterator[Command]:
        tools, stated, lowest = (self.folder / name for name in ("tools", "stated.in", "lowest.txt"))
        stated.write_text("\n".join([*requirements(), ""]), encoding="utf-8")
        yield [self.environment.python.path, "-m", "venv", tools]
        tool = tools / self.python.relative_to(self.folder / "venv")
        yield [tool, *pip[1:], "uv"]
        compiled: Command = [tool, "-m", "uv", "pip", "compile", "--quiet", "--python", self.python]
        yield [*compiled, "--resolution", "lowest-direct", stated, "--output-file", lowest]
        yield [*pip, "--requirement", lowest]
        yield [*pip, "--no-deps", ROOT]

    def _digits(self) -> Command:
        command = self.python.with_name("dcl")
        return [command, "train", ROOT / "specs" / "digits.yaml", "--run-dir", self.folder / "run", "--quiet"]

    def _accuracy(self, _: str) -> str:
        metrics = json.loads((self.folder / "run" / "metrics.json").read_text(encoding="utf-8"))
        return f"accuracy {metrics['test/digit/accuracy']:.3f}"

    def _installed_versions(self) -> Row:
        done = self._call([self.python, "-c", _SAYS_WHAT, *SHOWN])
        return dict(zip(SHOWN, json.loads(done.stdout), strict=True))

    def _step(self, commands: Iterable[Command], *, summarise: Callable[[str], str] | None = None) -> str:
        """Run commands; returns their result and duration, or `failed` and why."""
        started, output = time.monotonic(), ""
        for command in commands:
            done = self._call(command)
            output = done.stdout
            if done.returncode:
                print((done.stdout + done.stderr)[-4000:])
                return f"failed: {_last_line(done.stdout or done.stderr)}"
        outcome = summarise(output) if summarise is not None else "done"
        return f"{outcome}, {_duration(time.monotonic() - started)}"

    def _call(self, command: Command) -> subprocess.CompletedProcess[str]:
        """Run a command as a user would who has nothing else: from the repository for the suite alone."""
        env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        env |= {"DECLARE_CACHE_DIR": str(self.folder / "cache"), "NO_COLOR": "1"}
        env["PATH"] = os.pathsep.join([str(self.python.parent), env.get("PATH", "")])
        where = ROOT if "pytest" in command else self.folder
        try:
            return subprocess.run(
                command, cwd=where, env=env, capture_output=True, text=True, check=False, timeout=2 * _HOUR
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(command, 1, "", str(error))


def _last_line(text: str) -> str:
    """Return the last line of some output without its frame, as a cell can hold it."""
    lines = [line.strip(" =") for line in text.splitlines() if line.strip(" =")]
    return re.sub(r" in [\d.]+s.*", "", lines[-1]).replace("|", "/")[:120] if lines else "no word"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as a table in Markdown."""
    lines = [
        _COLUMNS,
        tuple("---" for _ in _COLUMNS),
        *(tuple(row[name] for name in _COLUMNS) for row in rows),
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def read(page: Path) -> list[Row]:
    """Return the rows of the table in a page."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()]
    kept = [row for row in cells if len(row) == len(_COLUMNS) and row[0] in RESOLUTIONS]
    return [dict(zip(_COLUMNS, row, strict=True)) for row in kept]


def write(page: Path, rows: Sequence[Row]) -> None:
    """Write the page: new rows take the place of those of the same environment, the others stay."""

    def key(row: Row) -> tuple[str, str]:
        return row["environment"], row["Python"].rpartition(".")[0]

    both = {key(row): row for row in [*read(page), *rows]}
    ordered = sorted(both.values(), key=lambda row: (RESOLUTIONS.index(row["environment"]), row["Python"]))
    page.write_text(_TEXT.format(table=table(ordered)), encoding="utf-8", newline="\n")
    print(f"   wrote {relative_path(page)}", file=sys.stderr)


_TEXT = """# Versions

What was tried, in new environments: `python -m declare.dev versions` writes this table, by hand and before a release.

- `lowest`: the lowest versions of what `pyproject.toml` names (`uv pip compile --resolution lowest-direct`);
- `constrained`: those of `constraints.txt`, which developers and CI install;
- `newest`: the newest that `pyproject.toml` allows, which `pip install .` gives to users.

`digits` is the accuracy of `specs/digits.yaml` on its test split and the time to train it, `suite` the
result of pytest; `-` was not run. The dates are those of the measurements.

{table}
"""
