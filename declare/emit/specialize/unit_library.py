"""The library of a program: all its units, specialised together."""

from typing import Any

from declare.emit.specialize.fold_statements import Folder
from declare.emit.specialize.recording import Module
from declare.emit.specialize.syntax_trees import stored_names
from declare.emit.specialize.units import Known, Unit


class Library:
    """All units of a program, specialised together."""

    def __init__(self, *, classes: bool = False) -> None:
        self.units: dict[str, Unit] = {}
        self.classes = classes
        """Whether classes of modules are written, with their methods; else methods become functions."""
        self.import_lines: dict[str, str] = {}
        """Of names that functions import: how."""
        self.constants: dict[str, str] = {}
        """Tensors that functions refer to: name -> source."""
        self._is_stable = True

    def call(self, unit: Unit, known: Known) -> Unit:
        """Note a call of a unit, and specialise it if its parameters are less known from here on."""
        unit = self.units.setdefault(unit.key, unit)
        unit.is_method = self.classes and isinstance(unit.owner, Module)
        if unit.merge(known):
            self._is_stable = False
            self._specialize(unit)
        return unit

    def _specialize(self, unit: Unit) -> None:
        """Specialise a unit for what is known of its parameters."""
        before = unit.returned
        Folder(self, unit).run()
        if unit.returned != before:
            self._is_stable = False

    @property
    def by_number(self) -> dict[int, Unit]:
        """Units by their number."""
        return {unit.number: unit for unit in self.units.values()}

    @property
    def scope(self) -> dict[str, Any]:
        """What names of all units stand for."""
        return {name: value for unit in self.units.values() for name, value in unit.scope.items()}

    @property
    def local_names(self) -> set[str]:
        """Names that units give to values: no function may be called so."""
        return {name for unit in self.units.values() for name in (*unit.parameters, *stored_names(unit.body))}

    def constant(self, name: str, source: str) -> str:
        """Return the name of a tensor that functions refer to."""
        for candidate in (name, *(f"{name}_{number}" for number in range(2, 99))):
            if self.constants.setdefault(candidate, source) == source:
                return candidate
        raise AssertionError(name)

    def specialize_all(self) -> None:
        """Specialise until nothing changes."""
        self._is_stable = False
        while not self._is_stable:
            self._is_stable = True
            for unit in list(self.units.values()):
                self._specialize(unit)
