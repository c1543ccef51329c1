"""Lint: advice on what is legal; all of it stands in rules of this stage."""

from declare.compiler.reports import Note, Reports
from declare.compiler.stages import HostedSpec


def run(stage: HostedSpec) -> Reports[HostedSpec]:
    """Yield nothing of its own: the rules of stage `lint` run after it."""
    yield Note("rules only")
    return stage
