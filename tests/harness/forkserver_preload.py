"""What the process imports that others are forked from: torch and the package, as far as no import starts a thread."""

import importlib
import pkgutil
from contextlib import suppress

import declare

_LATE = (
    "torch._dynamo",  # by the first optimizer
    "torch.distributed.fsdp",
    "torch.distributed.tensor",
    "torch.nn.parallel",
)

for _name in _LATE:
    importlib.import_module(_name)
for _item in pkgutil.walk_packages(declare.__path__, "declare."):
    if not _item.name.endswith("__main__") and not _item.name.startswith("declare.dev"):
        with suppress(ImportError):  # a library of an extra that is not installed
            importlib.import_module(_item.name)
