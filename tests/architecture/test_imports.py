"""What the front end imports: never torch, and only the command that was asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from declare.cli import command_index

ROOT = Path(__file__).parents[2]
HEAVY = {
    "torch",
    "torchvision",
    "timm",
    "sklearn",
    "polars",
    "pandas",
    "numpy",
    "PIL",
    "tensorboard",
}
CODE = """
import json, sys, io, contextlib
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    {code}
sys.__stdout__.write(json.dumps(sorted(sys.modules)))
"""


def modules_after(code: str, folder: Path = ROOT) -> set[str]:
    """Return the names of all modules that a fresh process has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(code=code)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "DECLARE_CACHE_DIR": str(folder / "cache")},
    )
    return set(json.loads(done.stdout))


def top(names: set[str]) -> set[str]:
    """Return the top-level packages of module names."""
    return {name.partition(".")[0] for name in names}


def test_import_declare_costs_nothing() -> None:
    """`import declare` loads neither pydantic nor anything heavier."""
    assert not top(modules_after("import declare")) & (HEAVY | {"pydantic", "rich", "typer", "yaml"})


def test_help_imports_no_command() -> None:
    """`dcl --help` lists every command without importing one."""
    loaded = modules_after("from declare.__main__ import main; main(['--help'])")
    assert not top(loaded) & (HEAVY | {"pydantic", "rich", "typer"})
    assert not [name for name in loaded if name.startswith("declare.cli.commands.")]


@pytest.mark.parametrize("name", command_index.names())
def test_help_of_a_command_stays_light(name: str) -> None:
    """`dcl COMMAND --help` imports that command's file alone, and neither numpy nor torch."""
    loaded = modules_after(f"from declare.__main__ import main; main([{name!r}, '--help'])")
    assert not top(loaded) & HEAVY
    commands = [name for name in loaded if name.startswith("declare.cli.commands.")]
    assert commands == [f"declare.cli.commands.{name.replace('-', '_')}"]


BAD = """declare: 1
datasets:
  digits: {source: {type: sklearn, name: digts}, splt: {val: 0.2}}
model:
  encoder: {type: mpl}
tasks: {}
"""


def test_a_bad_spec_is_refused_without_numpy(tmp_path: Path) -> None:
    """A spec with mistakes in its keys is answered without numpy, torch or scikit-learn."""
    (tmp_path / "bad.yaml").write_text(BAD)
    loaded = modules_after(
        "from declare.__main__ import main; assert main(['validate', 'bad.yaml']) == 1", tmp_path
    )
    assert not top(loaded) & HEAVY


@pytest.mark.parametrize("spec", ["pain", "digits"])
def test_a_good_spec_needs_no_torch(spec: str, tmp_path: Path) -> None:
    """Validating needs no torch, and the second time not even numpy: the facts are cached."""
    code = f"from declare.__main__ import main; assert main(['validate', {str(ROOT / 'specs' / spec)!r} + '.yaml']) == 0"
    torch = {"torch", "torchvision", "timm", "tensorboard"}
    assert not top(modules_after(code, tmp_path)) & torch
    assert not top(modules_after(code, tmp_path)) & HEAVY


LOOK_AHEAD = {
    "declare/language/document.py": "a tree of nodes, whose class names itself in nine annotations",
    "declare/runtime/run_folder/events.py": "a registry of the subclasses of the class that holds it",
}
"""Files whose annotations name what stands further down."""


def test_annotations_are_deferred_only_where_they_look_ahead() -> None:
    """`from __future__ import annotations` stands where types are imported for checkers alone, and nowhere else."""
    texts = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in (ROOT / "declare").rglob("*.py")
    }
    deferred = {
        name
        for name, text in texts.items()
        if "TYPE_CHECKING" not in text and "\nfrom __future__ import annotations\n" in text
    }
    assert deferred == set(LOOK_AHEAD)
