"""How batches are cut: shares of processes are a batch, and their pieces those that one process would cut."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from torch import arange, tensor

from declare.ir.micro_batches import bounds, rank_bounds, share

COUNTS = st.integers(1, 8)


@given(rows=st.integers(1, 200), processes=COUNTS, each=COUNTS)
def test_shares_are_the_batch(rows: int, processes: int, each: int) -> None:
    """Every row is in one share; shares are in order, none is empty where there are enough rows, sizes hardly differ."""
    bounds = [share(rows, rank, processes, each) for rank in range(processes)]
    assert bounds[0][0] == 0
    assert bounds[-1][1] == rows
    assert all(left[1] == right[0] for left, right in pairwise(bounds))
    if rows >= processes:
        sizes = [last - first for first, last in bounds]
        assert min(sizes) > 0
        assert max(sizes) - min(sizes) <= each


@given(rows=st.integers(1, 200), processes=COUNTS, each=COUNTS)
def test_pieces_are_those_of_one_process(rows: int, processes: int, each: int) -> None:
    """The pieces of all processes, in order, are the batch cut by one process into as many."""
    if rows < processes * each:
        return
    whole = [piece.tolist() for piece in arange(rows).tensor_split(processes * each)]
    cut = [
        piece.tolist()
        for rank in range(processes)
        for piece in arange(rows)[slice(*share(rows, rank, processes, each))].tensor_split(each)
    ]
    assert cut == whole


@given(rows=st.integers(1, 200), processes=COUNTS, each=COUNTS)
def test_parts_of_a_micro_batch_are_that_of_one_process(rows: int, processes: int, each: int) -> None:
    """What all processes compute at a time is a micro-batch of one process, however each cuts its rows by itself."""
    if rows < processes:
        return
    dealings = [rank_bounds(rows, rank, processes, each) for rank in range(processes)]
    count = len(dealings[0])
    assert count == min(each, rows // processes)
    own = [[row for first, last in spans for row in range(first, last)] for spans in dealings]
    assert min(each, *map(len, own)) == count
    cut = [[piece.tolist() for piece in tensor(numbers).tensor_split(count)] for numbers in own]
    together = [sorted(row for parts in cut for row in parts[index]) for index in range(count)]
    assert together == [piece.tolist() for piece in arange(rows).tensor_split(count)]


@given(rows=st.integers(1, 60), parts=COUNTS, together=st.integers(1, 4))
def test_micro_batches_hold_whole_groups(rows: int, parts: int, together: int) -> None:
    """Cuts lie between groups, every row is in one micro-batch, and these are as even as whole groups can be."""
    cut = bounds(rows, parts, together)
    assert [cut[0][0], *(last for _, last in cut)] == [*(first for first, _ in cut), rows]
    assert all(first % together == 0 for first, _ in cut)
    groups = [math.ceil((last - first) / together) for first, last in cut]
    assert min(groups) >= 1
    assert max(groups) - min(groups) <= 1
    if together == 1:
        assert [last - first for first, last in cut] == [
            len(piece) for piece in arange(rows).tensor_split(min(parts, rows))
        ]


@given(pairs=st.integers(1, 40), processes=COUNTS, each=COUNTS)
def test_processes_cut_between_the_same_pairs(pairs: int, processes: int, each: int) -> None:
    """A process that cuts its own share gets the parts that were dealt to it, pairs whole."""
    if pairs < processes:
        return
    shares = [rank_bounds(pairs, rank, processes, each) for rank in range(processes)]
    own = [sum(last - first for first, last in mine) for mine in shares]
    number = min(len(bounds(2 * count, each, 2)) for count in own)
    for mine, count in zip(shares, own, strict=True):
        cut = bounds(2 * count, number, 2)
        assert [last - first for first, last in cut] == [2 * (last - first) for first, last in mine]
