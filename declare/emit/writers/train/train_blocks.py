"""Parts of `train.py` that are the same in every program that needs them."""

MIX = '''def mix(key: int, part: int) -> int:
    """Return a 64-bit hash of two numbers (the finaliser of splitmix64)."""
    value = (key ^ (part + 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)'''
STATE = '''def load_state(folder: Path, phase: str, model: Model, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the state of a phase, and load its model and optimizer."""
    path = folder / "state.pt"
    state = torch.load(path) if path.exists() else {}
    if state.get("phase") != phase:
        return {"phase": phase, "step": 0}
    model.load_state_dict(state.pop("model"))
    optimizer.load_state_dict(state.pop("optimizer"))
    return state


def save_state(folder: Path, state: dict[str, Any], model: Model, optimizer: torch.optim.Optimizer) -> None:
    """Save the state of a phase."""
    torch.save(state | {"model": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "state.new")
    (folder / "state.new").replace(folder / "state.pt")'''
GROUP = '''def start_processes() -> tuple[int, int]:
    """Return the rank of this process and their number, as torchrun states them."""
    if "RANK" not in os.environ:
        return 0, 1
    distributed.init_process_group("gloo")
    return distributed.get_rank(), distributed.get_world_size()


def part(batch: dict[str, Tensor], rank: int, world: int) -> dict[str, Tensor]:
    """Return the rows of a batch that one of several processes takes."""
    return batch if world == 1 else {name: values.tensor_split(world)[rank] for name, values in batch.items()}


def add_up(tensors: list[Tensor], world: int) -> None:
    """Add tensors up over all processes."""
    if world > 1:
        for tensor in tensors:
            distributed.all_reduce(tensor)'''
STATISTICS = '''class NormStatistics:
    """Running statistics of norms for pictures of other sizes than the one whose the model holds."""

    def __init__(self, model: Model, sizes: tuple[int, ...], sets: dict[int, list[Tensor]] | None) -> None:
        names = ("running_mean", "running_var", "num_batches_tracked")
        self.places = [(item._buffers, name) for item in model.modules() for name in names if name in item._buffers]
        self.sets = sets or {size: [buffers[name].clone() for buffers, name in self.places] for size in sizes}

    @contextmanager
    def at(self, size: int) -> Iterator[None]:
        """While inside, norms use and move the statistics of `size`."""
        own = [buffers[name] for buffers, name in self.places]
        self._put(self.sets.get(size, own))
        yield
        self._put(own)

    def _put(self, tensors: list[Tensor]) -> None:
        for (buffers, name), tensor in zip(self.places, tensors, strict=True):
            buffers[name] = tensor'''
NORMS = '''def share_statistics(model: Model) -> None:
    """Let batch norms use the statistics of the batch of all processes."""
    for norm in model.modules():
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.forward = partial(normalise, norm)


def normalise(norm: Any, x: Tensor) -> Tensor:
    """Return what a batch norm gives for x [B, C, ...], its statistics taken over all processes."""
    shape = [1, -1] + [1] * (x.dim() - 2)
    axes = [axis for axis in range(x.dim()) if axis != 1]
    mean, var = norm.running_mean, norm.running_var
    if norm.training:
        count = all_reduce(torch.tensor(float(x.numel() // x.shape[1])))
        mean = all_reduce(x.sum(axes)) / count
        var = all_reduce((x - mean.view(shape)).square().sum(axes)) / count
        with torch.no_grad():
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(var * count / (count - 1), norm.momentum)
            norm.num_batches_tracked += 1
    scaled = (x - mean.view(shape)) * (var + norm.eps).rsqrt().view(shape)
    return scaled * norm.weight.view(shape) + norm.bias.view(shape)'''
AVERAGE = '''class Average:
    """The exponential moving average of weights and of the statistics of norms."""

    def __init__(self, model: Model, decay: float) -> None:
        statistics = [item for name, item in model.named_buffers() if name.rpartition(".")[2].startswith("running_")]
        self.tensors = [*(item.detach() for item in model.parameters()), *statistics]
        self.shadow = [item.clone() for item in self.tensors]
        self.decay = decay

    def load(self, shadow: list[Tensor] | None) -> None:
        """Take over a saved average."""
        if shadow is not None:
            torch._foreach_copy_(self.shadow, shadow)

    def update(self, number: int) -> None:
        """Add the weights after step `number`."""
        torch._foreach_lerp_(self.shadow, self.tensors, 1 - DECAY)

    def swap(self) -> None:
        """Exchange the weights of the model and the average."""
        copies = [item.clone() for item in self.tensors]
        torch._foreach_copy_(self.tensors, self.shadow)
        torch._foreach_copy_(self.shadow, copies)'''
AVERAGE_UPDATE = "        torch._foreach_lerp_(self.shadow, self.tensors, 1 - DECAY)\n"
AVERAGE_UPDATE_APART = """        rising = min(self.decay, (1 + number) / (10 + number))
        of_statistics = rising if self.new_statistics else self.decay
        for part, decay in zip(self.parts, (self.decay, of_statistics), strict=True):
            if self.tensors[part]:
                torch._foreach_lerp_(self.shadow[part], self.tensors[part], 1 - decay)
"""
AVERAGE_APART = """        count = len(self.tensors) - len(statistics)
        self.parts = slice(count), slice(count, None)
        self.new_statistics = new_statistics  # those before belong to other data
"""
