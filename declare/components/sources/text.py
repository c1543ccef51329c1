"""Plain text: one document per line or per file."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.sources._frames import file_fingerprint
from declare.components.sources._text_files import Encoding, read_text, unknown_encoding
from declare.contract.code import Code, NotWrittenError
from declare.contract.facts import Reader
from declare.contract.files.listing import Listing, list_files, list_matching, split_of
from declare.contract.files.split_folders import (
    Layouts,
    by_split,
    split_folders_unclear,
    top_name,
    unclear_splits,
)
from declare.contract.kinds.source import (
    Extensions,
    Fingerprints,
    Source,
    SpecPath,
    file_exists,
    is_file,
    is_folder,
    local_stamp,
)
from declare.contract.problem import Problem, ProblemError
from declare.system.out_of_memory import refuse_if_short

_MAGIC = frozenset("*?[")
_LAYOUTS = Layouts(
    thing="a part of the texts",
    whole="state `layout: file` if all of them are for training",
    lay_out="train/name.txt and test/name.txt",
)


class Text(Source):
    """A text file, a folder of them, or a pattern such as `books/*.txt`: columns `text`, and `file` with its name.

    In a single file every line is a document, in a folder or pattern every file; `document` changes it,
    paragraphs end at an empty line. Documents without a letter are skipped. Files are UTF-8, or have a
    byte-order mark, unless `encoding` is stated. They are read in the order of their names: in a folder all
    files that end in `.txt` or `.md`, including nested folders and links; `dcl plan` and `dcl data check`
    count the others. If all of them are in folders named `train`, `val`, `valid`, `validation`, `dev` or
    `test` (any case), or are files with these names, those are the splits. If only some are, if names only
    contain such a word (`seg_train`), or if the splits are one folder deeper, `layout` is needed (else
    DAT323).

    Example:
        ```yaml
        source: {type: text, path: corpus.txt}
        ```
    """

    extensions: ClassVar[Extensions] = {".txt": {}}
    also_called: ClassVar[tuple[str, ...]] = ("txt", "textfile")

    path: SpecPath = Param(description="a file, a folder, or a pattern of files")
    encoding: Encoding = None
    document: Literal["line", "paragraph", "file"] | None = Param(None, description="what a document is")
    layout_: Literal["file", "split/file"] | None = Param(
        None,
        alias="layout",
        description=(
            "whether top-level folders and files are splits (`split/file`); default: by their names"
        ),
    )

    def check(self) -> Iterable[Problem]:
        """Yield a problem for an unknown encoding."""
        yield from unknown_encoding(self.encoding)

    def fingerprint(self) -> str:
        """Return the files' sizes and modification times."""
        return self.fingerprints().portable

    def fingerprints(self) -> Fingerprints:
        """Return the fingerprints with the stamp of the files, from one listing."""
        files = self._listing().files
        if len(files) == 1:
            file_fingerprint(files[0])  # reports what is wrong with it
        stats = [file.stat() for file in files]
        stated = [
            f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in zip(files, stats, strict=True)
        ]
        portable = hashlib.sha256("\n".join(stated).encode()).hexdigest()
        return Fingerprints(portable, local_stamp(stats))

    def files(self) -> list[Path]:
        """Return the files of documents."""
        return list(self._listing().files)

    def code(self, columns: Sequence[str]) -> Code:
        """Return code that reads a file of one document a line."""
        if not is_file(self.path) or self.document not in {None, "line"}:
            raise NotWrittenError("the source `text` of anything but a file with a document in each line")
        lines = (
            f'lines = Path({str(self.path)!r}).read_text(encoding={self.encoding or "utf-8"!r}).split("\\n")',
        )
        documents = "[line for line in lines if line.strip()]"
        codes = {"text": documents, "file": f"[{self.path.name!r}] * len({documents})"}
        expression = "{" + ", ".join(f'"{name}": {codes[name]}' for name in columns) + "}"
        return Code(expression, lines, ("from pathlib import Path",), kind="texts")

    def open(self) -> Reader:
        """Read the documents; raises `ProblemError` DAT302 (none), DAT323 (unclear splits) or DAT333 (not text)."""
        from declare.components.sources._arrays import ArrayReader, LinePlaces

        listing = self._listing()
        files, splits = listing.files, {}
        passed_over = Counter(listing.passed_over)
        if self._has_splits(listing.files):
            split_files = by_split(self._root(), listing.files)
            files, splits = split_files.files, split_files.splits
            passed_over.update(split_files.passed_over)
        texts: list[str] = []
        names: list[str] = []
        places = LinePlaces()
        ends = [0]
        for file in files:
            places.begin(file.name)
            for line, text in self._documents(_content(file, self.encoding)):
                if text.strip():
                    texts.append(text)
                    places.add(line)
            names += [str(file.relative_to(self._root())) if len(files) > 1 else file.name] * (
                len(texts) - ends[-1]
            )
            ends.append(len(texts))
        reader = ArrayReader({"text": texts, "file": names}, origin=f"`{self.path.name}`", places=places)
        reader.splits = {name: (ends[start], ends[stop]) for name, (start, stop) in splits.items()}
        reader.passed_over = dict(passed_over)
        reader.content = "text"
        reader.grouping = "file" if 1 < len(set(names)) < len(texts) else ""
        return reader

    def _root(self) -> Path:
        """Return the folder that contains all files: of a pattern, the part before its first wildcard."""
        parts = self.path.parts
        first = next((place for place, part in enumerate(parts) if _MAGIC & set(part)), len(parts))
        return self.path if is_folder(self.path) else Path(*parts[:first])

    def _has_splits(self, files: Sequence[Path]) -> bool:
        """Return whether top-level folders or files are splits; raises `ProblemError` DAT323 if it is ambiguous."""
        root = self._root()
        if not is_folder(root) or self.layout_ == "file":
            return False
        names = [file.relative_to(root).parts for file in files]
        top = list(map(top_name, names))
        splits = sorted({name for name in top if split_of(name)})
        if self.layout_ is not None:
            return bool(splits)
        if problem := unclear_splits(root, names, _LAYOUTS):
            raise ProblemError(problem)
        if not splits or max(map(len, names)) == len(names) == 1:
            return False
        if all(map(split_of, top)) and "train" in map(split_of, splits):
            return True
        others = sum(not split_of(name) for name in top)
        notes = [f"{others:,} files are next to {', '.join(f'`{name}`' for name in splits)}"]
        helps = [_LAYOUTS.whole, "state `layout: split/file` if only files in splits count"]
        title = f"`{splits[0]}` may be a split or {_LAYOUTS.thing}"
        raise ProblemError(split_folders_unclear(root, title, notes, helps))

    def _documents(self, content: str) -> Iterator[tuple[int, str]]:
        """Yield documents with the line at which each starts; 0 for a whole file."""
        single = is_file(self.path)
        if (self.document or ("line" if single else "file")) == "file":
            yield 0, content.strip("\n")
            return
        lines = content.split("\n")
        if self.document != "paragraph":
            yield from enumerate(lines, 1)
            return
        start = 0
        for number, line in enumerate([*lines, ""]):
            if not line.strip():
                yield start + 1, "\n".join(lines[start:number])
                start = number + 1

    def _listing(self) -> Listing:
        """Return the files; raises `ProblemError` DAT312 if there are none."""
        if is_folder(self.path):
            listing = list_files(self.path, {".txt", ".md"})
            if listing.files:
                return listing
            files = []
        elif _MAGIC & set(str(self.path)) and not file_exists(self.path):
            root = self._root()
            files = list(list_matching(root, self.path.relative_to(root).parts))
        else:
            files = [self.path]
        if files:
            return Listing(tuple(sorted(files)), {})
        title = (
            f"`{self.path.name}` contains no text files"
            if is_folder(self.path)
            else f"no file matches `{self.path.name}`"
        )
        helps = ("state a file, a folder with .txt or .md files, or a pattern such as `books/*.txt`",)
        raise ProblemError(Problem("DAT312", title, at="source.path", label="no such data", helps=helps))


def _content(file: Path, encoding: str | None) -> str:
    file_fingerprint(file)
    try:
        return read_text(file, encoding)
    except ValueError as error:
        because = str(error)
    except OSError as error:
        refuse_if_short(error)
        because = error.strerror or str(error)
    raise ProblemError(
        Problem(
            "DAT333",
            f"`{file.name}` cannot be read as text",
            at="source.path",
            label="not text",
            notes=(because,),
            helps=("state its `encoding`, or save it as UTF-8",),
        )
    )
