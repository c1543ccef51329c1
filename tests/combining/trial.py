"""What is done to a spec: validate, train, evaluate, predict, report, kill and resume; and what is wrong then."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
import signal
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from declare.__main__ import main
from declare.parsing.lookup import find

UNDEFINED = "DAT398"
"""The warning that a loss will not be a number on some split."""
DONE, FINDINGS, FAILED = 0, 1, 4
_LARGEST = 3.4e38
DIVERGED = "diverged"
"""Where a run ended whose weights or gradients grew beyond all numbers."""


@dataclass
class Result:
    """What became of a spec: `clean` is whether it validated, `wrong` what failed after that, by its place."""

    clean: bool = False
    place: str = ""
    codes: list[str] = field(default_factory=list)
    wrong: str = ""
    details: str = ""
    incident: bool = False

    @property
    def signature(self) -> str:
        """What failures of one kind have in common."""
        return f"{self.place}: {self.wrong}"

    def as_json(self) -> str:
        """Return it for another process."""
        return json.dumps(asdict(self))


class WrongError(Exception):
    """Something is wrong; `details` is what there is to read."""

    def __init__(self, place: str, wrong: str, details: str = "", codes: Sequence[str] = ()) -> None:
        super().__init__(wrong)
        self.result = Result(
            clean=place != "validate", place=place, wrong=wrong, details=details[-6000:], codes=list(codes)
        )


def command(place: str, *words: object, allowed: Sequence[int] = (DONE,)) -> tuple[int, str]:
    """Run a command in this process; return its code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except BaseException as error:
            text = "".join(traceback.format_exception(error))
            raise WrongError(place, f"raises {type(error).__name__}: {_last(text)}", text) from error
    said = f"{err.getvalue()}\n{out.getvalue()}"
    if code not in allowed or "Traceback (most recent" in said:
        codes = codes_of(said)
        raise WrongError(place, f"exit {code} {' '.join(codes) or _last(said)}", said, codes)
    return code, out.getvalue()


def codes_of(said: str) -> list[str]:
    """Return the codes of errors in what a command printed, as text or as JSON."""
    text = re.findall(r"error\[([A-Z]+\d+)\]", said)
    found = re.findall(r'"code": ?"([A-Z]+\d+)",\s*"[a-z_]+": ?"[^"]*",\s*"severity": ?"error"', said)
    return sorted({*text, *found})


def _last(text: str) -> str:
    """Return the line that says what went wrong, without what differs from run to run."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    bugs = [line.partition("not a mistake of yours: ")[2] for line in lines if "this is a bug" in line]
    return re.sub(r"\d+", "N", (bugs or lines[-1:] or [""])[0])[:160]


def tried(path: Path, *, whole: bool = True) -> Result:
    """Return what becomes of the spec at `path`; runs stand beside it. Else than `whole`, it trains and predicts only."""
    try:
        code, said = command("validate", "validate", path, "--format", "json", allowed=(DONE, FINDINGS))
        if code == FINDINGS and not json.loads(said)["valid"]:
            codes = sorted(
                {it["code"] for it in json.loads(said)["diagnostics"] if it["severity"] == "error"}
            )
            return Result(place="refused", codes=codes)
        _use(path, path.parent / "run", foretold=UNDEFINED in said, whole=whole)
    except WrongError as error:
        if _is_divergence(error.result, path):
            return Result(clean=True, place=DIVERGED, codes=error.result.codes)
        return error.result
    return Result(clean=True)


def _is_divergence(result: Result, path: Path) -> bool:
    """Return whether numbers outgrew their type in training, which only the steps themselves show."""
    half = "fp16" in path.read_text(encoding="utf-8")
    later = "at step 1 " not in result.details
    if result.place == "figures":
        return _outgrew(path.parent / "run" / "metrics.csv")
    return (result.codes == ["PHS620"] and (later or half)) or (result.codes == ["PHS623"] and half)


def _outgrew(figures: Path) -> bool:
    """Return whether a training loss grew a million-fold, or until its square is beyond single precision."""
    with figures.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "train/loss"]
    losses = [abs(float(row["value"])) for row in rows if row["value"]]
    return any(loss > min(math.sqrt(_LARGEST), 1e6 * losses[0]) for loss in losses)


def _use(path: Path, run: Path, *, foretold: bool, whole: bool) -> None:
    command("train", "train", path, "--run-dir", run, "--quiet", allowed=(DONE, FINDINGS))
    plan = json.loads((run / "plan.json").read_text())
    _judge_figures(run, plan, foretold=foretold)
    _judge_model(run, plan)
    for name, dataset in plan["datasets"].items():
        kinds = {task["block"]["type"] for task in plan["tasks"].values() if name in task["datasets"]}
        for split in ("val", "test") if whole else ("val",):
            if dataset["splits"].get(split) and kinds:
                goes_on = any(find("tasks", kind).generates for kind in kinds)
                together = kinds == {"token_classification"}
                rows = _rows(run, name, split, together) if together or goes_on else dataset["splits"][split]
                _predicted(run, name, split, rows)
    if not whole:
        return
    command("plan", "plan", path, "--quick", allowed=(DONE, FINDINGS))
    for split in ("val", "test"):
        if any(sizes["splits"].get(split) for sizes in plan["datasets"].values()):
            _evaluated(run, split)
    command("report", "report", run)


def _judge_figures(run: Path, plan: dict[str, Any], *, foretold: bool) -> None:
    """See that every figure that the plan promises is there, and that no loss is NaN unless that was `foretold`."""
    final = json.loads((run / "metrics.json").read_text())
    trained = {task for phase in plan["phases"] for task in phase["tasks"]}
    events = (run / "events.jsonl").read_text()
    for name, task in plan["tasks"].items():
        for split in ("val", "test"):
            held = any(plan["datasets"][it]["splits"].get(split) for it in task["datasets"])
            for metric in (
                [*(item["name"] for item in task["metrics"]), "loss"] if held and name in trained else []
            ):
                figure = f"{split}/{name}/{metric}"
                if figure not in final:
                    raise WrongError(
                        "figures", f"{metric} of {task['block']['type']} is not in metrics.json", figure
                    )
                undefined = final[figure] is None or math.isnan(final[figure])
                if metric == "loss" and undefined and not foretold and '"batch_' not in events:
                    raise WrongError("figures", f"loss of {task['block']['type']} is undefined", figure)


def _judge_model(run: Path, plan: dict[str, Any]) -> None:
    """See that the run did as many steps with as many parameters as the plan says."""
    import torch

    from declare.lowering.model.graph import make_graph
    from declare.runtime.run_folder.folder import Run

    opened = Run(run)
    steps = sum(phase["steps"] for phase in plan["phases"])
    finished = [event for event in opened.events() if event["event"] == "run_finished"]
    stopped = any(phase["early_stop"] for phase in plan["phases"])
    if not stopped and finished[-1]["total"] != steps:
        raise WrongError("plan", "other steps than planned", f"{finished[-1]['total']}, planned {steps}")
    with torch.random.fork_rng():
        real = sum(weight.numel() for weight in make_graph(opened.plan).parameters())
    planned = sum(node.total_parameters for node in opened.plan.nodes)
    if real != planned:
        raise WrongError("plan", "other parameters than planned", f"{real}, planned {planned}")


def _evaluated(run: Path, split: str) -> None:
    _, said = command("evaluate", "evaluate", run, "--split", split, "--format", "json")
    found = json.loads(said)["metrics"]
    final = json.loads((run / "metrics.json").read_text())
    for name, value in found.items():
        known = final.get(name)
        same = name in final and (
            value == known or (value != value and known != known) or _close(value, known)
        )
        if not same:
            raise WrongError(
                "evaluate",
                f"{name.rpartition('/')[2]} differs from the run's",
                f"{name}: {value}, was {known}",
            )


def _close(one: float | None, other: float | None) -> bool:
    """Return whether two figures are one; what is not defined may be written as null or NaN."""
    if one is None or other is None or math.isnan(one) or math.isnan(other):
        return all(value is None or math.isnan(value) for value in (one, other))
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)


def _rows(run: Path, name: str, split: str, together: bool) -> int:
    """Return the number of samples where texts are read as beginnings; of texts where windows go `together`."""
    from declare.lowering.data.tables import Tables
    from declare.runtime.inference.text_outputs import with_prompts
    from declare.runtime.run_folder.folder import Run

    opened = Run(run)
    tables = Tables(with_prompts(opened.plan, name), opened.statistics)
    rows = tables.table(name, split).rows
    return len(set(tables.pool(name).texts_of(rows)) if together else rows)


def _predicted(run: Path, name: str, split: str, rows: int) -> None:
    output = run.parent / f"{name}-{split}.csv"
    words = ("predict", run, "--split", split, "--dataset", name, "--output", output, "--max-new-tokens", 3)
    _, said = command("predict", *words)
    with output.open(encoding="utf-8", newline="") as file:
        found = len(list(csv.DictReader(file)))
    if found != rows:
        raise WrongError("predict", "another number of rows than the split", f"{found} of {rows}\n{said}")


def resumed(path: Path) -> Result:
    """Let the run that was killed go on, and compare it bit by bit with the one that nobody disturbed."""
    from tests.harness.interrupted_runs import differences, fingerprint

    run, again = path.parent / "run", path.parent / "again"
    resume = ["--resume"] if (again / "plan.json").exists() else []
    try:
        command("resume", "train", path, "--run-dir", again, *resume, "--quiet", allowed=(DONE, FINDINGS))
    except WrongError as error:
        return error.result
    different = differences(_comparable(fingerprint(again)), _comparable(fingerprint(run)))
    if different:
        said = "\n".join(different[:20])
        return Result(clean=True, place="resume", wrong=f"differs in {_kind(different[0])}", details=said)
    return Result(clean=True)


def _kind(name: str) -> str:
    return name.split(":", maxsplit=1)[0].split("/", maxsplit=1)[0][:60]


def _comparable(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what tells of time, and Python's own generator: libraries draw from it when they are imported."""
    apart = ("seconds", "/randomness/python")
    return {key: repr(value) for key, value in found.items() if not any(word in key for word in apart)}


def killed(path: Path) -> None:
    """Train for some steps, then die at once."""
    from declare.runtime.step.step import Step

    seed = sum(path.read_bytes()) % 3
    call, made = Step.__call__, 0

    def dying(step: Any, *args: Any) -> Any:
        nonlocal made
        made += 1
        if made == 2 + seed:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(step, *args)

    Step.__call__ = dying  # type: ignore[method-assign]
    command("train", "train", path, "--run-dir", path.parent / "again", "--quiet", allowed=range(256))
