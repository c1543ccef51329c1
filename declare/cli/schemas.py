"""The JSON Schemas that we publish: each room exports its own."""

from typing import Any


def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema by the name that `dcl schema NAME` takes."""
    from declare.data.faults import file_types as data_records
    from declare.ir.plan import Plan
    from declare.language.schema import exports
    from declare.report.comparison import Comparison
    from declare.report.report import Report
    from declare.runtime.run_folder import file_types as run_records

    kept = data_records.exports() | run_records.exports()
    return (
        exports()
        | {name: _with_id(schema, name) for name, schema in kept.items()}
        | {
            "comparison": _with_id(Comparison.model_json_schema(), "comparison"),
            "plan": _with_id(Plan.model_json_schema(), "plan"),
            "report": _with_id(Report.model_json_schema(), "report"),
        }
    )


def _with_id(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"declare/{name}.v1.json",
    } | schema
