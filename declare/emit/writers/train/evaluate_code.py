"""Writes the evaluation of a split."""

from declare.contract.code import NotWrittenError, code_at
from declare.emit.writers.task_code import camel
from declare.emit.writers.train.train_context import TrainContext, indent
from declare.ir.plan import Plan


def evaluate_function(context: TrainContext) -> str:
    """Return the function that evaluates a split."""
    plan, size = context.plan, ", size: int | None = None" if context.scaled_field else ""
    lines = ["@torch.no_grad()", f"def evaluate(model: Model, split: str{size}) -> dict[str, float]:"]
    doc = ", images at `size`" if context.scaled_field else ""
    lines += [f'    """Return the loss and metrics of each task on a split{doc}."""', "    model.eval()"]
    lines += ["    scores = {", *indent(_scores(context), 2), "    }"]
    for dataset in plan.datasets:
        lines += indent(_dataset(context, dataset))
    lines += ["    model.train()"]
    for name, task in context.tasks.items():
        if plan.has_own_heads(name):
            parts = ", ".join(f'scores["{name}@{item}"]' for item in task.datasets)
            lines += [f'    scores["{name}"] = losses.{camel(name)}Scores({parts})']
    names = _evaluated_names(context)
    every = {key for items in names.values() for key in items}
    if any(len(items) < len(every) for items in names.values()) or len(every) < len(_scores(context)):
        chosen = ", ".join(f'"{split}": {items}' for split, items in names.items())
        lines += [f"    evaluated = {{{chosen}}}[split]"]
        lines += ["    scores = {name: score for name, score in scores.items() if name in evaluated}"]
    lines += ['    return {f"{split}/{name}/{metric}": value']
    lines += ["        for name, score in scores.items() for metric, value in score.results().items()}"]
    return "\n".join(lines)


def _evaluated_names(context: TrainContext) -> dict[str, list[str]]:
    """Return the names of the scores that have samples, for each split that is evaluated.

    Raises `NotWrittenError` for a task with several heads of which one has none.
    """
    names: dict[str, list[str]] = {}
    for split in ("val", "test"):
        datasets = [name for name, item in context.plan.datasets.items() if item.splits.get(split)]
        for name, task in context.tasks.items():
            with_samples = [dataset for dataset in task.datasets if dataset in datasets]
            if context.plan.has_own_heads(name) and len({*with_samples}) not in {0, len(task.datasets)}:
                with code_at(f"tasks.{name}"):
                    raise NotWrittenError(
                        f"heads of `{name}` for datasets of which one has no `{split}` split"
                    )
            keys = [key for dataset in with_samples for key in _names(context.plan, name, dataset)]
            keys += [name] if context.plan.has_own_heads(name) and with_samples else []
            if keys or datasets:
                names.setdefault(split, []).extend(dict.fromkeys(keys))
    return names


def _names(plan: Plan, name: str, dataset: str) -> list[str]:
    """Return the names of the scores that samples of a dataset count for."""
    if len(plan.tasks[name].datasets) == 1:
        return [name]
    return [f"{name}@{dataset}"] if plan.has_own_heads(name) else [name, f"{name}@{dataset}"]


def _scores(context: TrainContext) -> list[str]:
    entries = {}
    for name, task in context.tasks.items():
        for dataset in task.datasets:
            for key in _names(context.plan, name, dataset):
                word = key.replace("@", "_") if context.plan.has_own_heads(name) else name
                entries[key] = f'"{key}": losses.{camel(word)}Scores(),'
    return [*entries.values()]


def _dataset(context: TrainContext, dataset: str) -> list[str]:
    """Return the lines that evaluate a dataset."""
    tasks = {name: task for name, task in context.tasks.items() if dataset in task.datasets}
    if not tasks:
        return []
    masking = [name for name in tasks if name in context.masking]
    draws = any(context.draws_view(name, dataset) for name in masking)
    numbered = "number, batch in enumerate({0})" if draws else "batch in {0}"
    lines = [f"for {numbered.format(f'data.{dataset}_batches(split)')}:"]
    field = context.scaled_field
    if field in context.plan.datasets[dataset].fields:
        lines += [
            "    if size is not None:",
            f'        batch["{field}"] = data.resize(batch["{field}"], size)',
        ]
    outputs = (
        [context.call(f"{dataset}_outputs", {dataset: "batch"})]
        if f"{dataset}_outputs" in context.methods
        else []
    )
    views = {name: f"view_{name}" if len(masking) > 1 else "view" for name in masking}
    for name in masking:
        seed = f"{context.plan.seed + context.offset(name, dataset, context.masking)} + number"
        lines += [f"    {views[name]} = {context.view(name, dataset, 'batch', seed)}"]
        outputs.append(context.call(f"{dataset}_{name}_outputs", {dataset: f"{{**batch, **{views[name]}}}"}))
    lines += [f"    outputs = {' | '.join(outputs)}"]
    for name in tasks:
        seen = f"{{**{views[name]}, **batch}}" if name in masking else "batch"
        for key in _names(context.plan, name, dataset):
            lines += [f'    scores["{key}"].update(outputs["{name}"].float(), {seen})']
    return lines
