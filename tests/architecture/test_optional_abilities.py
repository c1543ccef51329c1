"""What may be absent stands on a base class or a Protocol: nobody asks for a name in quotes."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "declare"
ASKS = re.compile(r"getattr\([^,\n]+, ['\"][a-z_]+['\"]")
FOREIGN = {
    "cli/command_index.py": "a command's module may have `expand_argv`",
    "compiler/meta/flop_count.py": "layers of any library",
    "components/fields/_images.py": "images of Pillow",
    "components/fields/_values.py": "raw values: numpy, pandas, datetime",
    "components/fields/series.py": "raw values",
    "components/sources/_arrow_limits.py": "columns of pyarrow",
    "components/sources/_datasets_reader.py": "features of datasets",
    "components/sources/_frames.py": "errors of the system",
    "components/sources/sklearn.py": "data sets of sklearn",
    "components/sources/torchvision.py": "data sets of torchvision",
    "components/transforms/_introspect.py": "parameters of torchvision",
    "data/read/raw_values.py": "raw values",
    "emit/text/definitions.py": "what names in our code refer to, of any library",
    "language/yaml/tree.py": "events of PyYAML",
    "nn/modules/huggingface.py": "models of transformers",
    "nn/modules/timm.py": "models of timm",
    "parsing/describe.py": "annotations of Python",
    "runtime/checkpoint/state_tree.py": "optimizers of torch",
    "runtime/launchers/ray.py": "errors of Ray",
    "runtime/profiling/profile.py": "rows of torch's profiler",
    "system/library_table.py": "errors of child processes",
    "system/trust.py": "errors of the system",
}
"""Files that ask objects of other libraries, and whose."""


def test_only_objects_of_others_are_asked_by_name() -> None:
    """`getattr(x, "name", ...)` stands in no file beside those of the list; the contract holds defaults for ours."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")
    }
    asking = {name for name, text in files.items() if ASKS.search(text) and not name.startswith("contract/")}
    assert asking - FOREIGN.keys() == set()
    assert FOREIGN.keys() - asking == set(), "an exception that no file needs"


def test_metrics_return_their_formulas_as_functions() -> None:
    """No metric looks a function up by its name, which types could not check."""
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in (ROOT / "components/metrics").glob("*.py")
    }
    assert [name for name, text in texts.items() if "import_module" in text or "getattr(" in text] == []
