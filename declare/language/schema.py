"""The JSON Schemas of the spec and of findings, made from the models that read and write them.

A component is chosen by its `type` with if/then: an editor then offers all names for an unknown one, and the
keys of the one that is named. A spec that extends another may leave anything out, so there are two sets of
definitions, a whole one and a partial one.
"""

from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from declare.contract.component import Component, plain
from declare.contract.duration import Duration
from declare.diagnostics.json_schema import findings
from declare.language.spec import Spec
from declare.parsing.annotation import Kind, TypeSpec, accepts, fields, form, holds_component
from declare.parsing.describe import first_sentence, kind_summary
from declare.parsing.lookup import find, kinds, names

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
INTERPOLATION = r"\$\{"
_JSON: dict[Kind, str] = {
    "null": "null",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "text": "string",
    "list": "array",
    "map": "object",
}
_BOUNDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}


def exports() -> dict[str, Schema]:
    """Return the schemas of this room by name."""
    return {"spec": schema(), "diagnostics": findings()}


def schema() -> Schema:
    """Return the schema of a whole spec, with the components that the folders contain."""
    whole, part = _Definitions(partial=False), _Definitions(partial=True)
    return {
        "$schema": DRAFT,
        "$id": "declare/spec.v1.json",
        "title": "A spec of declare, version 1",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": part.model(Spec, top=True),
        "else": whole.model(Spec, top=True),
        "$defs": whole.definitions | part.definitions,
    }


class _Definitions:
    """Definitions by name; `partial` ones require nothing and let null remove a key."""

    def __init__(self, *, partial: bool) -> None:
        self.partial = partial
        self.prefix = "part." if partial else ""
        self.definitions: dict[str, Schema] = {}

    def model(self, model: type[BaseModel], *, top: bool = False) -> Schema:
        """Return a reference to the definition of a block, writing it first."""
        name = f"{self.prefix}{model.__name__}"
        if issubclass(model, Component):
            name = f"{self.prefix}{model.kind()}.{model.type_name()}"
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.block(model, top=top)
        return {"$ref": f"#/$defs/{name}"}

    def block(self, model: type[BaseModel], *, top: bool = False) -> Schema:
        """Return the definition of a block."""
        properties = {key: self.entry(info, item) for key, (info, item) in fields(model).items()}
        required = [key for key, (info, _) in fields(model).items() if info.is_required()]
        if issubclass(model, Component):
            properties = {"type": {"const": model.type_name()}} | properties
            required = ["type", *required]
        if top:
            properties |= _composition()
        written: Schema = {"description": first_sentence(model.__doc__ or ""), "type": "object"}
        written |= {"properties": properties, "additionalProperties": False}
        return written if self.partial or not required else written | {"required": required}

    def entry(self, info: Any, item: TypeSpec) -> Schema:
        """Return the schema of one key, with its description and default."""
        written = self.value(item)
        if self.partial and not item.nullable:
            written = _or_null(written)
        if info.description:
            written = written | {"description": info.description}
        if info.default not in {PydanticUndefined, None} if _hashable(info.default) else True:
            written = written | {"default": plain(info.default)}
        return written

    def value(self, item: TypeSpec) -> Schema:
        """Return the schema of a value."""
        if item.annotation is Any:
            return {}
        if not item.is_union:
            return self.one(item)
        return self.union(item)

    def one(self, item: TypeSpec) -> Schema:
        """Return the schema of a value of one type."""
        if item.origin is list:
            return {"type": "array"} | self.items(item)
        if item.slot and holds_component(item.annotation):
            return self.component(item.slot)
        if item.origin is dict:
            return {"type": "object"} | self.entries(item)
        if item.model is not None:
            return self.model(item.model)
        return _scalar(item)

    def items(self, item: TypeSpec) -> Schema:
        """Return the keywords of a list."""
        inner = self.value(item.arguments[0]) if item.arguments else {}
        limits = {"min_length": "minItems", "max_length": "maxItems"}
        bounds = {word: item.bounds[key] for key, word in limits.items() if key in item.bounds}
        return {"items": inner} | bounds

    def entries(self, item: TypeSpec) -> Schema:
        """Return the keywords of a mapping."""
        keys, values = item.arguments
        inner = self.value(values)
        schema: Schema = {"additionalProperties": _or_null(inner) if self.partial else inner}
        if "pattern" in keys.bounds:
            schema["propertyNames"] = {"pattern": keys.bounds["pattern"]}
        if "min_length" in item.bounds and not self.partial:
            schema["minProperties"] = item.bounds["min_length"]
        return schema

    def union(self, item: TypeSpec) -> Schema:
        """Return the schema of a value of several types: what holds depends on the type of the value."""
        types: list[str] = []
        rules: list[Schema] = []
        for kind, word in _JSON.items():
            options = [option for option in item.options if accepts(option, kind)]
            if options:
                types.append(word)
                if kind in {"text", "list", "map", "int", "float"}:
                    then = self.value(options[0]) if len(options) == 1 else self.either(options)
                    rules.append({"if": {"type": word}, "then": then})
        if "string" not in types:
            types.append("string")
            rules.append({"if": {"type": "string"}, "then": {"pattern": INTERPOLATION}})
        return {"type": types, "allOf": rules}

    def either(self, options: list[TypeSpec]) -> Schema:
        """Return the schema of a choice between several options."""
        return {"anyOf": [self.one(option) for option in options]}

    def component(self, kind: str) -> Schema:
        """Return a reference to the definition of a kind of component, writing it first."""
        name = f"{self.prefix}{kind}"
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.kind(kind)
        return {"$ref": f"#/$defs/{name}"}

    def kind(self, kind: str) -> Schema:
        """Return the definition of a kind: its names, and the keys of each by its `type`."""
        known = [(name, cls) for name in names(kind) if (cls := find(kind, name)) is not None]
        words = [name for name, _ in known]
        branches = [
            {
                "if": {"type": "object", "required": ["type"], "properties": {"type": {"const": name}}},
                "then": self.model(cls),
            }
            for name, cls in known
        ]
        summary = kind_summary(kind) if kind in kinds() else kind
        written: Schema = {
            "description": summary,
            "type": ["object", "string"],
            "properties": {"type": {"enum": words}},
            "if": {"type": "string"},
            "then": {"anyOf": [{"enum": words}, {"pattern": INTERPOLATION}]},
        } | ({"allOf": branches} if branches else {})
        return written if self.partial else written | {"else": {"required": ["type"]}}


def _composition() -> dict[str, Schema]:
    """Return the keys that composition takes away before the spec is read."""
    text = {"type": "string"}
    return {
        "extends": {
            "description": "a base spec, or a list of them, merged before this file",
            "type": ["string", "array"],
            "items": text,
        },
        "vars": {
            "description": "scalars to be used as ${vars.NAME}",
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
    }


def _scalar(item: TypeSpec) -> Schema:
    """Return the schema of a scalar; if text is not wanted, an interpolation is legal all the same."""
    annotation = item.annotation
    if item.origin is Literal:
        values = list(get_args(annotation))
        return {"anyOf": [{"enum": values}, {"type": "string", "pattern": INTERPOLATION}]}
    if annotation in {int, float, bool}:
        word = {int: "integer", float: "number", bool: "boolean"}[annotation]
        bounds = {_BOUNDS[key]: value for key, value in item.bounds.items() if key in _BOUNDS}
        return {"type": [word, "string"], "pattern": INTERPOLATION} | bounds
    if annotation in {None, type(None)}:
        return {"type": "null"}
    pattern = item.bounds.get("pattern")
    if annotation is Duration:
        pattern = form(Duration).annotation.__get_pydantic_json_schema__(None, None)["pattern"]
    return {"type": "string"} | ({"pattern": f"{pattern}|{INTERPOLATION}"} if pattern else {})


def _or_null(written: Schema) -> Schema:
    return {"if": {"not": {"type": "null"}}, "then": written} if written else written


def _hashable(value: Any) -> bool:
    return not isinstance(value, list | dict | BaseModel)
