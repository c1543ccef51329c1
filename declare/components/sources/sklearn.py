"""The data sets that are part of scikit-learn."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field as Param

from declare.contract.code import Code
from declare.contract.facts import Reader
from declare.contract.kinds.source import Source


class Sklearn(Source):
    """A real data set that is part of scikit-learn; nothing is downloaded.

    `digits` gives `image` (8 x 8, grey) and `label`; the others give `features` (a vector) and `label` (class
    names) or `target` (a number). Each column is also available under its own name.

    Example:
        ```yaml
        source: {type: sklearn, name: digits}
        ```
    """

    name: Literal["breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine"] = Param(
        description="the data set"
    )

    def fingerprint(self) -> str:
        """Return the name with scikit-learn's version."""
        from importlib.metadata import version

        return f"sklearn {version('scikit-learn')} {self.name}"

    def code(self, columns: Sequence[str]) -> Code:
        """Return code that loads the data set."""
        expressions = {
            "image": "np.rint(bunch.images * (255 / 16)).astype(np.uint8)",
            "features": "bunch.data",
            "target": "bunch.target",
            "label": "bunch.target" if self.name == "digits" else "bunch.target_names[bunch.target]",
        }
        values = {
            name: expressions[name] if name in expressions else self._column_code(name) for name in columns
        }
        pairs = ", ".join(f'"{name}": {value}' for name, value in values.items())
        loader = f"load_{self.name}"
        imports = (f"from sklearn.datasets import {loader}",)
        return Code(f"{{{pairs}}}", (f"bunch = {loader}()",), imports)

    def _column_code(self, name: str) -> str:
        """Return the code of one column of the table."""
        from sklearn import datasets

        names = [_slug(item) for item in getattr(datasets, f"load_{self.name}")().feature_names]
        return f"bunch.data[:, {names.index(name)}]"

    def open(self) -> Reader:
        """Load the data set."""
        from sklearn import datasets

        from declare.components.sources._arrays import ArrayReader

        bunch = getattr(datasets, f"load_{self.name}")()
        columns, fields = _digits(bunch) if self.name == "digits" else _table(bunch)
        return ArrayReader(columns, fields=fields, origin=f"scikit-learn's `{self.name}`")


def _digits(bunch: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    import numpy as np

    # Ink is counted in 0..16 in this data set.
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return {"image": images, "label": bunch.target}, {
        "image": {"type": "image"},
        "label": {"type": "category"},
    }


def _table(bunch: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    import numpy as np

    columns: dict[str, Any] = {"features": np.asarray(bunch.data, np.float64)}
    fields: dict[str, dict[str, Any]] = {"features": {"type": "vector"}}
    names = getattr(bunch, "target_names", None)
    if names is not None and bunch.target.dtype.kind == "i":
        columns["label"], fields["label"] = np.asarray(names)[bunch.target], {"type": "category"}
    elif bunch.target.ndim == 1:
        columns["target"], fields["target"] = bunch.target, {"type": "number"}
    else:
        columns["target"], fields["target"] = np.asarray(bunch.target, np.float64), {"type": "vector"}
    features = {_slug(name): bunch.data[:, index] for index, name in enumerate(bunch.feature_names)}
    return columns | {name: values for name, values in features.items() if name not in columns}, fields


def _slug(name: str) -> str:
    import re

    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
