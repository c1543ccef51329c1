"""Did you mean: the names nearest to a word that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What other libraries (Hugging Face, Lightning, timm, mm*, Keras) and hands in a hurry call our keys.
_SYNONYMS = {
    "batch": "batch_size",
    "bs": "batch_size",
    "batchsize": "batch_size",
    "perdevicetrainbatchsize": "batch_size",
    "trainbatchsize": "batch_size",
    "samplespergpu": "batch_size",
    "microbatchsize": "batch_size",
    "optim": "optimizer",
    "opt": "optimizer",
    "optimiser": "optimizer",
    "wd": "weight_decay",
    "decay": "weight_decay",
    "l2": "weight_decay",
    "learningrate": "lr",
    "baselr": "lr",
    "maxlr": "lr",
    "nclasses": "classes",
    "numclasses": "classes",
    "numlabels": "classes",
    "nclass": "classes",
    "numoutputs": "width classes",
    "maxepochs": "epochs",
    "numepochs": "epochs",
    "numtrainepochs": "epochs",
    "nepochs": "epochs",
    "maxsteps": "steps",
    "numsteps": "steps",
    "maxiters": "steps",
    "maxiter": "steps",
    "iterations": "steps",
    "iters": "steps",
    "updates": "steps",
    "scheduler": "schedule",
    "lrscheduler": "schedule",
    "lrschedule": "schedule",
    "lrschedulertype": "schedule",
    "lrconfig": "schedule",
    "sched": "schedule",
    "warmupsteps": "warmup",
    "warmupratio": "warmup",
    "warmupepochs": "warmup",
    "numwarmupsteps": "warmup",
    "accumulategradbatches": "accumulate",
    "gradientaccumulationsteps": "accumulate",
    "gradaccum": "accumulate",
    "accumulation": "accumulate",
    "gradclip": "clip",
    "gradientclipval": "clip",
    "clipgrad": "clip",
    "maxgradnorm": "clip",
    "maxnorm": "norm",
    "earlystopping": "early_stop",
    "patiencesteps": "patience",
    "monitor": "metric",
    "metricforbestmodel": "metric best",
    "greaterisbetter": "mode",
    "direction": "mode",
    "gpus": "devices",
    "ngpus": "devices",
    "numgpus": "devices",
    "device": "accelerator devices",
    "numnodes": "nodes",
    "nnodes": "nodes",
    "numworkers": "workers",
    "dataloadernumworkers": "workers",
    "workerspergpu": "workers",
    "fp16": "precision",
    "bf16": "precision",
    "amp": "precision",
    "mixedprecision": "precision",
    "torchcompile": "compile",
    "deterministic": "determinism",
    "evalevery": "evaluate",
    "evalsteps": "evaluate",
    "valcheckinterval": "evaluate",
    "checkvaleverynepoch": "evaluate",
    "validation": "val evaluate",
    "valid": "val",
    "dev": "val",
    "validate": "evaluate",
    "savesteps": "checkpoint",
    "savetotallimit": "keep",
    "savetopk": "keep",
    "checkpoints": "checkpoint",
    "frozen": "freeze",
    "frozenstages": "freeze",
    "initfrom": "init",
    "loadfrom": "init",
    "resumefrom": "init",
    "checkpointpath": "init",
    "modelname": "name",
    "modelnameorpath": "name",
    "arch": "name type",
    "architecture": "name type model",
    "backbone": "encoder name",
    "network": "model",
    "net": "model",
    "modules": "model",
    "data": "datasets source",
    "dataset": "datasets",
    "datasets": "dataset",
    "task": "tasks",
    "stages": "phases",
    "training": "phases train",
    "trainer": "hardware phases",
    "train": "phases",
    "criterion": "loss",
    "lossfn": "loss",
    "lossfunction": "loss",
    "losses": "loss",
    "labelsmoothingfactor": "label_smoothing",
    "smoothing": "label_smoothing",
    "labels": "target labels classes",
    "label": "target",
    "targets": "target",
    "y": "target",
    "features": "input fields",
    "inputs": "input",
    "x": "input",
    "inchannels": "channels",
    "inchans": "channels",
    "numchannels": "channels",
    "nchannels": "channels",
    "hiddensize": "dim width",
    "hiddendim": "dim width",
    "embeddim": "dim",
    "dmodel": "dim",
    "embeddingdim": "dim",
    "numheads": "heads",
    "numattentionheads": "heads",
    "nhead": "heads",
    "nheads": "heads",
    "numlayers": "depth layers",
    "nlayers": "depth layers",
    "numhiddenlayers": "depth layers",
    "layers": "depth",
    "kernelsize": "kernel",
    "droprate": "dropout",
    "drop": "dropout",
    "dropoutrate": "dropout",
    "imgsize": "size",
    "imagesize": "size",
    "inputsize": "size",
    "resolution": "size",
    "samplingrate": "rate",
    "samplerate": "rate",
    "sfreq": "rate",
    "fs": "rate",
    "maxseqlength": "max_length",
    "maxlen": "max_length",
    "blocksize": "max_length",
    "modelmaxlength": "max_length",
    "contextlength": "max_length",
    "file": "path",
    "filename": "path",
    "filepath": "path",
    "root": "path",
    "rootdir": "path",
    "datadir": "path",
    "dir": "path",
    "folder": "path",
    "logger": "tracking",
    "loggers": "tracking",
    "logging": "tracking",
    "reportto": "tracking",
    "randomseed": "seed",
    "randomstate": "seed",
    "preprocessing": "transforms",
    "pipeline": "transforms",
    "transform": "transforms",
    "augmentation": "augment transforms",
    "augmentations": "augment transforms",
    "groupby": "by",
    "stratified": "stratify",
    "kind": "type",
    "class": "type",
    "target_": "type",
    "extend": "extends",
    "defaults": "extends",
    "base": "extends",
    "variables": "vars",
    "var": "vars",
    "search": "tune",
    "sweep": "tune",
    "hparams": "tune",
    "assert": "expect",
    "asserts": "expect",
    "crossentropyloss": "cross_entropy",
    "ce": "cross_entropy",
    "crossentropy": "cross_entropy",
    "bcewithlogits": "bce",
    "bcewithlogitsloss": "bce",
    "mseloss": "mse",
    "l1loss": "mae",
    "l1": "mae l1",
    "smoothl1": "huber",
    "acc": "accuracy",
    "f1score": "f1",
    "auc": "auroc",
    "adamwtorch": "adamw",
    "cosineannealing": "cosine",
    "cosineannealinglr": "cosine",
    "steplr": "step",
    "onecyclelr": "one_cycle",
    "reducelronplateau": "plateau",
    "lstm": "rnn",
    "gru": "rnn",
    "vit": "timm",
    "resnet": "timm",
    "cpu": "accelerator",
    "cuda": "accelerator",
}


def suggest(word: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """Return at most `limit` of the candidates that `word` may have meant, the likeliest first.

    Ranked: the same but for case, `_` and `-`; what other libraries call by this name; one slip away (OSA
    distance: insert, delete, replace, swap neighbours); longer names that start with the word; the rest
    within a quarter of the word's length. Nothing is suggested for a word that resembles none.
    """
    plain_word = _normalise(word)
    meant = _SYNONYMS.get(plain_word, "").split()
    ranked: list[tuple[int, int, str]] = []
    for candidate in dict.fromkeys(candidates):
        rank = _rank(plain_word, candidate, meant)
        if rank is not None and candidate != word:
            ranked.append((*rank, candidate))
    return [candidate for *_, candidate in sorted(ranked)[:limit]]


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """Return "did you mean `x` or `y`?" for the nearest candidates, None where there are none."""
    near = suggest(word, candidates)
    if not near:
        return None
    *rest, last = [f"`{name}`" for name in near]
    return f"did you mean {', '.join(rest)}{' or ' if rest else ''}{last}?"


def _rank(word: str, candidate: str, meant: list[str]) -> tuple[int, int] | None:
    """Return how near a candidate is (smaller is nearer), None if it is not."""
    other = _normalise(candidate)
    if other == word:
        return 0, 0
    if candidate in meant:
        return 1, meant.index(candidate)
    if len(word) == 2 and other == word[::-1]:
        return 2, 1
    allowed = max(1, len(word) // 4) if len(word) > 2 else 0
    distance = osa(word, other, allowed)
    if distance is not None:
        return (2 if distance == 1 else 4), distance
    return (3, len(other)) if len(word) > 2 and other.startswith(word) else None


def _normalise(name: str) -> str:
    return re.sub(r"[\s_\-]", "", name).lower()


def osa(left: str, right: str, limit: int) -> int | None:
    """Return the optimal-string-alignment distance of two words, None where it is above `limit`."""
    if abs(len(left) - len(right)) > limit:
        return None
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        row = [i]
        for j, other in enumerate(right, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and (not before or min(above) > limit):
            return None
        before, above = above, row
    return above[-1] if above[-1] <= limit else None
