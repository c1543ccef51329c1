"""Compose: bases, variables and `--set` gave one tree; report what was wrong with them."""

from declare.compiler.reports import Note, Reports, Skip
from declare.compiler.stages import ParsedSpec


def run(stage: ParsedSpec) -> Reports[ParsedSpec]:
    """Yield the findings of composition."""
    if stage.document.root is None:
        yield Skip("")
    else:
        yield Note(f"{sum(1 for _ in stage.document.walk())} values")
    yield from stage.composition
    return stage
