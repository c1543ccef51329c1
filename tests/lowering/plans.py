"""Small plans written by hand, for tests of the build and runtime rooms that need no compiler."""

from __future__ import annotations

from declare.contract.facts import FieldFacts
from declare.contract.shapes import Shape
from declare.ir.plan import (
    DatasetPlan,
    FieldPlan,
    HardwarePlan,
    LossPlan,
    MetricPlan,
    ModulePlan,
    NodeVariant,
    OptimizerGroup,
    PhasePlan,
    Plan,
    TaskPlan,
    Wire,
)
from declare.parsing import parser

CLASSES = ("a", "b", "c")


def vector(width):
    """Return the shape of a vector field."""
    return Shape("vector", (width,))


def features(width=4):
    """Return facts of a vector field."""
    return FieldFacts(shape=vector(width))


def category(classes=CLASSES, counts=None, missing=0):
    """Return facts of a category field."""
    shape = Shape("category", (), "int64", len(classes))
    counts = counts or (10,) * len(classes)
    return FieldFacts(
        shape=shape, classes=tuple(classes), counts={"train": tuple(counts)}, num_missing=missing
    )


def number(mean=0.0, std=1.0, missing=0):
    """Return facts of a number field."""
    return FieldFacts(shape=Shape("number", ()), mean=mean, std=std, num_missing=missing)


def labels(classes=CLASSES, counts=None, missing=0):
    """Return facts of a multi-label field."""
    counts = counts or (10,) * len(classes)
    shape = Shape("labels", (len(classes),))
    return FieldFacts(
        shape=shape, classes=tuple(classes), counts={"train": tuple(counts)}, num_missing=missing
    )


def dataset(fields, source=None, num_samples=40, **changes):
    """Return a dataset whose fields have these facts; a quarter of it validates."""
    held = num_samples // 4
    block = {
        "source": source or {"type": "simulated", "name": "stimulus", "samples": num_samples},
        "fingerprint": "0" * 16,
        "num_samples": num_samples,
        "fields": {
            name: FieldPlan(block={"type": facts.shape.layout}, facts=facts, shape=facts.shape)
            for name, facts in fields.items()
        },
        "transforms": (),
        "split": {"val": 0.25, "seed": 0},
        "splits": {"train": num_samples - held, "val": held},
        "missing": {},
        "cache": "memory",
        "on_corrupt": {"action": "error", "limit": "1%"},
        "limit": None,
    }
    return DatasetPlan.model_validate(block | changes)


class Sketch:
    """Collects datasets, nodes and tasks; works out shapes as the compiler would."""

    def __init__(self, **datasets):
        self.datasets = datasets
        self.nodes = []
        self.tasks = {}

    def module(self, path, block, *inputs, per_dataset=False, datasets=None):
        """Add a module; `inputs` are fields, or modules as `encoder` or `encoder.output`."""
        self._node(path, "modules", block, inputs, None, per_dataset, datasets)
        return self

    def task(self, name, block, *inputs, head="linear", loss=None, metrics=None, **changes):
        """Add a task with its own head at `heads.NAME`, or the head of another task where `inputs` are empty."""
        block = {"type": block} if isinstance(block, str) else dict(block)
        names = block.get("datasets") or [block.get("dataset") or next(iter(self.datasets))]
        task = parser.parse("tasks", {**block, "datasets": None, "dataset": names[0]})
        target = task.link({each: self.datasets[each].fields[task.target].facts for each in names})
        path = f"heads.{name}" if inputs else f"heads.{head}"
        if inputs:
            head = {"type": head} if isinstance(head, str) else head
            per_dataset = bool(head.get("per_dataset"))
            self._node(path, "heads", head, inputs, target.output, per_dataset, tuple(names))
        self.tasks[name] = TaskPlan.model_validate(
            {
                "block": task.dump(),
                "datasets": tuple(names),
                "target_field": task.target,
                "mask": task.mask,
                "head": path,
                "target": target,
                "losses": _losses(loss or task.default_loss, target),
                "metrics": _metrics(task.default_metrics if metrics is None else metrics),
                "weight": task.weight,
            }
            | changes
        )
        return self

    def plan(self, *phases, **changes):
        """Return the plan, with one phase by default."""
        block = {
            "declare": "0.1.0",
            "name": "sketch",
            "description": None,
            "seed": 7,
            "spec_sha256": "0" * 64,
            "datasets": self.datasets,
            "nodes": tuple(self.nodes),
            "tasks": self.tasks,
            "phases": phases or (self.phase(),),
            "hardware": HardwarePlan(
                accelerator="cpu",
                devices=1,
                nodes=1,
                strategy="single",
                compile=False,
                workers=0,
                memory_limit_bytes=None,
                determinism="fast",
            ),
            "tracking": (),
        }
        return Plan.model_validate(block | changes)

    def phase(self, name="fit", groups=(), **changes):
        """Return a phase over everything; `groups` are (match, lr, weight_decay, parameters)."""
        block = {
            "name": name,
            "tasks": {task: plan.weight for task, plan in self.tasks.items()},
            "datasets": tuple(self.datasets),
            "steps": 20,
            "steps_per_epoch": 4,
            "epochs": 5.0,
            "batch_size": 8 * len(self.datasets),
            "rows": dict.fromkeys(self.datasets, 8),
            "alternate": False,
            "accumulate": 1,
            "mix": {"type": "proportional"},
            "sampler": {"type": "random"},
            "augment": (),
            "optimizer": {"type": "adamw", "lr": 0.01},
            "groups": tuple(
                OptimizerGroup(match=match, lr=lr, weight_decay=decay, parameters=tuple(names))
                for match, lr, decay, names in groups
            ),
            "schedule": {"type": "constant"},
            "warmup_steps": 0,
            "rates": (),
            "regularizers": (),
            "init": (),
            "freeze": (),
            "clip": None,
            "ema": None,
            "precision": "fp32",
            "evaluate_every": 4,
            "best": None,
            "early_stop": None,
            "checkpoint_every": 20,
            "keep_checkpoints": 2,
            "on_batch_error": {"action": "error", "limit": 10},
            "trainable_parameters": 100,
            "memory_bytes": None,
        }
        return PhasePlan.model_validate(block | changes)

    def _node(self, path, kind, block, inputs, output, per_dataset, datasets):
        datasets = tuple(datasets or self.datasets)
        block = {"type": block} if isinstance(block, str) else block
        component = parser.parse(kind, block)
        variants = {}
        for each in datasets:
            wires = tuple(self._wire(component, name, each) for name in inputs)
            shapes = {}
            for wire in wires:
                shapes[wire.port] = (*shapes.get(wire.port, ()), wire.shape)
            outputs = component.infer(shapes) if output is None else component.infer(shapes, output)
            costs = component.costs(shapes) if output is None else component.costs(shapes, output)
            variants[each] = NodeVariant(
                wires=wires,
                outputs=outputs,
                parameters=costs.parameters,
                flops=costs.flops,
                activation_bytes=costs.activation_bytes,
            )
        first = variants[datasets[0]]
        self.nodes.append(
            ModulePlan(
                name=path.rpartition(".")[2],
                path=path,
                role="module" if output is None else "head",
                block=component.dump(),
                per_dataset=per_dataset,
                datasets=datasets,
                variants=variants if per_dataset else {},
                **dict(first),
            )
        )

    def _wire(self, component, name, dataset_name):
        port = component.ports[0].name
        fields = self.datasets[dataset_name].fields
        if name in fields:
            return Wire(port=port, source="field", name=name, output=None, shape=fields[name].shape)
        path, _, output = name.partition(".")
        node = next(node for node in self.nodes if node.path == path)
        outputs = node.variants[dataset_name].outputs if node.per_dataset else node.outputs
        output = output or next(iter(outputs))
        return Wire(port=port, source="module", name=path, output=output, shape=outputs[output])


def _losses(blocks, target):
    found = []
    for block in blocks if isinstance(blocks, list) else [blocks]:
        loss = parser.parse("losses", {"type": block} if isinstance(block, str) else block)
        weights = loss.class_weights(target)
        found.append(
            LossPlan(name=loss.type_name(), block=loss.dump(), weight=loss.weight, class_weights=weights)
        )
    return tuple(found)


def _metrics(blocks):
    found = []
    for block in blocks:
        metric = parser.parse("metrics", {"type": block} if isinstance(block, str) else block)
        found.append(MetricPlan(name=metric.type_name(), block=metric.dump(), mode=metric.mode))
    return tuple(found)


def classify(**changes):
    """Return a sketch of one dataset, one mlp and one classification head."""
    sketch = Sketch(lab=dataset({"x": features(4), "y": category(**changes)}))
    sketch.module("encoder", {"type": "mlp", "hidden": [16]}, "x")
    return sketch.task("kind", {"type": "classification", "target": "y"}, "encoder")


def two_datasets():
    """Return a sketch of two datasets with one encoder, two tasks of their own and one that they share."""
    left = dataset(
        {"x": features(4), "pain": category(("no", "low", "high"), missing=3), "age": number(40.0, 9.0, 2)}
    )
    right = dataset({"x": features(4), "kind": category(), "age": number(30.0, 9.0)})
    sketch = Sketch(left=left, right=right)
    sketch.module("encoder", {"type": "mlp", "hidden": [16]}, "x")
    sketch.task("pain", {"type": "ordinal", "target": "pain", "dataset": "left"}, "encoder")
    sketch.task("kind", {"type": "classification", "target": "kind", "dataset": "right"}, "encoder")
    return sketch.task(
        "age", {"type": "regression", "target": "age", "datasets": ["left", "right"]}, "encoder"
    )
