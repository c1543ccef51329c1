"""A report as JSON."""

from declare.report.report import Report


def render(report: Report) -> str:
    """Return the report as indented JSON."""
    return report.model_dump_json(indent=2)
