"""Every rule fires on its page's bad example, at the right place, and is silent on the good one."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
from pathlib import Path

import pytest

import declare.rules
from declare.compiler import pipeline
from declare.diagnostics.codes import codes, page

# Where each rule must point in the bad example of its page.
PLACES = {
    "DAT303": "tasks.kind.target",
    "DAT304": "phases.fit.batch_size",
    "DAT310": "datasets.lab.split",
    "DAT313": "datasets.table.split.stratify",
    "DAT314": "datasets.lab.split.test",
    "DAT315": "tasks.kind.target",
    "DAT316": "datasets.table.fields.width",
    "DAT320": "phases.fit.evaluate.best.metric",
    "DAT321": "datasets.lab.split.val",
    "DAT340": "tasks.kind.target",
    "DAT341": "tasks.kind.target",
    "DAT342": "datasets.table.fields.width",
    "DAT350": "datasets.walks.fields.steps",
    "DAT352": "tasks.response.mask",
    "DAT343": "phases.fit.sampler.field",
    "DAT344": "phases.fit.sampler.field",
    "DAT353": "phases.fit.sampler.different",
    "DAT345": "phases.fit.sampler.start",
    "DAT354": "datasets.news.fields.entity",
    "DAT355": "datasets.pairs.fields.source",
    "DAT356": "datasets.scenes.transforms.0",
    "DAT357": "tasks.entity.head",
    "DAT364": "datasets.lab.fields.text",
    "DAT366": "datasets.reviews.fields.text",
    "HW702": "hardware.precision",
    "HW706": "phases.fit.batch_size",
    "HW708": "hardware.devices",
    "HW709": "hardware.devices",
    "LOS401": "datasets.table.fields.kind.classes",
    "LOS402": "tasks.stimulus.loss",
    "LOS404": "phases.fit.freeze.0.match",
    "LOS405": "tasks.stimulus.metrics.1",
    "LOS408": "tasks.stimulus.target",
    "LOS409": "tasks.stimulus.datasets.1",
    "LOS410": "tasks.stimulus",
    "LOS411": "tasks.other",
    "LOS415": "phases.fit.augment.0",
    "LOS412": "tasks.kind.target",
    "LOS413": "tasks.stimulus.loss.class_weights",
    "LOS421": "model.decoder",
    "LOS422": "model.decoder.causal",
    "LOS423": "tasks.reverse.target",
    "PHS601": "phases.fit.evaluate.best.metric",
    "PHS602": "phases.fit.schedule.every",
    "PHS604": "phases.fit.checkpoint.every",
    "PHS605": "phases.fit.evaluate.every",
    "PHS607": "phases.fit.evaluate.best.mode",
    "PHS608": "phases.fit.schedule.warmup",
    "PHS610": "phases.fit.evaluate.best.metric",
    "PHS611": "phases.fit.steps",
    "PHS612": "expect.val/stimulus/accuracy",
    "PHS613": "phases.fit.init.0.from",
    "PHS614": "phases.fit.accumulate",
    "PHS615": "phases.fit.clip.value",
    "PHS616": "phases.fit.mix.wards",
    "PHS617": "phases.fit.early_stop.patience",
    "PHS643": "phases.fit.augment.0",
    "PHS634": "phases.fit.schedule",
    "PHS618": "phases.fit.tasks",
    "PHS619": "metrics.score",
    "PHS640": "phases.fit.batch_size",
    "PHS641": "tune.space.model.encoder.dropout.choices.1",
    "PHS642": "tune.space.phases.fit.optimizer.lr.log",
    "REF201": "",
    "REF203": "phases.fit.mix",
    "RES801": "phases.fit.batch_size",
    "RES802": "phases.fit.accumulate",
    "SHP509": "model.encoder.pretrained",
    "STY901": "model.encoder.name",
}


def rules():
    """Return the modules of all rules."""
    found = pkgutil.walk_packages(declare.rules.__path__, "declare.rules.")
    modules = [importlib.import_module(item.name) for item in found if not item.ispkg]
    return [module for module in modules if hasattr(module, "CODE")]


CODES = sorted({rule.CODE for rule in rules()})


def findings(example, folder: Path):
    """Return the diagnostics of an example, written into `folder`."""
    example.write(folder)
    words = example.args.split()
    sets = [word for flag, word in itertools.pairwise(words) if flag == "--set"]
    return pipeline.check(folder / "spec.yaml", sets).diagnostics


def test_each_rule_has_a_page_and_a_place():
    """The codes of the rules, their pages and the places tested here are one set."""
    assert set(CODES) <= set(codes())
    assert set(CODES) == set(PLACES)


@pytest.mark.parametrize("code", [code for code in CODES if code != "REF201"])
def test_bad_example_fires_at_its_place(code, tmp_path):
    """The bad example yields this code, where it should, and no error of another code."""
    found = findings(page(code).bad, tmp_path)
    assert [item.path for item in found if item.code == code] == [PLACES[code]]
    assert {item.code for item in found if item.severity == "error"} <= {code}


@pytest.mark.parametrize("code", [code for code in CODES if code != "REF201"])
def test_good_example_is_silent(code, tmp_path):
    """The good example has no finding above info."""
    found = findings(page(code).good, tmp_path)
    assert [(item.code, item.title) for item in found if item.severity != "info"] == []


@pytest.mark.parametrize("code", [code for code in CODES if code != "REF201"])
def test_message_is_short_and_says_what_to_do(code, tmp_path):
    """Titles fit 80 characters and start in lower case, labels have 8 words at most, a help is there."""
    for item in findings(page(code).bad, tmp_path):
        if item.code != code:
            continue
        assert len(item.title) <= 80, item.title
        assert item.title[0] in "`#" or not item.title[0].isupper()
        assert not item.title.endswith(".")
        assert all(len(label.text.split()) <= 8 for label in item.labels), item.labels
        assert item.primary is not None
        assert item.helps or item.severity == "info"


@pytest.mark.parametrize("code", [code for code in CODES if code != "REF201"])
def test_each_fix_removes_the_finding_and_makes_no_other(code, tmp_path):
    """Applying a proposed change to the bad example leaves no finding of the code and no new one."""
    before = findings(page(code).bad, tmp_path)
    text = (tmp_path / "spec.yaml").read_text()
    for fix in [fix for item in before if item.code == code for fix in item.fixes]:
        fixed = text
        for edit in sorted(fix.edits, key=lambda edit: -edit.span.start):
            fixed = fixed[: edit.span.start] + edit.new_text + fixed[edit.span.end :]
        (tmp_path / "spec.yaml").write_text(fixed)
        after = pipeline.check(tmp_path / "spec.yaml").diagnostics
        assert code not in {item.code for item in after}, fix.title
        above = {item.code for item in after if item.severity != "info"}
        assert above <= {item.code for item in before}, fix.title
