"""Predicts with trained weights of `text_classifier`: a line of JSON for each sample of a split.

python predict.py --run-dir RUN --split val > predictions.jsonl
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import data
import losses
from model import Model

CLASSES = {"mood": ("neg", "pos")}


@torch.no_grad()
def predictions(model: Model, split: str) -> Iterator[dict[str, Any]]:
    """Yield the predictions for each sample: task -> name -> value."""
    model.eval()
    for batch in data.reviews_batches(split):
        outputs = model.forward_fit(batch)
        predicted = {
            "mood": losses.mood_prediction(outputs["mood"].float()),
        }
        for row in range(len(outputs["mood"])):
            yield {task: readable(task, values, row) for task, values in predicted.items()}


def readable(task: str, values: dict[str, Any], row: int) -> dict[str, Any]:
    """Return the predictions of a task for one row as plain values."""
    plain = {name: item[row].tolist() for name, item in values.items()}
    if "class" in plain and task in CLASSES:
        plain["class"] = CLASSES[task][plain["class"]]
    return plain


def main() -> None:
    """Print the predictions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--split", choices=["train", "val"], default="val")
    arguments = parser.parse_args()
    model = Model()
    model.load_state_dict(load_file(arguments.run_dir / "weights.safetensors"))
    for item in predictions(model, arguments.split):
        print(json.dumps(item))


if __name__ == "__main__":
    main()
