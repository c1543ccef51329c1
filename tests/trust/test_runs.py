"""Threat model, lines "code", "paths", "report", "process": grants, run folders of strangers, pages, caches."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import unicodedata
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest

from declare.cli.dispatch import run as dcl
from declare.contract.problem import ProblemError
from declare.system import trust

EVIL = "<script>alert(1)</script>\x1b[31m\x9b7m\x7f\u202e"
SPEC = """declare: 1
name: x
datasets:
  d: {source: {type: csv, path: t.csv}, fields: {a: {type: number}, label: {type: category}}}
model:
  enc: {type: mlp, hidden: [4], input: a}
tasks:
  t: {type: classification, target: label}
phases:
  fit: {steps: 2, batch_size: 8, optimizer: {type: adamw, lr: 0.001}}
tracking: csv
"""


RESUME = ["train", "SPEC", "--resume", "RUN", "--allow-changes", "--set", "phases.fit.steps=4"]


@contextmanager
def alarm(seconds):
    """End what takes longer, with what nothing but a stop of the program is."""

    def late(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A short run on data whose classes are named by a stranger."""
    place = tmp_path_factory.mktemp("run")
    names = [EVIL, "=cmd|x", "../../etc", '"><img src=x onerror=y>']
    rows = "".join(f'{i % 7},"{names[i % 4].replace(chr(34), chr(34) * 2)}"\n' for i in range(80))
    (place / "t.csv").write_text("a,label\n" + rows)
    (place / "spec.yaml").write_text(SPEC)
    assert dcl(["train", str(place / "spec.yaml"), "--run-dir", str(place / "run"), "--quiet"]) == 0
    return place


@pytest.fixture
def copy(made, tmp_path):
    """A run folder that a test may change."""
    import shutil

    return Path(shutil.copytree(made / "run", tmp_path / "run"))


def raw(text):
    """Return the characters that a terminal or a browser would obey."""
    return [char for char in text if unicodedata.category(char) in {"Cc", "Cf"} and char not in "\n\t"]


def changed(folder, change):
    plan = json.loads((folder / "plan.json").read_text())
    change(plan)
    (folder / "plan.json").write_text(json.dumps(plan))


def test_a_run_folder_is_its_owners_alone(made):
    """Nobody else may look into the folder of a run."""
    assert (made / "run").stat().st_mode & 0o077 == 0
    assert (made / "run" / "events.jsonl").stat().st_mode & 0o077 == 0


class Page(HTMLParser):
    """Collects elements and attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


def test_pages_run_and_load_nothing(made, tmp_path):
    """Names of a stranger are text in pages, under a policy that allows no script and no other server."""
    pages = [made / "run" / "report.html", tmp_path / "data.html"]
    dcl(["data", "check", str(made / "spec.yaml"), "--html", str(pages[1])])
    for page in pages:
        found = Page(page.read_text())
        assert not raw(page.read_text())
        assert not found.tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
        assert not [name for name, _ in found.attributes if name.startswith("on")]
        outside = [
            v
            for n, v in found.attributes
            if n in {"src", "href"} and not (v or "").startswith(("data:", "#"))
        ]
        assert not outside
        assert any("default-src 'none'" in (value or "") for _, value in found.attributes)


def test_terminals_are_told_nothing_by_data(made, capsys):
    """Control characters in names of classes are shown, not obeyed."""
    for words in (
        ["data", "check", str(made / "spec.yaml")],
        ["plan", str(made / "spec.yaml")],
        ["report", str(made / "run")],
        ["predict", str(made / "run"), "--split", "val"],
        ["inspect", str(made / "run")],
    ):
        dcl(words)
        out, err = capsys.readouterr()
        assert not raw(out + err), words
        assert out


def test_json_says_control_characters_in_its_own_way(made, tmp_path, capsys):
    """Names of classes come back as they are from JSON that holds no such character itself."""
    run = str(made / "run")
    for words in (
        ["plan", str(made / "spec.yaml"), "--json", "--quick"],
        ["report", run, "--json"],
        ["predict", run, "--split", "val", "--format", "json"],
    ):
        dcl(words)
        out = capsys.readouterr().out
        assert not raw(out)
        assert json.dumps(EVIL)[1:-1] in json.dumps(json.loads(out))
    for name in ("out.csv", "out.json", "out.jsonl"):
        dcl(["predict", run, "--split", "val", "--output", str(tmp_path / name)])
        text = (tmp_path / name).read_text()
        assert not raw(text)
        assert "script" in text


def _events(folder):
    lines = [
        {"event": "throughput"},
        {"event": "run_failed", "message": EVIL},
        {"event": "choice", "name": EVIL},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"event":' + "[" * 200_000 + "\n"
    (folder / "events.jsonl").write_text(text)


def _pipe(folder):
    (folder / "events.jsonl").unlink()
    os.mkfifo(folder / "events.jsonl")


def _component(folder):
    changed(folder, lambda plan: plan["nodes"][0]["block"].update(type="__init__"))


def _code(folder):
    net = folder / "net.py"
    net.write_text(f"open({str(folder / 'MARK')!r}, 'w')\n")
    digest = hashlib.sha256(net.read_bytes()).hexdigest()
    block = {"type": "python", "file": str(net), "name": "Net", "input": "a"}

    def change(plan):
        plan["nodes"][0] |= {"block": block, "layers": []}
        plan["datasets"]["d"]["source"] = {"type": "python", "file": str(net), "name": "load"}
        plan["trusted"] = [f"{net}@sha256:{digest}"]

    changed(folder, change)


def _metrics(folder):
    rows = f'phase,step,epoch,metric,value\nfit,1,1,{EVIL},1\nfit,{"9" * 5000},1,a,1\n"{"x" * 500_000}'
    (folder / "metrics.csv").write_text(rows)


def _plan(folder):
    (folder / "plan.json").write_text("[" * 1_000_000)


def _device(folder):
    (folder / "plan.json").unlink()
    (folder / "plan.json").symlink_to("/dev/zero")


CHANGES = [_events, _pipe, _component, _code, _metrics, _plan, _device]


@pytest.mark.parametrize("change", CHANGES)
def test_a_strangers_run_is_reported_or_refused(copy, change, tmp_path, capsys):
    """A folder that somebody changed is read or refused with a finding; nothing in it runs, nothing is written."""
    change(copy)
    before = {file: file.lstat().st_mtime_ns for file in copy.rglob("*")}
    assert dcl(["report", str(copy), "--html", str(tmp_path / "page.html")]) in {0, 2}
    assert dcl(["report", str(copy), "--json"]) in {0, 2}
    assert "this is a bug" not in "".join(capsys.readouterr())
    assert {file: file.lstat().st_mtime_ns for file in copy.rglob("*")} == before
    if (tmp_path / "page.html").exists():
        assert "script" not in Page((tmp_path / "page.html").read_text()).tags


def test_using_a_strangers_run_does_not_run_its_code(copy, capsys):
    """The plan's own list of grants grants nothing."""
    _code(copy)
    assert dcl(["evaluate", str(copy), "--split", "val"]) == 2
    assert "REF242" in capsys.readouterr().err
    assert not (copy / "MARK").exists()


@pytest.mark.parametrize(
    "name", ["events.jsonl", "metrics.csv", "report.html", "owner.json", "lock", "checkpoints"]
)
def test_a_run_writes_through_no_link(made, copy, tmp_path, name, capsys):
    """A link in a run folder is refused before anything is written."""
    victim = tmp_path / "victim"
    victim.mkdir() if name == "checkpoints" else victim.write_text("precious")
    place = copy / name
    if place.is_dir():
        place.rename(tmp_path / "old")
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(victim)
    assert (
        dcl(
            [
                "train",
                str(made / "spec.yaml"),
                "--resume",
                str(copy),
                "--set",
                "phases.fit.steps=4",
                "--format",
                "json",
            ]
        )
        == 2
    )
    assert [found["code"] for found in json.loads(capsys.readouterr().out)["diagnostics"]] == ["RES820"]
    assert not list(victim.iterdir()) if victim.is_dir() else victim.read_text() == "precious"


@pytest.mark.parametrize("reader", [False, True])
@pytest.mark.parametrize(
    ("name", "words"),
    [("checkpoints/*/MANIFEST.json", ["evaluate", "RUN", "--split", "val"]), ("tracking.csv", RESUME)],
)
def test_no_pipe_in_a_run_folder_is_waited_for(made, copy, capsys, name, words, reader):
    """A pipe in the place of a file is refused, also where somebody reads from it."""
    (place,) = copy.glob(name)
    place.unlink()
    os.mkfifo(place)
    hold = os.open(place, os.O_RDONLY | os.O_NONBLOCK) if reader else None
    names = {"SPEC": made / "spec.yaml", "RUN": copy}
    with alarm(20):
        assert dcl([str(names.get(word, word)) for word in words]) in {2, 4}
    if hold is not None:
        os.close(hold)
    assert "error[RES8" in capsys.readouterr().err


def test_code_runs_by_its_content_alone(tmp_path, monkeypatch):
    """A grant names a file and its hash: another file, another content, or a spec's word grant nothing."""
    monkeypatch.setattr(trust, "_granted", set())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    net, twin = tmp_path / "net.py", tmp_path / "twin.py"
    for file in (net, twin):
        file.write_text("x = 1\n")
    with pytest.raises(ProblemError, match="only if you trust it"):
        trust.read(net)
    trust.grant([trust.entry(net, net.read_bytes()), "twin.py"])
    assert trust.read(net) == b"x = 1\n"
    with pytest.raises(ProblemError):
        trust.read(twin)
    net.write_text("x = 2\n")
    with pytest.raises(ProblemError, match="changed since"):
        trust.read(net)


@pytest.mark.parametrize(("mode", "granted"), [(0o600, True), (0o644, True), (0o664, False), (0o666, False)])
def test_the_users_settings_grant_where_nobody_else_may_write(tmp_path, monkeypatch, mode, granted):
    """`~/.config/declare/trust` counts only as long as it is the user's own; what it granted is recorded."""
    monkeypatch.setattr(trust, "_granted", set())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    net = tmp_path / "net.py"
    net.write_text("x = 1\n")
    trust.settings_file().parent.mkdir()
    trust.settings_file().write_text(f"# mine\n{trust.entry(net, net.read_bytes())}\n")
    trust.settings_file().chmod(mode)
    if granted:
        assert trust.read(net)
        assert trust.granted_entries() == (trust.entry(net, net.read_bytes()),)
    else:
        with pytest.raises(ProblemError):
            trust.read(net)


def test_the_cache_is_private(tmp_path, monkeypatch):
    """A cache that others may write to is closed to them; one that is another user's is not used."""
    from declare.system import user_cache as cache

    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(shared))
    assert cache.folder("facts") == shared / "facts"
    assert shared.stat().st_mode & 0o077 == 0
    cache._private.cache_clear()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert not cache.folder("facts").is_relative_to(shared)
    cache._private.cache_clear()


def test_nothing_is_imported_from_where_it_is_called(tmp_path):
    """`python -m declare` in a stranger's folder imports none of its files."""
    for name in ("yaml", "typer", "rich", "numpy", "evil"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'MARK')!r}, 'w')\n")
    (tmp_path / "spec.yaml").write_text("declare: 1\n")
    own = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-m", "declare", "validate", "spec.yaml"]
    done = subprocess.run(words, cwd=tmp_path, env=own, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert not (tmp_path / "MARK").exists()


def test_training_on_one_machine_listens_to_nobody(made, tmp_path):
    """A run in one process opens no port."""
    code = (
        "import sys; found = []\n"
        "sys.addaudithook(lambda event, args: found.append(args) if event in ('socket.bind', 'socket.listen') else None)\n"
        "from declare.cli.dispatch import run\n"
        f"code = run(['train', {str(made / 'spec.yaml')!r}, '--run-dir', {str(tmp_path / 'run')!r}])\n"
        "sys.exit(9 if found else code)"
    )
    own = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=own, capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-500:]


def test_no_file_of_a_run_holds_a_value_of_the_environment(tmp_path, monkeypatch, capsys):
    """Neither run, cache nor what is printed holds a token, whether the spec names its variable or not."""
    monkeypatch.setenv("DECLARE_CACHE_DIR", str(tmp_path / "cache"))
    named, other = "tok-0123456789-named-QRSTUV", "tok-9876543210-other-ABCDEF"
    monkeypatch.setenv("SENTINEL", named)
    monkeypatch.setenv("WANDB_API_KEY", other)
    rows = "".join(f"{i % 7},{'ab'[i % 2]}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("a,label\n" + rows)
    missing = SPEC.replace("{type: number}", '{type: number, missing: ["${env:SENTINEL}", "-9"]}')
    (tmp_path / "spec.yaml").write_text(missing + 'description: "says ${env:SENTINEL}"\n')
    run = tmp_path / "run"
    assert dcl(["train", str(tmp_path / "spec.yaml"), "--run-dir", str(run)]) == 0
    for words in (
        ["report", str(run)],
        ["report", str(run), "--json"],
        ["evaluate", str(run), "--split", "val"],
    ):
        dcl(words)
    said = "".join(capsys.readouterr())
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"${env:SENTINEL}" in content
    for token in (named, other):
        assert token not in said
        assert token.encode() not in content
