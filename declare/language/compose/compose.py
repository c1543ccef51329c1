"""Loads a spec: its bases, the `--set` arguments and all interpolations become one tree with spans."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from declare.diagnostics.diagnostic import Diagnostic
from declare.language.compose.extends import Loader
from declare.language.compose.overrides import Overrides
from declare.language.compose.variables import Interpolation
from declare.language.document import Document, Node
from declare.language.yaml.parse_file import display_name, folder_of


def load(
    path: str | os.PathLike[str],
    sets: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    texts: Mapping[str, str] | None = None,
) -> tuple[Document, list[Diagnostic]]:
    """Return the composed spec and everything that is wrong with its text.

    The order of precedence: bases left to right, the file, `--set` in the order given. Interpolations come
    last, so that a changed variable reaches every base. `vars` and `extends` are gone from the tree. Relative
    paths in a `--set` value start from the spec's folder, as if they stood in the file. `texts` are read in the
    place of the files of these names.
    """
    file = Path(path)
    loader = Loader(texts or {})
    root = loader.load(file, display_name(path))
    diagnostics = loader.diagnostics
    sources = loader.sources
    if root is not None:
        overrides = Overrides(folder_of(file))
        root = overrides.apply(root, list(sets))
        interpolation = Interpolation(root, environ)
        root = interpolation.apply(root)
        diagnostics = [*diagnostics, *overrides.diagnostics, *interpolation.diagnostics]
        sources = [*sources, *overrides.sources]
        root = _drop_key(root, "vars")
    return Document(root, tuple(sources), file.absolute(), loader.complete), _once(diagnostics)


def _drop_key(root: Node, key: str) -> Node:
    """Return the root map without a key."""
    if key not in root.entries:
        return root
    return root.with_value({name: node for name, node in root.entries.items() if name != key})


def _once(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Drop repetitions: a value behind an anchor is reported once."""
    seen: dict[tuple[object, ...], Diagnostic] = {}
    for item in diagnostics:
        span = item.primary.span if item.primary else None
        place = (id(span.source), span.start) if span else None
        seen.setdefault((item.code, item.title, place), item)
    return list(seen.values())
