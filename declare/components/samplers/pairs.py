"""Positives side by side."""

from collections.abc import Iterable, Mapping
from typing import ClassVar, Self

from pydantic import Field as Param

from declare.contract.kinds.field import Pairing
from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem
from declare.contract.shapes import Array, Generator, Layout, Shape
from declare.reading.poison import contains_poison


class Pairs(Sampler):
    """Samples two by two: those of a pair agree in all fields of `same` and differ in `different`.

    For contrastive learning: the same movie and time, another subject. Every epoch pairs the samples anew, each of
    them once before any comes again, in random order; an epoch has as many samples as the training split (one more
    where that is odd). Samples without a partner are left out. Several processes take whole pairs. A `contrastive`
    task that states no positives takes these.

    Example:
        ```yaml
        sampler: {type: pairs, same: [movie, stamp], different: subject}
        ```
    """

    layouts: ClassVar[tuple[Layout, ...]] = ("id", "category")
    group_size: ClassVar[int] = 2

    same: list[str] = Param(min_length=1, description="fields in which the two agree: `[movie, stamp]`")
    different: str | None = Param(None, description="a field in which the two differ: `subject`")

    def columns(self) -> tuple[str, ...]:
        """Return the fields, those that could be read."""
        same = self.same if isinstance(self.same, list) else []
        return tuple(name for name in (*same, self.different) if isinstance(name, str) and name)

    def pairing(self) -> Pairing | None:
        """Return the fields in which the two of a pair agree and differ; None where one could not be read."""
        return None if contains_poison(self) else (tuple(self.same), self.different)

    def with_fields(self, shapes: Mapping[str, Shape]) -> Self | Problem:
        """Return the sampler; a problem where the dataset lacks a field that it needs."""
        for name in self.columns():
            if name not in shapes or shapes[name].layout not in self.layouts:
                title = f"`pairs` needs a field `{name}` of type `id` or `category`"
                at = "different" if name == self.different else f"same.{self.same.index(name)}"
                return Problem("DAT343", title, at=at, label="not usable here", helps=("name an `id` field",))
        return self

    def order(
        self, num_samples: int, columns: Mapping[str, Array], generator: Generator, progress: float
    ) -> Array:
        """Return positions, partners side by side; raises `ProblemError` DAT353 where there is no pair."""
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
        """Yield a field in which samples should agree and differ."""
        if self.different is not None and self.different in self.same:
            title = f"no two samples agree in `{self.different}` and differ in it"
            helps = ("name another field",)
            yield Problem("DAT353", title, at="different", label="stands in `same` too", helps=helps)

    def _without_positives(self, columns: Mapping[str, Array]) -> Problem:
        """Return the problem that no two samples are a pair, and what stands in the way."""
        if self.different and len({*columns[self.different].reshape(-1).tolist()} - {-1}) == 1:
            title = f"all training samples have one `{self.different}`: none is a partner for another"
            helps = ("train on data of two or more", "remove `different`")
            return Problem("DAT353", title, at="sampler.different", label="one value only", helps=helps)
        for index, name in enumerate(self.same):
            values = columns[name].reshape(-1)
            values = values[values >= 0]
            if len(values) and len({*values.tolist()}) == len(values):
                title = f"every training sample has a `{name}` of its own: no two agree in it"
                words = "name a field that samples share, such as a movie"
                at = f"sampler.same.{index}"
                return Problem("DAT353", title, at=at, label="never the same twice", helps=(words,))
        agree = " and ".join(f"`{name}`" for name in self.same)
        differ = f" and differ in `{self.different}`" if self.different else ""
        return Problem(
            "DAT353",
            f"no two training samples agree in {agree}{differ}",
            at="sampler.same",
            label="pairs nothing",
            helps=("name fewer fields in `same`", "or train on more subjects"),
        )


def _combined_codes(columns: list[Array]) -> Array:
    """Return a number for each combination of values, -1 where one is missing."""
    import numpy as np

    stacked = np.stack([np.asarray(column) for column in columns], 1)
    _, codes = np.unique(stacked, axis=0, return_inverse=True)
    return np.where((stacked < 0).any(axis=1), -1, codes.reshape(-1))


def _draw_pairs(group: Array, origin: Array, generator: Generator) -> Array:
    """Return pairs of positions [pairs, 2] in random order, each position once at most."""
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
