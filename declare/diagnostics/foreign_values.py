"""What other frameworks write as values: words for ours, and what their flags switch on.

Lightning, Hugging Face, Accelerate, Keras, timm, MMEngine, Ludwig, scikit-learn, Optuna, torch. Upper case, `_` and
`-` make no difference.
"""

from functools import cache

from declare.diagnostics.synonyms import plain

_WORDS = """
fp16: 16-mixed 16 16-true float16 half mixed_float16 mixed amp apex torch.float16 f16
bf16: bf16-mixed bf16-true bfloat16 mixed_bfloat16 torch.bfloat16
fp32: 32 32-true 64 64-true float32 float single double full no fp64 torch.float32 highest transformer-engine
tf32: tensorfloat32 high medium
auto: default automatic all -1
cuda: gpu nvidia rocm amd tpu xla
mps: metal apple
ddp: dp distributed data_parallel ddp_spawn ddp_notebook ddp_fork ddp_find_unused_parameters_true
    ddp_find_unused_parameters_false MirroredStrategy horovod hvd multi_gpu
fsdp: fsdp_native fsdp2 full_shard deepspeed deepspeed_stage_1 deepspeed_stage_2 deepspeed_stage_3 zero zero2 zero3
    sharded model_parallel deepspeed_stage_2_offload deepspeed_stage_3_offload
single: none local single_device single_gpu
min: minimize lower less lowest decrease minimum smaller
max: maximize higher greater highest increase maximum larger
exact: true deterministic strict full
silu: swish SiLU
gelu: gelu_new quick_gelu gelu_pytorch_tanh gelu_fast gelu_tanh
relu: leaky_relu relu6 prelu LeakyReLU
layer: layernorm ln LayerNorm layer_norm rmsnorm
batch: batchnorm bn BatchNorm BatchNorm1d BatchNorm2d sync_batchnorm batch_norm
memory: ram in_memory streaming
disk: file files cached
none: off disabled
skip: ignore drop
error: raise fail stop strict
tpe: bayesian bayes TPESampler bohb
random: RandomSampler random_search
grid: GridSampler grid_search
hyperband: asha successive_halving SuccessiveHalvingPruner HyperbandPruner ASHAScheduler
median: MedianPruner medianstopping median_stopping
tensorboard: tb TensorBoardLogger tensorboardx
wandb: weights_and_biases WandbLogger neptune comet clearml
macro: unweighted
"""

_FLAGS = {
    "shuffle": {True: "random", False: "sequential"},
    "grouplength": {True: "length_buckets"},
    "groupbylength": {True: "length_buckets"},
    "deterministic": {True: "exact", False: "fast"},
    "fulldeterminism": {True: "exact", False: "fast"},
    "usedeterministicalgorithms": {True: "exact", False: "fast"},
    "cudnndeterministic": {True: "exact", False: "fast"},
    "usecpu": {True: "cpu"},
    "nocuda": {True: "cpu"},
    "usecuda": {True: "cuda", False: "cpu"},
    "amp": {True: "auto", False: "fp32"},
    "useamp": {True: "auto", False: "fp32"},
    "mixedprecision": {True: "auto", False: "fp32"},
    "usemps": {True: "mps"},
    "greaterisbetter": {True: "max", False: "min"},
    "autofindbatchsize": {True: "auto"},
    "autoscalebatchsize": {True: "auto"},
    "inmemory": {True: "memory", False: "none"},
    "skipnan": {True: "skip", False: "error"},
    "skipnonfinite": {True: "skip", False: "error"},
    "detectanomaly": {True: "error"},
}


def our_values(word: str) -> tuple[str, ...]:
    """Return the values that other frameworks write as `word`."""
    return _meanings().get(plain(word), ())


def switched_on(key: str, value: object) -> str | None:
    """Return the value that corresponds to a flag of another framework; None for an unknown flag."""
    return _FLAGS.get(plain(key), {}).get(value) if isinstance(value, bool) else None


@cache
def _meanings() -> dict[str, tuple[str, ...]]:
    meanings: dict[str, tuple[str, ...]] = {}
    for line in _WORDS.strip().replace("\n    ", " ").splitlines():
        value, _, words = line.partition(": ")
        for word in words.split():
            meanings[plain(word)] = (*meanings.get(plain(word), ()), value)
    return meanings
