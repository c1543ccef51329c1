"""Arguments that a spec hands on to a library: numbers and plain words, nothing that names code, files or servers.

A library's model takes many keyword arguments, and some of them load: a checkpoint, a repository with its own code, a
cache folder. Those are refused by name, and so is every text that could be a path or an address.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from declare.contract.problem import Problem, ProblemError

_DEEPEST = 8
_MOST = 10_000
"""Values that arguments may hold; a library that is asked for more builds for ever."""
_LARGEST = 1 << 40
_WORD = re.compile(r"[\w .,+-]{0,100}", re.ASCII)
_NAME = re.compile(r"[A-Za-z]\w{0,80}", re.ASCII)
_LOADING = frozenset(
    """
    auto_map backbone backbone_config backbone_kwargs cache_dir checkpoint checkpoint_path code_revision
    custom_pipelines features_only force_download hub_kwargs kernel_config local_files_only model_args model_path
    name_or_path proxies quantization_config repo_id revision safetensors_weights_name scriptable state_dict subfolder
    token trust_remote_code url use_auth_token use_kernels use_timm_backbone weights weights_backbone weights_path
    """.split()  # noqa: SIM905  # reads better than thirty quoted words
)


def problem(arguments: Mapping[str, Any], at: str) -> Problem | None:
    """Return why arguments may not be handed on (REF244), with the path below `at`; None if they may."""
    for count, (path, key, value, depth) in enumerate(_walk(arguments, at, 0)):
        because = _reason(key, value, depth) or (f"more than {_MOST:,} values" if count >= _MOST else None)
        if because is not None:
            return Problem(
                "REF244",
                f"`{key[:40]}` may not be handed on to a library: {because}",
                at=path,
                label="not handed on",
                helps=("remove it: arguments are numbers, truth values and plain words",),
            )
    return None


def require(arguments: Mapping[str, Any], at: str) -> Mapping[str, Any]:
    """Return arguments that may be handed on; raises `ProblemError` (REF244) for others."""
    refusal = problem(arguments, at)
    if refusal is not None:
        raise ProblemError(refusal)
    return arguments


def _walk(value: Any, at: str, depth: int, key: str = "") -> Iterator[tuple[str, str, Any, int]]:
    """Yield path, nearest key, value and depth of everything inside `value`."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, part in items:
        path, nearest = f"{at}.{name}", name if isinstance(value, Mapping) else key
        yield path, str(nearest), part, depth
        if isinstance(part, Mapping | list | tuple) and depth <= _DEEPEST:
            yield from _walk(part, path, depth + 1, str(nearest))


def _reason(key: str, value: Any, depth: int) -> str | None:
    """Return why one argument is refused, or None."""
    if depth > _DEEPEST:
        return f"nested more than {_DEEPEST} deep"
    if not _NAME.fullmatch(key) and not key.isdecimal():
        return "no name of an argument"
    if key in _LOADING or key.startswith(("pretrained", "use_pretrained", "from_")):
        return "it decides what is loaded"
    if isinstance(value, str) and not _WORD.fullmatch(value):
        return "its text is not a plain word"
    if isinstance(value, int | float) and abs(value) > _LARGEST:
        return "its number is too large"
    return None
