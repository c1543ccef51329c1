"""`file`: an existing tokenizer."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field as Param

from declare.components.tokenizers._pieces import PieceCoder, unusable_on_texts
from declare.contract.component import Refusal
from declare.contract.kinds.source import SpecPath, is_file, is_folder
from declare.contract.kinds.tokenizer import Coder, Tokenizer, Vocabulary
from declare.contract.problem import Problem, ProblemError

_LARGEST = 64 << 20
_NAMES = {
    "bos": ("<bos>", "<s>", "[CLS]", "<|startoftext|>", "<|begin_of_text|>", "<|endoftext|>"),
    "eos": ("<eos>", "</s>", "[SEP]", "<|end_of_text|>", "<|endoftext|>"),
    "mask": ("<mask>", "[MASK]"),
    "unk": ("<unk>", "[UNK]", "<|endoftext|>"),
}


class File(Tokenizer):
    """A `tokenizer.json` of the `tokenizers` library, or the folder of a `transformers` model that contains one.

    Nothing is learned and nothing is downloaded. Start, end, mask and unknown tokens are found by the names
    that BERT, GPT-2, RoBERTa, T5 and Llama use; `special` states other names.

    Example:
        ```yaml
        fields: {text: {type: text, tokenizer: {type: file, path: bert/tokenizer.json}, max_length: 128}}
        ```
    """

    third_party: ClassVar[tuple[str, ...]] = ("tokenizers",)
    brings_vocabulary: ClassVar[bool] = True

    path: SpecPath = Param(description="a tokenizer.json, or the folder that contains it")
    special: dict[str, str] = Param({}, description="names of the tokens `bos`, `eos`, `mask`, `unk`")

    def stamp(self) -> str:
        """Return a hash of the file's content."""
        try:
            return hashlib.sha256(self._file().read_bytes()).hexdigest()
        except OSError as error:
            raise ProblemError(self._unusable(f"{error.strerror}")) from None

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary | Problem:
        """Return the file's content, packed, and the ids of special tokens."""
        import base64
        import zlib

        from tokenizers import Tokenizer

        try:
            text = self._file().read_text(encoding="utf-8")
            known = Tokenizer.from_str(text).get_vocab(with_added_tokens=True)
        except Exception as error:  # noqa: BLE001 - the library raises Exception itself
            return self._unusable(f"it is not a tokenizer of the `tokenizers` library: {error}"[:200])
        missing = [token for token in self.special.values() if token not in known]
        if missing:
            return self._unusable(f"it has no token `{missing[0]}`")
        named = {name: (self.special[name],) for name in self.special}
        special_ids = {
            name: next((known[token] for token in tokens if token in known), None)
            for name, tokens in (_NAMES | named).items()
        }
        packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode()
        return {
            "packed": packed,
            "special": {name: place for name, place in special_ids.items() if place is not None},
        }

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return the tokenizer from its packed content; the file is not needed any more."""
        import base64
        import zlib

        from tokenizers import Tokenizer

        unpacking = zlib.decompressobj()
        text = unpacking.decompress(base64.b64decode(vocabulary["packed"]), _LARGEST).decode()
        if unpacking.unconsumed_tail:
            raise ProblemError(self._unusable(f"it unpacks to more than {_LARGEST >> 20} MiB"))
        real = Tokenizer.from_str(text)
        real.no_padding()
        real.no_truncation()
        return PieceCoder(real, dict(vocabulary["special"]))

    def try_out(self, sample: Any) -> None:
        """Read the file and tokenize the texts of `sample`, whole and in words; raises what the library raises."""
        vocabulary = self.fit(())
        if isinstance(vocabulary, Problem):
            return  # fitting gives a better message
        coder = self.open(vocabulary)
        for ids in coder.encode(sample["texts"]):
            coder.decode(ids)
        for text in sample["texts"]:
            coder.starts(text.split())

    def refusal_problem(self, reason: Refusal) -> Problem:
        """Return the problem (DAT362) that the library fails on texts."""
        return unusable_on_texts(reason.text)

    def _file(self) -> Path:
        file = self.path / "tokenizer.json" if is_folder(self.path) else self.path
        if not is_file(file):
            raise ProblemError(self._unusable(f"the file {file} does not exist"))
        if file.stat().st_size > _LARGEST:
            raise ProblemError(self._unusable(f"it is larger than {_LARGEST >> 20} MiB"))
        return file

    def _unusable(self, because: str) -> Problem:
        return Problem(
            "DAT362",
            f"`{self.path.name}` is not a usable tokenizer",
            at="path",
            label="no usable tokenizer",
            notes=(because,),
            helps=("use a tokenizer.json, as `save_pretrained` of a fast tokenizer writes it",),
        )
