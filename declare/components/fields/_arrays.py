"""What numeric array fields share: facts and encoding of samples with a fixed number of axes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from declare.components.fields._axes import Order, in_order, orders_that_fit, other_size, other_way_round
from declare.contract.code import Code, NotWrittenError, RawColumn
from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.lengths import KEY
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import AXES, Array, Shape


class ArrayField(Field):
    """A field whose samples are numeric arrays with a fixed number of axes; NaN stays NaN.

    Encoded as float32 [rows, ...] if that represents every number of the source's type exactly, else as
    float64. Transforms see this type; the model sees float32.

    Numbers listed under `missing` become NaN before the transforms. Sizes that differ between samples are
    None in the shape; shorter samples are padded with NaN at the end of each axis. Transforms skip the
    padding, and it becomes zero at the end.
    """

    stated_axes: ClassVar[Mapping[str, int]] = {}
    """Parameters that state a size, with the axis that they describe."""
    axis_orders: ClassVar[Mapping[str, Order]] = {}
    """Layouts that samples may have, the default first."""
    fixed_axes: ClassVar[frozenset[int]] = frozenset({0})
    """Axes whose stated size every sample must have."""

    def code(self, name: str, facts: FieldFacts, raw: RawColumn) -> Code:
        """Return code for samples of one size, with the axes as the field has them."""
        from declare.components.fields._numbers import exact_dtype

        axes = [-1 if axis is None else axis + 1 for axis in self._order()]
        if self.missing or raw.kind == "texts" or None in facts.shape.dims or -1 in axes:
            what = "with marks, of differing sizes or without an axis"
            raise NotWrittenError(f"the samples of `{name}`: {what}")
        code = f"np.asarray({raw.code}, np.{exact_dtype(raw.dtype)})"
        moved = axes != sorted(axes)
        return Code(f"{code}.transpose(0, {', '.join(map(str, axes))})" if moved else code)

    def infer_facts(self, values: Any) -> FieldFacts:
        """Return the shape, range and moments of the samples."""
        from declare.components.fields._numbers import unused_marks

        samples = self._stack(values)
        self._refuse_merged(values, samples)
        return self._facts(samples, unused_marks(values, self.missing))

    def _refuse_merged(self, values: Any, samples: Any) -> None:
        """Raise `ProblemError` DAT306 if different integers of a feature or channel become equal as float64."""
        import numpy as np

        from declare.components.fields._exactness import merged_features, narrow_features, refuse_merged

        if not isinstance(samples, np.ndarray):
            self._refuse_merged_ragged(values, samples)
            return
        if samples.dtype != np.float64:
            return
        narrow = narrow_features(samples)
        if narrow:
            raw = values if isinstance(values, np.ndarray) else np.array(list(values), object)
            # Samples without an axis of channels have one channel.
            raw = self._in_order(raw) if raw.ndim == samples.ndim else raw.reshape(samples.shape)
            for feature in merged_features(raw, samples, narrow):
                refuse_merged(raw[:, feature].ravel(), samples[:, feature].ravel())

    def _refuse_merged_ragged(self, values: Any, samples: list[Array]) -> None:
        """Do so for samples of different sizes: by channel, or over all values if these differ too."""
        import numpy as np

        from declare.components.fields._exactness import is_narrow, refuse_merged

        channels = {sample.shape[0] for sample in samples if sample.ndim > 1}
        parts = range(channels.pop()) if len(channels) == 1 else (slice(None),)
        for part in parts:
            numbers = np.concatenate([sample[part].ravel() for sample in samples])
            if numbers.dtype == np.float64 and is_narrow(numbers):
                raw = (self._raw_array(value, sample) for value, sample in zip(values, samples, strict=True))
                refuse_merged([item for array in raw for item in array[part].ravel()], numbers)

    def _raw_array(self, value: Any, sample: Array) -> Array:
        """Return a raw sample as an array of objects with the axes of its numbers."""
        import numpy as np

        raw = np.array(value, object)
        return np.asarray(self._in_order([raw])[0] if raw.ndim == sample.ndim else raw.reshape(sample.shape))

    def _facts(self, samples: Array | list[Array], unused: list[str]) -> FieldFacts:
        """Return the facts of stacked samples; `unused` are missing-value marks that never occur."""
        import numpy as np

        from declare.components.fields._numbers import statistics

        shapes = (
            {samples.shape[1:]} if isinstance(samples, np.ndarray) else {sample.shape for sample in samples}
        )
        dims = tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))
        flat = (
            samples if isinstance(samples, np.ndarray) else np.concatenate([item.ravel() for item in samples])
        )
        nan = (
            int(np.isnan(flat).any(axis=tuple(range(1, flat.ndim))).sum())
            if isinstance(samples, np.ndarray)
            else sum(bool(np.isnan(sample).any()) for sample in samples)
        )
        shape = Shape(self.layout, dims)
        extra: dict[str, Any] = {"unused_marks": unused} if unused else {}
        if shape.time_axis is not None and dims[shape.time_axis] is None:
            steps = [sizes[shape.time_axis] for sizes in shapes]
            extra[KEY] = [min(steps), max(steps)]
        return FieldFacts(shape=shape, num_missing=nan, extra=extra, **statistics(flat))

    def _stack(self, values: Any) -> Array | list[Array]:
        """Return samples as one array, or as a list if their sizes differ."""
        from declare.components.fields._numbers import stack

        try:
            rank = sum(axis is not None for axis in self._order())
            samples = stack(values, rank, self.layout, self.missing)
        except ProblemError as error:
            raise ProblemError(self._with_layouts(error.problem, values)) from None
        return self._in_order(samples)

    def _order(self) -> Order:
        """Return the axis of a sample that each axis of the field is."""
        layout = self.sample_layout()
        return self.axis_orders[layout] if layout else tuple(range(len(AXES[self.layout])))

    def _in_order(self, samples: Any) -> Any:
        """Return samples with axes as the field has them."""
        order = self._order()
        return samples if order == tuple(range(len(order))) else in_order(samples, order)

    def _with_layouts(self, problem: Problem, values: Any) -> Problem:
        """Return the problem of a sample, with a help for each layout that has its number of axes."""
        import numpy as np

        if problem.row is None:
            return problem
        try:
            rank = np.ndim(values[problem.row])
        except ValueError:
            return problem
        usual_layout = self.sample_layout()
        fitting = [
            name
            for name, order in self.axis_orders.items()
            if sum(axis is not None for axis in order) == rank
        ]
        if not fitting or usual_layout in fitting:
            return problem
        words = " or ".join(f"`layout: {name}`" for name in fitting)
        return replace(problem, helps=(f"state the order of the axes: {words}", *problem.helps))

    def sample_layout(self) -> str | None:
        """Return the layout of the samples, stated or default; None if the field has only one."""
        return next(iter(self.axis_orders), None)

    def stated_sizes(self) -> dict[int, tuple[str, int]]:
        """Return the sizes that the spec states by axis, each with its parameter."""
        stated = ((axis, key, getattr(self, key)) for key, axis in self.stated_axes.items())
        return {axis: (key, size) for axis, key, size in stated if size is not None}

    def compare(self, facts: FieldFacts) -> Iterable[Problem]:
        """Yield a problem if stated sizes contradict the data; if they fit another axis order, yield only that."""
        stated, dims = self.stated_sizes(), facts.shape.dims
        sizes = {axis: size for axis, (_, size) in stated.items()}
        wrong = [
            axis
            for axis, size in sizes.items()
            if dims[axis] != size and (dims[axis] is not None or axis in self.fixed_axes)
        ]
        layout = self.sample_layout()
        if wrong and layout:
            fitting = orders_that_fit(self.axis_orders, (layout, dims), sizes, self.fixed_axes)
            if fitting:
                order = ", ".join(
                    f"{'?' if dim is None else dim} {name}"
                    for dim, name in zip(dims, AXES[self.layout], strict=True)
                )
                yield other_way_round(stated[wrong[0]][0], order, fitting)
                return
        for key in dict.fromkeys(stated[axis][0] for axis in wrong):
            axis = next(axis for axis in wrong if stated[axis][0] == key)
            size = stated[axis][1]
            data_size = "varying" if dims[axis] is None else dims[axis]
            yield Problem(
                "DAT334",
                f"`{key}` is {size}, but the data have {data_size} {AXES[self.layout][axis]}",
                at=key,
                label=f"{size} stated here",
                helps=(f"remove `{key}`: it is inferred from the data",),
            )

    def _refuse_other_sizes(self, samples: Array | list[Array], facts: FieldFacts) -> None:
        """Raise `ProblemError` SHP524 for the first sample whose size differs along an axis that may not vary."""
        free = facts.shape.time_axis if self.takes_any_length(facts) else None
        known = {
            axis: size for axis, size in enumerate(facts.shape.dims) if size is not None and axis != free
        }
        for row, sample in enumerate(samples if isinstance(samples, list) else samples[:1]):
            for axis, size in known.items():
                if sample.shape[axis] != size:
                    raise ProblemError(other_size(AXES[self.layout][axis], size, sample.shape[axis], row))

    def takes_any_length(self, facts: FieldFacts) -> bool:
        """Return whether samples may be shorter or longer than the examined ones."""
        return KEY in facts.extra

    def encode(self, values: Any, facts: FieldFacts) -> Array:
        """Return float32 or float64 [rows, ...], padded with NaN if sizes vary.

        Raises `ProblemError` SHP524 for a sample whose size differs from that of all examined samples.
        """
        import numpy as np

        samples = self._stack(values)
        self._refuse_other_sizes(samples, facts)
        if isinstance(samples, np.ndarray):
            return samples
        largest = tuple(max(sizes) for sizes in zip(*(sample.shape for sample in samples), strict=True))
        padded = np.full((len(samples), *largest), np.nan, np.result_type(*samples))
        for row, sample in enumerate(samples):
            inside: tuple[Any, ...] = tuple(slice(size) for size in sample.shape)
            padded[(row, *inside)] = sample
        return padded
