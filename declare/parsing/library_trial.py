"""Trying a component of an outside library once before a run relies on it; answers are remembered.

Which values of a library's parameters go together, and with which data, only the library knows. So the component's
`try_out` is called in its own process on a made-up sample. What it answers is kept in the user's cache by the
parameters, the sample, and the versions of the libraries: a spec that was tried before needs no library.
"""

import hashlib
import inspect
import json
from pathlib import Path
from typing import Any

from declare.contract import strict_json
from declare.contract.component import Component, Refusal
from declare.contract.problem import ProblemError
from declare.system import user_cache, worker_process
from declare.system.library_table import installed_version
from declare.system.worker_process import CallError

FORMAT = 1
_APART = frozenset({"field", "fields", "on", "groups"})
"""Parameters of a component's use, not of how it works."""


def refusal(component: Component, sample: Any) -> Refusal | None:
    """Return why `component` does not work on a plain `sample`, as its `try_out` takes it; None if it works."""
    if component.is_proven(sample):
        return None
    name = user_cache.key(
        FORMAT,
        component.kind(),
        {key: value for key, value in component.dump().items() if key not in _APART},
        sample,
        _code(component),
        {library: installed_version(library) for library in component.third_party},
        installed_version("declare-trainer"),
    )
    path = user_cache.folder("trials") / f"{name}.json"
    known = _parse_answer(user_cache.read_text(path))
    if known is None:
        request = {"kind": component.kind(), "block": component.dump(), "sample": sample}
        try:
            known = worker_process.call(f"{__name__}:attempt", request)
        except CallError as error:
            return Refusal(error.text if not error.is_lasting else f"{error.kind}: {error.text}")
        user_cache.write_text(path, strict_json.dumps(known))
    return Refusal(**known) if known["text"] else None


def attempt(kind: str, block: dict[str, Any], sample: Any) -> dict[str, Any]:
    """Return the parts of a `Refusal`, its text empty if the component works; runs in the worker."""
    from declare.parsing.read_component import read_component

    component = read_component(kind, block)
    text = _failure(component, sample)
    if not text:
        return {"text": ""}
    others = component.other_samples(sample).items()
    fitting = next((name for name, other in others if not _failure(component, other)), None)
    return {"text": text, "parameter": _failing_parameter(component, sample), "works_on": fitting}


def _failure(component: Component, sample: Any) -> str:
    """Return what a component refuses in one line; empty if it works."""
    from declare.system.out_of_memory import is_shortage

    try:
        component.try_out(sample)
    except BaseException as error:
        if is_shortage(error):
            raise
        if isinstance(error, ProblemError):  # our own message already
            notes = error.problem.notes
            return notes[0].rpartition(" says: ")[2] if notes else error.problem.title
        message = (str(error).strip().splitlines() or [""])[0][:300]
        return f"{type(error).__name__}: {message}" if message else type(error).__name__
    return ""


def _failing_parameter(component: Component, sample: Any) -> str | None:
    """Return the stated parameter without which the component works, by its default or, if it must be, alone."""
    needed = []
    for name, field in type(component).model_fields.items():
        if name in _APART:
            continue
        if field.is_required():
            needed.append(name)
        elif getattr(component, name) != field.get_default(call_default_factory=True):
            plain = component.model_copy(
                update={name: field.get_default(call_default_factory=True, validated_data={})}
            )
            if not _failure(plain, sample):
                return name
    return needed[0] if len(needed) == 1 else None


def _code(component: Component) -> str:
    """Return a hash of the file that tries the component."""
    file = inspect.getsourcefile(type(component).try_out)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


def _parse_answer(text: str | None) -> dict[str, Any] | None:
    try:
        answer = json.loads(text or "null")
    except ValueError:
        return None
    fits = isinstance(answer, dict) and "text" in answer and set(answer) <= set(Refusal._fields)
    return answer if fits else None
