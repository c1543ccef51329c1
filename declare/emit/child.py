"""The process that writes programs: it replaces torch by classes that record."""

from typing import Any

from declare.emit.specialize.recording import install


def write_json(plan: str, folder: str) -> dict[str, Any]:
    """Return the files of a plan (JSON) for `folder`, or what has no code and its path in the spec.

    `{"files": ...}` or `{"refused": ..., "at": ...}`.
    """
    install()
    from declare.contract.code import NotWrittenError
    from declare.emit.writers.package import write_package
    from declare.ir.plan import Plan

    try:
        return {"files": write_package(Plan.model_validate_json(plan), folder)}
    except NotWrittenError as error:
        return {"refused": str(error), "at": error.at}
