"""Parse: the text of the spec and of its bases becomes a tree in which every value knows its place."""

from declare.compiler.reports import Note, Reports, Skip
from declare.compiler.stages import ParsedSpec, SpecSource
from declare.language.repair import load_repaired


def run(stage: SpecSource) -> Reports[ParsedSpec]:
    """Load the document; yield what is wrong with its text.

    Bases are found while the text is read, so composition happens here too; the next pass reports on it.
    """
    document, diagnostics = load_repaired(str(stage.path), stage.sets, stage.environ)
    yield Note(f"{len(document.sources)} sources")
    if document.root is None:
        yield Skip("")
    yield from (item for item in diagnostics if item.code.startswith("SYN"))
    composition = tuple(item for item in diagnostics if not item.code.startswith("SYN"))
    return ParsedSpec(**vars(stage), document=document, composition=composition)
