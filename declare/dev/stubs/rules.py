"""The stub of a rule: its file, and the page of its code, which is its test."""

from pathlib import Path

from declare.dev.repository import ROOT
from declare.diagnostics.codes import codes

_FAMILIES = {
    "data": "DAT",
    "hardware": "HW",
    "losses": "LOS",
    "phases": "PHS",
    "reference": "REF",
    "resources": "RES",
    "shapes": "SHP",
    "style": "STY",
    "tune": "PHS",
}
"""The folders of rules and the letters of their codes."""
DEFAULT = "style"

_RULE = '''"""Say in one sentence what contradicts what."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "{code}"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield each phase that ... (say what)."""
    for phase in phases(view):
        if phase.name:  # say what is wrong instead
            continue
        yield Problem(
            CODE,
            f"phase `{{phase.name}}` contradicts itself",
            at=phase.path,
            label="say it in 8 words at most",
            helps=("say what to do",),
        )
'''
_SPEC = """declare: 1
datasets:
  lab:
    source: {type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}]
    split: {val: 0.25, by: subject}
model:
  encoder: {type: mlp, input: features, hidden: [8]}
tasks:
  stimulus: {type: classification, dataset: lab, target: stimulus}
phases:
  fit: {epochs: 2, batch_size: 10, optimizer: {type: adamw, lr: 1e-3}}
"""
_PAGE = f"""---
severity: error
place: phases.fit
---
Say in one sentence what is wrong.

## Why
Say why it matters.

## Bad
```yaml spec.yaml
{_SPEC}```

## Good
```yaml spec.yaml
{_SPEC}```
"""


def families() -> tuple[str, ...]:
    """Return the folders that hold rules."""
    return tuple(_FAMILIES)


def files(family: str, name: str) -> dict[Path, str]:
    """Return the text of each file of a new rule; its code is the next one of its family."""
    letters = _FAMILIES[family]
    number = 1 + max(int(code.removeprefix(letters)) for code in codes() if code.startswith(letters))
    code = f"{letters}{number}"
    page = ROOT / "declare" / "diagnostics" / "catalogue" / f"{code}-{name.replace('_', '-')}.md"
    return {ROOT / "declare" / "rules" / family / f"{name}.py": _RULE.format(code=code), page: _PAGE}


def announcement(name: str) -> str:
    """Return the line of the changelog."""
    return f"- A finding: {name.replace('_', ' ')}."
