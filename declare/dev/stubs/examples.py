"""A piece of a spec for the page of a new component of each kind; `NAME` is its name."""

_PHASE = (
    "phases:\n  fit:\n    epochs: 5\n    batch_size: 64\n    optimizer: {type: adamw, lr: 1e-3}\n    %s\n"
)
_TASK = "tasks:\n  x: {type: %s}\n"

EXAMPLES = {
    "augments": _PHASE % "augment: [{type: NAME}]",
    "balances": _PHASE % "balance: NAME",
    "fields": "fields: {x: {type: NAME}}\n",
    "heads": _TASK % "classification, dataset: lab, target: y, head: {type: NAME}",
    "losses": _TASK % "classification, dataset: lab, target: y, loss: NAME",
    "metrics": _TASK % "classification, dataset: lab, target: y, metrics: [NAME]",
    "mixes": "mix: NAME\n",
    "modules": "model:\n  encoder: {type: NAME, input: x}\n",
    "optimizers": "phases:\n  fit: {epochs: 5, batch_size: 64, optimizer: {type: NAME, lr: 1e-3}}\n",
    "probes": _PHASE % "probes: [{task: x, type: NAME}]",
    "regularizers": _PHASE % "regularizers: [{type: NAME, match: encoder.*, weight: 1e-3}]",
    "samplers": "sampler: NAME\n",
    "schedules": _PHASE % "schedule: {type: NAME}",
    "sources": "source: {type: NAME}\n",
    "tasks": _TASK % "NAME, dataset: lab, target: y",
    "tokenizers": "fields: {text: {type: text, tokenizer: {type: NAME}}}\n",
    "trackers": "tracking: NAME\n",
    "transforms": "transforms: [{type: NAME, field: x}]\n",
}
