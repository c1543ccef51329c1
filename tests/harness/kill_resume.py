"""Kills real runs of `dcl train` with SIGKILL, resumes them, and compares the end bit for bit.

    python -m tests.harness.kill_resume --kills 500 --seed 1

One parent imports everything once and forks: each child is the command `dcl train` from its first line on, so a
kill costs a second instead of an import of torch. `--cli N` adds kills of processes that were started the usual way.
Kills come at a random time, or in a *moment* (inside a save, an evaluation, a hand-over, a micro-batch), a few
milliseconds after it began or at once. After each kill no acknowledged checkpoint may be lost; at the end
every tensor, figure and mark must equal those of a run that nobody disturbed. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MOMENTS = {
    "start-up": ("declare.runtime.run_folder.folder", "create", 1),
    "opening of the data": ("declare.runtime.setup.builder", "open_tables", 1),
    "restoring": ("declare.runtime.checkpoint.state_tree", "StateTree.restore", 2),
    "micro-batch": ("declare.runtime.step.forward_backward", "SingleScale.forward", 60),
    "update": ("declare.runtime.step.lr", "OptimizerLR.apply", 40),
    "evaluation": ("declare.runtime.setup.builder", "PlanBuilder.evaluate", 10),
    "save": ("declare.runtime.checkpoint.atomic_write", "CheckpointStore.write", 16),
    "fsync": ("os", "fsync", 90),
    "rename": ("pathlib", "Path.rename", 30),
    "prune": ("declare.runtime.checkpoint.saver", "prune", 16),
    "deletion": ("shutil", "rmtree", 40),
    "hand-over": ("declare.runtime.setup.builder", "PlanBuilder.initialize", 3),
    "weights of a phase": ("declare.runtime.checkpoint.manager", "CheckpointManager.load_phase_weights", 2),
    "end": ("declare.runtime.run", "_Session._finish_run", 1),
    "report": ("declare.api", "_write_page", 1),
}
"""What may be interrupted: module, function, and about how often a run calls it."""
PATIENCE = 120.0
STOPPED = 75


@dataclass
class Tally:
    """What was done to runs, and what came of it."""

    kills: int = 0
    stops: int = 0
    runs: int = 0
    where: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def count(self, moment: str) -> None:
        """Note a kill."""
        self.kills += 1
        self.where[moment] = self.where.get(moment, 0) + 1


@dataclass(frozen=True)
class Blow:
    """A kill to come: in the `call`-th `moment`, or with no moment, `delay` seconds after it or the start."""

    moment: str
    call: int
    delay: float
    background: bool = False
    """Whether the process writes its states in the background, however small they are."""
    signals: tuple[int, ...] = (signal.SIGKILL,)
    """What is sent, a few milliseconds apart."""

    @classmethod
    def drawn(cls, draw: random.Random, seconds: float) -> Blow:
        """Draw one; `seconds` is how long an undisturbed run takes."""
        background = draw.random() < 0.5
        if draw.random() < 0.4:
            return cls("", 0, draw.uniform(0, seconds), background)
        moment = draw.choice(list(MOMENTS))
        delay = draw.choice([0.0, draw.uniform(0, 0.003), draw.uniform(0, 0.02)])
        # A resumed run makes fewer calls than a whole one, so early ones are drawn more often.
        return cls(moment, 1 + int(MOMENTS[moment][2] * draw.random() ** 2), delay, background)


def stopping(draw: random.Random, seconds: float) -> Blow:
    """Draw a request to stop: Ctrl-C or SIGTERM, sometimes twice."""
    number = draw.choice([signal.SIGINT, signal.SIGTERM])
    signals = (number,) * draw.choice([1, 1, 1, 2])
    return replace(Blow.drawn(draw, seconds), signals=signals)


class Hunt:
    """A folder with the spec, its data and the runs; processes are forked from this one."""

    def __init__(self, folder: Path, forget: str = "") -> None:
        from tests.harness.interrupted_runs import fingerprint, lay_out

        self.folder, self._forget = folder, forget
        lay_out(folder)
        os.environ |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "NO_COLOR": "1"}
        os.environ["DECLARE_CACHE_DIR"] = str(folder / "cache")
        self._preload()
        began = time.perf_counter()
        status = self.attempt("clean", None)
        self.seconds = time.perf_counter() - began
        if status != 0:
            raise RuntimeError(f"the undisturbed run ended with {status}:\n{self.log('clean')}")
        self.clean = fingerprint(folder / "clean")

    def log(self, name: str) -> str:
        """Return what the processes of a run printed."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _preload(self) -> None:
        """Import in this process what a run imports, so that children start warm and no thread is forked."""
        listing = self.folder / "modules.json"
        child = os.fork()
        if child == 0:
            self._be_child("first", None, -1, listing)
        if os.waitpid(child, 0)[1] != 0:
            raise RuntimeError(f"the first run failed:\n{self.log('first')}")
        for name in json.loads(listing.read_text()):
            if name != "__main__":
                try:
                    importlib.import_module(name)
                except Exception:  # noqa: BLE001 - what cannot be imported alone is imported by the child
                    continue

    def words(self, name: str) -> list[str]:
        """Return the command line that begins or continues a run."""
        begun = (self.folder / name / "plan.json").exists()
        return ["train", "spec.yaml", "--quiet", "--run-dir", name, *(["--resume"] if begun else [])]

    def attempt(self, name: str, blow: Blow | None) -> int:
        """Begin or continue a run in a child that may be killed; return its status, -9 if it was."""
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            self._be_child(name, blow, theirs)
        os.close(theirs)
        timed = blow is not None and not blow.moment
        ready = select.select([ours], [], [], blow.delay if blow and timed else PATIENCE)[0]
        heard = bool(ready) and os.read(ours, 1) == b"x"
        if blow is not None and (heard or not ready):
            if heard:
                select.select([ours], [], [], blow.delay)
            for number in blow.signals:
                os.kill(child, number)
                select.select([ours], [], [], 0.005)
        hung = not select.select([ours], [], [], PATIENCE)[0]  # the end closes the pipe
        if hung:
            os.kill(child, signal.SIGKILL)
        os.close(ours)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if hung:
            raise TimeoutError(f"{name} hung: {self.log(name)[-2000:]}")
        return status

    def _be_child(self, name: str, blow: Blow | None, pipe: int, listing: Path | None = None) -> None:
        """Be `dcl train`; list what it has imported."""
        code = 99
        try:
            os.chdir(self.folder)
            log = os.open(f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            words = self.words(name)
            if blow is not None and blow.background:
                importlib.import_module("declare.runtime.checkpoint.saver")._WORTH_BYTES = 0  # type: ignore[attr-defined]
            if blow is not None and blow.moment:
                _set_trap(blow, pipe)
            if self._forget:
                _forget(self._forget)
            from declare.__main__ import main

            code = main(words)
            if listing is not None:
                listing.write_text(json.dumps(list(sys.modules)), encoding="utf-8")
        except BaseException:  # noqa: BLE001 - a child that goes on would be a second parent
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def trial(self, name: str, blows: Iterator[Blow], tally: Tally) -> None:
        """Kill one run with each blow in turn, let it finish, and compare."""
        told: list[Blow] = []
        for blow in blows:
            told.append(blow)
            status = self.attempt(name, blow)
            if status != -signal.SIGKILL:
                break
            tally.count(blow.moment or "any time")
            self._check_acknowledged(name, told, tally)
        else:
            status = self.attempt(name, None)
        self.judge(name, status, told, tally)

    def stopping_trial(self, name: str, blows: Iterator[Blow], tally: Tally) -> None:
        """Ask one run to stop with each blow in turn, let it finish, and compare."""
        told: list[Blow] = []
        for blow in blows:
            told.append(blow)
            status = self.attempt(name, blow)
            if status == 0:
                break
            tally.stops += 1
            tally.where[f"status {status}"] = tally.where.get(f"status {status}", 0) + 1
            wrong = self._stopped_badly(name, blow, status)
            if wrong:
                tally.failures.append(f"{name} after {told}: {wrong}; {self.log(name)[-1500:]}")
        else:
            status = self.attempt(name, None)
        self.judge(name, status, told, tally)

    def _stopped_badly(self, name: str, blow: Blow, status: int) -> str:
        """Return what is wrong with how a run ended that was asked to stop, or nothing."""
        from declare.runtime.run_folder.folder import Run

        if "Traceback" in self.log(name):
            return "a traceback was shown"
        begun = (self.folder / name / "plan.json").exists()
        events = list(Run(self.folder / name).events()) if begun else []
        last = events[-1]["event"] if events else ""
        if status == STOPPED:
            saved = Run(self.folder / name).checkpoints()
            newest = saved[0].step if saved else 0  # it may end before the first step
            return (
                ""
                if (last, newest) == ("run_stopped", events[-1].get("total", 0))
                else f"{last}, saved at {newest}"
            )
        # Before the run holds its folder, and once it is done with it, a signal ends the process as ever.
        outside = last in {"", "run_stopped", "run_finished"}
        return "" if outside or len(blow.signals) > 1 else f"status {status} after {last}"

    def judge(self, name: str, status: int, told: list[Any], tally: Tally) -> None:
        """Compare a run that came to its end with the one that nobody disturbed."""
        from tests.harness.interrupted_runs import differences, fingerprint

        tally.runs += 1
        if status != 0:
            tally.failures.append(f"{name} ended with {status} after {told}: {self.log(name)[-2000:]}")
            return
        different = differences(fingerprint(self.folder / name), self.clean)
        if different:
            tally.failures.append(f"{name} differs after {told} in {different[:5]}, {len(different)} in all")
        litter = [path.name for path in (self.folder / name / "checkpoints").glob(".*")]
        if litter:
            tally.failures.append(f"{name} left {litter} after {told}")

    def _check_acknowledged(self, name: str, told: list[Blow], tally: Tally) -> None:
        """See that a checkpoint at least as new as the last acknowledged one is there and whole."""
        from declare.runtime.checkpoint.atomic_write import CheckpointStore
        from declare.runtime.run_folder.folder import Run

        place = self.folder / name
        if not (place / "plan.json").exists():
            return
        promised = max((event["sequence"] for event in Run(place).events("checkpoint_saved")), default=0)
        if promised:
            newest, rejected = CheckpointStore(place).newest()
            if newest is None or newest.sequence < promised or rejected:
                tally.failures.append(f"{name} lost save {promised} after {told}: {newest}, {rejected}")


def _forget(part: str) -> None:
    """Lose a part of the state at every resume: the hunt must find that out."""
    from declare.runtime.checkpoint.state_tree import StateTree

    restore = StateTree.restore

    def forgetful(self: StateTree, tree: dict[str, Any]) -> None:
        kept = {name: item for name, item in self._parts.items() if name != part}
        restore(StateTree().with_parts(**kept), tree)

    StateTree.restore = forgetful  # type: ignore[method-assign]


def _set_trap(blow: Blow, pipe: int) -> None:
    """Replace the function of a moment by one that dies, or calls for death, at its `call`-th call."""
    module, path, _ = MOMENTS[blow.moment]
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    original: Callable[..., Any] = getattr(owner, name)
    plain = isinstance(owner.__dict__[name], staticmethod)
    seen = 0

    def trapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == blow.call:
            if not blow.delay and blow.signals == (signal.SIGKILL,):
                os.kill(os.getpid(), signal.SIGKILL)
            os.write(pipe, b"x")
        return original(*args, **kwargs)

    setattr(owner, name, staticmethod(trapped) if plain else trapped)


def kill_command_line(hunt: Hunt, name: str, kills: int, draw: random.Random, tally: Tally) -> None:
    """Do the same to processes that were started the usual way, killed once they have written some events."""
    events = hunt.folder / name / "events.jsonl"
    told = []
    status = 0
    for number in range(kills + 1):
        before = events.stat().st_size if events.exists() else 0
        wanted = before + draw.randint(200, 6000)
        process = subprocess.Popen(
            [sys.executable, "-m", "declare", *hunt.words(name)],
            cwd=hunt.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=(hunt.folder / f"{name}.log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        while number < kills and process.poll() is None:
            if events.exists() and events.stat().st_size >= wanted:
                process.kill()
            time.sleep(0.001)
        status = process.wait(PATIENCE)
        if status != -signal.SIGKILL:
            break
        told.append(wanted - before)
        tally.count("command line")
    hunt.judge(name, status, told, tally)


@contextmanager
def _folder(path: Path | None) -> Iterator[Path]:
    if path is not None:
        path.mkdir(parents=True)
        yield path
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def main() -> int:
    """Kill as often as the command line asks; 0 if every run came to the same end."""
    parser = argparse.ArgumentParser(description="Kill runs at random moments and compare their ends.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--stops", type=int, default=0, help="requests to stop, by Ctrl-C or SIGTERM")
    parser.add_argument("--cli", type=int, default=0, help="kills of processes started the usual way")
    parser.add_argument("--each", type=int, default=6, help="most kills of one run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forget", default="", help="a part of the state that no resumed run is given")
    parser.add_argument("--folder", type=Path, help="a new folder to work in, which stays")
    asked = parser.parse_args()
    draw, tally, began = random.Random(asked.seed), Tally(), time.perf_counter()
    with _folder(asked.folder) as folder:
        hunt = Hunt(folder.resolve(), asked.forget)
        while tally.kills < asked.kills:
            count = min(draw.randint(1, asked.each), asked.kills - tally.kills)
            hunt.trial(f"run-{tally.runs}", (Blow.drawn(draw, hunt.seconds) for _ in range(count)), tally)
        while tally.stops < asked.stops:
            wanted = (stopping(draw, hunt.seconds) for _ in range(min(4, asked.stops - tally.stops)))
            hunt.stopping_trial(f"run-{tally.runs}", wanted, tally)
        if asked.cli:
            kill_command_line(hunt, "run-cli", asked.cli, draw, tally)
    seconds = round(time.perf_counter() - began, 1)
    figures = {**vars(tally), "clean_seconds": round(hunt.seconds, 2), "seconds": seconds}
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
