"""fp16 needs a GPU: on the CPU its kernels are missing or slow, and gradients underflow."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "HW702"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each `fp16` on a CPU."""
    if get(view.spec, "hardware", "accelerator") != "cpu":
        return
    stated = {"hardware": get(view.spec, "hardware", "precision")}
    stated |= {phase.path: get(phase.block, "precision") for phase in phases(view)}
    for path, precision in stated.items():
        if precision == "fp16":
            yield Problem(
                CODE,
                "precision fp16 cannot train on the CPU, which the spec requests",
                at=f"{path}.precision",
                label="fp16 needs a GPU",
                also={"hardware.accelerator": "the CPU is requested here"},
                helps=("use `bf16`, which keeps the range of fp32, or `fp32`",),
                rewrites=(Rewrite("change to `bf16`", f"{path}.precision", "bf16", safe=False),),
            )
