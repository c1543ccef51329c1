"""How long commands take before torch is needed, as ratios to importing pydantic, typer and rich alone.

Run: `python benchmarks/startup.py`. Rounds are interleaved; figures are medians of the processor time of a fresh
process and its children, which other work on the machine changes least.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASE = "import pydantic, typer, rich.console"
TIMM = """declare: 1
datasets:
  textures:
    source: {type: simulated, name: textures, samples: 90, classes: 3, size: 96}
    split: {val: 0.2, stratify: label}
model:
  encoder: {type: timm, name: NAME, input: image}
tasks:
  texture: {type: classification, dataset: textures, target: label}
phases:
  fit: {epochs: 1, batch_size: 16, optimizer: {type: adamw, lr: 1e-3}}
"""
BAD = "declare: 1\ndatasets: {a: {sourec: 3}}\nmodel: {}\ntasks: 4\nphases: {fit: {epochs: x}}\n"
TRACER = (
    "import sys; sys.argv = ['declare', *sys.argv[1:]]\n"
    "from declare.__main__ import main\n"
    "try: main()\n"
    "except SystemExit: pass\n"
    "print(sorted({'torch', 'numpy', 'torchvision', 'polars'} & set(sys.modules)), file=sys.stderr)\n"
)


def seconds(words: list[str], env: dict[str, str]) -> float:
    """Return the processor time of one process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, env=env, cwd=ROOT, check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def heavy(words: list[str], env: dict[str, str]) -> str:
    """Return the heavy modules that a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", TRACER, *words], env=env, cwd=ROOT, check=False, capture_output=True, text=True
    )
    return done.stderr.strip().splitlines()[-1]


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "bad.yaml").write_text(BAD)
        (folder / "known.yaml").write_text(TIMM.replace("NAME", "resnet10t"))
        env = os.environ | {"DECLARE_CACHE_DIR": str(folder / "cache"), "NO_COLOR": "1"}
        cold = env | {"DECLARE_CACHE_DIR": "COLD"}
        run = [sys.executable, "-m", "declare"]
        cases = {
            "--help": ([*run, "--help"], env),
            "validate, schema errors": ([*run, "validate", str(folder / "bad.yaml")], env),
            "validate pain, warm": ([*run, "validate", "specs/pain.yaml"], env),
            "validate pain, cold": ([*run, "validate", "specs/pain.yaml"], cold),
            "validate multiscale, warm": ([*run, "validate", "specs/multiscale.yaml"], env),
            "validate multiscale, cold": ([*run, "validate", "specs/multiscale.yaml"], cold),
            "validate timm, warm": ([*run, "validate", str(folder / "known.yaml")], env),
        }
        for words, _ in cases.values():
            seconds(words, env)
        times: dict[str, list[float]] = {"base": [], **{name: [] for name in cases}}
        for number in range(rounds):
            times["base"].append(seconds([sys.executable, "-c", BASE], env))
            for name, (words, place) in cases.items():
                own = place if place is env else env | {"DECLARE_CACHE_DIR": str(folder / f"cold{number}")}
                times[name].append(seconds(words, own))
        base = statistics.median(times["base"])
        print(f"{'pydantic + typer + rich':<28}{base * 1000:8.0f} ms")
        result = {"base_ms": base * 1000}
        for name, (words, _) in cases.items():
            ratio = statistics.median(times[name]) / base
            result[name] = ratio
            print(f"{name:<28}{ratio * base * 1000:8.0f} ms {ratio:6.2f}x  imports {heavy(words[3:], env)}")
        result |= unknown_model(folder, env, run)
        print(json.dumps(result))


def unknown_model(folder: Path, env: dict[str, str], run: list[str]) -> dict[str, float]:
    """Measure the first validation of a model that no table knows against importing torch and timm."""
    spec = folder / "unknown.yaml"
    spec.write_text(TIMM.replace("name: NAME", "name: resnet10t, args: {act_layer: silu}"))
    imports = [sys.executable, "-c", "import torch, timm"]
    ratios = []
    for number in range(3):
        place = env | {"DECLARE_CACHE_DIR": str(folder / f"probe{number}")}
        floor = seconds(imports, env)
        ratios.append(seconds([*run, "validate", str(spec)], place) / floor)
    ratio = statistics.median(ratios)
    print(f"{'validate unknown, first':<28}{ratio:14.2f}x  of importing torch and timm")
    return {"validate unknown, first": ratio}


if __name__ == "__main__":
    main()
