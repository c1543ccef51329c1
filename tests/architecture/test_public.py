"""What users rely on does not change unseen."""

from __future__ import annotations

from declare.dev.generators.public_surface import PATH, outputs


def test_public_surface_is_recorded() -> None:
    """Python names, commands with their flags, and keys of the spec are as recorded.

    After a wanted change run `python -m declare.dev generate` and read the diff.
    """
    assert PATH.read_text(encoding="utf-8").splitlines() == outputs()[PATH].splitlines()
