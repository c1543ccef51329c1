"""The classes of masks: from the values that occur, in order, or as named in the spec."""

from collections.abc import Mapping, Sequence

from declare.components.fields._class_values import no_zero
from declare.components.fields._mask_codes import code_of, format_values, is_colour, value_of
from declare.contract.problem import Problem, ProblemError, Rewrite

_MANY = 20
"""Up to this many values are classes even if some numbers in between do not occur."""
_LOSSY = 2
"""Up to this many values may occur in files with lossy compression."""
_USUAL_VOID = (255, 65535)

Classes = tuple[tuple[str, ...], list[int]]
"""Class names, and the code of each."""


def names_of(codes: Sequence[int]) -> tuple[str, ...]:
    """Return the values themselves as class names."""
    return tuple(str(value_of(code)) for code in codes)


def by_value(codes: list[int]) -> Classes:
    """Return the occurring values as classes; raises `ProblemError` DAT394 or DAT395 if they cannot be classes."""
    in_a_row = codes == list(range(codes[0], codes[0] + len(codes)))
    if len(codes) > _MANY and not in_a_row and not _void_apart(codes):
        raise ProblemError(_too_many(codes))
    numbers = sum(not is_colour(value_of(code)) for code in codes)
    if numbers not in {0, len(codes)}:
        raise ProblemError(_numbers_and_colours(codes))
    apart = _void_apart(codes)
    if apart is not None:
        raise ProblemError(_void_unclear(apart, [code for code in codes if code != apart]))
    return names_of(codes), codes


def refuse_lossy(number: int, row: int | None = None) -> None:
    """Raise `ProblemError` DAT394 if masks with more than two classes are stored in files that change values."""
    if number > _LOSSY:
        raise ProblemError(_lossy(number, row))


def refuse_blends(blends: Sequence[int], codes: Sequence[int]) -> None:
    """Raise `ProblemError` DAT394 for values that occur only at antialiased edges."""
    others = [code for code in codes if code not in blends]
    classes = {f"class_{code}": code for code in codes}
    raise ProblemError(
        Problem(
            "DAT394",
            f"masks contain {format_values(blends, 4)} only at edges between lower and higher values",
            label="classes, or blends of two?",
            notes=("antialiasing and interpolation produce values that are not classes",),
            helps=(
                f"save the masks with {format_values(others, 6)} alone: without antialiasing",
                f"or leave these pixels out: `void: {list(blends)}`",
                f"or state them as classes: `classes: {len(codes)}`",
            ),
            rewrites=(
                Rewrite("leave these pixels out", "void", list(blends), safe=False),
                Rewrite("treat them as classes", "classes", classes, safe=False),
            ),
        )
    )


def refuse_two_scales(values: Sequence[int]) -> None:
    """Raise `ProblemError` DAT394 if masks write the same single class with different `values`."""
    first, last = values[0], values[-1]
    mapping = {"background": 0, "object": list(values)}
    raise ProblemError(
        Problem(
            "DAT394",
            f"some masks contain 0 and {first}, others 0 and {last}",
            label="one class with two values?",
            notes=(
                (
                    f"no mask contains two of {format_values(values)}: they look like one class, saved "
                    "with different bit depths"
                ),
            ),
            helps=(
                (
                    "if all mean the same class, state it: `classes: "
                    f"{{background: 0, object: {list(values)}}}`"
                ),
                f'if {last} means "not labelled", state `void: {last}`',
            ),
            rewrites=(
                Rewrite("treat them as one class", "classes", mapping, safe=False),
                Rewrite(f"set `void: {last}`", "void", last, safe=False),
            ),
        )
    )


def _void_apart(codes: Sequence[int]) -> int | None:
    """Return a value that usually means "not labelled" and lies far above two or more others, else None."""
    for code in (codes[-1], codes[0]):
        others = [item for item in codes if item != code]
        usual = code < 0 or (code in _USUAL_VOID and others and max(others) < code / 2)
        if usual and len(others) > (code >= 0):
            return code
    return None


def by_name(stated: Mapping[str, Sequence[int | str]], codes: Sequence[int]) -> Classes:
    """Return the classes that the spec names by value; raises `ProblemError` DAT301 for other values."""
    known = {code_of(value) for values in stated.values() for value in values}
    others = [code for code in codes if code not in known]
    if others:
        raise ProblemError(
            Problem(
                "DAT301",
                f"masks contain {format_values(others, 4)}, which is not one of the stated classes",
                at="classes",
                label="the classes are stated here",
                helps=("add them to `classes`, or list them under `void`",),
            )
        )
    return tuple(stated), [code_of(values[0]) for values in stated.values()]


def in_order(codes: list[int], number: int) -> list[int]:
    """Return the codes of a stated number of classes: 0 to number - 1 if these cover all, else those that occur."""
    return list(range(number)) if codes[0] >= 0 and codes[-1] < number else codes


def refuse_no_zero(names: Sequence[str], codes: Sequence[int]) -> None:
    """Raise `ProblemError` DAT404 if fewer values occur than there are names, and none of them is 0."""
    if codes[0] > 0 and codes[-1] < len(names) != len(codes):
        raise ProblemError(no_zero(names, codes))


def refuse_named_colours(names: Sequence[str], codes: Sequence[int]) -> None:
    """Raise `ProblemError` DAT394 if class names are a list but the classes are colours, which have no order."""
    values = [value_of(code) for code in codes]
    if any(
        isinstance(value, str) and len(set(zip(value[1::2], value[2::2], strict=True))) > 1
        for value in values
    ):
        mapping = ", ".join(f'{name}: "{value}"' for name, value in zip(names[:2], values, strict=False))
        raise ProblemError(
            Problem(
                "DAT394",
                f"the masks are in colours ({format_values(codes, 3)}), which have no order",
                at="classes",
                label="names in a list",
                helps=(f"state the colour of each name: `classes: {{{mapping}, ...}}`",),
            )
        )


def _too_many(codes: Sequence[int]) -> Problem:
    return Problem(
        "DAT394",
        f"masks contain {len(codes)} different values, {format_values(codes, 6)} among them",
        label="too many for classes",
        notes=("antialiased edges and lossy files produce values that are not classes",),
        helps=(
            "save the masks in a lossless format, one value for each class",
            "or state the classes by value: `classes: {background: 0, cell: 255}`",
        ),
    )


def _lossy(number: int, row: int | None) -> Problem:
    return Problem(
        "DAT394",
        f"masks with {number} values are stored in lossy files, which change values",
        label="values that may be another class",
        notes=(
            (
                "JPEG and similar formats blend neighbouring values; a value between two classes may "
                "be a third class"
            ),
        ),
        helps=("save the masks in a lossless format such as PNG",),
        row=row,
    )


def _numbers_and_colours(codes: Sequence[int]) -> Problem:
    return Problem(
        "DAT394",
        f"some masks contain numbers, others colours: {format_values([codes[0], codes[-1]])}",
        label="two kinds of masks",
        helps=(
            "save all of them in the same way",
            'or state the classes: `classes: {cell: [1, "#ff0000"], ...}`',
        ),
    )


def _void_unclear(void: int, others: Sequence[int]) -> Problem:
    mapping = {f"class_{value_of(code)}": code for code in [*others, void]}
    return Problem(
        "DAT395",
        f"masks contain {format_values(others, 4)} and {void}: is {void} a class, or not labelled?",
        label="which values are classes?",
        notes=(f"{void} usually marks unlabelled pixels",),
        helps=(
            f'state `void: {void}` if it means "not labelled"',
            f"or state it as a class: `classes: {{..., edge: {void}}}`",
        ),
        rewrites=(
            Rewrite(f"set `void: {void}`", "void", void, safe=False),
            *(
                (Rewrite("treat it as a class", "classes", mapping, safe=False),)
                if len(mapping) <= _MANY
                else ()
            ),
        ),
    )
