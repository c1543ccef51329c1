"""Tries every edge of every parameter on a base that validates: what is not refused must train and predict."""

from __future__ import annotations

import json
import random
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.combining.bounds import Edge, base_of, edges_of, targets
from tests.combining.hunting import Hunt
from tests.combining.trial import Result
from tests.combining.writing import Spec, errors_of, text_of

_BASES = 3
"""So many bases are grown until one trains."""
_NO_MEMORY = "RES810"
"""What the program says where memory runs out before training."""
REFUSED, CLEAN = "refused", "clean"


@dataclass
class Verdict:
    """What became of one edge: refused, clean, or how it failed."""

    owner: str
    key: str
    value: Any
    outcome: str
    codes: list[str] = field(default_factory=list)
    details: str = ""

    @property
    def name(self) -> str:
        """Which edge it was of."""
        return f"{self.owner}.{self.key}={self.value!r}"


class Sweep:
    """Goes through bases and edges of a hunt's data; `log` holds verdicts, a line of JSON each, and is gone on with."""

    def __init__(self, hunt: Hunt, log: Path, *, rich: bool = False) -> None:
        self.hunt, self.log, self.rich = hunt, log, rich
        self.known = {verdict.name: verdict for verdict in read(log)}

    def over(self, go_on: Callable[[], bool], only: str = "", portion: tuple[int, int] = (0, 1)) -> None:
        """Try all edges of the targets whose name begins with `only`, of every so manieth target and edge."""
        first, every = portion
        for number, (kind, name) in enumerate(targets()):
            if not go_on() or not f"{kind}/{name}".startswith(only):
                continue
            base = self.base(kind, name)
            if base is None:
                self._note(Verdict(f"{kind}/{name}", "", "", "no base"))
                continue
            all_edges = list(edges_of(base, kind, name))
            chosen = [edge for at, edge in enumerate(all_edges) if (at + number) % every == first % every]
            self._try(base, chosen, go_on)

    def base(self, kind: str, name: str) -> Spec | None:
        """Return the base of a target: the one that was grown before, where there is one."""
        stem = f"{'rich' if self.rich else 'plain'}-{self.hunt.seed}-{kind}-{name}.json"
        path = self.hunt.folder / "bases" / stem
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(self._grown(kind, name)))
        found: Spec | None = json.loads(path.read_text())
        return found

    def _grown(self, kind: str, name: str) -> Spec | None:
        """Return a new base that trains; those that do not are failures."""
        for number in range(_BASES):
            with tempfile.NamedTemporaryFile("r", dir=self.hunt.folder) as answer:
                draw = random.Random(f"{self.hunt.seed}-{kind}-{name}-{number}")

                def grow(path: Path = Path(answer.name), draw: random.Random = draw) -> None:
                    made = base_of(self.hunt.places, kind, name, draw, rich=self.rich)
                    path.write_text(json.dumps(made))

                self.hunt.child(grow)
                base: Spec | None = json.loads(answer.read() or "null")
            if base is None:
                continue
            result, _ = self.hunt.apart(lambda base=base: base, whole=False)
            if result.clean and not result.wrong:
                return base
            details = text_of(base) + result.details
            self._note(
                Verdict(f"{kind}/{name}", "base", number, _outcome(result), result.codes, details[-5000:])
            )
        return None

    def _try(self, base: Spec, edges: list[Edge], go_on: Callable[[], bool]) -> None:
        new = [edge for edge in edges if Verdict(edge.owner, edge.key, edge.value, "").name not in self.known]
        for edge, codes, error in self._screened(base, new):
            if error:
                self._note(_verdict(edge, f"validate: {error}"))
            elif codes:
                self._note(_verdict(edge, REFUSED, codes))
            elif go_on():
                result, _ = self.hunt.apart(lambda edge=edge: edge.of(base), whole=False)
                self._note(_verdict(edge, _outcome(result), result.codes, result.details))

    def _screened(self, base: Spec, edges: list[Edge]) -> Iterator[tuple[Edge, list[str], str]]:
        """Yield codes of each edge's errors, or how the compiler fell; a child tries one after another until it dies."""
        while edges:
            with tempfile.NamedTemporaryFile("r", dir=self.hunt.folder) as answers:
                path, left = Path(answers.name), list(edges)
                ended = self.hunt.child(lambda left=left, path=path: _screen(base, left, path))
                lines = [json.loads(line) for line in answers.read().splitlines()]
            for edge, (codes, error) in zip(edges, lines, strict=False):
                yield edge, codes, error
            edges = edges[len(lines) :]
            if edges:
                yield edges[0], [], ended
                edges = edges[1:]

    def _note(self, verdict: Verdict) -> None:
        self.known[verdict.name] = verdict
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(verdict)) + "\n")


def _verdict(edge: Edge, outcome: str, codes: list[str] | None = None, details: str = "") -> Verdict:
    return Verdict(edge.owner, edge.key, edge.value, outcome, codes or [], details[-3000:])


def _outcome(result: Result) -> str:
    if result.wrong:
        return result.signature
    return CLEAN if result.clean else REFUSED


def _screen(base: Spec, edges: list[Edge], answers: Path) -> None:
    with answers.open("w") as file:
        for edge in edges:
            codes, error = [], ""
            try:
                codes = sorted({code for _, code in errors_of(edge.of(base))})
            except MemoryError:
                codes = [_NO_MEMORY]
            except Exception as found:  # noqa: BLE001 - that is what is looked for
                error = f"raises {type(found).__name__}: {found}"
                traceback.print_exc()
            file.write(json.dumps([codes, error]) + "\n")
            file.flush()


def read(log: Path) -> list[Verdict]:
    """Return the verdicts in a log."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [Verdict(**json.loads(line)) for line in lines]


def table(verdicts: list[Verdict]) -> dict[str, Any]:
    """Return counts by kind, the failures by what they have in common, and components without a base."""
    counts: dict[str, Counter[str]] = {}
    failed: dict[str, list[str]] = {}
    for verdict in verdicts:
        row = counts.setdefault(verdict.owner.partition("/")[0], Counter())
        row["tried"] += verdict.outcome != "no base"
        if verdict.outcome in {REFUSED, CLEAN, "no base"}:
            row[verdict.outcome] += 1
        else:
            row["failed"] += 1
            failed.setdefault(verdict.outcome, []).append(verdict.name)
    total = sum(counts.values(), Counter())
    return {
        "counts": {kind: dict(row) for kind, row in counts.items()} | {"total": dict(total)},
        "failed": failed,
        "no base": [verdict.owner for verdict in verdicts if verdict.outcome == "no base"],
    }
