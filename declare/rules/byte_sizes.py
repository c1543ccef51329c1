"""Sizes in bytes, as specs and messages write them."""

import re

_FORM = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kKMGT]?)(i?)B\s*")


def read_bytes(text: str) -> int | None:
    """Return the bytes of `20GB` or `512MiB`; None for any other form."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    power = " KMGT".index(match[2].upper() or " ")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def bytes_text(num_bytes: float) -> str:
    """Return bytes in a readable unit: `1.5 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.3g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.3g} TB"
