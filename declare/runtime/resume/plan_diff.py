"""What changed between the plan of a run and the plan that it is asked to continue with, and what that means."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from declare.contract.problem import Problem, cut_end
from declare.ir.plan import Plan
from declare.runtime.run_folder.durable_io import brief

Verdict = Literal["harmless", "rounding", "allowed", "impossible"]
"""No weight depends on it; only the last bits do; it makes another run, which may be wanted; it cannot work."""


@dataclass(frozen=True)
class Change:
    """A changed value of the plan; `why` is the reason for the verdict."""

    path: str
    old: Any
    new: Any
    verdict: Verdict = "allowed"
    why: str = "from here on another run"

    def record(self) -> dict[str, Any]:
        """Return the fields of its event."""
        values = {"old": cut_end(repr(self.old), 60), "new": cut_end(repr(self.new), 60)}
        return {"path": self.path, **values, "verdict": self.verdict, "why": self.why}


@dataclass(frozen=True)
class Standing:
    """The progress of a run: its phase, and the number of its finished steps."""

    index: int = 0
    phase: str = ""
    step: int = 0
    over: tuple[str, ...] = ()
    """The phases that nothing more will be trained in."""


_Rule = tuple[str, Verdict, str]
_RULES: tuple[_Rule, ...] = (
    ("declare|format", "rounding", "another version of the program"),
    ("name|description", "harmless", "it is for people"),
    (
        r"tune(\..*)?|expect(\..*)?|composites(\..*)?",
        "harmless",
        "it compares the metrics, and does not change the weights",
    ),
    (r"tracking(\..*)?", "harmless", "it is where metrics are sent"),
    ("hardware.workers", "harmless", "samples come in the same order with any number of workers"),
    ("hardware.memory_limit_bytes", "harmless", "it is a bound, not a choice"),
    (r"hardware\.(accelerator|compile)", "rounding", "another order of arithmetic"),
    (r"hardware\.(devices|nodes|strategy)", "rounding", "sums over processes are rounded in another order"),
    (r"datasets\.[^.]+\.cache", "harmless", "it is where decoded samples are kept"),
    (r"datasets\.[^.]+\.(fingerprint|source.*)", "allowed", "the files are others, or were touched"),
    (r"datasets(\..*)?|seed", "impossible", "order, split and statistics of the samples depend on it"),
    (r"phases\.[^.]+\.(keep_checkpoints|checkpoint_every)", "harmless", "it is when state is saved"),
    (r"phases\.[^.]+\.gradients_every", "harmless", "it is what is measured besides the losses"),
)
"""The first rule whose pattern is the whole path judges; what no rule names needs the user's word."""
_FOLLOWS = re.compile(
    r"spec_sha256|phases\.[^.]+\.((memory_bytes|rates|samplers|trainable_parameters)(\..*)?)"
    r"|nodes\.[^.]+\.(layers|flops|activation_bytes|left_out)(\..*)?"
)
"""What only follows from other values, or estimates them."""
_FIXED = re.compile(
    r"optimizer\.type|groups(\..*)?|ema|precision|balance\.(type|lr)|(best|early_stop|schedule)\.(metric|mode)"
)
"""What the state of a phase that is under way was made for."""
_OF_SAMPLES = ("fields", "num_samples", "splits", "missing")
"""What follows from the samples of a dataset."""


def plan_changes(before: Plan, now: Plan, standing: Standing | None = None) -> list[Change]:
    """Return what differs, with a verdict on each; `standing` is where the run is (None: not begun)."""
    old, new = _tree(before), _tree(now)
    changes = (_judge_change(*item, standing or Standing()) for item in _differences(old, new, ""))
    changes = (change for change in changes if not _FOLLOWS.fullmatch(change.path))
    if now.hardware.determinism == "exact":
        changes = (_judge_exact(change) for change in changes)
    return sorted(changes, key=lambda change: change.path)


def _judge_exact(change: Change) -> Change:
    """Compute the verdict again for sums over processes that do not depend on their number."""
    if change.path not in {"hardware.devices", "hardware.nodes"}:
        return change
    return replace(
        change, verdict="harmless", why="micro-batches are added up in one order, whichever process made them"
    )


def _judge_change(path: str, old: Any, new: Any, standing: Standing) -> Change:
    verdict, reason = _special_verdict(path, old, new, standing) or _rule_verdict(path)
    return Change(path, old, new, verdict, reason)


def _rule_verdict(path: str) -> tuple[Verdict, str]:
    rules = ((verdict, reason) for pattern, verdict, reason in _RULES if re.fullmatch(pattern, path))
    return next(rules, ("allowed", Change.why))


def _special_verdict(path: str, old: Any, new: Any, standing: Standing) -> tuple[Verdict, str] | None:
    """Compute the verdict if it depends on the values, or on the progress of the run."""
    if path == "trusted":
        is_same = all(_file(left) != _file(right) or left == right for left in old for right in new)
        return (
            ("harmless", "what runs is compared where it is named")
            if is_same
            else ("allowed", "your code is other")
        )
    if path == "phases.order":
        num_started = standing.index + 1 if standing.phase else 0
        is_same_order = old[:num_started] == new[:num_started]
        return None if is_same_order else ("impossible", f"the run is in phase `{standing.phase}`")
    return _phase_verdict(path, new, old, standing) if path.startswith("phases.") else None


def _phase_verdict(path: str, new: Any, old: Any, standing: Standing) -> tuple[Verdict, str] | None:
    phase, _, key = path.removeprefix("phases.").partition(".")
    if phase in standing.over and _rule_verdict(path)[0] == "allowed":
        return "impossible", f"phase `{phase}` is over"
    if phase != standing.phase:
        return None
    if key == "steps" and new < standing.step:
        return "impossible", f"{standing.step} steps of it are done"
    if _FIXED.fullmatch(key) and (key != "ema" or old is None):
        return "impossible", f"the state of phase `{phase}` was made for it"
    return None


def _file(grant: str) -> str:
    return grant.partition("@sha256:")[0]


def _tree(plan: Plan) -> dict[str, Any]:
    tree = plan.model_dump(mode="json")
    # By name, so that paths read as in the spec; the order is compared on its own.
    tree["phases"] = {phase["name"]: phase for phase in tree["phases"]}
    tree["phases"]["order"] = [phase.name for phase in plan.phases]
    tree["nodes"] = {node["path"].replace(".", "/"): node for node in tree["nodes"]}
    return tree


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and path != "phases.order":
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _differences(left, right, f"{path}.{index}")
    elif old != new:
        yield path, old, new


def refusal_problem(changes: Sequence[Change], versions: tuple[str, str] | None = None) -> Problem:
    """Return the finding that a run cannot be continued with another plan; `changes` are those that are why.

    `versions` are the program's that made the two plans, if they differ: it may be what changed the plan.
    """
    impossible = [change for change in changes if change.verdict == "impossible"]
    causes, rest = _causes(changes)
    listed = [*causes, *sorted(rest, key=lambda change: change.verdict != "impossible")][:8]
    notes = [_note(change) for change in listed]
    if len(changes) > len(listed):
        notes.append(
            f"and {len(changes) - len(listed)} more" + (" that follow" if causes and not rest else "")
        )
    summary = f"its plan has changed in `{brief(listed[0].path, 30)}`"
    if causes:
        summary = f"the data of `{brief(causes[0].path.split('.')[1], 30)}` are others now"
    undo: tuple[str, ...] = ("undo the change to continue this run",)
    if versions is not None:
        notes.append(
            f"declare {versions[0]} made the run's plan, this is declare {versions[1]}, which may plan otherwise"
        )
        undo = (f"continue it with declare {versions[0]}, or undo the change if you made one",)
    allow = () if impossible else ("or continue with the new plan from here: `--allow-changes`",)
    return Problem(
        "RES806",
        f"the run cannot be continued: {summary}",
        notes=tuple(notes),
        helps=(
            *undo,
            *allow,
            "or train a new run from its weights: `init: [{from: run:PATH}]`",
        ),
    )


def _causes(changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Return the changes by which a dataset's files are others, and those that do not follow from one."""
    causes = [change for change in changes if re.fullmatch(r"datasets\.[^.]+\.fingerprint", change.path)]
    data = [change.path.removesuffix("fingerprint") for change in causes]
    follows = tuple(place + part for place in data for part in _OF_SAMPLES)
    rest = [change for change in changes if not change.path.startswith(follows)]
    return causes, [change for change in rest if change not in causes]


def _note(change: Change) -> str:
    text = f"`{change.path}` was {cut_end(repr(change.old), 60)}, is now {cut_end(repr(change.new), 60)}"
    needs_reason = change.verdict == "impossible" or change.path.endswith(".fingerprint")
    return f"{text}: {change.why}" if needs_reason else text
