"""Writes `docs/glossary.md`: the terms of spec, plan and code, from one table."""

from pathlib import Path

from declare.dev.repository import ROOT

PATH = ROOT / "docs" / "glossary.md"

TERMS: tuple[tuple[str, str, str], ...] = (
    (
        "accumulator",
        "sums over the batches of an evaluation, from which metrics are computed",
        "nn/metrics/metric.py:Accumulator",
    ),
    (
        "adapter",
        "the part of a task that takes targets from a batch and predictions from an output",
        "contract/kinds/task.py:TaskAdapter",
    ),
    ("balance", "how the losses of several tasks become one gradient", "contract/kinds/balance.py:Balance"),
    ("block", "a mapping of the spec that is read as one model", "reading/parser.py:read"),
    (
        "checkpoint",
        "a folder with weights, state and a manifest that names their hashes",
        "runtime/checkpoint/store.py:Checkpoints",
    ),
    (
        "component",
        "a named part of a spec (`type`): one file, strict parameters, no torch until it is built",
        "contract/component.py:Component",
    ),
    (
        "composite",
        "a metric of the spec that is arithmetic over other metrics",
        "lowering/evaluation/composites.py:evaluate",
    ),
    ("dataset", "a source, its fields, transforms and splits", "language/spec.py:Dataset"),
    (
        "diagnostic",
        "a problem with its place in the text, its severity and its page",
        "diagnostics/diagnostic.py:Diagnostic",
    ),
    ("facts", "what the data say of themselves: shapes, classes, counts, moments", "ir/facts.py:Facts"),
    ("field", "a column of a source, read as one kind of value", "contract/kinds/field.py:Field"),
    (
        "fingerprint",
        "a text that changes when the data change; cached facts are kept under it",
        "contract/kinds/source.py:Source",
    ),
    ("graph", "the model: modules and heads, wired as the plan says", "lowering/model/graph.py:Graph"),
    (
        "head",
        "the last module of a task, whose output has the shape of the target",
        "contract/kinds/module.py:Head",
    ),
    (
        "layout",
        "the axes of a value: vector, series, image, video, tokens and others",
        "contract/shapes.py:Layout",
    ),
    ("listener", "code that gets the events of a run", "runtime/listeners/listener.py:Listener"),
    ("loader", "yields the batches of a phase by step", "lowering/data/loader.py:Loader"),
    ("mask", "a field of truth values: which targets count", "nn/tasks/masking.py:mask_target"),
    ("micro-batch", "the part of a batch that goes through the model at once", "ir/micro_batches.py"),
    (
        "objective",
        "the losses of all tasks, as sums over valid targets and their number",
        "lowering/training/objective.py",
    ),
    (
        "pass",
        "a stage of the compiler; it returns problems and never raises for a mistake of the user",
        "compiler/pipeline.py:PASSES",
    ),
    ("phase", "a part of training with its own tasks, optimizer and duration", "ir/plan.py:PhasePlan"),
    ("plan", "all that follows from spec, options and data; the lock file of a run", "ir/plan.py:Plan"),
    (
        "poison",
        "stands for a value that could not be read; who needs it reports nothing",
        "reading/poison.py:POISON",
    ),
    ("port", "an input of a module, with the layouts that it takes", "contract/kinds/module.py:Port"),
    (
        "probe",
        "a linear model on frozen features, fitted to see what they hold",
        "nn/probes/linear.py:LinearProbe",
    ),
    (
        "problem",
        "a mistake in terms of spec paths, before its place in the text is known",
        "contract/problem.py:Problem",
    ),
    (
        "process group",
        "the processes that train one model, and their collective operations",
        "nn/distributed/process_group.py:ProcessGroup",
    ),
    (
        "quarantine",
        "the samples that cannot be read and are left out",
        "data/faults/quarantine.py:Quarantine",
    ),
    ("reader", "an open source: columns and values by row", "contract/facts.py:Reader"),
    ("rule", "a check over several parts of the spec, in a file of its own", "rules/registry.py:rules"),
    (
        "run folder",
        "what a run leaves: spec, plan, events, metrics, checkpoints, report",
        "runtime/run_folder/folder.py:Run",
    ),
    (
        "sampler",
        "the order of samples in an epoch, a function of seed and epoch",
        "contract/kinds/sampler.py:Sampler",
    ),
    ("schedule", "the factor of the learning rate at each step", "contract/kinds/schedule.py:Schedule"),
    (
        "source",
        "where data come from: a file, a folder, a library, a generator",
        "contract/kinds/source.py:Source",
    ),
    ("split", "train, val or test: disjoint rows of a dataset", "data/read/split.py:assign"),
    ("step", "one update of the optimizer, over one batch of all processes", "runtime/step/step.py:Step"),
    (
        "strategy",
        "how processes share a step: alone, replicated or in shards",
        "runtime/step/strategies/strategy.py:Strategy",
    ),
    (
        "target",
        "what a task compares its output with: shape, classes, units",
        "contract/kinds/task.py:Target",
    ),
    ("task", "a target, a head, a loss and metrics", "contract/kinds/task.py:Task"),
    (
        "transform",
        "a change of a field's values, stored once or made for each batch",
        "contract/kinds/transform.py:Transform",
    ),
    ("tree", "the YAML text as nodes that know their place", "language/yaml/tree.py"),
    (
        "view",
        "what a task shows the model in place of a field: masked or shifted",
        "lowering/model/task_inputs.py:Views",
    ),
    ("wire", "a link from a field or an output to an input", "ir/plan.py:Wire"),
)
"""Term, meaning, and where the code has it, by name."""


def outputs() -> dict[Path, str]:
    """Return the page."""
    rows = (f"| {term} | {meaning} | `{place}` |" for term, meaning, place in sorted(TERMS))
    head = "| term | meaning | in the code (below `declare/`) |\n| --- | --- | --- |"
    return {
        PATH: "\n".join(
            ("# Glossary", "", "Generated from `declare/dev/generators/glossary.py`.", "", head, *rows, "")
        )
    }
