"""Reads the models of the installed timm: their default image size, and the tags of their weights."""

from typing import Any


def records() -> dict[str, dict[str, Any]]:
    """Return name -> {size: pixels, tags: [weight tags, the default's first]}, without tags if no weights exist."""
    import timm

    tags: dict[str, list[str]] = {}
    for full in timm.list_pretrained():
        tags.setdefault(full.partition(".")[0], []).append(full.partition(".")[2])
    entries: dict[str, dict[str, Any]] = {}
    for name in timm.list_models():
        config = timm.get_pretrained_cfg(name)
        default_tag = (config.tag if config else "") or ""
        entries[name] = {"size": config.input_size[1] if config else 224}
        if name in tags:
            entries[name]["tags"] = sorted(tags[name], key=lambda tag: (tag != default_tag, tag))
    return entries
