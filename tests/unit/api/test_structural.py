"""What a structural schema cannot say is an error that names its path."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from trimtab.api.rules import Rule, spelled
from trimtab.api.structural import NotStructuralError, structural_schema
from trimtab.api.wire import Wire


class Leaf(Wire):
    """A leaf."""

    rules = (Rule("true", "the leaf's own"),)
    kind: Literal["Only"] = "Only"


class Tree(Wire):
    """A tree."""

    leaf: Annotated[Leaf, Rule("false", "from outside", ".kind"), Field(description="A leaf, described outside.")] = (
        Leaf()
    )
    names: Annotated[dict[str, int], Field(max_length=2)] = {}  # noqa: RUF012 - pydantic copies defaults
    numbers: tuple[int, ...] = ()
    maybe: Annotated[str, Field(pattern="^a$")] | None = None
    plain: Annotated[str, Field(pattern="^b$"), Rule("self == 'b'", "not the pattern")] = "b"
    worded: Annotated[str, Field(pattern="^c$"), spelled("^c$", "must be c")] = "c"


def test_references_are_put_in_place_with_what_stands_beside_them() -> None:
    """The description outside wins, rules add up, the one value is an enumeration, and the default is said in full."""
    leaf = structural_schema(Tree)["properties"]["leaf"]

    assert leaf == {
        "description": "A leaf, described outside.",
        "type": "object",
        "x-kubernetes-validations": [
            {"rule": "true", "message": "the leaf's own"},
            {"rule": "false", "message": "from outside", "fieldPath": ".kind"},
        ],
        "properties": {"kind": {"type": "string", "enum": ["Only"], "default": "Only"}},
        "default": {"kind": "Only"},
    }


def test_a_pattern_in_words_is_left_to_its_rule() -> None:
    """A pattern stays where no rule repeats it: the server would tell one mistake twice."""
    properties = structural_schema(Tree)["properties"]

    assert properties["maybe"] == {"type": "string", "pattern": "^a$"}
    assert properties["plain"]["pattern"] == "^b$"
    assert "pattern" not in properties["worded"]
    assert properties["worded"]["x-kubernetes-validations"] == [
        {"rule": "self.matches(r'^c$')", "message": "must be c"}
    ]


def test_empty_defaults_are_left_out() -> None:
    """An absent list or map means the same as an empty one."""
    properties = structural_schema(Tree)["properties"]

    assert properties["names"] == {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "integer"}}
    assert properties["numbers"] == {"type": "array", "items": {"type": "integer"}}


class Loop(Wire):
    """Contains itself."""

    inner: "Loop | None" = None


class Union(Wire):
    """One or the other."""

    either: int | str = 0


class Anything(Wire):
    """Of any type."""

    value: Any = None


class Float(Wire):
    """A float."""

    share: float = 0.5


class AnyList(Wire):
    """A list of anything."""

    items: list[Any]


class Pair(Wire):
    """A list of two types."""

    pair: tuple[int, str] = (0, "")


class Empty(Wire):
    """A list that holds nothing."""

    nothing: tuple[()] = ()


class AnyMap(Wire):
    """A map of anything."""

    values: dict[str, Any]


class FreeMap(Wire):
    """An object with nothing said about it."""

    values: dict[Any, Any]


class Keys(Wire):
    """A map whose keys have a pattern that no rule says."""

    values: dict[Annotated[str, Field(pattern="^a$")], int]


class Multiple(Wire):
    """A keyword that CRDs do not have."""

    even: Annotated[int, Field(multiple_of=2)] = 0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Loop, r"^Loop\.inner: Loop contains itself"),
        (Union, r"^Union\.either: a union of types is not allowed"),
        (Anything, r"^Anything\.value: a value of any type is not allowed"),
        (Float, r"^Float\.share: floats lose digits"),
        (AnyList, r"^AnyList\.items\[\]: a value of any type is not allowed"),
        (Pair, r"^Pair\.pair: a structural schema has no prefixItems"),
        (Empty, r"^Empty\.nothing: a list needs one type of items"),
        (AnyMap, r"^AnyMap\.values: an object needs properties, or one type of values"),
        (FreeMap, r"^FreeMap\.values: an object needs properties, or one type of values"),
        (Keys, r"^Keys\.values: no pattern for keys is possible; say \^a\$ in a rule"),
        (Multiple, r"^Multiple\.even: a structural schema has no multipleOf"),
    ],
)
def test_what_cannot_be_said_names_its_path(model: type[Wire], words: str) -> None:
    """Nothing is left out in silence."""
    with pytest.raises(NotStructuralError, match=words):
        structural_schema(model)
