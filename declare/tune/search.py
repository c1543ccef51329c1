"""A search: its folder, the spec that it varies, and what its trials came to."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from declare.compiler.pipeline import CheckedSpec
from declare.compiler.pipeline import check as compile_spec
from declare.contract import strict_json
from declare.contract.problem import Problem, ProblemError
from declare.diagnostics.diagnostic import Diagnostic
from declare.language.spec import Tune
from declare.runtime.run_folder.durable_io import brief, translate_os_errors, write_durably
from declare.runtime.run_folder.folder import plan_content
from declare.tune.space import Values, as_sets, as_written, probes

RECORD, SPEC, PLAN, DATABASE = "search.json", "spec.yaml", "plan.json", "study.db"
State = Literal["complete", "pruned", "failed", "broken", "stopped", "running"]
"""`failed` is what the training came to; `broken` is a trial that could not be run."""


@dataclass(frozen=True)
class Trial:
    """One point of the space and what became of it; `value` is that of the searched metric."""

    number: int
    values: Values
    state: State
    value: float | None = None
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Search:
    """What every worker of a search must know; without a folder it goes to `searches/NAME/<time>`."""

    spec: Path
    sets: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    folder: Path = Path()
    trials: int | None = None
    """How many trials; None: as in the spec."""

    def check(self, values: Values | None = None) -> CheckedSpec:
        """Check the spec at a point of the space (unchanged without one)."""
        return compile_spec(self.spec, (*self.sets, *as_sets(values or {})), self.trust)

    @property
    def tune(self) -> Tune:
        """The search that the spec describes."""
        spec = compile_spec(self.spec, self.sets, self.trust, until="schema").spec
        assert spec is not None
        assert spec.tune is not None
        block = as_written(spec.tune)
        return block if self.trials is None else block.model_copy(update={"trials": self.trials})

    def place(self, number: int) -> Path:
        """Return the run folder of a trial."""
        return self.folder / "trials" / f"{number:04d}"

    def write(self, stated: int) -> None:
        """Keep what the search is, for going on; `stated` is how many trials its spec asks for."""
        about = {"format": "1.0", "folder": None, "stated": stated}
        text = strict_json.dumps(asdict(self) | about, default=str, indent=1)
        write_durably(self.folder / RECORD, text.encode())


def create(search: Search, checked: CheckedSpec) -> Search:
    """Create the folder of a search, new or empty; raises `ProblemError` (RES803) if it contains files."""
    assert checked.plan is not None
    assert checked.plan.tune is not None
    place = search.folder
    if place == Path():
        place = _fresh(Path("searches") / checked.plan.name)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise ProblemError(
            Problem(
                "RES803",
                f"the folder `{brief(place)}` is not empty",
                notes=(f"a search never overwrites files in its folder: `{place}`",),
                helps=(
                    "continue the search that is there with `--resume`",
                    "or name a new one with `--run-dir`",
                ),
            )
        )
    with translate_os_errors(place):
        (place / "trials").mkdir(parents=True, mode=0o700, exist_ok=True)
        search = replace(search, folder=place, spec=search.spec.absolute())
        write_durably(place / SPEC, checked.document.sources[0].text.encode())
        write_durably(place / PLAN, plan_content(checked.plan))
        search.write(checked.plan.tune["trials"])
    return search


def invalid_points(search: Search, tune: Tune) -> Iterable[tuple[Values, Diagnostic]]:
    """Yield the problems of the spec at invalid points of the space."""
    for values in probes(tune):
        for diagnostic in search.check(values).diagnostics:
            if diagnostic.severity == "error":
                yield values, diagnostic
                break


def _fresh(parent: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (stamp, *(f"{stamp}-{number}" for number in range(2, 1000)))
    return next(parent / name for name in names if not (parent / name).exists())


def best(trials: Iterable[Trial], mode: str) -> Trial | None:
    """Return the trial with the best value among those that came to their end."""
    done = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    sign = 1 if mode == "max" else -1
    return max(done, key=lambda trial: sign * float(trial.value or 0.0), default=None)


def settings(tune: Tune) -> dict[str, Any]:
    """Return the search's own settings, for its record and its page."""
    return {name: getattr(tune, name) for name in ("metric", "mode", "trials", "sampler", "pruner", "engine")}
