"""The tables of names that come from libraries, asked of the installed versions of those."""

from importlib import import_module
from pathlib import Path

from declare.parsing import lookup
from declare.system.library_table import LibraryTable, dump, installed_version

SLOW = "imports the libraries, and tries all of their parts"


def tables() -> list[LibraryTable]:
    """Return the table of every kind that takes names of libraries."""
    return [
        import_module(f"declare.components.{kind}._library").TABLE
        for kind in lookup.kinds()
        if lookup.names_of_libraries(kind)
    ]


def outputs() -> dict[Path, str]:
    """Return every table as JSON, one name a line."""
    files = {}
    for table in tables():
        records = import_module(table.introspection).records()
        library = import_module(table.introspection.rpartition(".")[0] + "._library")
        for name, record in records.items():
            record["ranges"] = library.measured_ranges(name, record)
        versions = {library: installed_version(library) for library in table.libraries}
        files[table.path] = dump(versions, dict(sorted(records.items())))
    return files
