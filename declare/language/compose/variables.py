"""`${vars.NAME}`, `${env:NAME}` and `${env:NAME:-default}`: every interpolation is resolved at load."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Span
from declare.diagnostics.suggest import did_you_mean, suggest
from declare.language.document import Node, Scalar
from declare.language.yaml.scalars import OutOfRangeError, resolve
from declare.system import secrets

_PART = re.compile(r"\$\$\{|\$\{([^{}]*)(\}?)")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_MAX_CHAIN = 32  # variables made of variables; each link costs stack
_MAX_TEXT = 100_000  # doubling variables would otherwise grow without bound
_MAX_TOTAL = 10_000_000  # characters that all interpolations of a spec together may write


@dataclass(frozen=True)
class _Value:
    """What a name stands for, and the node that states it (none for the environment)."""

    value: Scalar
    node: Node | None
    secret: bool


class Interpolation:
    """Resolves the interpolations of a composed tree; `diagnostics` are those that could not be resolved."""

    def __init__(self, root: Node, environ: Mapping[str, str]) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._environ = environ
        self._vars = self._declared_variables(root.entries.get("vars"))
        self._known: dict[str, _Value | None] = {}
        self._open: list[tuple[str, Span]] = []
        self._done: dict[int, Node] = {}
        self._keep: list[Node] = []
        self._written = 0

    def apply(self, node: Node, path: str = "") -> Node:
        """Return the tree with values in the place of interpolations; what is unchanged is shared."""
        if node.kind == "scalar":
            return self._scalar(node, path)
        done = self._done.get(id(node.value))
        if done is None:
            done = self._children(node, path)
            self._done[id(node.value)] = done
            self._keep.append(node)  # an id is only good while its object lives
        if done.value is node.value:
            return node
        assert isinstance(done.value, dict | list)
        return node.with_value(done.value)

    def _children(self, node: Node, path: str) -> Node:
        """Resolve below a map or list."""
        dot = f"{path}." if path else ""
        if node.kind == "map":
            entries = {key: self.apply(child, dot + key) for key, child in node.entries.items()}
            same = all(entries[key] is child for key, child in node.entries.items())
            return node if same else node.with_value(entries)
        items = [self.apply(child, f"{dot}{index}") for index, child in enumerate(node.items)]
        same = all(new is child for new, child in zip(items, node.items, strict=True))
        return node if same else node.with_value(items)

    def _declared_variables(self, section: Node | None) -> dict[str, Node]:
        """Return the variables; report those that are not scalars."""
        if section is None or section.poison:
            return {}
        if section.kind != "map":
            if section.scalar is not None or section.kind == "list":
                self._not_scalar("`vars` is not a map of names to values", section, "vars")
            return {}
        for name, node in section.entries.items():
            if node.kind != "scalar":
                self._not_scalar(f"variable `{name}` is a {node.kind}", node, f"vars.{name}")
        return section.entries

    def _not_scalar(self, title: str, node: Node, path: str) -> None:
        label = Label(node.span, "one number, text or truth value expected")
        helps = ["write one value per name; use an anchor or `extends` for blocks"]
        self.diagnostics.append(make("REF226", title, labels=[label], path=path, helps=helps))

    def _scalar(self, node: Node, path: str) -> Node:
        """Resolve one scalar."""
        text = node.value
        if not isinstance(text, str) or "${" not in text or node.poison:
            return node
        parts = list(self._parts(text, node, path))
        if any(part is None for part in parts):
            failed = node.with_key(node.key_span)
            failed.poison, failed.value = True, None
            return failed
        return self._join_parts(node, [part for part in parts if part is not None], path)

    def _parts(self, text: str, node: Node, path: str) -> Iterator[str | _Value | None]:
        """Yield literal text and values in order, None for what failed."""
        position = 0
        for match in _PART.finditer(text):
            if match.start() > position:
                yield text[position : match.start()]
            position = match.end()
            if match[0] == "$${":
                yield "${"
            elif not match[2]:
                self._fail(
                    "`${` is never closed",
                    node,
                    match[0],
                    path,
                    "close it with `}`, or write `$${` for the text",
                )
                yield None
            else:
                yield self._lookup(match[1].strip(), match[0], node, path)
        if position < len(text):
            yield text[position:]

    def _join_parts(self, node: Node, parts: list[str | _Value], path: str) -> Node:
        """Return the node with its parts put together; a single value keeps its type."""
        new = node.with_key(node.key_span)
        values = [part for part in parts if isinstance(part, _Value)]
        if any(value.secret for value in values):
            new.origin = "env"
        elif values:
            new.origin = "var"
        first = parts[0] if parts else ""
        if isinstance(first, _Value) and first.node is not None:
            new.base, new.defined = first.node.base, first.node.defined or first.node.span
        if len(parts) == 1 and isinstance(first, _Value) and not isinstance(first.value, str):
            new.value = first.value
            return new
        texts = [part if isinstance(part, str) else _to_text(part.value) for part in parts]
        size = sum(map(len, texts))
        self._written += size
        most = _MAX_TEXT if len(parts) > 1 else _MAX_TOTAL
        if size > most or self._written > _MAX_TOTAL:
            what = "the text grows" if size > most else "texts of all interpolations grow"
            reason = f"{what} beyond {most if size > most else _MAX_TOTAL:,} characters"
            self._fail(reason, node, "${", path, "shorten the variables")
            new.poison, texts = True, [""]
        new.value = "".join(texts)
        return new

    def _lookup(self, body: str, written: str, node: Node, path: str) -> _Value | None:
        """Return the value of an expression between the braces."""
        if body.startswith("vars."):
            return self._variable(body[5:], written, node, path)
        env = _ENV.fullmatch(body)
        if env is not None:
            return self._environment(env[1], env[2], written, node, path)
        self._unknown_form(body, written, node, path)
        return None

    def _variable(self, name: str, written: str, node: Node, path: str) -> _Value | None:
        """Return the value of a variable, resolving what it is made of first."""
        if name in self._known:
            return self._known[name]
        stated = self._vars.get(name)
        if stated is None:
            self._unknown_variable(name, written, node, path)
            return None
        span = _find(node, written)
        if any(name == other for other, _ in self._open):
            self._cycle(name, span, path)
            return None
        if len(self._open) >= _MAX_CHAIN:
            title = f"variables are made of each other more than {_MAX_CHAIN} deep"
            self._fail(title, node, written, path, "give one of them a literal value")
            return None
        self._open.append((name, span))
        resolved = self._scalar(stated, f"vars.{name}") if stated.kind == "scalar" else stated
        self._open.pop()
        failed = resolved.poison or resolved.kind != "scalar"
        value = None if failed else _Value(resolved.scalar, resolved, resolved.origin == "env")
        self._known[name] = value
        return value

    def _environment(
        self, name: str, default: str | None, written: str, node: Node, path: str
    ) -> _Value | None:
        """Return an environment variable, read as a YAML scalar; an empty one counts as unset."""
        text = self._environ.get(name, "").strip() or default
        if text is None:
            state = "is empty" if name in self._environ else "is not set"
            near = did_you_mean(name, self._environ) if name not in self._environ else None
            help_ = f"set it, or state a default: ${{env:{name}:-default}}"
            self._fail(f"environment variable `{name}` {state}", node, written, path, help_, near)
            return None
        try:
            value = resolve(text) if text else ""
        except OutOfRangeError:
            value = text
        if self._environ.get(name, "").strip():
            secrets.remember(name, value)
        return _Value(value, None, secret=True)

    def _unknown_variable(self, name: str, written: str, node: Node, path: str) -> None:
        """Report a variable that is not declared, with the nearest one."""
        near = suggest(name, self._vars)
        span = _find(node, written)
        fixes = (
            [Fix(f"write ${{vars.{near[0]}}}", (Edit(span, f"${{vars.{near[0]}}}"),), "unsafe")]
            if near
            else []
        )
        known = ", ".join(f"`{other}`" for other in list(self._vars)[:10]) or "none"
        helps = [did_you_mean(name, self._vars) or f"declare it under `vars`; declared so far: {known}"]
        self.diagnostics.append(
            make(
                "REF205",
                f"variable `{name}` is not declared under `vars`",
                labels=[Label(span, "unknown variable")],
                path=path,
                helps=helps,
                fixes=fixes,
            )
        )

    def _unknown_form(self, body: str, written: str, node: Node, path: str) -> None:
        """Report braces that hold neither a variable nor the environment."""
        if body in self._vars:
            help_ = f"write ${{vars.{body}}}"
        elif re.match(r"(oc\.)?env[.:]", body):
            help_ = "write ${env:NAME} or ${env:NAME:-default}"
        else:
            help_ = "use ${vars.NAME} or ${env:NAME}; links between fields are made by the compiler"
        self._fail(f"`{written[:40]}` is not an interpolation", node, written, path, help_)

    def _cycle(self, name: str, span: Span, path: str) -> None:
        """Report variables that are made of each other."""
        names = [other for other, _ in self._open]
        ring = [*names[names.index(name) :], name]
        labels = [Label(span, "closes the circle")]
        labels += [Label(other, f"`{key}` is needed here") for key, other in self._open[names.index(name) :]][
            :4
        ]
        title = f"variable `{name}` is made of itself"
        helps = ["give one of them a literal value"]
        self.diagnostics.append(
            make("REF205", title, labels=labels, path=path, notes=[" -> ".join(ring)], helps=helps)
        )

    def _fail(self, title: str, node: Node, written: str, path: str, *helps: str | None) -> None:
        """Report an interpolation that cannot be resolved."""
        labels = [Label(_find(node, written), "cannot be resolved")]
        hints = [text for text in helps if text]
        self.diagnostics.append(make("REF205", title, labels=labels, path=path, helps=hints))


def _find(node: Node, written: str) -> Span:
    """Return the span of an interpolation inside its value; that of the whole value if escapes hide it."""
    offset = node.span.text.find(written)
    if offset < 0:
        return node.span
    start = node.span.start + offset
    return Span(node.span.source, start, start + len(written))


def _to_text(value: Scalar) -> str:
    """Return a value as text inside of other text."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
