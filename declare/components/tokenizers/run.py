"""`run`: the tokenizer of an earlier run."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.contract import strict_json
from declare.contract.kinds.source import SpecPath
from declare.contract.kinds.tokenizer import Coder, Tokenizer, Vocabulary
from declare.contract.problem import Problem, ProblemError
from declare.parsing.read_component import read_component


class Run(Tokenizer):
    """The tokenizer of a text field of an earlier run, so that token ids agree with its weights.

    For a phase that starts from `init: [{from: "run:PATH"}]`. The tokenizer is copied into the new run, so
    the old run may be deleted.

    Example:
        ```yaml
        fields: {text: {type: text, tokenizer: {type: run, path: runs/language_model, field: corpus.text}}}
        ```
    """

    brings_vocabulary: ClassVar[bool] = True

    path: SpecPath = Param(description="the folder of the run")
    field: str = Param(description="dataset and field there: `corpus.text`")

    def stamp(self) -> str:
        """Return a hash of the field in the run's plan."""
        return hashlib.sha256(strict_json.dumps(self._planned_field(), sort_keys=True).encode()).hexdigest()

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary:
        """Return the tokenizer of that run with its vocabulary."""
        field = self._planned_field()
        return {"tokenizer": field["block"]["tokenizer"], "vocabulary": field["facts"]["extra"]["vocabulary"]}

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return that tokenizer."""
        inner = read_component("tokenizers", vocabulary["tokenizer"])
        assert isinstance(inner, Tokenizer)
        return inner.open(vocabulary["vocabulary"])

    def _planned_field(self) -> dict[str, Any]:
        """Return the field in the run's plan; raises `ProblemError` DAT362 if it does not exist."""
        dataset, _, name = self.field.partition(".")
        try:
            plan = json.loads((self.path / "plan.json").read_text(encoding="utf-8"))
            texts = {
                f"{owner}.{field}": item
                for owner, block in plan["datasets"].items()
                for field, item in block["fields"].items()
                if "vocabulary" in item["facts"]["extra"]
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ProblemError(_unusable(f"`{self.path.name}` is not a readable run", "path", ())) from None
        if self.field in texts:
            text_field: dict[str, Any] = texts[f"{dataset}.{name}"]
            return text_field
        helps = (f"use one of {', '.join(f'`{item}`' for item in texts)}",) if texts else ()
        raise ProblemError(_unusable(f"the run has no text `{self.field}`", "field", helps))


def _unusable(title: str, at: str, helps: tuple[str, ...]) -> Problem:
    return Problem("DAT362", title, at=at, label="no such tokenizer", helps=helps)
