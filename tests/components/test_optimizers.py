"""Optimizers: those with files of their own, and those of torch and timm by name."""

import json
import subprocess
import sys

import pytest
import torch

from declare.components.optimizers import _library
from declare.contract.problem import ProblemError
from declare.parsing import parser


def groups():
    """Return a matrix and a vector in groups of their own."""
    matrix, vector = torch.nn.Parameter(torch.ones(4, 3)), torch.nn.Parameter(torch.ones(4))
    return [
        {"params": [matrix], "lr": 1e-2, "weight_decay": 0.1},
        {"params": [vector], "lr": 1e-2, "weight_decay": 0.0},
    ]


@pytest.mark.parametrize("name", sorted(_library.names()))
def test_every_name_of_the_table_is_a_component(name):
    """A name gives a component that reads its own dump and says what it is."""
    block = parser.parse("optimizers", {"type": name, "lr": 0.1})
    assert (block.type_name(), block.kind()) == (name, "optimizers")
    assert parser.parse("optimizers", block.dump()) == block
    assert (type(block).__doc__ or "").isascii()


def test_parameters_of_libraries_are_strict():
    """Unknown parameters and wrong types are found without the library."""
    _, problems = parser.read("optimizers", {"type": "lion", "lr": 0.1, "beta": [0.9, 0.99]})
    assert [problem.at for problem in problems] == ["beta"]
    _, problems = parser.read("optimizers", {"type": "lion", "lr": 0.1, "betas": "high"})
    assert [problem.at for problem in problems] == ["betas"]


def test_defaults_are_the_librarys_own():
    """What the spec does not say stays as the library has it."""
    made = parser.parse("optimizers", {"type": "nadam", "lr": 0.1}).build(groups())
    plain = torch.optim.NAdam([torch.zeros(1, requires_grad=True)], lr=0.1)
    names = ("betas", "eps", "momentum_decay", "decoupled_weight_decay")
    assert [made.defaults[name] for name in names] == [plain.defaults[name] for name in names]


def test_values_that_the_library_refuses_are_a_finding():
    """PHS632 says what the library says."""
    block = parser.parse("optimizers", {"type": "rprop", "lr": 0.1, "etas": [1.2, 0.5]})
    with pytest.raises(ProblemError) as caught:
        block.build(groups())
    assert caught.value.problem.code == "PHS632"
    assert "1.2" in caught.value.problem.notes[0]


def test_a_weight_decay_without_effect_is_said():
    """A group cannot decay under a rule that has no weight decay."""
    group = {"match": "*", "weight_decay": 0.1}
    _, problems = parser.read("optimizers", {"type": "rprop", "lr": 0.1, "groups": [group]})
    assert [(item.code, item.at) for item in problems] == [("REF203", "groups.0.weight_decay")]


def test_what_thaws_later_starts_from_rest():
    """A parameter that gets its first gradient when others have momentum moves as it would alone."""
    moved = {}
    for others in (True, False):
        late, early = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
        optimizer = parser.parse("optimizers", {"type": "sgd", "lr": 0.1}).build([{"params": [early, late]}])
        for step in range(4):
            early.grad = torch.full((3,), 2.0) if others else None
            late.grad = torch.ones(3) if step > 1 else None
            optimizer.step()
        moved[others] = late.detach().clone()
    assert torch.equal(moved[True], moved[False])
    assert torch.allclose(moved[True], torch.full((3,), 1 - 0.1 - 0.19))


def test_nesterov_needs_momentum():
    """PHS631 names the setting that contradicts the other."""
    _, problems = parser.read("optimizers", {"type": "sgd", "lr": 0.1, "momentum": 0.0, "nesterov": True})
    assert [(item.code, item.at) for item in problems] == [("PHS631", "nesterov")]


def test_names_are_known_without_torch():
    """Reading an optimizer of timm imports neither torch nor timm nor numpy."""
    code = (
        "import sys, json; from declare.parsing import parser;"
        "parser.parse('optimizers', {'type': 'lion', 'lr': 0.1});"
        "print(json.dumps([name for name in ('torch', 'timm', 'numpy') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
