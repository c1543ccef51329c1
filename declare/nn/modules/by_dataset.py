"""Parameters of which every dataset has its own. Shapes: any."""

from collections.abc import Mapping

from torch import Tensor, nn


class ByDataset(nn.Module):
    """One parameter of any shape for each dataset, under the dataset's name."""

    def __init__(self, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, value in values.items():
            # Not with `register_parameter`: it refuses names that modules have already (`train`, `type`).
            self._parameters[name] = nn.Parameter(value)

    def of(self, dataset: str | None) -> Tensor:
        """Return the parameter of a dataset, of any shape; without a name, that of the only one."""
        parameter = self._parameters[dataset] if dataset else next(iter(self._parameters.values()))
        assert parameter is not None
        return parameter
