"""Bases, overrides and interpolations become one tree whose values know where they were written."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declare.language.compose import extends
from declare.language.compose.compose import load
from declare.language.compose.overrides import OPTIONAL_SECTIONS
from declare.language.yaml import tree


@pytest.fixture
def compose(tmp_path):
    """Write files and load the first; returns the document and its findings."""

    def go(files, sets=(), environ=None):
        if isinstance(files, str):
            files = {"spec.yaml": files}
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return load(tmp_path / next(iter(files)), sets, environ or {})

    return go


def codes(result):
    return [item.code for item in result[1]]


def clean(result):
    """The plain tree of a result without findings."""
    document, found = result
    assert [(item.code, item.title) for item in found] == []
    return document.plain()


class TestExtends:
    """`extends` merges files."""

    def test_merges_key_by_key(self, compose):
        """Maps merge, lists and scalars replace, null removes, new keys stand at the end."""
        base = "a: {x: 1, y: [1, 2], z: 3}\nphases: {one: {epochs: 1}, two: {epochs: 2}}\n"
        child = "extends: base.yaml\na: {y: [3], z: null, w: null}\nphases: {three: {epochs: 3}, one: {epochs: 9}}\n"
        tree = clean(compose({"spec.yaml": child, "base.yaml": base}))
        assert tree["a"] == {"x": 1, "y": [3], "w": None}
        assert list(tree["phases"].items()) == [
            ("one", {"epochs": 9}),
            ("two", {"epochs": 2}),
            ("three", {"epochs": 3}),
        ]
        assert "extends" not in tree

    def test_list_of_bases(self, compose):
        """Of several bases the later one wins, and the file itself over all."""
        files = {
            "spec.yaml": "extends: [one.yaml, two.yaml]\nc: 3\n",
            "one.yaml": "a: 1\nb: 1\nc: 1\n",
            "two.yaml": "b: 2\nc: 2\n",
        }
        assert clean(compose(files)) == {"a": 1, "b": 2, "c": 3}

    def test_places_and_folders(self, compose, tmp_path):
        """An inherited value points into its own file, and its relative paths start from that file's folder."""
        document, _ = compose(
            {"spec.yaml": "extends: sub/base.yaml\na: {y: 2}\n", "sub/base.yaml": "a: {x: data.csv}\n"}
        )
        node = document.at("a.x")
        assert (node.span.source.name, node.origin, node.base) == (
            str(tmp_path / "sub/base.yaml"),
            "extends",
            tmp_path / "sub",
        )
        assert (document.at("a.y").origin, document.at("a.y").base) == ("written", tmp_path)
        assert [source.name for source in document.sources] == [
            str(tmp_path / "spec.yaml"),
            str(tmp_path / "sub/base.yaml"),
        ]

    def test_type_switch(self, compose):
        """A changed type replaces its block, and a note shows both types and what was dropped."""
        files = {
            "spec.yaml": "extends: base.yaml\nopt: {type: adamw, lr: 1}\n",
            "base.yaml": "opt: {type: sgd, lr: 2, momentum: 0.9}\n",
        }
        document, (note,) = compose(files)
        assert document.plain() == {"opt": {"type": "adamw", "lr": 1}}
        assert (note.code, note.severity, note.path) == ("REF204", "info", "opt")
        assert [label.span.text for label in note.labels] == ["adamw", "sgd"]
        assert note.notes == ("dropped: `momentum`",)

    def test_type_switch_by_short_form(self, compose):
        """`optimizer: adamw` over a block with parameters replaces it, with the same note."""
        result = compose(
            {"spec.yaml": "extends: b.yaml\nopt: adamw\n", "b.yaml": "opt: {type: sgd, lr: 2}\n"}
        )
        assert (result[0].plain(), codes(result)) == ({"opt": "adamw"}, ["REF204"])

    @pytest.mark.parametrize("section", ["vars", "metrics", "tasks", "phases"])
    def test_type_as_a_free_name(self, compose, section):
        """Where names are free, `type` is a name like any other."""
        files = {
            "spec.yaml": f"extends: b.yaml\n{section}: {{type: b}}\n",
            "b.yaml": f"{section}: {{type: a, x: c}}\n",
        }
        document, found = compose(files)
        assert found == []
        assert section == "vars" or document.plain(section) == {"type": "b", "x": "c"}

    def test_cycle(self, compose):
        """A file that extends itself through others is told at the place that closes the circle."""
        document, (found,) = compose(
            {"a.yaml": "extends: b.yaml\nx: 1\n", "b.yaml": "extends: a.yaml\ny: 2\n"}
        )
        assert (found.code, found.primary.span.text, found.notes) == (
            "REF221",
            "a.yaml",
            ("a.yaml -> b.yaml -> a.yaml",),
        )
        assert not document.complete
        assert document.plain() == {"y": 2, "x": 1}

    def test_diamond(self, compose):
        """Two bases may share a base; its findings are told once."""
        files = {
            "a": "extends: [b, c]\n",
            "b": "extends: d\nb: 1\n",
            "c": "extends: d\nc: 1\n",
            "d": "d: no\n",
        }
        result = compose(files)
        assert (result[0].plain(), codes(result)) == ({"d": "no", "b": 1, "c": 1}, ["SYN003"])

    def test_missing_base(self, compose):
        """A missing base is a finding at its name, with the nearest file; the document is marked incomplete."""
        document, (found,) = compose({"spec.yaml": "extends: bsae.yaml\na: 1\n", "base.yaml": "b: 1\n"})
        assert (found.code, found.primary.span.text, found.helps) == (
            "REF222",
            "bsae.yaml",
            ("did you mean `base.yaml`?",),
        )
        assert (document.plain(), document.complete) == ({"a": 1}, False)

    @pytest.mark.parametrize("stated", ["3", "[a, 1]", "{file: a}", "null", "''"])
    def test_no_file_name(self, compose, stated):
        """`extends` takes names of files and nothing else."""
        result = compose({"spec.yaml": f"extends: {stated}\n", "a": "a: 1"})
        assert codes(result) == ["REF223"]

    @pytest.mark.parametrize("same", [False, True])
    def test_the_limit_on_values_is_of_the_whole(self, compose, monkeypatch, same):
        """Bases add up, one that is extended again as well, and what is too much is said once."""
        monkeypatch.setattr(tree, "MAX_NODES", 100)
        monkeypatch.setattr(extends, "MAX_EXPANDED", 200)
        files = {
            f"b{i}.yaml": "vars: {" + ",".join(f"k{i}_{n}: 1" for n in range(20)) + "}" for i in range(9)
        }
        names = ["b0.yaml"] * 9 if same else list(files)
        result = compose({"spec.yaml": f"extends: [{', '.join(names)}]\n", **files})
        assert codes(result) == ["SYN010"]
        assert not result[0].complete

    def test_the_limit_on_bytes_is_of_the_whole(self, compose, monkeypatch):
        """Comments count too."""
        monkeypatch.setattr(extends, "MAX_BYTES_IN_ALL", 1000)
        files = {f"b{i}.yaml": f"#{'x' * 300}\nk{i}: 1\n" for i in range(9)}
        assert codes(compose({"spec.yaml": f"extends: [{', '.join(files)}]\n", **files})) == ["SYN008"]

    def test_wide_fans_end(self, compose):
        """Files that extend each other many times over are refused after a bounded number."""
        files = {f"f{i}": f"extends: [{', '.join([f'f{i + 1}'] * 9)}]\n" for i in range(7)} | {"f7": "a: 1\n"}
        start = time.perf_counter()
        assert "REF224" in codes(compose(files))
        assert time.perf_counter() - start < 5

    def test_findings_in_bases(self, compose):
        """What is wrong in a base is told in the base."""
        document, found = compose({"s": "extends: b\nx: 1\n", "b": "a: @x\nc: !t 1\n"})
        assert [(item.code, item.primary.span.source.name.rpartition("/")[2]) for item in found] == [
            ("SYN001", "b"),
            ("SYN013", "b"),
        ]
        assert document.plain() == {"a": None, "c": None, "x": 1}


class TestVariables:
    """`${vars.x}` and `${env:X}` are resolved at load."""

    def test_types(self, compose):
        """A value that is nothing but one variable takes its type; inside of text it is written out."""
        text = "vars: {n: 3, r: 1e-3, t: true, s: abc, e: ''}\na: ${vars.n}\nb: ${vars.r}\nc: '${vars.t}'\nd: x-${vars.s}-${vars.n}-${vars.t}\ne: [\"${vars.e}\"]\n"
        assert clean(compose(text)) == {"a": 3, "b": 0.001, "c": True, "d": "x-abc-3-true", "e": [""]}

    def test_escape(self, compose):
        """`$${` stands for the text, and a lone dollar for itself."""
        assert clean(compose("a: $${vars.x}\nb: cost$5\nc: $$${x}\n")) == {
            "a": "${vars.x}",
            "b": "cost$5",
            "c": "$${x}",
        }

    def test_late_binding(self, compose):
        """A variable that a child or the command line changes reaches the values of the base."""
        files = {"s": "extends: b\nvars: {root: /new}\n", "b": "vars: {root: /old}\npath: ${vars.root}/x\n"}
        assert clean(compose(files)) == {"path": "/new/x"}
        assert clean(compose(files, ["vars.root=/cli"])) == {"path": "/cli/x"}

    def test_variables_of_variables(self, compose):
        """A variable may be made of others and of the environment."""
        text = "vars: {a: '${vars.b}/c', b: '${env:HOME}'}\nx: ${vars.a}\n"
        document, found = compose(text, environ={"HOME": "/home/u"})
        assert found == []
        assert (document.plain(), document.at("x").origin) == ({"x": "/home/u/c"}, "env")

    def test_folder_follows_the_first_part(self, compose, tmp_path):
        """A path that starts with a variable starts from the folder of the file that states the variable."""
        files = {
            "s": "extends: sub/b\nx: ${vars.root}/f\ny: d/${vars.root}\n",
            "sub/b": "vars: {root: data}\n",
        }
        document, _ = compose(files)
        assert document.at("x").base == tmp_path / "sub"
        assert document.at("y").base == tmp_path
        assert document.at("x").defined.text == "data"
        assert document.at("x").span.text == "${vars.root}/f"

    @pytest.mark.parametrize(
        ("value", "environ", "expected"),
        [
            ("${env:N}", {"N": "3"}, 3),
            ("${env:N}", {"N": " 1e-3 "}, 0.001),
            ("${env:N}", {"N": "no"}, "no"),
            ("${env:N:-4}", {}, 4),
            ("${env:N:-4}", {"N": ""}, 4),
            ("${env:N:-}", {}, ""),
            ("${env:N:-/data}/x", {}, "/data/x"),
            ("${env:N:-a:-b}", {}, "a:-b"),
        ],
    )
    def test_environment(self, compose, value, environ, expected):
        """Environment variables are read as YAML scalars; an empty one counts as unset."""
        document, found = compose(f'x: "{value}"\n', environ=environ)
        assert found == []
        assert (document.plain("x"), document.at("x").origin) == (expected, "env")

    @pytest.mark.parametrize(
        ("text", "culprit", "words"),
        [
            ("vars: {lr: 1}\na: ${vars.rl}\n", "${vars.rl}", "did you mean `lr`?"),
            ("vars: {lr: 1}\na: ${lr}\n", "${lr}", "write ${vars.lr}"),
            ("a: ${vars.x}\n", "${vars.x}", "declared so far: none"),
            ("a: x ${env:NOPE} y\n", "${env:NOPE}", "default"),
            ("a: ${env.HOME}\n", "${env.HOME}", "${env:NAME}"),
            ("a: ${datasets.b.classes}\n", "${datasets.b.classes}", "compiler"),
            ("a: ${vars.x\n", "${vars.x", "close it"),
        ],
    )
    def test_unresolved(self, compose, text, culprit, words):
        """What cannot be resolved is told at its characters, with the nearest repair; the value is poisoned."""
        document, (found,) = compose(text)
        assert (found.code, found.primary.span.text, found.path) == ("REF205", culprit, "a")
        assert any(words in text for text in found.helps)
        assert document.at("a").poison

    def test_cycle(self, compose):
        """Variables that are made of each other are told once, with the circle."""
        _, (found,) = compose("vars: {a: '${vars.b}', b: '${vars.a}'}\n")
        assert found.title == "variable `b` is made of itself"
        assert found.notes == ("b -> a -> b",)

    def test_chains_are_bounded(self, compose):
        """A chain of thousands of variables ends in findings."""
        lines = [f"  v{i}: ${{vars.v{i + 1}}}" for i in range(3000)] + ["  v3000: 1"]
        result = compose("vars:\n" + "\n".join(lines) + "\na: ${vars.v0}\n")
        assert set(codes(result)) == {"REF205"}
        assert result[0].at("a").poison

    def test_growth_is_bounded(self, compose):
        """Variables that double each other end in a finding, not in gigabytes."""
        lines = ["  v0: xxxxxxxxxx"] + [f"  v{i}: ${{vars.v{i - 1}}}${{vars.v{i - 1}}}" for i in range(1, 40)]
        result = compose("vars:\n" + "\n".join(lines) + "\na: ${vars.v39}\n")
        assert set(codes(result)) == {"REF205"}

    @pytest.mark.parametrize(("section", "path"), [("{a: [1]}", "vars.a"), ("[1]", "vars"), ("x", "vars")])
    def test_no_scalars(self, compose, section, path):
        """Variables are single values."""
        _, (found,) = compose(f"vars: {section}\n")
        assert (found.code, found.path) == ("REF226", path)

    def test_shared_blocks_are_told_once(self, compose):
        """A mistake behind an anchor is one mistake."""
        assert codes(compose("a: &x {v: '${vars.q}'}\nb: *x\nc: *x\n")) == ["REF205"]


class TestOverrides:
    """`--set` changes values from the command line."""

    SPEC = "seed: 1\nphases:\n  fit:\n    epochs: 2\n    optimizer: {type: sgd, lr: 0.1, momentum: 0.9}\n    schedule: cosine\n    list: [{a: 1}, {a: 2}]\nmodel: {encoder: {type: cnn, dim: 3}}\n"

    def test_values(self, compose):
        """The right side is read as YAML: numbers, lists, maps, texts."""
        sets = [
            "phases.fit.optimizer.lr=3e-4",
            "seed=[1, 2]",
            "phases.fit.list.1.a=no way",
            "phases.fit.new={x: 1}",
            'name=""',
        ]
        tree = clean(compose(self.SPEC, sets))
        assert tree["phases"]["fit"]["optimizer"] == {"type": "sgd", "lr": 0.0003, "momentum": 0.9}
        assert (tree["seed"], tree["name"]) == ([1, 2], "")
        assert tree["phases"]["fit"]["list"] == [{"a": 1}, {"a": "no way"}]
        assert tree["phases"]["fit"]["new"] == {"x": 1}

    def test_place(self, compose, tmp_path):
        """A set value points into its argument, which is shown whole; its paths start from the spec's folder."""
        document, _ = compose(self.SPEC, ["seed=2", "phases.fit.epochs= 5"])
        node = document.at("phases.fit.epochs")
        assert (node.span.text, node.key_span.text, node.origin, node.base) == (
            "5",
            "epochs",
            "set",
            tmp_path,
        )
        assert (node.span.source.name, node.span.source.text) == ("--set #2", "phases.fit.epochs= 5")

    def test_null_removes(self, compose):
        """Setting null removes the key."""
        assert "schedule" not in clean(compose(self.SPEC, ["phases.fit.schedule=null"]))["phases"]["fit"]

    def test_type_replaces_its_block(self, compose):
        """A changed type drops the old parameters, said in a note; what other arguments set stays, in any order."""
        document, (note,) = compose(
            self.SPEC, ["phases.fit.optimizer.lr=5", "phases.fit.optimizer.type=adamw"]
        )
        assert document.plain("phases.fit.optimizer") == {"type": "adamw", "lr": 5}
        assert (note.code, note.notes) == ("REF204", ("dropped: `momentum`",))

    def test_same_type_keeps_its_block(self, compose):
        """Setting the type that is there changes nothing."""
        tree = clean(compose(self.SPEC, ["model.encoder.type=cnn"]))
        assert tree["model"]["encoder"] == {"type": "cnn", "dim": 3}

    def test_short_form_grows(self, compose):
        """A parameter below a component in its short form makes it a block."""
        tree = clean(compose(self.SPEC, ["phases.fit.schedule.warmup=10%"]))
        assert tree["phases"]["fit"]["schedule"] == {"type": "cosine", "warmup": "10%"}

    @pytest.mark.parametrize("section", OPTIONAL_SECTIONS)
    def test_sections_that_may_be_left_out(self, compose, section):
        """A section whose defaults do can be started from the command line."""
        tree = clean(compose(self.SPEC, [f"{section}.x=1"]))
        assert section == "vars" or tree[section] == {"x": 1}

    def test_optional_blocks(self, compose):
        """A block that the spec leaves out can be started within a phase."""
        assert clean(compose(self.SPEC, ["phases.fit.clip.norm=1"]))["phases"]["fit"]["clip"] == {"norm": 1}

    @pytest.mark.parametrize(
        ("argument", "culprit", "words"),
        [
            ("phases.fti.epochs=1", "fti", "did you mean `fit`?"),
            ("phase.fit.epochs=1", "phase", "did you mean `phases`?"),
            ("phases.fit.optimzer.lr=1", "optimzer", "did you mean `optimizer`?"),
            ("trainer.lr=1", "trainer", "did you mean `phases`?"),
            ("phases.other.epochs=1", "other", "it contains `fit`"),
            ("phases.fit.list.2.a=1", "2", "count from 0 to 1"),
            ("phases.fit.list.x=1", "x", "count from 0 to 1"),
            ("phases.fit.epochs.x=1", "x", "set `phases.fit.epochs` itself"),
            ("seed.x=1", "x", "set `seed` itself"),
        ],
    )
    def test_leads_nowhere(self, compose, argument, culprit, words):
        """A path that leads nowhere is told at its part, with the nearest name; nothing is changed."""
        document, (found,) = compose(self.SPEC, [argument])
        assert (found.code, found.primary.span.text, found.primary.span.source.name) == (
            "REF220",
            culprit,
            "--set #1",
        )
        assert found.helps == (words,)
        assert document.plain() == clean(compose(self.SPEC))

    @pytest.mark.parametrize(
        "argument", ["seed", "seed=", "=1", "", "seed= ", "a..b=1", ".a=1", "extends=x.yaml"]
    )
    def test_malformed(self, compose, argument):
        """An argument without path or value is told as such."""
        assert codes(compose(self.SPEC, [argument])) == ["REF225"]

    @pytest.mark.parametrize(
        "argument", ["seed=[1", "seed='x", "seed=@x", "seed=a: b: c", "seed=1\x1b", "seed=\udcff"]
    )
    def test_syntax_of_the_value(self, compose, argument):
        """A value that is no YAML is told in the argument, and the spec stays as it was."""
        document, (found,) = compose(self.SPEC, [argument])
        assert (found.code, found.primary.span.source.name) == ("SYN001", "--set #1")
        assert document.plain("seed") == 1

    def test_below_a_broken_section(self, compose):
        """Nothing is said about a path into a section that could not be read."""
        assert codes(compose("a: 1\nphases:\n\tfit: 1\n", ["phases.fit.epochs=2"])) == ["SYN001"]

    def test_shared_values_stay(self, compose):
        """Changing one use of an anchored value leaves the others."""
        tree = clean(compose("model: {a: &x {n: 1}, b: *x}\n", ["model.a.n=2"]))
        assert tree == {"model": {"a": {"n": 2}, "b": {"n": 1}}}


class TestDocument:
    """What `load` says about the file as a whole."""

    @pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n"])
    def test_empty(self, compose, text):
        """A file without values is told as empty."""
        assert codes(compose(text)) == ["SYN007"]

    @pytest.mark.parametrize("text", ["- a\n", "word\n", "3\n", "[]\n"])
    def test_no_map(self, compose, text):
        """A list or a single value is no spec."""
        assert codes(compose(text)) == ["SYN019"]

    def test_missing(self, tmp_path):
        """A missing file has no tree and no sources."""
        document, (found,) = load(tmp_path / "none.yaml")
        assert (found.code, document.root, document.sources, document.complete) == ("SYN004", None, (), False)

    def test_light(self):
        """Loading a spec imports neither torch nor numpy nor pydantic nor rich."""
        code = "import sys; import declare.language.compose.compose, declare.language.fix; print([m for m in ('torch', 'numpy', 'pydantic', 'rich') if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"

    def test_fast(self, compose):
        """A spec of 300 lines loads in milliseconds."""
        text = "datasets:\n" + "".join(
            f"  d{i}:\n    source: {{type: csv, path: a.csv}}\n    fields:\n      x: {{type: series, channels: 6}}\n    split: {{val: 0.1}}\n"
            for i in range(60)
        )
        times = []
        for _ in range(5):
            start = time.perf_counter()
            compose(text)
            times.append(time.perf_counter() - start)
        assert min(times) < 0.05


NAMES = st.text(st.sampled_from("abcxyz_"), min_size=1, max_size=4)
LEAVES = (
    st.integers()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab $no{}:", max_size=6)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(NAMES, TREES, min_size=1, max_size=4)


def escaped(tree):
    if isinstance(tree, dict):
        return {key: escaped(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [escaped(value) for value in tree]
    return tree.replace("${", "$${") if isinstance(tree, str) else tree


def expected(base, over):
    """The merge of two trees without types and nulls, by its definition."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    kept = {key: value for key, value in base.items() if key not in over}
    merged = {key: expected(base[key], value) if key in base else value for key, value in over.items()}
    return kept | merged


@settings(max_examples=100, deadline=None)
@given(MAPS, MAPS)
def test_merge_and_composing_again(tmp_path_factory, base, over):
    """A child over its base is the merge by definition, and composing the result again changes nothing."""
    folder = tmp_path_factory.mktemp("merge")
    (folder / "base.json").write_text(json.dumps(escaped(base)))
    (folder / "spec.json").write_text(json.dumps({"extends": "base.json", **escaped(over)}))
    tree = clean(load(folder / "spec.json", (), {}))
    assert tree == expected(base, over)
    (folder / "again.json").write_text(json.dumps(escaped(tree)))
    assert clean(load(folder / "again.json", (), {})) == tree


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text(max_size=30) | st.text(st.sampled_from("ab.=0[]{}: '\"$*&!"), max_size=15), max_size=3)
)
def test_any_arguments(tmp_path_factory, sets):
    """Any `--set` arguments give a tree or findings, never an exception."""
    file = tmp_path_factory.getbasetemp() / "any_arguments.yaml"
    file.write_text("a: {b: [1, {a: 2}]}\nb: {type: x}\n")
    document, _ = load(file, sets, {})
    assert document.root is not None
