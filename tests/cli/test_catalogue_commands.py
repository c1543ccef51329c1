"""`list`, `describe`, `explain`, `schema`, `completion`, `doctor`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from declare.__main__ import main
from declare.diagnostics.codes import codes
from declare.parsing import lookup


def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Run a command and return what it printed."""
    assert main(list(words)) == code
    return capsys.readouterr().out


def test_list_names_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """`dcl list` shows every kind and every component that has a file."""
    output = printed(capsys, "list")
    for kind in lookup.kinds():
        for name in lookup.own_names(kind):
            assert f"  {name} " in output or f"  {name}\n" in output, name


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """`--format json` gives kind, type and summary of each."""
    rows = json.loads(printed(capsys, "list", "losses", "--format", "json"))["components"]
    assert {row["type"] for row in rows} == set(lookup.own_names("losses"))
    assert all(row["summary"] for row in rows)


def test_list_searches_names_of_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """`--search` finds a model of a library as well as our own components."""
    output = printed(capsys, "list", "modules", "--search", "cnn")
    assert "  cnn " in output


def test_list_searches_names_of_models(capsys: pytest.CaptureFixture[str]) -> None:
    """Models that a library has by name are found, with the block that names them."""
    assert main(["list", "modules", "--all", "--search", "ResNet10t"]) == 0
    assert "{type: timm, name: resnet10t}" in capsys.readouterr().out


def test_list_suggests_a_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """A kind that is not there exits with 2 and names the nearest."""
    assert main(["list", "loses"]) == 2
    assert "did you mean `losses`?" in capsys.readouterr().err


@pytest.mark.parametrize("kind", lookup.kinds())
def test_describe_every_component(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every component can be described, with each of its parameters."""
    for name in lookup.own_names(kind):
        output = printed(capsys, "describe", f"{kind}/{name}")
        found = lookup.find(kind, name)
        assert found is not None
        for key, info in found.model_fields.items():
            assert f"    {info.alias or key} " in output


def test_describe_takes_a_name_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that several kinds have shows all of them."""
    shown = printed(capsys, "describe", "mlp")
    assert "modules/mlp" in shown
    assert "heads/mlp" in shown


def test_describe_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    """A component that is not there exits with 2 and names the nearest."""
    assert main(["describe", "tabulr"]) == 2
    assert "did you mean `tabular`?" in capsys.readouterr().err


def test_explain_takes_code_and_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A code in any case and its name show the same page."""
    by_code = printed(capsys, "explain", "los401")
    assert by_code == printed(capsys, "explain", "class-count-mismatch")
    assert by_code.startswith("LOS401 class-count-mismatch (error)")
    assert "## Why" in by_code


def test_explain_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a code it lists every one."""
    lines = printed(capsys, "explain").splitlines()
    assert [line.split()[0] for line in lines] == list(codes())


def test_explain_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """A code that is not there exits with 2."""
    assert main(["explain", "LOS499"]) == 2
    capsys.readouterr()


@pytest.mark.parametrize("name", ["spec", "plan", "report"])
def test_schema_is_json_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each published schema is one that a validator accepts as a schema."""
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json.loads(printed(capsys, "schema", name)))


def test_schema_lists_names(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` names the schemas, and an unknown name exits with 2."""
    assert {"spec", "plan", "report"} <= set(printed(capsys, "schema", "--list").split())
    assert main(["schema", "spek"]) == 2
    capsys.readouterr()


def test_doctor_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The doctor names Python, torch, disk and the program, as text and as JSON alike."""
    checks = json.loads(printed(capsys, "doctor", "--format", "json"))["checks"]
    names = {check["check"] for check in checks}
    assert {"python", "torch", "free disk", "dcl", "threads"} <= names
    text = printed(capsys, "doctor")
    assert all(name in text for name in names)


def test_doctor_explains_the_builtin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under bash it says that a typed `declare` is the builtin, and what to do."""
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert "dcl shell bash" in printed(capsys, "doctor")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_valid_shell(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each completion script passes its shell's own syntax check."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(printed(capsys, "completion", shell))
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["dcl", "val"], {"validate"}),
        (["dcl", "validate", "--form"], {"--format"}),
        (["dcl", "validate", "--format", "sa"], {"sarif"}),
        (["dcl", "list", "los"], {"losses"}),
        (["dcl", "shell", ""], {"bash", "zsh", "--quiet", "-q", "--no-color", "--help", "-h"}),
    ],
)
def test_bash_completes(line: list[str], expected: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, flags, values of flags and arguments are completed in bash."""
    script = printed(capsys, "completion", "bash")
    words = " ".join(f"'{word}'" for word in line)
    ask = f'COMP_WORDS=({words}); COMP_CWORD={len(line) - 1}; _dcl; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected
