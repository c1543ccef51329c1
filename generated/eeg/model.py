"""The model of `eeg`."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class ByDataset(nn.Module):
    """One parameter of any shape for each dataset, under the dataset's name."""

    def __init__(self) -> None:
        super().__init__()
        self.register_parameter("tuh", nn.Parameter(torch.randn(21, 32)))
        self.register_parameter("hbn", nn.Parameter(torch.randn(128, 32)))

    def of(self, dataset: str | None) -> Tensor:
        return self._parameters[dataset] if dataset else next(iter(self._parameters.values()))


def channel_statistics(x: Tensor) -> Tensor:
    """Return log spread, log slope and their difference of every channel [B, C, 3]."""
    signal = x.detach().nan_to_num().float()
    steps = signal.diff(dim=-1) if signal.shape[-1] > 1 else signal
    means = signal.square().mean(-1), steps.square().mean(-1)
    spread, slope = (mean.clamp_min(1e-08).log() for mean in means)
    return torch.stack([spread, slope, slope - spread], -1).to(x.dtype)


class Adapter(nn.Module):
    """N learned queries attend to the channels of x[B, C, T]; output [B, N, T], the time course kept."""

    def __init__(self) -> None:
        super().__init__()
        self.identity = ByDataset()
        self.content = nn.Linear(3, 32)
        nn.init.normal_(self.content.weight, std=0.02)
        self.key = nn.Linear(32, 32)
        self.gain = nn.Linear(32, 4)
        self.query = nn.Parameter(torch.randn(32, 32))
        self.mix = nn.Parameter(torch.randn(32, 4))
        self.scale = nn.Parameter(torch.ones(32, 1))

    def forward(self, x: Tensor, dataset: str | None = None) -> Tensor:
        channels_BCD = self.identity.of(dataset) + self.content(channel_statistics(x))
        key_BHKC = self.key(channels_BCD).unflatten(-1, (4, -1)).permute(0, 2, 3, 1)
        query_HNK = self.query.unflatten(-1, (4, -1)).transpose(0, 1)
        attention_BHNC = (
            query_HNK.expand(len(x), -1, -1, -1) @ key_BHKC * key_BHKC.shape[2] ** (-0.5)
        ).softmax(-1)
        gain_BHC = self.gain(channels_BCD).transpose(1, 2)
        weights_BHNC = attention_BHNC * gain_BHC.unsqueeze(2) * self.mix.t()[None, :, :, None]
        filters_BNC = functional.normalize(weights_BHNC.sum(1), dim=-1) * self.scale
        return filters_BNC @ x.nan_to_num()


class Spectrum(nn.Module):
    """Log power about each patch of x[B, C, L] under a Hann window, normalised and mapped to [B, P, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("taper", torch.hann_window(80), persistent=False)
        self.norm = nn.LayerNorm(1312)
        self.project = nn.Linear(1312, 64)

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x.float(), (30, 30))
        windows_BCPW = padded.unfold(-1, 80, 20) * self.taper
        power_BCPF = torch.view_as_real(torch.fft.rfft(windows_BCPW)).square().sum(-1)
        log_BPW = power_BCPF.add(0.1).log().transpose(1, 2).flatten(2)
        return self.project(self.norm(log_BPW))


class Positions(nn.Module):
    """Adds a learned vector for each of `length` positions to x[B, T, D]; later ones use the last vector."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(10, 64))

    def forward(self, x: Tensor) -> Tensor:
        length = len(self.table)
        if x.shape[1] <= length:
            return x + self.table[: x.shape[1]]
        return x + self.table[torch.arange(x.shape[1], device=x.device).clamp_max(length - 1)]


class Attention(nn.Module):
    """Multi-head attention of x[B, T, D] to itself, or to a memory [B, S, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(64, 64)
        self.key = nn.Linear(64, 64)
        self.value = nn.Linear(64, 64)
        self.out = nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        q_BHTK, k_BHSK, v_BHSK = (
            layer(values).unflatten(-1, (4, -1)).transpose(1, 2)
            for layer, values in ((self.query, x), (self.key, x), (self.value, x))
        )
        gathered_BHTK = functional.scaled_dot_product_attention(
            q_BHTK, k_BHSK, v_BHSK, attn_mask=None, dropout_p=0.0, is_causal=False
        )
        return self.out(gathered_BHTK.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and added to its input (pre-norm)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(64)
        self.attention = Attention()
        self.feedforward_norm = nn.LayerNorm(64)
        self.feedforward = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64), nn.Dropout(0.0))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm(x)))
        return x + self.feedforward(self.feedforward_norm(x))


class Encoder(nn.Module):
    """Patches of x[B, C, L], each by its samples and its log spectrum, in blocks of self-attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv1d(32, 64, 20, stride=20)
        self.spectrum = Spectrum()
        self.positions = Positions()
        self.dropout = nn.Dropout(0.0)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.norm = nn.LayerNorm(64)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = x[..., :200]
        hidden = self.embed(x).transpose(1, 2)
        hidden = hidden + self.spectrum(x)
        hidden = self.dropout(self.positions(hidden))
        for block in self.blocks:
            hidden = block(hidden)
        hidden = self.norm(hidden)
        return {"output": hidden, "pooled": hidden.mean(1)}


class Mem(nn.Module):
    """Each position of x[B, P, D] gives a part of the output; x[B, D] gives it whole."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 420))

    def forward(self, x: Tensor) -> Tensor:
        values = self.layers(x).unflatten(-1, (21, 20))
        return values.transpose(1, 2).flatten(2)[:, :, :200]


class Mem2(nn.Module):
    """Each position of x[B, P, D] gives a part of the output; x[B, D] gives it whole."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 2560))

    def forward(self, x: Tensor) -> Tensor:
        values = self.layers(x).unflatten(-1, (128, 20))
        return values.transpose(1, 2).flatten(2)[:, :, :200]


def shape_output(values: Tensor, output: Sequence[int]) -> Tensor:
    """Return values [..., F] as [..., *output]."""
    return values if len(output) == 1 else values.reshape(*values.shape[:-1], *output)


class Age(nn.Linear):
    """A linear layer whose output is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        return shape_output(super().forward(torch.cat([x], -1)), ())


class Sex(nn.Linear):
    """A linear layer whose output is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        return shape_output(super().forward(torch.cat([x], -1)), (2,))


class Movie(nn.Module):
    """Two layers from x[B, D] (several inputs are joined) to [B, E], with a norm and GELU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 32))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Model(nn.Module):
    """The model of `eeg`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5908834664442219184)
        self.adapter = Adapter()
        torch.manual_seed(7946862923975751782)
        self.encoder = Encoder()
        self.heads = nn.ModuleDict()
        self.heads["mem"] = nn.ModuleDict()
        torch.manual_seed(4654751519200061773)
        self.heads["mem"]["tuh"] = Mem()
        torch.manual_seed(275791777185946699)
        self.heads["mem"]["hbn"] = Mem2()
        torch.manual_seed(7695056520641482663)
        self.heads["age"] = Age()
        torch.manual_seed(8335834619049908080)
        self.heads["sex"] = Sex()
        torch.manual_seed(85898317934151335)
        self.heads["p_factor"] = Age()
        torch.manual_seed(7949328373913388083)
        self.heads["attention"] = Age()
        torch.manual_seed(770264399025642722)
        self.heads["movie"] = Movie()

    def forward(self, tuh: dict[str, Tensor], hbn: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(tuh["eeg"], dataset="tuh")
        adapter_2 = self.adapter(hbn["eeg"], dataset="hbn")
        rows = torch.cat([adapter, adapter_2])
        encoder = self.encoder(rows)
        age = self.heads["age"](encoder["pooled"])
        parts = encoder["pooled"].split([len(tuh["eeg"]), len(hbn["eeg"])])
        sex = self.heads["sex"](parts[1])
        return {"age": age, "sex": sex}

    def forward_pretrain_mem(self, tuh: dict[str, Tensor], hbn: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(tuh["eeg"], dataset="tuh")
        adapter_2 = self.adapter(hbn["eeg"], dataset="hbn")
        rows = torch.cat([adapter, adapter_2])
        encoder = self.encoder(rows)
        parts = encoder["output"].split([len(tuh["eeg"]), len(hbn["eeg"])])
        mem_tuh = self.heads["mem"]["tuh"](parts[0])
        mem_hbn = self.heads["mem"]["hbn"](parts[1])
        return {"mem": [mem_tuh, mem_hbn]}

    def forward_align(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(batch["eeg"], dataset="hbn")
        encoder = self.encoder(adapter)
        movie = self.heads["movie"](encoder["pooled"])
        return {"movie": movie}

    def forward_finetune(self, tuh: dict[str, Tensor], hbn: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(tuh["eeg"], dataset="tuh")
        adapter_2 = self.adapter(hbn["eeg"], dataset="hbn")
        rows = torch.cat([adapter, adapter_2])
        encoder = self.encoder(rows)
        age = self.heads["age"](encoder["pooled"])
        parts = encoder["pooled"].split([len(tuh["eeg"]), len(hbn["eeg"])])
        p_factor = self.heads["p_factor"](parts[1])
        attention = self.heads["attention"](parts[1])
        return {"age": age, "p_factor": p_factor, "attention": attention}

    def tuh_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(batch["eeg"], dataset="tuh")
        encoder = self.encoder(adapter)
        age = self.heads["age"](encoder["pooled"])
        return {"age": age}

    def tuh_mem_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(batch["eeg"], dataset="tuh")
        encoder = self.encoder(adapter)
        mem_tuh = self.heads["mem"]["tuh"](encoder["output"])
        return {"mem": mem_tuh}

    def hbn_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(batch["eeg"], dataset="hbn")
        encoder = self.encoder(adapter)
        age = self.heads["age"](encoder["pooled"])
        sex = self.heads["sex"](encoder["pooled"])
        p_factor = self.heads["p_factor"](encoder["pooled"])
        attention = self.heads["attention"](encoder["pooled"])
        movie = self.heads["movie"](encoder["pooled"])
        return {"age": age, "sex": sex, "p_factor": p_factor, "attention": attention, "movie": movie}

    def hbn_mem_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        adapter = self.adapter(batch["eeg"], dataset="hbn")
        encoder = self.encoder(adapter)
        mem_hbn = self.heads["mem"]["hbn"](encoder["output"])
        return {"mem": mem_hbn}

    def features_sex(self, batch: dict[str, Tensor]) -> Tensor:
        """Return features [B, width]."""
        adapter = self.adapter(batch["eeg"], dataset="hbn")
        encoder = self.encoder(adapter)
        return encoder["pooled"].float().reshape(len(encoder["pooled"]), -1)
