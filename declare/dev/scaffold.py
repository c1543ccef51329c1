"""Starts a component: its file, its twin under `nn`, its test, its line in the changelog."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from declare.contract import lookup
from declare.contract.card import contract_of
from declare.dev.repository import ROOT, shown

_TWINS = ("augments", "heads", "losses", "metrics", "modules", "regularizers", "tasks", "transforms")
"""The kinds whose computation is torch and stands in `declare/nn`."""


def scaffold(kind: str, name: str) -> int:
    """Write the files of a new component; of what exists only the changelog is touched."""
    if kind not in lookup.kinds():
        print(f"there is no kind `{kind}`; kinds: {', '.join(lookup.kinds())}")
        return 2
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        print(f"`{name}` is not a name: lower-case letters, digits and `_`, a letter first")
        return 2
    files = _files(kind, name)
    standing = [shown(path) for path in files if path.exists()]
    if standing:
        print(f"already there: {', '.join(standing)}")
        return 2
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {shown(path)}")
    _announce(kind, name)
    print("now: write it, then `python -m declare.dev generate` and `python -m declare.dev check`")
    return 0


def _files(kind: str, name: str) -> dict[Path, str]:
    twin = kind in _TWINS
    class_name = "".join(part.capitalize() for part in name.split("_"))
    files = {
        ROOT / "declare" / "components" / kind / f"{name}.py": _component(kind, name, class_name),
        ROOT / "tests" / "components" / kind / f"test_{name}.py": _test(kind, name),
    }
    if twin:
        files[ROOT / "declare" / "nn" / kind / f"{name}.py"] = _twin(name, class_name)
    return files


def _component(kind: str, name: str, class_name: str) -> str:
    """Return a component with every method and class variable that its contract asks for."""
    path, contract = contract_of(kind)
    module, source = path.stem, path.read_text(encoding="utf-8")
    wanted = [node for node in contract.body if _is_wanted(node)]
    body = "\n\n".join(_asked(node, source) for node in wanted)
    return (
        f'"""`{name}`: say in one sentence what it is."""\n\n'
        "from __future__ import annotations\n\n"
        f"{_imports(module, source, contract.name, body)}\n\n\n"
        f"class {class_name}({contract.name}):\n"
        '    """Say in one sentence what it computes.\n\n'
        "    Takes ... Gives ... (shapes, units, what is not applied). Source: paper or library.\n\n"
        f"    ```yaml\n    # a piece of a spec that uses it\n    ```\n"
        '    """\n\n'
        f"{body}\n"
    )


def _imports(module: str, source: str, contract: str, body: str) -> str:
    """Return the imports that the copied lines need, as the contract itself has them."""
    tree = ast.parse(source)
    used = set(re.findall(r"[A-Za-z_]\w*", body))
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    own |= {target.id for node in tree.body if isinstance(node, ast.Assign) for target in _names(node)}
    lines = [f"from declare.contract.{module} import {', '.join(sorted({contract} | (own & used)))}"]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            named = [item for item in node.names if (item.asname or item.name).partition(".")[0] in used]
            if named and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
                node.names = named
                lines.append(ast.unparse(node))
    return "\n".join(sorted(lines))


def _names(node: ast.Assign) -> list[ast.Name]:
    return [target for target in node.targets if isinstance(target, ast.Name)]


def _is_wanted(node: ast.stmt) -> bool:
    """Return whether a contract leaves this open: a bare class variable, a method that raises."""
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, ast.FunctionDef) and "NotImplementedError" in ast.unparse(node.body[-1])


def _asked(node: ast.stmt, source: str) -> str:
    return "    " + (ast.get_source_segment(source, node) or "").replace("\n\n\n", "\n\n")


def _twin(name: str, class_name: str) -> str:
    return (
        f'"""`{name}` in plain PyTorch; say the shapes."""\n\n'
        "from torch import Tensor, nn\n\n\n"
        f"class {class_name}(nn.Module):\n"
        '    """Say what it computes, its shapes and its source."""\n\n'
        "    def forward(self, values: Tensor) -> Tensor:\n"
        '        """Return ..."""\n'
        "        raise NotImplementedError\n"
    )


def _test(kind: str, name: str) -> str:
    """Return a test that holds once the component does: found by its name, told in one sentence."""
    return (
        f'"""`{name}` of the kind `{kind}`."""\n\n'
        "from declare.contract.card import card\n\n\n"
        f"def test_{name}_is_told() -> None:\n"
        '    """Its card tells what it is and shows an example."""\n'
        f'    found = card("{kind}", "{name}")\n'
        "    assert found is not None\n"
        '    assert "Say in one sentence" not in found.text\n'
        '    assert "```yaml" in found.text\n'
    )


def _announce(kind: str, name: str) -> None:
    """Add a line under `Added` of the changelog's unreleased part."""
    path = ROOT / "CHANGELOG.md"
    text = path.read_text(encoding="utf-8")
    line = f"- `{name}` ({contract_of(kind)[1].name.lower()}).\n"
    head, mark, rest = text.partition("### Added\n\n")
    if mark:
        path.write_text(head + mark + line + rest, encoding="utf-8", newline="\n")
        print(f"added a line to {shown(path)}: say there what users gain")
