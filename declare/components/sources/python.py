"""Data from a function of your own, in a Python file that you trust."""

from typing import Any, ClassVar

from pydantic import Field as Param

from declare.contract import strict_json
from declare.contract.facts import Reader
from declare.contract.kinds.source import Source, SpecPath
from declare.contract.problem import Problem, ProblemError
from declare.system import trust, user_code


class Python(Source):
    """Data from your own Python function, in a file that you trust; state the meaning of columns under `fields`.

    The function is called with `args` and returns a mapping from column names to arrays or lists of samples.
    The file is read and run only if the user trusts its exact content: `--trust data.py@sha256:HASH`.

    Example:
        ```yaml
        source: {type: python, file: data.py, name: load, args: {year: 2024}}
        ```
    """

    trusted_only: ClassVar[bool] = True

    file: SpecPath = Param(description="the Python file")
    name: str = Param(description="the function in it")
    args: dict[str, Any] = Param({}, description="arguments of the function")

    def fingerprint(self) -> str:
        """Return a hash of content and arguments; raises `ProblemError` REF242 if the file is not trusted."""
        content = trust.read(self.file)
        arguments = strict_json.dumps(self.args, sort_keys=True, default=str)
        return f"{trust.entry(self.file, content)} {self.name} {arguments}"

    def open(self) -> Reader:
        """Call the function; raises `ProblemError` REF243 if it fails or returns something else."""
        from declare.components.sources._arrays import ArrayReader

        function = getattr(user_code.load(self.file), self.name, None)
        if not callable(function):
            raise self._unusable(f"`{self.file.name}` has no function `{self.name}`")
        try:
            columns = function(**self.args)
        except Exception as error:
            raise self._unusable(
                f"`{self.name}` fails", user_code.error_text(error), *user_code.lines(error)
            ) from error
        if not isinstance(columns, dict):
            raise self._unusable(
                f"`{self.name}` does not return a mapping of columns", f"it is {type(columns).__name__}"
            )
        for name, values in columns.items():
            if not isinstance(name, str) or not hasattr(values, "__len__"):
                what = f"column {name!r} is {type(values).__name__}"
                raise self._unusable(f"`{self.name}` returns a value that is not a column", what)
        return ArrayReader(columns, origin=f"`{self.name}` in `{self.file.name}`")

    def _unusable(self, title: str, *notes: str) -> ProblemError:
        helps = ("return a dict of arrays or lists by column name",)
        notes = tuple(note.splitlines()[0][:200] for note in notes)
        return ProblemError(Problem("REF243", title, at="source.name", notes=notes, helps=helps))
