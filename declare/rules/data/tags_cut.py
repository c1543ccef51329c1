"""Tags of truncated words are not learned, and classes may be lost with them."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_view import View

CODE = "DAT354"
STAGE = "facts"
_SHARE = 0.1
_SHOWN = 6


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each tags field that loses classes, or at least a tenth of its tags, by truncation."""
    for dataset, name, facts in fields(view):
        tags = facts.extra.get("tags", {})
        total, kept, lost = tags.get("total", 0), tags.get("kept"), tags.get("lost_classes", [])
        if kept is None or not total or (not lost and total - kept < _SHARE * total):
            continue
        text = str(view.facts[dataset].blocks[name]["of"])
        shown = ", ".join(f"`{item}`" for item in lost[:_SHOWN]) + (", ..." if len(lost) > _SHOWN else "")
        longest = view.facts[dataset].fields[text].extra.get("tokens", {}).get("longest")
        yield Problem(
            CODE,
            f"{total - kept:,} of {total:,} tags of `{name}` belong to truncated words",
            at=field_place(view, dataset, name),
            label=f"{len(lost)} classes are lost" if lost else "truncated with their words",
            notes=(f"these classes occur in no sample: {shown}",) if lost else (),
            helps=(
                f"raise `max_length` of `{text}`" + (f" up to {longest}" if longest else ""),
                f"or state `overlong: windows` on `{text}`: then every word is in a sample",
            ),
        )
