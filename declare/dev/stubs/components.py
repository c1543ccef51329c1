"""The stub of a component: every method that its contract leaves open, its twin under `nn`, a test of its page."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from declare.dev.repository import ROOT
from declare.dev.stubs.twins import TWINS
from declare.parsing.describe import contract_of

_SELDOM = {
    "modules": {"costs_each", "build_each"},
    "fields": {"places", "encode_at", "decode"},
    "transforms": {"build"},
}
"""Methods that most components of a kind leave as they are."""

_PHASE = (
    "phases:\n  fit:\n    epochs: 5\n    batch_size: 64\n    optimizer: {type: adamw, lr: 1e-3}\n    %s\n"
)
_TASK = "tasks:\n  x: {type: %s}\n"

EXAMPLES = {
    "augments": _PHASE % "augment: [{type: NAME}]",
    "balances": _PHASE % "balance: NAME",
    "fields": "fields: {x: {type: NAME}}\n",
    "heads": _TASK % "classification, dataset: lab, target: y, head: {type: NAME}",
    "losses": _TASK % "classification, dataset: lab, target: y, loss: NAME",
    "metrics": _TASK % "classification, dataset: lab, target: y, metrics: [NAME]",
    "mixes": "mix: NAME\n",
    "modules": "model:\n  encoder: {type: NAME, input: x}\n",
    "optimizers": "phases:\n  fit: {epochs: 5, batch_size: 64, optimizer: {type: NAME, lr: 1e-3}}\n",
    "probes": _PHASE % "probes: [{task: x, type: NAME}]",
    "regularizers": _PHASE % "regularizers: [{type: NAME, match: encoder.*, weight: 1e-3}]",
    "samplers": "sampler: NAME\n",
    "schedules": _PHASE % "schedule: {type: NAME}",
    "sources": "source: {type: NAME}\n",
    "tasks": _TASK % "NAME, dataset: lab, target: y",
    "tokenizers": "fields: {text: {type: text, tokenizer: {type: NAME}}}\n",
    "trackers": "tracking: NAME\n",
    "transforms": "transforms: [{type: NAME, field: x}]\n",
}
"""A piece of a spec for the page of a new component of each kind; `NAME` is its name."""


def files(kind: str, name: str) -> dict[Path, str]:
    """Return the text of each file of a new component."""
    class_name = "".join(part.capitalize() for part in name.split("_"))
    contents = {
        ROOT / "declare" / "components" / kind / f"{name}.py": _component(kind, name, class_name),
        ROOT / "tests" / "components" / kind / f"test_{name}.py": _test(kind, name),
    }
    if kind in TWINS:
        contents[ROOT / "declare" / "nn" / kind / f"{name}.py"] = _twin(kind, name, class_name)
    return contents


def _twin(kind: str, name: str, class_name: str) -> str:
    twin, methods = TWINS[kind], ""
    if twin.protocol:
        tree = ast.parse(contract_of(kind)[0].read_text(encoding="utf-8"))
        (class_node,) = [
            node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == twin.protocol
        ]
        wanted = [x for x in class_node.body if isinstance(x, ast.FunctionDef) and not x.decorator_list]
        methods = "\n\n".join(_method("", name, node) for node in wanted) + "\n"
    return twin.text.replace("METHODS", methods).replace("CLASS", class_name).replace("NAME", name)


def announcement(kind: str, name: str) -> str:
    """Return the line of the changelog."""
    return f"- `{name}` ({contract_of(kind)[1].name.lower()})."


def _component(kind: str, name: str, class_name: str) -> str:
    path, contract = contract_of(kind)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    body = "\n\n".join(_members(kind, name, contract))
    header, checked = _imports(path.stem, tree, contract.name, body)
    return (
        f'"""`{name}`: say in one sentence what it is."""\n\n'
        + ("from __future__ import annotations\n\n" if checked else "")
        + f"{header}\n\n"
        + (f"if TYPE_CHECKING:\n{checked}\n\n" if checked else "")
        + f"\nclass {class_name}({contract.name}):\n"
        '    """Say in one sentence what it is.\n\n'
        "    Takes ... Gives ... (shapes, units, what is not applied). Source: paper or library.\n\n"
        f"    ```yaml\n{_indent(EXAMPLES[kind].replace('NAME', name))}    ```\n"
        f'    """\n\n{body}\n'
    ).rstrip() + "\n"


def _members(kind: str, name: str, contract: ast.ClassDef) -> Iterator[str]:
    """Yield what the class must state, and its methods: those that the contract does not answer itself."""
    stated = [node for node in contract.body if isinstance(node, ast.AnnAssign) and node.value is None]
    if stated:
        yield "\n".join(f"    {ast.unparse(node)}" for node in stated)
    for node in contract.body:
        if isinstance(node, ast.FunctionDef) and _is_wanted(kind, node):
            yield _method(kind, name, node)


def _is_wanted(kind: str, node: ast.FunctionDef) -> bool:
    twin = kind in TWINS and node.name == "build"
    open_ = "NotImplementedError" in ast.unparse(node.body[-1])
    return twin or (open_ and node.name not in _SELDOM.get(kind, ()))


def _method(kind: str, name: str, node: ast.FunctionDef) -> str:
    returns = ast.unparse(node.returns) if node.returns else "None"
    lines = [f"def {node.name}({ast.unparse(node.args)}) -> {returns}:", f'    """{ast.get_docstring(node)}']
    lines[-1] = "\n".join(
        [lines[-1].splitlines()[0], *(f"    {x}".rstrip() for x in lines[-1].splitlines()[1:])]
    )
    lines[-1] += '\n    """' if "\n" in lines[-1] else '"""'
    if kind in TWINS and node.name == "build":
        class_name = "".join(part.capitalize() for part in name.split("_"))
        lines.append(f"    from declare.nn.{kind}.{name} import {class_name} as Real")
        last = TWINS[kind].build.replace("NAME", name)
        lines += [f"    {line}" if line else "" for line in last.splitlines()]
    else:
        lines.append("    raise NotImplementedError")
    return _indent("\n".join(lines)).rstrip()


def _imports(module: str, tree: ast.Module, contract: str, body: str) -> tuple[str, str]:
    """Return the imports that the copied lines need, and those that only type checkers need."""
    used = {node.id for node in ast.walk(ast.parse(f"class _:\n{body}")) if isinstance(node, ast.Name)}
    own_names = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    own_names |= {target.id for node in tree.body if isinstance(node, ast.Assign) for target in _names(node)}
    header = [
        f"from declare.contract.kinds.{module} import {', '.join(sorted({contract} | (own_names & used)))}"
    ]
    header += _needed_imports(tree.body, used)
    checked = [
        line for node in tree.body if isinstance(node, ast.If) for line in _needed_imports(node.body, used)
    ]
    if checked:
        typing = next((line for line in header if line.startswith("from typing import ")), "")
        header = [line for line in header if line != typing]
        header.append(f"{typing}, TYPE_CHECKING" if typing else "from typing import TYPE_CHECKING")
    return "\n".join(header), "".join(f"    {line}\n" for line in checked)


def _needed_imports(nodes: list[ast.stmt], used: set[str]) -> list[str]:
    imports = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom | ast.Import):
            named = [item for item in node.names if (item.asname or item.name).partition(".")[0] in used]
            if named and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
                node.names = named
                imports.append(ast.unparse(node))
    return imports


def _names(node: ast.Assign) -> list[ast.Name]:
    return [target for target in node.targets if isinstance(target, ast.Name)]


def _indent(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())


def _test(kind: str, name: str) -> str:
    """Return a test of the page; what the component does is tested by the laws of its kind without an edit."""
    return (
        f'"""`{name}` of the kind `{kind}`; its laws are those of `tests/components/laws/test_{kind}.py`."""\n\n'
        "from declare.parsing.describe import component_page\n\n\n"
        f"def test_the_page_of_{name}_is_written() -> None:\n"
        '    """It says what the component is, takes and gives."""\n'
        f'    found = component_page("{kind}", "{name}")\n'
        "    assert found is not None\n"
        '    assert "ay in one sentence" not in found.text\n'
        '    assert "..." not in found.text.partition("```yaml")[0]\n'
    )
