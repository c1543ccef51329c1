"""Components of a plan on one line: the type, and every parameter that differs from its default."""

from collections.abc import Collection, Mapping
from typing import Any

_LONG = 400


def component(kind: str, block: Mapping[str, Any], leave_out: Collection[str] = ()) -> str:
    """Return a component on one line, without the parameters in `leave_out`, which are printed elsewhere."""
    block_parameters = {key: value for key, value in parameters(kind, block).items() if key not in leave_out}
    target = block_parameters.pop("field", None) or ", ".join(block_parameters.pop("fields", None) or ())
    words = [
        str(value) if key in {"name", "path"} else f"{key} {short(value)}"
        for key, value in block_parameters.items()
    ]
    text = " ".join([str(block["type"]), ", ".join(words)]).strip()
    return text + (f" on {target}" if target else "")


def parameters(kind: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a block that differ from the component's defaults."""
    from declare.contract.component import plain
    from declare.parsing.lookup import find

    component = find(kind, str(block["type"]))
    fields = component.model_fields if component else {}
    defaults = {info.alias or key: plain(info.default) for key, info in fields.items()}
    return {key: value for key, value in block.items() if key != "type" and value != defaults.get(key)}


def short(value: object) -> str:
    """Return a value as text, numbers in full; cut if it is very long."""
    if isinstance(value, Mapping):
        value = ", ".join(f"{key} {short(item)}" for key, item in value.items() if item is not None)
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        value = "; ".join(map(short, value))
    text = str(value)
    if isinstance(value, float) and float(f"{value:g}") == value:
        text = f"{value:g}"
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."
