"""Rooms: folders that a reader can hold in mind."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2] / "declare"
ONE_THING_ONE_FILE = (
    "cli/commands",
    "compiler/passes",
    "components/*",
    "contract/kinds",
    "diagnostics/render",
    "nn/*",
    "report/render",
    "rules/*",
)
"""Folders that are registries, or twins of one."""
LIMIT = 12


def test_folders_hold_at_most_twelve_files() -> None:
    """Files side by side, `__init__.py` left out; registries hold as many as there are things."""
    crowded = {}
    for folder in (path for path in ROOT.rglob("*") if path.is_dir()):
        name = folder.relative_to(ROOT).as_posix()
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        if len(files) > LIMIT and not any(fnmatch(name, pattern) for pattern in ONE_THING_ONE_FILE):
            crowded[name] = len(files)
    assert crowded == {}


def test_each_registry_is_there() -> None:
    """An exception that no folder needs is taken out of the list."""
    folders = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_dir()]
    assert not [item for item in ONE_THING_ONE_FILE if not any(fnmatch(name, item) for name in folders)]


MUTUAL = {
    frozenset({"declare.contract.kinds.loss", "declare.contract.kinds.task"}): "annotations of each other",
    frozenset({"declare.contract.kinds.metric", "declare.contract.kinds.task"}): "annotations of each other",
    frozenset(
        {"declare.data.store.rounding", "declare.data.store.single_precision"}
    ): "numpy only if not cached",
    frozenset({"declare.ir.plan", "declare.ir.resolved_blocks"}): "annotations of the plan",
    frozenset(
        {"declare.lowering.model.execution_plan", "declare.lowering.model.length_slots"}
    ): "annotations",
}
"""Files of one folder that import each other, for type checkers or late, with the reason."""


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports() -> dict[str, set[str]]:
    """Return the modules that each module imports, for type checkers and inside of functions too."""
    modules = {module_name(path): path for path in ROOT.rglob("*.py")}
    edges: dict[str, set[str]] = {}
    for name, path in modules.items():
        edges[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("declare"):
                targets = [f"{node.module}.{item.name}" for item in node.names]
                edges[name] |= {target if target in modules else str(node.module) for target in targets}
    return edges


def sibling_pairs(edges: dict[str, set[str]]) -> set[frozenset[str]]:
    """Return the pairs of files or folders, side by side, of which each imports the other."""
    steps: set[tuple[str, str]] = set()
    for name, targets in edges.items():
        for target in targets - {name}:
            own, other = name.split("."), target.split(".")
            depth = next((i for i, (a, b) in enumerate(zip(own, other, strict=False)) if a != b), None)
            if depth is not None:
                steps.add((".".join(own[: depth + 1]), ".".join(other[: depth + 1])))
    return {frozenset(step) for step in steps if step[::-1] in steps}


def test_no_two_folders_or_files_import_each_other() -> None:
    """Whatever lies side by side in a folder imports one way, but for the pairs of the list."""
    assert sibling_pairs(imports()) == set(MUTUAL)


def test_a_pair_that_imports_each_other_is_seen() -> None:
    """Imports of files count for the folders in which they are."""
    edges = {"d.a.x": {"d.b.y"}, "d.b.z": {"d.a.w"}, "d.b.y": set[str](), "d.a.w": set[str]()}
    assert sibling_pairs(edges) == {frozenset({"d.a", "d.b"})}


SAME_MEANING = {
    "columns": "columns of a table",
    "completion": "a command and its shells",
    "components": "the catalogue",
    "compose": "a pass and what it calls",
    "cost": "the numeric cost of work; the head of a cost",
    "data": "a command and its print-out",
    "describe": "a command and what it prints",
    "evaluate": "a command and what it runs",
    "facts": "facts of data",
    "fields": "fields of a dataset",
    "file_types": "types of files of a run folder",
    "fix": "a command and what it calls",
    "gradients": "gradients of tasks",
    "jsonl": "the format",
    "linear_probes": "linear probes of a phase",
    "metrics": "metrics of a run",
    "model_tables": "tables of the models of libraries",
    "moments": "mean and deviation",
    "multiscale": "phases with several scales",
    "names": "names: of a spec, of classes",
    "optimizer": "the optimizer",
    "padding": "padding of samples that differ in length",
    "phases": "phases of a plan",
    "phrases": "texts for people",
    "plan": "the plan",
    "precision": "numeric precision; the metric of that name",
    "predict": "a command and what it runs",
    "process_group": "the process group",
    "profile": "a command, what it runs, its print-out",
    "ray": "the library",
    "report": "a command and what it makes",
    "resume": "resuming",
    "run": "a run; the tokenizer of one",
    "sample_lengths": "lengths of samples",
    "scalars": "scalars of a spec",
    "schema": "the schema of specs: a command, a pass, the schema",
    "schemas": "published schemas",
    "search": "a search over hyperparameters",
    "shapes": "shapes of tensors",
    "split_items": "items of which samples are in two splits",
    "state_tree": "a tree of state",
    "step": "an optimizer step; the schedule of steps",
    "terminal": "output to a terminal",
    "text": "text: a field, a source, a format of output",
    "weight_files": "files of weights",
}
"""File names that several folders have, with the one meaning. Components and their twins have one by their kind."""
CATALOGUE = ("components/", "nn/", "contract/kinds/")


def test_a_file_name_has_one_meaning() -> None:
    """No two folders have a file of one name, but for components, their twins, and the names of the list."""
    places: dict[str, list[str]] = {}
    for path in ROOT.rglob("*.py"):
        if not path.stem.startswith("__"):
            places.setdefault(path.stem.strip("_"), []).append(path.relative_to(ROOT).as_posix())
    shared = {
        name
        for name, files in places.items()
        if len(files) > 1 and not all(file.startswith(CATALOGUE) for file in files)
    }
    assert shared - SAME_MEANING.keys() == set()
    assert SAME_MEANING.keys() - shared == set(), "a name that one file has"


TESTS = ROOT.parent / "tests"
OF_NO_ROOM = {
    "architecture",
    "combining",
    "components/laws",
    "diagnostics_pages",
    "docs",
    "harness",
    "trust",
}
"""Folders of tests of the whole program."""


def test_tests_are_in_the_folder_of_what_they_test() -> None:
    """`declare/ROOM/FOLDER/file.py` is tested in `tests/ROOM/FOLDER`, in `test_file.py` if that is about one file."""
    folders = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert {name for name in folders if not (ROOT / name).is_dir()} == OF_NO_ROOM


MIRRORED = 180
"""How many files have tests of their own name, at least; the number only rises."""


def test_files_have_tests_of_their_name() -> None:
    """Tests of one file are found by its name."""
    files = [path.relative_to(ROOT) for path in ROOT.rglob("*.py") if not path.stem.startswith("__")]
    tests = [TESTS / path.parent / f"test_{path.stem.strip('_')}.py" for path in files]
    assert sum(path.is_file() for path in tests) >= MIRRORED


SMALL = 30
STILL_SMALL = 24
"""How many files outside of registries may be shorter; the number only falls."""


def test_files_hold_one_idea_and_not_one_function() -> None:
    """A file is `SMALL` lines at least, outside of folders where one thing is one file."""
    short = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if not path.stem.startswith("__") and len(path.read_text(encoding="utf-8").splitlines()) < SMALL
    ]
    others = [
        name for name in short if not any(fnmatch(name, f"{folder}/*") for folder in ONE_THING_ONE_FILE)
    ]
    assert len(others) <= STILL_SMALL, others
