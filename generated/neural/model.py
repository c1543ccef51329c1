"""The model of `neural`."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SpaceTime(nn.Conv3d):
    """A three-dimensional convolution without stride, done in two dimensions if it can be."""

    def __init__(self) -> None:
        super().__init__(1, 16, (6, 9, 9), padding=(0, 4, 4), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        frames, kernel_frames = (x.shape[2], self.kernel_size[0])
        padding = self.padding[1:]
        if frames == kernel_frames:
            kernel_OIHW = self.weight.flatten(1, 2)
            image_BCHW = x.flatten(1, 2).contiguous(memory_format=torch.channels_last)
            return functional.conv2d(image_BCHW, kernel_OIHW, self.bias, padding=padding).unsqueeze(2)
        if kernel_frames == 1:
            image_BCHW = x.transpose(1, 2).flatten(0, 1)
            output = functional.conv2d(image_BCHW, self.weight.squeeze(2), self.bias, padding=padding)
            return output.unflatten(0, (-1, frames)).transpose(1, 2)
        return super().forward(x)


class SpaceTime2(nn.Conv3d):
    """A three-dimensional convolution without stride, done in two dimensions if it can be."""

    def __init__(self) -> None:
        super().__init__(16, 16, (1, 3, 3), padding=(0, 1, 1), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        frames, kernel_frames = (x.shape[2], self.kernel_size[0])
        padding = self.padding[1:]
        if frames == kernel_frames:
            kernel_OIHW = self.weight.flatten(1, 2)
            image_BCHW = x.flatten(1, 2).contiguous(memory_format=torch.channels_last)
            return functional.conv2d(image_BCHW, kernel_OIHW, self.bias, padding=padding).unsqueeze(2)
        if kernel_frames == 1:
            image_BCHW = x.transpose(1, 2).flatten(0, 1)
            output = functional.conv2d(image_BCHW, self.weight.squeeze(2), self.bias, padding=padding)
            return output.unflatten(0, (-1, frames)).transpose(1, 2)
        return super().forward(x)


def cut(x: Tensor, like: Tensor) -> Tensor:
    """Return the latest frames and the middle places of `x`, as many as `like` has."""
    frames, height, width = like.shape[2:]
    down, across = (x.shape[3] - height) // 2, (x.shape[4] - width) // 2
    return x[:, :, x.shape[2] - frames :, down : down + height, across : across + width]


class Core(nn.Module):
    """Stages of convolution over space and time, norm and activation; the map is not halved."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            nn.Sequential(SpaceTime(), nn.BatchNorm3d(16), nn.ELU()),
            nn.Sequential(SpaceTime2(), nn.BatchNorm3d(16), nn.ELU()),
        )

    def forward(self, x: Tensor) -> Tensor:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        x = torch.cat([cut(stage_output, x) for stage_output in features], 1)
        return x.squeeze(2)


class Gain(nn.Module):
    """A small network from a condition [B, D] to a gain near 1 and a shift near 0, each [B, C]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.ELU(), nn.Linear(16, 64))
        nn.init.zeros_(self.layers[2].weight)
        nn.init.zeros_(self.layers[2].bias)

    def forward(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        gain, shift = self.layers(condition).chunk(2, 1)
        return (1 + gain, shift)


def mean(cost_BPC: Tensor) -> Tensor:
    """Return the mean cost of each sample [B] over features and places."""
    return cost_BPC.mean(tuple(range(1, cost_BPC.dim())))


class State(nn.Module):
    """Explains features by causes that the context expects, and passes on the features with their error."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = Gain()
        self.expect = nn.Linear(3, 8)
        self.predict = nn.Linear(8, 32)
        self.correct = nn.Linear(32, 32, bias=False)
        nn.init.zeros_(self.correct.weight)

    def forward(self, x: Tensor, context: Tensor) -> dict[str, Tensor]:
        x_BPC = x.movedim(1, -1).float()
        places = [1] * 2
        fixed_BPC = x_BPC.detach()
        expected_BPK = self.expect(context).view(len(x), *places, -1)
        error_BPC = self._error(fixed_BPC, expected_BPK)
        surprise_B = mean(error_BPC.square())
        gain_BC, shift_BC = self.gain(context)
        sizes = (len(x), *places, -1)
        changed_BPC = x_BPC * gain_BC.view(sizes) + shift_BC.view(sizes) + self.correct(error_BPC)
        return {"output": changed_BPC.movedim(-1, 1), "prediction_error": surprise_B}

    def _error(self, x_BPC: Tensor, expected_BPK: Tensor) -> Tensor:
        weight_CK = self.predict.weight
        rate = 1 / (0.1 + weight_CK.float().square().sum())
        causes_BPK = expected_BPK
        for _ in range(2):
            error_BPC = x_BPC - self.predict(causes_BPK)
            upward_BPK = functional.linear(error_BPC, weight_CK.t())
            causes_BPK = causes_BPK + rate * (upward_BPK - 0.1 * (causes_BPK - expected_BPK))
        return torch.sub(x_BPC, self.predict(causes_BPK))


class Response(nn.Module):
    """Each unit reads the features at its own place, with its own weights."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.empty(17, 2).uniform_(-0.3, 0.3))
        self.spread = nn.Parameter((0.3 * torch.eye(2).repeat(17, 1, 1)))
        self.weight = nn.Parameter((torch.randn(17, 32) * 0.044194173824159216))
        self.bias = nn.Parameter(torch.zeros(17))

    def forward(self, x: Tensor) -> Tensor:
        read_BCN = functional.grid_sample(
            x.float(),
            self.places(len(x)).unsqueeze(2),
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        ).squeeze(3)
        return (read_BCN * self.weight.t()).sum(1) + self.bias

    def places(self, batch: int) -> Tensor:
        mean_BN2 = self.mean.clamp(-1, 1).expand(batch, -1, -1)
        if not self.training:
            return mean_BN2
        noise_BN2 = torch.randn_like(mean_BN2)
        return (mean_BN2 + torch.einsum("nij,bnj->bni", self.spread, noise_BN2)).clamp(-1, 1)


class Response2(nn.Module):
    """Each unit reads the features at its own place, with its own weights."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.empty(23, 2).uniform_(-0.3, 0.3))
        self.spread = nn.Parameter((0.3 * torch.eye(2).repeat(23, 1, 1)))
        self.weight = nn.Parameter((torch.randn(23, 32) * 0.044194173824159216))
        self.bias = nn.Parameter(torch.zeros(23))

    def forward(self, x: Tensor) -> Tensor:
        read_BCN = functional.grid_sample(
            x.float(),
            self.places(len(x)).unsqueeze(2),
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        ).squeeze(3)
        return (read_BCN * self.weight.t()).sum(1) + self.bias

    def places(self, batch: int) -> Tensor:
        mean_BN2 = self.mean.clamp(-1, 1).expand(batch, -1, -1)
        if not self.training:
            return mean_BN2
        noise_BN2 = torch.randn_like(mean_BN2)
        return (mean_BN2 + torch.einsum("nij,bnj->bni", self.spread, noise_BN2)).clamp(-1, 1)


class Surprise(nn.Module):
    """What each sample costs, as it is. Input [B], output [B]."""

    def forward(self, cost: Tensor) -> Tensor:
        return cost


class Model(nn.Module):
    """The model of `neural`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(8853525492082909736)
        self.core = Core()
        torch.manual_seed(2801021916115750034)
        self.state = State()
        self.heads = nn.ModuleDict()
        self.heads["response"] = nn.ModuleDict()
        torch.manual_seed(9047911066527830835)
        self.heads["response"]["monday"] = Response()
        torch.manual_seed(8012427989503621671)
        self.heads["response"]["tuesday"] = Response2()
        torch.manual_seed(1546932078762187950)
        self.heads["surprise"] = Surprise()

    def forward(self, monday: dict[str, Tensor], tuesday: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        rows = torch.cat([monday["stimulus"], tuesday["stimulus"]])
        core = self.core(rows)
        rows_2 = torch.cat([monday["behaviour"], tuesday["behaviour"]])
        state = self.state(core, rows_2)
        parts = state["output"].split([len(monday["stimulus"]), len(tuesday["stimulus"])])
        response_monday = self.heads["response"]["monday"](parts[0])
        response_tuesday = self.heads["response"]["tuesday"](parts[1])
        surprise = self.heads["surprise"](state["prediction_error"])
        return {"response": [response_monday, response_tuesday], "surprise": surprise}

    def monday_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        core = self.core(batch["stimulus"])
        state = self.state(core, batch["behaviour"])
        response_monday = self.heads["response"]["monday"](state["output"])
        surprise = self.heads["surprise"](state["prediction_error"])
        return {"response": response_monday, "surprise": surprise}

    def tuesday_outputs(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        core = self.core(batch["stimulus"])
        state = self.state(core, batch["behaviour"])
        response_tuesday = self.heads["response"]["tuesday"](state["output"])
        surprise = self.heads["surprise"](state["prediction_error"])
        return {"response": response_tuesday, "surprise": surprise}
