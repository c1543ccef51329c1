"""The disk: how much is free."""

import shutil
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that holds `folder` (its nearest existing parent)."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free
