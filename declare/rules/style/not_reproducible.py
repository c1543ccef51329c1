"""What may differ on another day or machine with the same spec."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import get, modules
from declare.rules.spec_view import View

CODE = "STY901"
STAGE = "lint"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for pretrained weights without a tag."""
    for module in modules(view):
        name = get(module.block, "name")
        if get(module.block, "pretrained") is True and name is not None and not module.block.pins_weights():
            yield Problem(
                CODE,
                f"`{module.name}` uses timm's current default weights of `{name}`",
                at=f"{module.path}.name",
                label="no weight tag",
                also={f"{module.path}.pretrained": "the library's weights"},
                helps=(f"state the tag: `name: {name}.TAG` (see `dcl describe timm`)",),
            )
