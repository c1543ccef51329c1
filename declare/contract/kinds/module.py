"""Modules and heads: the nodes of the model's graph."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args, get_origin

from pydantic import Field as Param

from declare.contract.component import Component
from declare.contract.files.weight_files import Facts, lacking_weights
from declare.contract.kinds.source import SpecPath
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape
from declare.contract.torch_types import TorchModule


class Port(NamedTuple):
    """One input: its name, the layouts that it accepts, whether it takes several inputs, and only their sizes."""

    name: str
    takes: tuple[Layout, ...]
    many: bool = False
    optional: bool = False
    size_only: bool = False


class Costs(NamedTuple):
    """Costs of one sample: parameters, forward FLOPs (2 per multiply-add) and activation bytes (fp32)."""

    parameters: int
    flops: int | None = None
    activation_bytes: int | None = None


class LeftOut(NamedTuple):
    """Part of an input that a module drops: `unused` of the `size` steps or pixels along an axis."""

    axis: str
    unused: int
    size: int


Inputs = Mapping[str, tuple[Shape, ...]]
"""Shapes by port; ports that are not `many` hold one."""

Outputs = dict[str, Shape]
"""Shapes by output name; the first is the default output."""


class Padding(NamedTuple):
    """How a node masks padding: the steps beyond the end of shorter samples.

    If samples on the port `lengths_of` differ in length, the real module is also given `lengths`, the steps of
    each sample as int64 [B]. None: it needs none, since what it gives for a step depends on that step alone, or since
    padding shows in the values (tokens below 0). The length of outputs with a time axis is `Node.output_lengths`
    of that of the samples on the port `follows`: the first port if it is left out or not wired.
    """

    lengths_of: str | None = None
    follows: str | None = None


class Node(Component):
    """What modules and heads share: ports, static shapes and costs, and the torch module.

    The built module is called as `module(*tensors)` with one tensor per wired input in the order of the
    ports, and returns one tensor, or a dict of tensors with the keys of `infer`.
    """

    ports: ClassVar[tuple[Port, ...]]
    norms_by_probe: ClassVar[bool] = False
    """Whether only building the module shows which norms it has, although shapes and costs are known without it."""

    @classmethod
    def interface(cls) -> tuple[str, ...]:
        """Return its input ports."""
        return tuple(
            f"input `{port.name}`: {' | '.join(port.takes)}"
            + (" (several)" if port.many else "")
            + (" (optional)" if port.optional else "")
            for port in cls.ports
        )

    def stated_layouts(self) -> Mapping[str, Layout]:
        """Return the layouts of outputs that their number of axes does not determine, by output."""
        return {}

    def padding_policy(self) -> Padding | None:
        """Return how it masks padding; None if it cannot, so that samples of different lengths are refused."""
        return None

    def needs_one_length(self) -> bool:
        """Return whether batches have to be of one length, although padding is masked: a stated `length`."""
        return False

    def padding_helps(self) -> tuple[str, ...]:
        """Return helps for samples of different lengths, if it cannot take them: its own settings that do."""
        others = {
            f"`{key}: {word}`": self.model_copy(update={key: word})
            for key, info in type(self).model_fields.items()
            for word in (get_args(info.annotation) if get_origin(info.annotation) is Literal else ())
        }
        words = [
            word
            for word, node in others.items()
            if node.padding_policy() is not None and not node.needs_one_length()
        ]
        read = "read it with a module that masks padding"
        return (f"state {' or '.join(words)}", f"or {read}") if words else (read,)

    def batch_norm_values(self, inputs: Inputs) -> int | None:
        """Return the smallest number of values per channel and sample that one of its batch norms averages over.

        None if it has none, or a size is not known. One value of one sample has no variance. Not asked if
        only building the module shows it (`norms_by_probe`, or no closed form of the costs).
        """
        return None

    def output_lengths(self, lengths: Any, inputs: Inputs) -> Any:
        """Return the number of steps of the outputs for inputs of `lengths` steps: an int, or int64 [B] for a batch.

        Fewer than 1 means that a sample is too short.
        """
        return lengths


class Module(Node):
    """An encoder, adapter, modulator or decoder."""

    random: ClassVar[bool] = True
    """Whether its forward draws random numbers in training (dropout)."""
    accepts_missing: ClassVar[bool] = False
    """Whether it takes inputs with gaps (NaN)."""
    expects_normalised: ClassVar[bool] = False
    """Whether its pretrained weights expect normalised images."""
    skips_at_random: ClassVar[bool] = False
    """Whether a forward in training may pass over some of its weights (dropped layers)."""
    adapts: ClassVar[bool] = False
    """Whether one instance serves datasets whose inputs differ in shape, with its own parts for each of them.

    Then `build_each` makes it, and it is called as `module(*tensors, dataset=NAME)`.
    """
    padding_by_trial: ClassVar[bool] = False
    """Whether `padding_policy` is a claim of code that is not ours: it is tried on the real module."""
    has_weights: ClassVar[bool] = False
    """Whether its library has its own weights, for `pretrained: true`."""

    weights_root: ClassVar[str] = ""
    """The part of the real module that a file of its weights is of; empty for all of it."""

    input: str | Annotated[list[str], Param(min_length=1)] | dict[str, str] | None = Param(
        None, description="a field, a module or `module.output`; may be omitted if there is only one choice"
    )
    per_dataset: bool = Param(
        False, description="a separate instance, with its own weights, for each dataset"
    )
    pretrained: bool | SpecPath = Param(
        False, description="`true` for the library's pretrained weights, or a path to weights"
    )

    def infer(self, inputs: Inputs) -> Outputs | Problem | None:
        """Return output shapes; a problem if the inputs do not fit; None if a probe is needed."""
        raise NotImplementedError

    def left_out(self, inputs: Inputs) -> tuple[LeftOut, ...] | None:
        """Return what it drops of its first input when dividing or halving it; None if a probe is needed.

        Sizes that vary from sample to sample are skipped.
        """
        return None if self.costs(inputs) is None else ()

    def pins_weights(self) -> bool:
        """Return whether the parameters determine which pretrained weights of the library are used."""
        return True

    def weights_file(self) -> Path | None:
        """Return the file of its initial weights; None without one, or if they come from its library."""
        return self.pretrained if isinstance(self.pretrained, Path) else None

    def check_weights(self, expected: Facts, stored: Facts, path: Path) -> Problem | None:
        """Return why the tensors `stored` in its weights file do not fit (names below `weights_root`)."""
        return lacking_weights(expected, stored, path)

    def stamp(self) -> str:
        """Return a value that changes with the files that its shapes depend on; empty if there are none."""
        return ""

    def looks_ahead(self) -> bool | None:
        """Return whether a position of the output depends on later ones of the input; None if unknown."""
        return None

    def costs(self, inputs: Inputs) -> Costs | None:
        """Return parameters, FLOPs and activation bytes in closed form, or None if a probe is needed."""
        return None

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module, with new or pretrained weights."""
        raise NotImplementedError

    def costs_each(self, inputs: Mapping[str, Inputs]) -> Costs:
        """Return the costs of one instance for several datasets, if it adapts to them."""
        raise NotImplementedError

    def build_each(self, inputs: Mapping[str, Inputs]) -> TorchModule:
        """Return one instance for several datasets, if it adapts to them."""
        raise NotImplementedError


class Head(Node):
    """The last layers of a task; the output shape follows from the task's target and is not stated."""

    input: str | Annotated[list[str], Param(min_length=1)] | dict[str, str] | None = Param(
        None, description="a module or `module.output`"
    )
    per_dataset: bool = Param(
        False, description="a separate instance, with its own weights, for each dataset"
    )

    def infer(self, inputs: Inputs, output: Shape) -> Outputs | Problem:
        """Return the head's outputs for the `output` that the task needs, or a problem if it cannot give it."""
        raise NotImplementedError

    def costs(self, inputs: Inputs, output: Shape) -> Costs:
        """Return parameters, FLOPs and activation bytes in closed form."""
        raise NotImplementedError

    def build(self, inputs: Inputs, output: Shape) -> TorchModule:
        """Return the head as a torch module."""
        raise NotImplementedError
