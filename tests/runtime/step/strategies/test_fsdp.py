"""What is gathered together, and what reaches gradients, in models that are held in shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import distribute_tensor

from declare.nn.distributed.dtensor import rank_rows, shard_like_tensor, split_by_sharding, total_norm
from declare.runtime.machine.precision import Scaler
from declare.runtime.step.strategies import fsdp
from declare.runtime.step.strategies.fp32_eval import FullPrecisionCopy


class Layer(nn.Module):
    """A block that a model repeats."""

    def __init__(self, inner: nn.Linear | None = None) -> None:
        super().__init__()
        self.inner = inner or nn.Linear(3, 3)

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        return self.inner(values)


def units(node: nn.Module, skip: tuple[str, ...] = ()) -> list[nn.Module]:
    """Return what is gathered by itself of a graph with one node."""
    graph = nn.Module()
    graph.add_module("encoder", node)
    return list(fsdp._units(graph, {"encoder": node}, skip))


def test_blocks_are_gathered_one_by_one_before_their_node() -> None:
    """Repeated blocks are units, plain layers between them belong to the node."""
    layers = nn.ModuleList([Layer(), Layer()])
    node = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    node.add_module("layers", layers)
    assert units(node) == [layers[1], layers[0], node]


def test_a_module_that_skips_parts_is_gathered_at_once() -> None:
    """Its blocks are no units: not every process runs the same of them."""
    node = nn.Sequential(Layer(), Layer())
    assert units(node, ("encoder",)) == [node]


def test_blocks_with_common_parameters_are_gathered_together() -> None:
    """A parameter that two blocks use stands in the unit above both."""
    inner = nn.Linear(3, 3)
    node = nn.Sequential(Layer(inner), Layer(inner), Layer())
    assert units(node) == [node[2], node]


def test_every_parameter_gets_a_gradient() -> None:
    """Those of parts that were left out get zeros, and the output is what it was."""
    node = nn.ModuleDict({"used": nn.Linear(3, 3), "left_out": nn.Linear(3, 3)})
    values = torch.ones(2, 3)
    plain = node["used"](values)
    found = fsdp._depend_on_all_parameters(node, (), {"output": plain, "lengths": torch.tensor([3, 3])})
    assert torch.equal(found["output"], plain)
    found["output"].sum().backward()
    assert all(item.grad is not None for item in node.parameters())
    assert not node["left_out"].weight.grad.any()


def test_views_are_copied_before_the_hook_of_the_backward_pass() -> None:
    """An operation in place on the output of a unit must not lose the hook."""
    values = torch.ones(2, 4, requires_grad=True)
    found = fsdp._without_views(nn.Identity(), (), [(values * 2).view(8), values * 3])
    assert not any(item._is_view() for item in found)
    assert torch.equal(found[0], torch.full((8,), 2.0))


def test_shares_cover_all_rows_once() -> None:
    """Late processes have fewer rows, or none."""
    assert [rank_rows(5, rank, 4) for rank in range(4)] == [(0, 2), (2, 4), (4, 5), (5, 5)]
    assert [rank_rows(4, rank, 2) for rank in range(2)] == [(0, 2), (2, 4)]


def test_whole_tensors_are_one_kind() -> None:
    """Where nothing is held in shares, norms are torch's own and values stay as they are."""
    tensors = [torch.tensor([3.0]), torch.tensor([4.0])]
    assert len(split_by_sharding(tensors)) == 1
    assert total_norm(tensors) == 5
    assert shard_like_tensor(tensors[0], tensors[1]) is tensors[0]


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[DeviceMesh]:
    """Return the mesh of a group of one process."""
    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.FileStore(str(tmp_path / "store"), 1))
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.parametrize("kind", ["sgd", "fused"])
@pytest.mark.parametrize("bad", [None, 0, 1])
def test_gradients_of_both_kinds_are_unscaled(mesh: DeviceMesh, bad: int | None, kind: str) -> None:
    """A scalar is whole in every process; one gradient that is not finite keeps both kinds from moving."""
    scalar = nn.Parameter(torch.tensor(1.0))
    matrix = nn.Parameter(distribute_tensor(torch.ones(2, 2), mesh))
    groups = [{"params": [scalar]}, {"params": [matrix]}]
    adam = torch.optim.AdamW(groups, lr=1.0, weight_decay=0.0, fused=True) if kind == "fused" else None
    optimizer = adam or torch.optim.SGD(groups, lr=1.0)
    scaler = Scaler("cpu", init_scale=4.0)
    loss = 2 * scalar + matrix.full_tensor().sum()
    scaler.scale(loss).backward()
    if bad is not None:
        found = [scalar, matrix][bad].grad
        assert found is not None
        found *= torch.inf
    scaler.step(optimizer)
    scaler.update()
    moves = [2.0, 1.0] if kind == "sgd" else [1.0, 1.0]
    expected = moves if bad is None else [0.0, 0.0]
    moved = [1 - float(item.detach().sum()) for item in (scalar, matrix.full_tensor()[0, 0])]
    assert moved == pytest.approx(expected, abs=1e-6)
    assert scaler.get_scale() == (4.0 if bad is None else 2.0)


class Normed(nn.Module):
    """A block with a norm before its layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(64)
        self.layer = nn.Linear(64, 64)

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        return values + self.layer(self.norm(values)).relu()


class Stack(nn.Module):
    """A graph of one node with blocks, and an offset of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.node = nn.Sequential(Normed(), Normed(), nn.BatchNorm1d(64))
        self.offset = nn.Parameter(torch.full((64,), 0.3))

    @property
    def modules_by_path(self) -> dict[str, nn.Module]:
        """The nodes."""
        return {"node": self.node}

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        return self.node(values) + self.offset

    def read(self, values: Tensor) -> Tensor:
        """Return the same."""
        return self(values)


class Own(nn.Linear):
    """A layer that does something of its own with its weight."""

    def forward(self, values: Tensor) -> Tensor:
        """Return values for weights of length one."""
        return nn.functional.linear(values, self.weight / self.weight.norm(), self.bias)


def narrow(node: nn.Module) -> dict[nn.Module, list[nn.Parameter]]:
    """Return which units of a graph with one node are gathered in half precision, and what stays whole in them."""
    graph = nn.Module()
    graph.add_module("encoder", node)
    return fsdp._narrow(fsdp.units(graph, {"encoder": node}, ()), fsdp._cast(graph))


def test_norms_of_blocks_are_not_rounded() -> None:
    """Blocks are gathered in half precision; their norms stay whole, in single precision."""
    blocks = [Normed(), Normed()]
    found = narrow(nn.Sequential(*blocks))
    assert {block: [id(item) for item in others] for block, others in found.items()} == {
        block: [id(block.norm.weight), id(block.norm.bias)] for block in blocks
    }


def test_what_autocast_leaves_alone_is_gathered_as_it_is() -> None:
    """Tables of vectors, layers with a forward pass of their own, and weights that these share with others."""
    tied = nn.Sequential(nn.Embedding(8, 8), nn.Linear(8, 8, bias=False))
    tied[0].weight = tied[1].weight
    for node in (nn.Sequential(nn.Embedding(8, 8), nn.Linear(8, 8)), nn.Sequential(Own(8, 8)), tied):
        assert narrow(node) == {}
    plain = nn.Sequential(nn.Linear(8, 8))
    assert narrow(plain) == {plain: []}


def kept_weights(graph: nn.Module, values: Tensor) -> tuple[Tensor, int]:
    """Return the loss of a forward pass in bf16, and the bytes of matrices that are kept for its backward pass."""
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.shape == (64, 64):
            storage = tensor.untyped_storage()
            kept[storage._cdata] = storage
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16):
        loss = graph(values).float().square().mean()
    return loss, sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize(("half", "copies"), [(None, 2), (torch.bfloat16, 0)])
@pytest.mark.usefixtures("mesh")
def test_no_copies_of_weights_wait_for_the_backward_pass(half: torch.dtype | None, copies: int) -> None:
    """Gathered in half precision nothing is kept, and gradients are those of autocast, in single precision."""
    torch.manual_seed(0)
    plain, graph = Stack(), Stack()
    graph.load_state_dict(plain.state_dict())
    fsdp.shard(graph, graph.modules_by_path, torch.device("cpu"), (), half)
    values = torch.randn(5, 64)
    expected, everything = kept_weights(plain, values)
    loss, kept = kept_weights(graph, values)
    assert everything >= 2 * 64 * 64 * 2
    assert kept == copies * 64 * 64 * 2
    assert torch.equal(loss, expected)
    for one in (loss, expected):
        one.backward()
    for ours, theirs in zip(graph.parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None
        assert ours.grad.dtype == torch.float32
        assert torch.equal(ours.grad.full_tensor() if hasattr(ours, "placements") else ours.grad, theirs.grad)


@pytest.mark.usefixtures("mesh")
def test_evaluations_see_what_was_not_rounded() -> None:
    """The second set of modules computes as the whole model would, with what the shares hold by then."""
    torch.manual_seed(0)
    plain: Any = Stack()
    graph: Any = Stack()
    graph.load_state_dict(plain.state_dict())
    unrounded = FullPrecisionCopy(graph, ())
    fsdp.shard(graph, graph.modules_by_path, torch.device("cpu"), (), torch.bfloat16)
    judged: Any = unrounded.follow(graph)
    values = torch.randn(5, 64)
    with torch.no_grad():
        with torch.autocast("cpu", torch.bfloat16):
            for each in (graph, plain):
                each(values)  # running statistics move
        assert torch.equal(judged.node[2].running_mean, plain.node[2].running_mean)
        for ours, theirs in zip(graph.parameters(), plain.parameters(), strict=True):
            ours.mul_(1.01)
            theirs.mul_(1.01)
        for each in (plain, judged, graph):
            each.eval()
        assert torch.equal(judged(values), plain(values))
        assert torch.equal(judged.read(values), plain(values))
    with pytest.raises(RuntimeError):
        judged(torch.randn(5, 3))
    assert [id(item) for item in judged.parameters()] == [id(item) for item in graph.parameters()]
