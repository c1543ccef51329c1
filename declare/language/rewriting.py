"""A document as it would be with proposed changes made: each value keeps its place in the text."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from declare.contract.problem import Rewrite
from declare.language.document import Document, Node


def rewritten(document: Document, rewrites: Iterable[Rewrite]) -> Document:
    """Return the document with changes made, the inner ones first; what no longer fits is left out."""
    root = document.root
    for rewrite in sorted(rewrites, key=lambda item: item.path.count("."), reverse=True):
        changed = _apply_rewrite(replace(document, root=root), rewrite)
        root = changed if changed is not None else root
    return document if root is document.root else replace(document, root=root)


def _apply_rewrite(document: Document, rewrite: Rewrite) -> Node | None:
    """Return the root after one change; None if the text has no such place."""
    keys = _keys(document, rewrite.path)
    node = document.at(rewrite.path)
    if document.root is None:
        return None
    if keys is None or node is None:
        return _put(document.root, rewrite) if keys is None and rewrite.value is not None else None
    if rewrite.key is not None:
        return _at(document.root, keys[:-1], rewrite.key, node, keys[-1])
    if rewrite.to is None:
        return _at(document.root, keys[:-1], keys[-1], _node_of(rewrite.value, node), keys[-1])
    moved = node if rewrite.value is None else _node_of(rewrite.value, node)
    without = _at(document.root, keys[:-1], None, node, keys[-1])
    return without and _put(without, replace(rewrite, path=rewrite.to), moved)


def _keys(document: Document, path: str) -> list[str] | None:
    """Return the keys that lead to a path; keys may themselves hold dots."""
    keys: list[str] = []
    node, rest = document.root, path
    while node is not None and rest:
        parts = rest.split(".")
        names = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        name = next((name for name in names if node is not None and node.child(name) is not None), None)
        if name is None:
            return None
        keys.append(name)
        node, rest = node.child(name), rest[len(name) + 1 :]
    return keys or None


def _at(root: Node, keys: Sequence[str], name: str | None, node: Node, old: str) -> Node | None:
    """Return the root with `node` as `name` in place of the entry `old` of a block; without it for None."""
    if keys:
        child = root.child(keys[0])
        inner = _at(child, keys[1:], name, node, old) if child is not None else None
        return None if inner is None else _with_child(root, keys[0], inner)
    if root.kind == "list":
        return None if name is None else _with_child(root, old, node)
    if name is not None and name != old and name in root.entries:
        return None
    entries = {
        (key if key != old else name): (child if key != old else node) for key, child in root.entries.items()
    }
    return root.with_value({key: child for key, child in entries.items() if key is not None})


def _with_child(node: Node, key: str, child: Node) -> Node:
    """Return a block with one child in place of the one that it has."""
    if node.kind == "list":
        return node.with_value([child if str(i) == key else item for i, item in enumerate(node.items)])
    return node.with_value({**node.entries, key: child})


def _put(root: Node, rewrite: Rewrite, moved: Node | None = None) -> Node | None:
    """Return the root with a value at a path without one: in a block, a name of a component, or nothing."""
    key, _, rest = rewrite.path.partition(".")
    child = root.child(key)
    if rest and child is not None:
        inner = _put(child, replace(rewrite, path=rest), moved)
        return None if inner is None else _with_child(root, key, inner)
    if root.kind == "list" or child is not None:
        return None
    value = moved if moved is not None else _node_of(rewrite.value, root)
    for name in reversed(rest.split(".") if rest else ()):
        value = replace(root, kind="map", value={name: value}, key_span=value.key_span)
    if root.kind == "map":
        return root.with_value({**root.entries, key: value})
    named = {} if root.scalar is None else {"type": root.with_key(None)}
    return replace(root, kind="map", value={**named, key: value})


def _node_of(value: object, node: Node) -> Node:
    """Return a plain value as a node in the place of another; its own parts keep theirs."""
    if isinstance(value, dict):
        parts = {
            **node.entries,
            **{k: v for child in node.entries.values() for k, v in child.entries.items()},
        }
        entries = {
            key: parts[key] if key in parts and key != "type" else _node_of(part, node)
            for key, part in value.items()
        }
        return replace(node, kind="map", value=entries)
    if isinstance(value, list):
        same = len(value) == 1 and node.kind == "scalar" and node.scalar == value[0]
        return replace(
            node,
            kind="list",
            value=[replace(node, key_span=None)] if same else [_node_of(v, node) for v in value],
        )
    assert value is None or isinstance(value, bool | int | float | str)
    return replace(node, kind="scalar", value=value)
