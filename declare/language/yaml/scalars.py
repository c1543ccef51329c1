"""What a plain scalar means: the YAML 1.2 core schema, and where YAML 1.1 would have read it otherwise."""

import re
from dataclasses import dataclass

from declare.language.document import Scalar

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o([0-7]+)|0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_DIGITS = 300  # Python itself refuses 4,301 digits; nothing in a spec needs even this many

_YES = frozenset("yes Yes YES on On ON y Y".split())  # noqa: SIM905  # reads better than eight quoted words
_NO = frozenset("no No NO off Off OFF n N".split())  # noqa: SIM905
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_UNDERSCORED = re.compile(
    r"(?:[-+]?[0-9][0-9_]*(?:_[0-9_]*(?:\.[0-9_]*)?|\.[0-9_]*_[0-9_]*)|\.[0-9][0-9_]*_[0-9_]*)(?:[eE][-+]?[0-9]+)?"
)
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(?:_[0-9]{3})+(?:\.[0-9]*)?")
_BINARY = re.compile(r"[-+]?0b[01_]+")
_BASE_SIXTY = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?")


class OutOfRangeError(ValueError):
    """A number that no float can hold, or an integer of absurd length."""


@dataclass(frozen=True)
class Ambiguity:
    """How YAML 1.1 reads a scalar, how we do, and what could be written instead.

    `safe` keeps the meaning that we give it; `other` gives the one that YAML 1.1 gave.
    """

    ours: str
    theirs: str
    safe: str
    other: str | None = None


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar under the YAML 1.2 core schema.

    Raises:
        OutOfRangeError: The number overflows (`1e1000`), vanishes (`1e-1000`) or is absurdly long.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _INTEGER.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise OutOfRangeError(text)
        return int(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    based = _BASED.fullmatch(text)
    if based is None:
        return text
    if len(text) > _MAX_DIGITS:
        raise OutOfRangeError(text)
    return int(based[1], 8) if based[1] else int(based[2], 16)


def _float(text: str) -> float:
    number = float(text)
    mantissa = re.split("[eE]", text)[0]
    if number in (float("inf"), float("-inf")) or (number == 0.0 and re.search("[1-9]", mantissa)):
        raise OutOfRangeError(text)
    return number


def ambiguity(text: str) -> Ambiguity | None:
    """Return the other reading of a plain scalar that YAML 1.1 tools see differently, None for most."""
    if text in _YES:
        return Ambiguity(f'the string "{text}"', "true", f'"{text}"', "true")
    if text in _NO:
        return Ambiguity(f'the string "{text}"', "false", f'"{text}"', "false")
    if not text or text[0] not in "0123456789+-.":
        return None
    return _ambiguous_number(text)


def _ambiguous_number(text: str) -> Ambiguity | None:
    """Return the readings of digits with leading zeros, underscores, colons or `0b`."""
    for reader in (_leading_zero, _binary, _underscore_ambiguity, _base_sixty):
        number = reader(text)
        if number is not None:
            return number
    return None


def _leading_zero(text: str) -> Ambiguity | None:
    if not _LEADING_ZERO.fullmatch(text) or len(text) > _MAX_DIGITS:
        return None
    value = int(text)
    if not _OCTAL.fullmatch(text):
        return Ambiguity(f"the number {value}", "a string", str(value), f'"{text}"')
    digits = text.lstrip("+-")
    octal = int(digits, 8) * (-1 if text[0] == "-" else 1)
    return (
        None
        if octal == value
        else Ambiguity(f"the number {value}", f"octal, {octal}", str(value), str(octal))
    )


def _binary(text: str) -> Ambiguity | None:
    digits = text.lstrip("+-")[2:].replace("_", "")
    if not _BINARY.fullmatch(text) or len(text) > _MAX_DIGITS or not digits:
        return None
    value = int(digits, 2) * (-1 if text[0] == "-" else 1)
    return Ambiguity(f'the string "{text}"', str(value), f'"{text}"', str(value))


def _underscore_ambiguity(text: str) -> Ambiguity | None:
    if not _UNDERSCORED.fullmatch(text):
        return None
    number = text.replace("_", "")
    ours, theirs = f'the string "{text}"', f"the number {number}"
    if _GROUPED.fullmatch(text):
        return Ambiguity(ours, theirs, number)
    return Ambiguity(ours, theirs, f'"{text}"', number)


def _base_sixty(text: str) -> Ambiguity | None:
    if not _BASE_SIXTY.fullmatch(text):
        return None
    return Ambiguity(f'the string "{text}"', "a number to base 60", f'"{text}"')
