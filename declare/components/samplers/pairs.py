"""Positives side by side."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

from pydantic import Field as Param

from declare.contract.kinds.field import Pairing
from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Generator, Layout, Shape
from declare.parsing.poison import contains_poison


class Pairs(Sampler):
    """Pairs of samples: the two agree in all fields of `same` and differ in `different`.

    For contrastive learning: the same movie and time, another subject. Pairs are drawn again in every epoch,
    in random order; no sample repeats before every sample has been used. An epoch has as many samples as the
    training split (one more if that is odd). Samples without a partner are left out. With several processes,
    a pair stays in one process. A `contrastive` task without `same` uses these pairs as positives.

    Example:
        ```yaml
        sampler: {type: pairs, same: [movie, stamp], different: subject}
        ```
    """

    layouts: ClassVar[tuple[Layout, ...]] = ("id", "category")
    group_size: ClassVar[int] = 2

    same: list[str] = Param(
        min_length=1, description="fields in which the two samples agree: `[movie, stamp]`"
    )
    different: str | None = Param(None, description="a field in which the two samples differ: `subject`")

    def columns(self) -> tuple[str, ...]:
        """Return the fields that could be read."""
        same = self.same if isinstance(self.same, list) else []
        return tuple(name for name in (*same, self.different) if isinstance(name, str))

    def pairing(self) -> Pairing | None:
        """Return the fields in which the two samples of a pair agree and differ; None if one could not be read."""
        return None if contains_poison(self) else (tuple(self.same), self.different)

    def with_fields(self, shapes: Mapping[str, Shape]) -> Self | Problem:
        """Return the sampler, or the problem that the dataset lacks a field that it needs."""
        for name in self.columns():
            if name not in shapes or shapes[name].layout not in self.layouts:
                title = f"`pairs` needs a field `{name}` of type `id` or `category`"
                at = "different" if name == self.different else f"same.{self.same.index(name)}"
                return Problem("DAT343", title, at=at, label="not usable here", helps=("use an `id` field",))
        return self

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return positions, partners next to each other; raises `ProblemError` DAT353 if there is no pair."""
        import numpy as np

        from declare.contract.problem import ProblemError

        group = _combined_codes([columns[name] for name in self.same])
        origin = columns[self.different] if self.different else np.arange(num_samples)
        wanted, pairs = -(-num_samples // 2), np.empty((0, 2), np.int64)
        while len(pairs) < wanted:
            more = _draw_pairs(np.where(origin < 0, -1, group), origin, generator)
            if not len(more):
                raise ProblemError(self._without_positives(columns))
            pairs = np.concatenate([pairs, more])
        return pairs[:wanted].reshape(-1)

    def check(self) -> Iterable[Problem]:
        """Yield a problem for a field in which samples should both agree and differ."""
        if self.different is not None and self.different in self.same:
            title = f"no two samples can agree in `{self.different}` and differ in it"
            helps = ("name another field",)
            yield Problem("DAT353", title, at="different", label="listed in `same` too", helps=helps)

    def _without_positives(self, columns: Mapping[str, Array]) -> Problem:
        """Return the problem that no two samples form a pair, with the reason."""
        if self.different and len({*columns[self.different].reshape(-1).tolist()} - {-1}) == 1:
            title = f"all training samples have the same `{self.different}`, so none has a partner"
            helps = ("train on data with two or more values", "remove `different`")
            return Problem("DAT353", title, at="sampler.different", label="one value only", helps=helps)
        for index, name in enumerate(self.same):
            values = columns[name].reshape(-1)
            values = values[values >= 0]
            if len(values) and len({*values.tolist()}) == len(values):
                title = f"every training sample has a different `{name}`: no two agree in it"
                words = "use a field that samples share, such as a movie"
                at = f"sampler.same.{index}"
                return Problem("DAT353", title, at=at, label="no value occurs twice", helps=(words,))
        agree = " and ".join(f"`{name}`" for name in self.same)
        differ = f" and differ in `{self.different}`" if self.different else ""
        return Problem(
            "DAT353",
            f"no two training samples agree in {agree}{differ}",
            at="sampler.same",
            label="no pairs",
            helps=("list fewer fields in `same`", "or train on more subjects"),
        )


def _combined_codes(columns: list[Array]) -> Array:
    """Return a number for each combination of values, -1 where one is missing."""
    import numpy as np

    stacked = np.stack([np.asarray(column) for column in columns], 1)
    _, codes = np.unique(stacked, axis=0, return_inverse=True)
    return np.where((stacked < 0).any(axis=1), -1, codes.reshape(-1))


def _draw_pairs(group: Array, origin: Array, generator: Generator) -> Array:
    """Return pairs of positions [pairs, 2] in random order, each position at most once."""
    import numpy as np

    pairs = []
    for number in np.unique(group[group >= 0]):
        members = generator.permutation(np.flatnonzero(group == number))
        # Origins in one stretch each, the largest first: partners half a group apart are of two origins.
        names, index, counts = np.unique(origin[members], return_inverse=True, return_counts=True)
        rank = generator.permutation(len(names))
        members = members[np.lexsort((rank[index], -counts[index]))]
        half = -(-len(members) // 2)
        first, second = members[: len(members) - half], members[half:]
        good = origin[first] != origin[second]
        pairs.append(np.stack([first[good], second[good]], 1))
    whole = np.concatenate(pairs) if pairs else np.empty((0, 2), np.int64)
    return generator.permuted(whole, axis=1)[generator.permutation(len(whole))]
