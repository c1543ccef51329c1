"""Series of different lengths are read to their own ends."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.fields import field_place, fields, input_fields
from declare.rules.spec_view import View

CODE = "DAT350"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each input series whose samples differ in length if no length is stated."""
    for dataset, name, facts in fields(view):
        lengths = facts.extra.get("lengths")
        if not lengths or None not in facts.shape.dims or name not in input_fields(view, dataset):
            continue
        place = field_place(view, dataset, name)
        yield Problem(
            CODE,
            f"samples of `{name}` have {lengths[0]} to {lengths[1]} time steps",
            at=place,
            label="each is read to its own end",
            helps=(
                (
                    f"state `length: {lengths[1]}` if a module needs a fixed length, or a smaller one to "
                    "truncate"
                ),
            ),
            rewrites=(Rewrite(f"set `length: {lengths[1]}`", f"{place}.length", lengths[1], safe=False),),
        )
