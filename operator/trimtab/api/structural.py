"""From pydantic's JSON schema to the structural schema that a CustomResourceDefinition takes.

A structural schema has no references, no unions, no nulls and no patterns for keys; what cannot be said in it is an
error that names the path, never left out in silence. A pattern that a CEL rule of the same value repeats is left to the
rule, whose message has words: the server would tell the mistake twice, first as a regular expression.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from trimtab.api.rules import VALIDATIONS

Schema = dict[str, Any]

_KEPT = (
    "description", "type", "format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems",
    "maxItems", "minProperties", "maxProperties", "required", "x-kubernetes-int-or-string", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", VALIDATIONS,
)  # fmt: skip
_CONVERTED = {"properties", "items", "additionalProperties", "patternProperties", "propertyNames", "default", "const"}
_DROPPED = {"title", "examples"}
_REFERENCE = "#/$defs/"


class NotStructuralError(ValueError):
    """A model uses something that a structural schema cannot say; the message names its path."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the structural schema of a model.

    Raises:
        NotStructuralError: the model uses what such a schema cannot say.
    """
    document = model.model_json_schema(by_alias=True)
    return _converted(document, document.get("$defs", {}), model.__name__, ())


def _converted(node: Schema, definitions: Mapping[str, Schema], path: str, within: tuple[str, ...]) -> Schema:
    """Return one node; `within` names the definitions that it lies in, to find one inside itself."""
    node, within = _flattened(node, definitions, path, within)
    unknown = set(node) - set(_KEPT) - _CONVERTED - _DROPPED - {"$defs"}
    if unknown:
        raise NotStructuralError(path, f"a structural schema has no {', '.join(sorted(unknown))}")
    if node.get("type") == "number":
        raise NotStructuralError(path, "floats lose digits on their way; use an int or a decimal string")
    if "type" not in node and "x-kubernetes-int-or-string" not in node:
        raise NotStructuralError(path, "a value of any type is not allowed; say what it is")
    schema = {key: node[key] for key in _KEPT if key in node}
    if "pattern" in node and any(node["pattern"] in rule["rule"] for rule in node.get(VALIDATIONS, ())):
        del schema["pattern"]
    if VALIDATIONS in schema:  # pydantic sorts keys; people read the rule first
        schema[VALIDATIONS] = [dict(sorted(rule.items(), reverse=True)) for rule in schema[VALIDATIONS]]
    if "const" in node:
        schema["enum"] = [node["const"]]
    if node.get("type") == "object":
        schema |= _of_object(node, definitions, path, within)
    if node.get("type") == "array":
        if "items" not in node:
            raise NotStructuralError(path, "a list needs one type of items")
        schema["items"] = _converted(node["items"], definitions, f"{path}[]", within)
    default = _default(node.get("default"), schema)
    return schema if default is None else schema | {"default": default}


def _flattened(
    node: Schema, definitions: Mapping[str, Schema], path: str, within: tuple[str, ...]
) -> tuple[Schema, tuple[str, ...]]:
    """Return a node with its reference and its optional type put in place; what stands beside them wins."""
    if "$ref" in node:
        name = node["$ref"].removeprefix(_REFERENCE)
        if name in within:
            raise NotStructuralError(path, f"{name} contains itself, which no structural schema can say")
        return _flattened(_merged(definitions[name], node, "$ref"), definitions, path, (*within, name))
    if "anyOf" in node:
        types = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
        if len(types) != 1:
            raise NotStructuralError(path, "a union of types is not allowed; use optional fields and a rule")
        return _flattened(_merged(types[0], node, "anyOf"), definitions, path, within)
    return node, within


def _merged(inner: Schema, outer: Schema, replaced: str) -> Schema:
    rules = [*inner.get(VALIDATIONS, []), *outer.get(VALIDATIONS, [])]
    beside = {key: value for key, value in outer.items() if key != replaced}
    return {**inner, **beside, **({VALIDATIONS: rules} if rules else {})}


def _of_object(node: Schema, definitions: Mapping[str, Schema], path: str, within: tuple[str, ...]) -> Schema:
    """Return `properties` of an object, or `additionalProperties` of a map."""
    if "properties" in node:
        properties = {
            name: _converted(property_, definitions, f"{path}.{name}", within)
            for name, property_ in node["properties"].items()
        }
        return {"properties": properties}
    values = node.get("additionalProperties")
    for pattern, of_pattern in node.get("patternProperties", {}).items():
        if not any(pattern in rule["rule"] for rule in node.get(VALIDATIONS, [])):
            raise NotStructuralError(path, f"no pattern for keys is possible; say {pattern} in a rule")
        values = of_pattern
    if not isinstance(values, dict):
        raise NotStructuralError(path, "an object needs properties, or one type of values")
    return {"additionalProperties": _converted(values, definitions, f"{path}.*", within)}


def _default(default: object, schema: Schema) -> object:
    """Return a default for the server; None where there is none, or where leaving the value out means the same.

    That is so for null, and for an empty list or map. An object's default is said in full, although its properties
    have defaults too: the server holds it against the rules as it stands, before it fills anything in.
    """
    if not isinstance(default, dict) or "properties" not in schema:
        return None if default in ([], {}) else default
    properties = schema["properties"]
    inner = {name: _default(value, properties[name]) for name, value in default.items()}
    return {name: value for name, value in inner.items() if value is not None}
