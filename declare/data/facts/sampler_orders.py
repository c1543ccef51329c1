"""What order samplers give the training split, and which samples have positives: tried on the real columns.

The sampler itself reports why a split cannot serve it: facts of whole fields do not show it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Pairing, Uses, pairing_key
from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Shape
from declare.parsing.read_component import read_component


def order_facts(
    uses: Uses, facts: Mapping[str, FieldFacts], columns: Mapping[str, Array], positions: Mapping[str, Array]
) -> dict[str, Any]:
    """Return `refused_orders` and `positives` of a dataset with encoded columns and these rows in its splits."""
    shapes = {name: item.shape for name, item in facts.items()}
    return {
        "refused_orders": refused_orders(uses.samplers, shapes, columns, positions["train"]),
        "positives": with_positive(uses.pairings, columns, positions),
    }


def refused_orders(
    samplers: tuple[str, ...], shapes: Mapping[str, Shape], columns: Mapping[str, Array], train: Array
) -> dict[str, dict[str, Any]]:
    """Return why samplers (blocks in JSON) have no first epoch over the rows `train` of encoded columns.

    Those that all goes well with are left out, and those whose columns are not among them.
    """
    problems = {}
    for block in samplers:
        sampler = read_component("samplers", json.loads(block))
        assert isinstance(sampler, Sampler)
        chosen = sampler.with_fields(shapes)
        if isinstance(chosen, Problem) or chosen.by_length or not set(chosen.columns()) <= set(columns):
            continue
        columns_of_train = {name: columns[name][train] for name in chosen.columns()}
        try:
            chosen.resolve(100, 100).order(len(train), columns_of_train, np.random.default_rng(0), 0.0)
        except ProblemError as error:
            problems[block] = asdict(error.problem) | {"rewrites": ()}
    return problems


def with_positive(
    pairings: tuple[Pairing, ...], columns: Mapping[str, Array], positions: Mapping[str, Array]
) -> dict[str, dict[str, int]]:
    """Return for each pairing, by split, the samples that have a positive there: one that agrees and differs so.

    Pairings whose columns are not there, or hold something else than one code for each sample, are left out.
    """
    counts_by_pairing = {}
    for pairing in pairings:
        same, different = pairing
        names = {*same, *filter(None, [different])}
        if names <= set(columns) and all(_is_coded(columns[name]) for name in names):
            counts_by_pairing[pairing_key(pairing)] = {
                split: _count_paired([columns[name][rows] for name in same], columns[different][rows])
                if different
                else _count_paired([columns[name][rows] for name in same], np.arange(len(rows)))
                for split, rows in positions.items()
            }
    return counts_by_pairing


def _is_coded(column: Array) -> bool:
    return column.dtype.kind in "iu" and column.size == len(column)


def _count_paired(same: list[Array], origin: Array) -> int:
    """Return the samples whose group holds one of another origin; a missing value belongs to no group."""
    *agreeing, other = (column.reshape(len(column), -1)[:, 0] for column in (*same, origin))
    known = np.all([column >= 0 for column in (*agreeing, other)], axis=0)
    _, group = np.unique(np.stack(agreeing, 1)[known], axis=0, return_inverse=True)
    both = np.unique(np.stack([group.reshape(-1), other[known]], 1), axis=0)
    origins = np.bincount(both[:, 0], minlength=1)
    return int((origins[group.reshape(-1)] > 1).sum())
