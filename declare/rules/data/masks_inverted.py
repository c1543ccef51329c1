"""Masks of which a part is inverted teach the object as background."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_view import View

CODE = "DAT399"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field of masks in which each of two values surrounds the other in some files."""
    for dataset, name, facts in fields(view):
        inverted = facts.extra.get("inverted")
        if not inverted:
            continue
        low, high = inverted["surrounds"].items()
        (rare, number), (usual, others) = sorted((low, high), key=lambda item: int(item[1]))
        example = (f"`{inverted['example'][:40]}` is one of the {number}",) if "example" in inverted else ()
        yield Problem(
            CODE,
            f"{rare} surrounds {usual} in {number} of the examined masks, the reverse in {others}",
            at=field_place(view, dataset, name),
            label="are some masks inverted?",
            notes=(*example, "the object would be learned as background in some images"),
            helps=(
                "compare such a mask with its image, and invert the wrong ones",
                "nothing is wrong if objects fill these images",
            ),
        )
