"""Templates: whole specs in a folder; the folder is the list."""

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "templates"


def names() -> tuple[str, ...]:
    """Return the names of all templates."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def text(name: str) -> str:
    """Return a template's spec."""
    return (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def summary(name: str) -> str:
    """Return the purpose of a template: the comment on its first line."""
    return text(name).partition("\n")[0].removeprefix("# ")
