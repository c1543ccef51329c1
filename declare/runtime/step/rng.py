"""Keyed randomness: every random draw of a step has its own seed, derived from its place in the run.

A generator that is seeded by (seed, phase, step, micro-batch) needs no saved state: a resumed run draws
what the uninterrupted one would have drawn.
"""

_MASK = (1 << 64) - 1


def mix(key: int, part: int) -> int:
    """Return a 64-bit hash of `key` and `part` (the finaliser of splitmix64, Steele et al. 2014)."""
    value = (key ^ (part + 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
    return value ^ (value >> 31)


def key(*parts: int) -> int:
    """Return the 64-bit key of a place in the run; the order of `parts` matters."""
    value = 0
    for part in parts:
        value = mix(value, part)
    return value
