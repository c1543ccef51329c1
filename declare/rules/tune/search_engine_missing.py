"""A search needs its engine's package; training does not."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import get
from declare.rules.spec_view import View
from declare.system.extras import is_installed, search_libraries

CODE = "HW717"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each package that the search needs and that is not installed."""
    engine, sampler = get(view.spec, "tune", "engine"), get(view.spec, "tune", "sampler")
    if engine is None or sampler is None:
        return
    for library, extra in search_libraries(engine, sampler).items():
        if not is_installed(library):
            yield Problem(
                CODE,
                f"`dcl tune` needs the library `{library}`, which is not installed",
                at="tune.engine" if library == engine else "tune.sampler",
                label=f"needs `{library}`",
                helps=(f'install it: pip install "declare-trainer[{extra}]"',),
            )
