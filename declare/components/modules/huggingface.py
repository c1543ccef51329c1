"""Any architecture of transformers, without its head.

A model of the `transformers` library without its head: `name` is its model type (`bert`, `gpt2`,
`distilbert`, `t5`), `config` its parameters; or `path` is a folder with a `config.json`, whose weights are
used with `pretrained: true`. Nothing is downloaded, and no code of a model's folder is run. The vocabulary
size is inferred from the text field. Needs the extra `huggingface`.

Takes tokens [length]; models with an encoder and a decoder (`t5`, `bart`) also take `tokens`, the target
text; without it only the encoder is used. Gives `output`, the sequence [positions, features], `pooled`, its
mean over real positions, and `mask`. Shapes are measured on torch's meta device and cached. Source: Wolf et
al. 2020, https://arxiv.org/abs/1910.03771.

```yaml
model:
  encoder:
    type: huggingface
    name: bert
    input: text
    config: {hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 128}
```
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.modules import _pretrained
from declare.contract.files.weight_files import Facts, lacking_weights
from declare.contract.kinds.module import Inputs, Module, Outputs, Padding, Port
from declare.contract.kinds.source import SpecPath, is_file
from declare.contract.nodes.input_check import check_inputs
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout
from declare.contract.torch_types import TorchModule
from declare.parsing import arguments
from declare.system.extras import not_installed

_CAUSAL = frozenset(
    {"bloom", "codegen", "falcon", "gemma", "gemma2", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj"}
    | {
        "llama",
        "mistral",
        "mpt",
        "olmo",
        "opt",
        "phi",
        "phi3",
        "qwen2",
        "qwen3",
        "stablelm",
        "starcoder2",
        "xglm",
    }
)
_COMPOSED = frozenset(
    {
        "encoder-decoder",
        "rag",
        "speech-encoder-decoder",
        "timm_backbone",
        "timm_wrapper",
        "vision-encoder-decoder",
    }
)
"""Model types that are composed of other models, which they load by name."""
_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Weight files that the library looks for, in its order."""
_WHOLE = ("save the whole model there with `save_pretrained`, or train from scratch: `pretrained: false`",)
_LONGEST = 1 << 20
"""Maximum size of a config.json, in bytes."""
_BOTH_WAYS = frozenset(
    {"albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "funnel"}
    | {"mobilebert", "modernbert", "mpnet", "roberta", "xlm-roberta"}
)


class Huggingface(Module):
    """A model of transformers without its head, by configuration or from a local folder."""

    expects_normalised: ClassVar[bool] = True
    third_party: ClassVar[tuple[str, ...]] = ("transformers", "torch")
    also_called: ClassVar[tuple[str, ...]] = (
        "hf",
        "AutoModel",
        "transformers",
        "AutoModelForSequenceClassification",
        "AutoModelForCausalLM",
        "AutoModelForTokenClassification",
        "AutoModelForMaskedLM",
        "AutoModelForSeq2SeqLM",
    )
    also_named: ClassVar[str] = (
        r"(distil|xlm-|m?)?(albert|bart|bert|deberta|electra|gpt2|gpt-|llama|roberta|t5|wav2vec2|whisper|opt-|mistral"
        r"|qwen|gemma|phi-|bloom|longformer|xlnet)"
    )

    ports: ClassVar[tuple[Port, ...]] = (
        Port("input", ("tokens",)),
        Port("tokens", ("tokens",), optional=True),
    )
    has_weights: ClassVar[bool] = True
    weights_root: ClassVar[str] = "model"
    skips_at_random: ClassVar[bool] = True
    padding_by_trial: ClassVar[bool] = True
    outputs: ClassVar[dict[str, Layout]] = {"output": "sequence", "pooled": "vector", "mask": "valid"}

    name: str | None = Param(None, description="model type in transformers: `bert`")
    config: dict[str, Any] = Param({}, description="parameters of its configuration: `{hidden_size: 64}`")
    path: SpecPath | None = Param(
        None, description="a folder with a config.json, and with weights for `pretrained: true`"
    )

    def stated_layouts(self) -> Mapping[str, Layout]:
        """Return `outputs`."""
        return self.outputs

    def check(self) -> Iterable[Problem]:
        """Yield a problem unless exactly one of `name` and `path` is stated, and for weights that do not exist."""
        if (self.name is None) == (self.path is None):
            stated = "both `name` and `path`" if self.name else "neither `name` nor `path`"
            yield Problem(
                "SCH113",
                f"`huggingface` states {stated}",
                at="",
                label="exactly one needed",
                helps=("state one of them",),
            )
        elif self.path is not None and not is_file(self.path / "config.json"):
            title = f"`{self.path.name}` contains no config.json"
            helps = ("use a folder that `save_pretrained` wrote",)
            yield Problem("RES840", title, at="path", label="no model in the folder", helps=helps)
        elif self.pretrained is True and self.path is None:
            words = (
                "state a folder with weights: `path: FOLDER`",
                "or train from scratch: `pretrained: false`",
            )
            yield Problem("RES840", "there are no weights to start from", at="pretrained", helps=words)
        elif self.pretrained is True and self.path is not None and self.weights_file() is None:
            yield Problem(
                "RES840",
                f"`{self.path.name}` contains no weights",
                at="path",
                label="only a configuration",
                helps=(
                    (
                        f"put one of {', '.join(f'`{name}`' for name in _FILES)} there, or state `pretrained: "
                        "false`"
                    ),
                ),
            )
        if isinstance(self.pretrained, Path):
            yield Problem(
                "RES840",
                "`huggingface` takes weights from a folder, not from a file",
                at="pretrained",
                label="a separate file",
                helps=("state the folder of the file: `path: FOLDER`, and `pretrained: true`",),
            )

    def weights_file(self) -> Path | None:
        """Return the weight file in the folder, or the index of several."""
        if self.pretrained is not True or self.path is None:
            return None
        return next((self.path / name for name in _FILES if is_file(self.path / name)), None)

    def check_weights(self, expected: Facts, stored: Facts, path: Path) -> Problem | None:
        """Return the problem of weights with another shape, or if none match; the library maps names itself."""
        by_end = {name: facts for name, facts in stored.items() if name in expected}
        for name in stored:
            _, _, rest = name.partition(".")
            while rest and rest not in expected:
                _, _, rest = rest.partition(".")
            if rest:
                by_end.setdefault(rest, stored[name])
        if not by_end:
            lacking = lacking_weights(expected, stored, path)
            return lacking and replace(lacking, at="path")
        reshaped = [name for name, facts in by_end.items() if facts.shape != expected[name].shape]
        if not reshaped:
            return None
        problem = lacking_weights({name: expected[name] for name in reshaped}, by_end, path)
        return problem and replace(problem, at="path")

    def _unloadable(self) -> Problem | None:
        """Return the problem that a model type, a parameter, or the folder's config.json cannot be used."""
        kind = self.name or str(_folder_config(self).get("model_type", ""))
        where = "name" if self.name else "path"
        if kind in _COMPOSED:
            title = f"`{kind}` loads other models by name, which is not supported"
            helps = ("use the model itself",)
            return Problem("REF241", title, at=where, label="loads other models", helps=helps)
        if stated := arguments.problem(self.config, "config"):
            return stated
        problem = arguments.problem(_plain(_folder_config(self)), "config")
        return problem and replace(problem, at=where, notes=("it is in the folder's config.json",))

    def looks_ahead(self) -> bool | None:
        """Return whether the architecture attends to later positions; None if unknown."""
        kind = self.name or _folder_config(self).get("model_type", "")
        return False if kind in _CAUSAL else True if kind in _BOTH_WAYS else None

    def stamp(self) -> str:
        """Return the configuration in the folder."""
        return repr(sorted(_folder_config(self).items(), key=str))

    def infer(self, inputs: Inputs) -> Outputs | Problem | None:
        """Return the problem that the inputs do not fit, or None: a probe infers the shapes."""
        if (
            problem := check_inputs(self, inputs)
            or not_installed("transformers", "huggingface")
            or self._unloadable()
        ):
            return problem
        vocab_size, wanted = _folder_config(self).get("vocab_size"), _classes(inputs)
        if self.pretrained is True and vocab_size is not None and wanted > vocab_size:
            title = f"the text has {wanted} tokens, but the model's vocabulary has {vocab_size}"
            helps = ("use the model's own tokenizer: `tokenizer: {type: file, path: FOLDER}`",)
            return Problem("SHP522", title, at="path", label=f"{vocab_size} tokens", helps=helps)
        return None

    def padding_policy(self) -> Padding:
        """Return that padding is detected from the tokens; whether the architecture masks it is tested later."""
        return Padding(follows="tokens")

    def padding_helps(self) -> tuple[str, ...]:
        """Return helps with architectures that mask padding."""
        return ("use an architecture with an attention mask, such as `bert` or `gpt2`",)

    def build(self, inputs: Inputs) -> TorchModule:
        """Return the torch module.

        Raises `ProblemError`: REF241 for a model type that transformers does not know, SHP513 for `tokens` if it
        has no decoder, SHP536 for one that attends to padding.
        """
        from declare.nn.modules.huggingface import Huggingface as Real

        if problem := self._unloadable():
            raise ProblemError(problem)
        config = _plain(_folder_config(self)) | self.config
        if self.pretrained is not True:
            config.setdefault("vocab_size", _classes(inputs))
        kind, writes = self._kind(), bool(inputs.get("tokens"))
        if self.pretrained is True:
            make = lambda: Real(kind, config, folder=self.path, weights=True, writes=writes)  # noqa: E731
            real = _pretrained.fetch("transformers", kind, make, at="path", helps=_WHOLE)
            assert isinstance(real, Real)
        else:
            real = Real(kind, config, writes=writes)
        if writes and not real.has_decoder:
            raise ProblemError(self._no_decoder())
        if real.reads_padding():
            raise ProblemError(self._leaking())
        return real

    def _no_decoder(self) -> Problem:
        """Return the problem that the architecture reads one text, but two are stated."""
        return Problem(
            "SHP513",
            f"`{self._kind()}` has no decoder that would read `tokens`",
            at="input",
            label="a second text",
            helps=(
                "leave `tokens` out",
                "or use a model with an encoder and a decoder, such as `t5` or `bart`",
            ),
        )

    def _leaking(self) -> Problem:
        """Return the problem that the architecture does not mask padding."""
        return Problem(
            "SHP536",
            f"`{self._kind()}` attends to padding: results depend on the other texts of a batch",
            at="name" if self.name else "path",
            label="no padding mask",
            helps=self.padding_helps(),
        )

    def _kind(self) -> str:
        """Return the model type; raises `ProblemError` (REF241) if transformers does not know it."""
        from difflib import get_close_matches

        from transformers.models.auto import configuration_auto

        known = list(vars(configuration_auto)["CONFIG_MAPPING_NAMES"])
        kind = self.name or str(_folder_config(self).get("model_type", ""))
        if kind in known:
            return kind
        near = get_close_matches(kind, known, 3)
        helps = (f"did you mean {' or '.join(f'`{item}`' for item in near)}?",) if near else ()
        title = f"transformers has no model type `{kind[:40]}`"
        at = "name" if self.name else "path"
        raise ProblemError(Problem("REF241", title, at=at, label="unknown model type", helps=helps))


def _classes(inputs: Inputs) -> int:
    """Return the size of the largest vocabulary that the model reads."""
    return max((shape.classes or 1 for shapes in inputs.values() for shape in shapes), default=1)


def _folder_config(module: Huggingface) -> dict[str, Any]:
    """Return the readable part of the configuration in the module's folder."""
    import json

    if module.path is None:
        return {}
    file = module.path / "config.json"
    try:
        config = json.loads(file.read_bytes()) if is_file(file) and file.stat().st_size <= _LONGEST else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _plain(stated: dict[str, Any]) -> dict[str, Any]:
    """Return a folder's configuration without origin and code references."""
    history = {"model_type", "transformers_version", "auto_map", "architectures"}
    return {key: value for key, value in stated.items() if key not in history and not key.startswith("_")}
