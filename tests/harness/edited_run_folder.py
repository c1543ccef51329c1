"""Edits every JSON file of a run folder, and sees what commands make of it: findings, never a bug.

Run: `python -m tests.harness.edited_run_folder --edits 400`. Keys are dropped, values replaced by ones of another type, files
emptied and cut short; manifests are sealed anew, so that their own hash does not tell. After each edit the run is resumed,
reported, evaluated, predicted from and inspected. Prints one JSON object: how many were tried, and those that ended in
a bug of ours (exit code 3), an exception, or said nothing about a failure; exits with 1 if there were any.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from declare.__main__ import main as dcl
from declare.runtime.run_folder.manifest import MANIFEST, seal

SPEC = """
declare: 1
name: edited
datasets:
  t:
    source: {type: csv, path: table.csv}
    fields: {x: {type: number}, kind: {type: category}}
    transforms: [{type: standardize, fields: [x]}]
model:
  encoder: {type: mlp, hidden: [3], input: x}
tasks:
  kind: {type: classification, target: kind}
phases:
  fit: {steps: 6, batch_size: 4, optimizer: {type: adamw, lr: 1e-2}, checkpoint: {every: 2 steps, keep: 3}, evaluate: {every: 2 steps, best: {metric: val/kind/loss, mode: min}}}
tracking: []
"""
OTHERS: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "x" * 40,
    [],
    {},
    [1, "a"],
    {"a": 1},
    float("nan"),
)
COMMANDS = (
    ("train", "spec.yaml", "--quiet", "--resume", "run"),
    ("report", "run"),
    ("report", "run", "--format", "json"),
    ("evaluate", "run", "--split", "val"),
    ("predict", "run", "--split", "val"),
    ("inspect", "run", "--split", "val"),
)


def make(folder: Path) -> None:
    """Train a run in `folder` that was killed before its last checkpoint."""
    rows = (f"{number},{'ab'[number % 2]}\n" for number in range(40))
    (folder / "table.csv").write_text("x,kind\n" + "".join(rows))
    (folder / "spec.yaml").write_text(SPEC)
    os.chdir(folder)
    assert quiet(("train", "spec.yaml", "--quiet", "--run-dir", "whole")) == (0, "")
    shutil.rmtree(folder / "whole" / "checkpoints" / "step-6")
    (folder / "whole" / "metrics.json").rename(folder / "metrics.json")
    (folder / "whole" / "quarantine.json").write_text("{}")


def quiet(words: tuple[str, ...]) -> tuple[int | str, str]:
    """Run a command; return its exit code, or the exception that came out, and what it said of errors."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: int | str = dcl(list(words))
        except BaseException as error:  # noqa: BLE001 - this is what is looked for
            code = f"{type(error).__name__}: {error}"
    return code, err.getvalue() + (out.getvalue() if code else "")


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places of all values inside of a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from paths(item, (*at, key))


def changed(value: Any, at: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """Return a copy of a JSON value with one place changed by `change(parent, key)`."""
    found = json.loads(json.dumps(value))
    parent = found
    for key in at[:-1]:
        parent = parent[key]
    change(parent, at[-1])
    return found


def drop(parent: Any, key: Any) -> None:
    """Take a value away."""
    del parent[key]


def edits(file: Path, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Yield what may become of a JSON file: (what was done, its bytes), without end."""
    whole = file.read_bytes()
    lines = whole.splitlines() if file.suffix == ".jsonl" else [whole]
    yield "empty", b""
    yield "[]", b"[]"
    yield "null", b"null"
    yield "3", b"3"
    yield "{}", b"{}"
    yield "cut", whole[: len(whole) // 2]
    yield "no UTF-8", b"\xff\xfe" + whole
    yield "deep", b"[" * 100_000
    top = [(0, (key,)) for key in (json.loads(lines[0]) if lines else {})]
    while True:
        line, at = top.pop() if top else (rng.randrange(len(lines)), ())
        value = json.loads(lines[line])
        at = at or rng.choice([*paths(value)] or [()])
        if not at:
            return
        other = rng.choice(OTHERS)

        def put(parent: Any, key: Any, other: Any = other) -> None:
            parent[key] = other

        for what, change in (("drop", drop), (f"{other!r}", put)):
            found = changed(value, at, change)
            text = (
                seal(found)
                if file.name == MANIFEST and isinstance(found.get("files"), dict)
                else json.dumps(found).encode()
            )
            yield (
                f"{line}:{'.'.join(map(str, at))} {what}",
                b"\n".join([*lines[:line], text, *lines[line + 1 :]]),
            )


def reseal(file: Path) -> None:
    """Let the manifest beside a file of a checkpoint say what the file is now."""
    manifest = file.parent / MANIFEST
    if file.name == MANIFEST or not manifest.exists():
        return
    found = json.loads(manifest.read_bytes())
    if file.name in found["files"]:
        facts = {"bytes": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        found["files"][file.name] = facts
        manifest.write_bytes(seal(found))


def edit(folder: Path, count: int, seed: int = 0) -> dict[str, Any]:
    """Make `count` edits of the files of `folder/whole`, in turn; return what was found."""
    rng = random.Random(seed)
    files = sorted(path for path in (folder / "whole").rglob("*") if path.suffix in {".json", ".jsonl"})
    files.append(folder / "whole" / "metrics.json")
    (folder / "metrics.json").replace(files[-1])
    made = {file: edits(file, rng) for file in files}
    bad: list[dict[str, Any]] = []
    tried: dict[str, int] = {}
    while sum(tried.values()) < count and made:
        for file, more in list(made.items()):
            found = next(more, None)
            if found is None:
                del made[file]
                continue
            name = str(file.relative_to(folder / "whole"))
            tried[name] = tried.get(name, 0) + 1
            for words in COMMANDS:
                shutil.rmtree(folder / "run", ignore_errors=True)
                ignored = None if name == "metrics.json" else shutil.ignore_patterns("metrics.json")
                shutil.copytree(folder / "whole", folder / "run", ignore=ignored)
                (folder / "run" / name).write_bytes(found[1])
                reseal(folder / "run" / name)
                code, said = quiet(words)
                if code not in {0, 1, 2, 4, 75} or "Traceback" in said or (code and not said.strip()):
                    last = said.strip().splitlines()[:1]
                    bad.append(
                        {"file": name, "edit": found[0], "command": words[0], "code": code, "said": last}
                    )
    commands = len(COMMANDS) * sum(tried.values())
    return {"tried": commands, "bad": len(bad), "edits": tried, "found": bad}


def main() -> int:
    """Edit a run in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DECLARE_CACHE_DIR"] = str(folder / "cache")
        make(folder)
        found = edit(folder, words.edits, words.seed)
    json.dump(found, sys.stdout, indent=1)
    return int(bool(found["found"]))


if __name__ == "__main__":
    sys.exit(main())
