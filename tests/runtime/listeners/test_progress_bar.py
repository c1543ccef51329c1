"""What a person sees while a run goes on."""

import io
import re
import sys

import pytest

from declare.runtime.listeners.progress_bar import BarProgress, LineProgress, headline, make_progress, notice
from declare.runtime.run_folder.event_file import Event
from tests.harness import fake_builder

STEP = Event(
    "step", "fit", 8, 8, {"losses": {"loss": 0.5}, "samples_per_second": 1234.5, "epoch": 1.0, "rate": 0.1}
)
EVALUATED = Event(
    "evaluated", "fit", 24, 24, {"metrics": {"val/digit/accuracy": 0.91, "val/digit/loss": 0.3}}
)


def test_quiet_means_nothing():
    """A quiet run has no progress listener at all."""
    assert make_progress(fake_builder.make_plan(), quiet=True) is None


def test_lines_where_there_is_no_terminal(capsys):
    """Without a terminal a line stands for the end of a phase and for what a person should know."""
    progress = make_progress(fake_builder.make_plan())
    assert isinstance(progress, LineProgress)
    for event in (STEP, EVALUATED, Event("run_stopped", "fit", 24, 24, {"reason": "SIGINT"})):
        progress.on_event(event)
    out = capsys.readouterr()
    assert out.out == ""
    lines = out.err.splitlines()
    assert lines[0] == "fit 8/24  loss 0.5  1,234/s"
    assert lines[1] == "fit 24/24  digit/accuracy 0.91"
    assert "--resume" in lines[2]


def test_a_screen_that_has_gone_ends_no_run(monkeypatch):
    """A pipe whose reader has left is written to once and then never again."""
    tried = []

    class Gone(io.StringIO):
        def write(self, text):
            tried.append(text)
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    progress = make_progress(fake_builder.make_plan())
    for event in (STEP, EVALUATED, Event("run_stopped", "fit", 24, 24, {"reason": "SIGINT"})):
        progress.on_event(event)
    progress.close()
    assert len(tried) == 1


def test_bars_on_a_terminal(monkeypatch):
    """On a terminal there is a bar for each phase with speed and figures, on stderr."""
    screen = io.StringIO()
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    progress = make_progress(fake_builder.make_plan())
    assert isinstance(progress, BarProgress)
    started = Event("run_started", None, 0, 0, {"folder": "runs/x"})
    for event in (started, Event("phase_started", "fit", 0, 0, {}), STEP, EVALUATED):
        progress.on_event(event)
    progress.close()
    text = screen.getvalue()
    assert "runs/x" in text
    assert "24/24" in text
    assert "digit/accuracy 0.91" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_names_of_strangers_tell_the_terminal_nothing(monkeypatch, terminal):
    """Control characters are shown as escapes, and what looks like markup stands as it is."""
    screen = io.StringIO()
    screen.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("NO_COLOR", "1")
    progress = make_progress(fake_builder.make_plan(), color=False)
    name = "[/b]x\x1b[35m\u202e\x9b\x07.png"
    skipped = Event("sample_skipped", "fit", 1, 1, {"where": name, "reason": "damaged"})
    figures = Event("evaluated", "fit", 24, 24, {"metrics": {f"val/t/{name}": 0.5}})
    started = (Event("run_started", None, 0, 0, {"folder": name}), Event("phase_started", "fit", 0, 0, {}))
    for event in (*started, skipped, figures):
        progress.on_event(event)
    progress.close()
    text = screen.getvalue()
    assert text.count("[/b]x\\x1b[35m\\u202e\\x9b\\x07.png") >= 3
    assert not re.search("\x1b\\[35m|[\u202e\x9b\x07]", text)


def test_the_best_metric_comes_first():
    """The headline begins with the metric that picks the best checkpoint and leaves out losses."""
    plan = fake_builder.make_plan(fake_builder.phase(best={"metric": "val/b/f1", "mode": "max"}))
    assert (
        headline(plan, "fit", {"val/a/acc": 0.5, "val/b/f1": 0.25, "val/b/loss": 1.0})
        == "b/f1 0.25  a/acc 0.5"
    )


def test_events_without_news_have_no_notice():
    """Only what a person should know gives a line."""
    assert notice(STEP) == ""
    assert notice(Event("batch_skipped", "fit", 3, 3, {"reason": "the loss is nan"})) == (
        "fit: batch 3 skipped (the loss is nan)"
    )
