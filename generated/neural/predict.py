"""Predicts with trained weights of `neural`: a line of JSON for each sample of a split.

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


@torch.no_grad()
def predictions(model: Model, split: str) -> Iterator[dict[str, Any]]:
    """Yield the predictions for each sample: task -> name -> value."""
    model.eval()
    for batch in data.monday_batches(split):
        outputs = model.monday_outputs(batch)
        predicted = {
            "response": losses.response_monday_prediction(outputs["response"].float()),
            "surprise": losses.surprise_prediction(outputs["surprise"].float()),
        }
        for row in range(len(outputs["response"])):
            yield {task: readable(task, values, row) for task, values in predicted.items()}
    for batch in data.tuesday_batches(split):
        outputs = model.tuesday_outputs(batch)
        predicted = {
            "response": losses.response_tuesday_prediction(outputs["response"].float()),
            "surprise": losses.surprise_prediction(outputs["surprise"].float()),
        }
        for row in range(len(outputs["response"])):
            yield {task: readable(task, values, row) for task, values in predicted.items()}


def readable(task: str, values: dict[str, Any], row: int) -> dict[str, Any]:
    """Return the predictions of a task for one row as plain values."""
    plain = {name: item[row].tolist() for name, item in values.items()}

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
