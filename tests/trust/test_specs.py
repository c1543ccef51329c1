"""Threat model, lines "spec parse", "names", "code", "paths", "env", "network": looking at a spec runs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from declare.compiler.pipeline import check

ROOT = Path(__file__).parents[2]
GOOD = """declare: 1
name: x
datasets:
  d: {source: {type: simulated, name: textures, samples: 40}}
model:
  enc: {type: cnn, input: image}
tasks:
  t: {type: classification, target: label}
phases:
  fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 0.001}}
"""
SOURCE = "{type: simulated, name: textures, samples: 40}"
MODULE = "{type: cnn, input: image}"


def _bomb() -> str:
    levels = "".join(f"x{i + 1}: &x{i + 1} [{','.join([f'*x{i}'] * 9)}]\n" for i in range(1, 12))
    return f"declare: 1\nx1: &x1 [1,1,1,1,1,1,1,1,1]\n{levels}"


PARSE = {
    "apply tag": GOOD + 'vars: {x: !!python/object/apply:os.system ["touch MARK"]}\n',
    "new tag": GOOD + "vars: {x: !!python/object/new:os.system [x]}\n",
    "name tag": GOOD + "vars: {x: !!python/name:os.system}\n",
    "module tag": GOOD + "vars: {x: !!python/module:evil}\n",
    "include tag": GOOD + "vars: {x: !include /etc/passwd}\n",
    "env tag": GOOD + "vars: {x: !ENV HOME}\n",
    "duplicate key": GOOD + "name: y\n",
    "alias bomb": _bomb(),
    "flow nesting": "[" * 100_000,
    "map nesting": "{a: " * 20_000,
    "dash nesting": "- " * 100_000,
    "indentation": "".join(" " * i + "a:\n" for i in range(1200)),
    "many maps": "declare: 1\n" + "".join(f"k{i}: {{a: 1}}\n" for i in range(40_000)),
    "20 MB": f'declare: 1\nvars: {{x: "{"a" * 20_000_000}"}}\n',
    "integers": f"declare: 1\nvars: {{x: [{','.join(['1'] * 400_000)}]}}\n",
    "digits": f"declare: 1\nvars: {{x: {'9' * 100_000}}}\n",
    "hexadecimal": f"declare: 1\nvars: {{x: 0x{'f' * 100_000}}}\n",
    "anchors": "declare: 1\n" + "".join(f"k{i}: &a{i} 1\n" for i in range(30_000)),
    "quotes": "'" * 200_001,
    "two documents": "---\n" * 5000,
    "recursion": "a: &a [*a]\n",
    "control": GOOD.replace("name: x", 'name: "\\x1b[31mred"'),
    "variables": "declare: 1\nvars:\n  a0: xxxxxxxxxx\n"
    + "".join(f'  a{i + 1}: "{f"${{vars.a{i}}}" * 9}"\n' for i in range(20))
    + 'name: "${vars.a20}"\n',
}
NAMES = {
    "dunder": GOOD.replace("type: cnn", "type: __init__"),
    "dotted": GOOD.replace("type: cnn", "type: os.system"),
    "private": GOOD.replace("type: cnn", "type: _tables"),
    "dots": GOOD.replace("type: cnn", "type: ../../evil"),
    "library": GOOD.replace("type: adamw", "type: _library"),
    "hydra": GOOD.replace("type: cnn", "_target_: os.system, type: cnn"),
    "class path": GOOD.replace("type: cnn", "class_path: evil.Net, type: cnn"),
    "phase": GOOD.replace("  fit:", '  "../evil":'),
    "dunder phase": GOOD.replace("  fit:", '  "__class__":'),
    "dataset": GOOD.replace("  d:", '  "a/b":'),
    "run": GOOD.replace("name: x\n", "name: ../../evil\n", 1),
    "composite": GOOD + "metrics: {m: \"__import__('os').system('x')\"}\n",
    "power": GOOD + 'metrics: {m: "9**9**9**9"}\n',
    "brackets": GOOD + f'metrics: {{m: "{"(" * 5000}1{")" * 5000}"}}\n',
}
CODE = {
    "asks": GOOD + "trust: [net.py]\n",
    "plugins": GOOD + "plugins: [evil]\n",
    "module": GOOD.replace(MODULE, "{type: python, file: net.py, name: Net, input: image}"),
    "source": GOOD.replace(SOURCE, "{type: python, file: net.py, name: load}"),
    "hub": GOOD.replace(MODULE, '{type: timm, name: "hf-hub:evil/repo", input: image}'),
    "local": GOOD.replace(MODULE, '{type: timm, name: "local-dir:evil", input: image}'),
    "checkpoint": GOOD.replace(
        MODULE, "{type: timm, name: resnet10t, input: image, args: {checkpoint_path: evil.pt}}"
    ),
    "pretrained": GOOD.replace(
        MODULE, "{type: timm, name: resnet10t, input: image, args: {pretrained: true}}"
    ),
    "overlay": GOOD.replace(
        MODULE,
        "{type: timm, name: resnet10t, input: image, args: {pretrained_cfg_overlay: {url: http://evil}}}",
    ),
    "weights": GOOD.replace(
        MODULE, "{type: torchvision, name: resnet18, input: image, args: {weights: DEFAULT}}"
    ),
}
PLACES = ["/etc/passwd", "../../../../etc/shadow", "/proc/self/environ", "/dev/zero", "/dev/urandom", "fifo"]
PATHS = {
    f"{kind} {place}": GOOD.replace(SOURCE, f"{{type: {kind}, path: {place}}}")
    for kind in ("csv", "npz", "jsonl", "text", "hdf5", "parquet", "image_folder")
    for place in PLACES
} | {
    **{f"extends {place}": f"extends: {place}\n{GOOD}" for place in PLACES},
    "tracker": GOOD + "tracking: {type: csv, path: /tmp/evil.csv}\n",
    "tracker up": GOOD + "tracking: {type: csv, path: ../evil.csv}\n",
    "tensorboard": GOOD + "tracking: {type: tensorboard, dir: /tmp/evil}\n",
    "mlflow": GOOD + "tracking: {type: mlflow, uri: 'sqlite:////tmp/evil.db'}\n",
    "init": GOOD.replace("epochs: 1,", 'epochs: 1, init: [{from: "file:/dev/zero"}],'),
}
SIZES = {
    "samples": GOOD.replace("samples: 40", "samples: 50000000"),
    "size": GOOD.replace("samples: 40}}", "samples: 40}, fields: {image: {type: image, size: 100000}}}"),
    "depth": GOOD.replace(MODULE, "{type: transformer, input: image, patch: 8, depth: 10000000}"),
    "stages": GOOD.replace(MODULE, f"{{type: cnn, input: image, channels: [{','.join(['8'] * 20_000)}]}}"),
    "steps": GOOD.replace("epochs: 1", "steps: 10000000000000000"),
    "batch": GOOD.replace("batch_size: 8", "batch_size: 100000000000"),
    "epochs": GOOD.replace("epochs: 1", f"epochs: {'9' * 250}"),
}
NETWORK = {
    "torchvision": GOOD.replace(SOURCE, "{type: torchvision, name: MNIST, root: none, download: true}"),
}
HOSTILE = {"parse": PARSE, "names": NAMES, "code": CODE, "paths": PATHS, "sizes": SIZES, "network": NETWORK}
FINE = {"steps", "epochs", "batch"}
"""Large numbers that cost nothing until somebody trains."""


def watched(commands: list[list[str]], folder: Path, **environment: str) -> list[dict[str, object]]:
    """Run command lines in one process of their own, in `folder`."""
    own = {"DECLARE_CACHE_DIR": str(folder / "cache"), "FOREIGN": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("watch.py"))],
        input=json.dumps(commands),
        cwd=folder,
        env={**os.environ, "ALLOWED": str(folder / "allowed"), **own, **environment},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with code, a pickle and a pipe that specs name."""
    place = tmp_path_factory.mktemp("hostile")
    (place / "net.py").write_text(f"open({str(place / 'MARK')!r}, 'w')\n")
    (place / "evil.pt").write_bytes(b"\x80\x04cos\nsystem\n")
    os.mkfifo(place / "fifo")
    return place


@pytest.mark.parametrize("line", HOSTILE)
def test_looking_at_a_hostile_spec_runs_nothing(folder, line):
    """No import, compilation, write, socket or program for any of them, and an answer within seconds."""
    specs = []
    for number, text in enumerate(HOSTILE[line].values()):
        specs.append(folder / f"{line}{number}.yaml")
        specs[-1].write_text(text)
    found = watched([["validate", str(spec)] for spec in specs], folder)
    for name, answer in zip(HOSTILE[line], found, strict=True):
        assert answer["events"] == [], name
        assert answer["seconds"] < 30, name  # importing torch alone takes some on a busy machine
        if line == "parse":  # `python -m tests.trust.measuring` measures each by itself
            assert answer["seconds"] < 5, name
            assert answer["megabytes"] < 200, name
        if name not in FINE:
            assert answer["code"] in {1, 2}, (name, answer["output"][-500:])
        assert "\x1b" not in answer["output"]
        assert "root:x:" not in answer["output"]
    assert not (folder / "MARK").exists()


@pytest.mark.parametrize("command", ["plan", "report", "fix", "data check", "validate --expand"])
def test_no_other_command_that_looks_runs_anything(folder, command):
    """`plan`, `report`, `fix`, `data check` keep the promise of `validate`."""
    texts = [*CODE.values(), *NAMES.values(), PARSE["apply tag"], PARSE["alias bomb"]]
    words = []
    for number, text in enumerate(texts):
        spec = folder / f"other{number}.yaml"
        spec.write_text(text)
        first, *more = command.split()
        words.append(
            [first, *(item for item in more if item == "check"), str(spec)] + [i for i in more if i[0] == "-"]
        )
    assert all(answer["events"] == [] for answer in watched(words, folder))
    assert not (folder / "MARK").exists()


def test_a_repository_with_code_of_its_own_stays_data(folder):
    """A folder of weights cannot bring code, whatever spec and config.json say."""
    pytest.importorskip("transformers")
    place = folder / "hub"
    place.mkdir(exist_ok=True)
    code = {"AutoConfig": "configuration_evil.Config", "AutoModel": "modeling_evil.Model"}
    (place / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": code}))
    for name in ("configuration_evil", "modeling_evil"):
        (place / f"{name}.py").write_text(f"open({str(folder / 'MARK')!r}, 'w')\n")
    (folder / "r.jsonl").write_text("".join(f'{{"text": "a {i}", "mood": "m{i % 2}"}}\n' for i in range(40)))
    text = GOOD.replace(
        "d: {source: " + SOURCE + "}",
        "d: {source: {type: jsonl, path: r.jsonl}, fields: {text: {type: text, tokenizer: byte, max_length: 16}, "
        "label: {type: category, key: mood}}}",
    )
    asked = ["path: hub", "path: hub, config: {trust_remote_code: true}", "name: timm_wrapper"]
    asked.append('name: bert, config: {attn_implementation: "evil/kernels"}')
    specs = []
    for number, words in enumerate(asked):
        specs.append(folder / f"hub{number}.yaml")
        specs[-1].write_text(text.replace(MODULE, f"{{type: huggingface, input: text, {words}}}"))
    for answer in watched([["validate", str(spec)] for spec in specs], folder):
        assert answer["code"] == 1
        assert answer["events"] == []
    assert not (folder / "MARK").exists()


def test_values_of_the_environment_are_shown_by_their_names(folder):
    """Neither findings, plans nor the expanded spec hold the value of `${env:NAME}`."""
    spec = folder / "env.yaml"
    spec.write_text(GOOD + 'description: "says ${env:SENTINEL}"\n')
    token = "tok-0123456789-abcdefghijklmnop-QRSTUV"
    base = [["validate", str(spec)], ["plan", str(spec)], ["validate", str(spec), "--expand"]]
    base += [["plan", str(spec), "--format", "json"], ["report", str(spec), "--json"]]
    for path in ("phases.fit.epochs", "model.enc.type", "tasks.t.target", "name", "datasets.d.source.path"):
        base += [
            ["validate", str(spec), "--format", form, "--set", f"{path}=${{env:SENTINEL}}"]
            for form in ("text", "json")
        ]
    found = watched(base, folder, SENTINEL=token)
    for words, answer in zip(base, found, strict=True):
        for part in (token, token[:12], token[-12:]):
            assert part not in answer["output"], words
    assert found[0]["code"] == found[1]["code"] == 0
    assert "${env:SENTINEL}" in found[1]["output"]


def test_texts_that_are_repeated_are_counted_before_they_are_written(tmp_path):
    """A spec of 1 MB whose variables or aliases make gigabytes of a text is refused at once."""
    long, many = "x" * 90_000, 9000
    one, each = "${vars.a}" * many, ", ".join(["'x${vars.a}'"] * many)
    for text, code in (
        (f"vars:\n  a: {long}\nname: '{one}'\n", "REF205"),
        (f"vars:\n  a: {long}\nmodel: [{each}]\n", "REF205"),
        (f"vars:\n  a: &a {long}\nmodel: [{'*a, ' * many}]\n", "SYN011"),
    ):
        (tmp_path / "spec.yaml").write_text(text)
        assert code in {found.code for found in check(tmp_path / "spec.yaml").diagnostics}
