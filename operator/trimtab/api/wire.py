"""The base of every type on the wire, and the scalars that the custom resources are made of."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from trimtab.api.rules import QUANTITY, Rule, spelled, with_rules
from trimtab.units import DURATION


class Wire(BaseModel):
    """A frozen value with camelCase names on the wire.

    Unknown fields are ignored when reading, since an old operator must read new objects; being strict about typing
    mistakes is the API server's part (`kubectl` sends `--validate=strict`).
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """CEL rules about this object."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the object's JSON schema with its rules in it."""
        return with_rules(handler.resolve_ref_schema(handler(core_schema)), cls.rules)


def dump(value: BaseModel) -> dict[str, Any]:
    """Return `value` as it is written to the API: camelCase, without what is unset."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


_PRICE = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"
_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_SUBDOMAIN = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_LABEL_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"^({_DNS_SUBDOMAIN}/)?{_LABEL_NAME}$"
_LABEL_KEY_WORDS = (
    "a label's key: up to 63 letters, digits, dashes, underscores and dots, between two letters or digits, "
    "perhaps after domain/"
)
_HOST_LABEL = r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_PORT = r":[0-9]{1,5}"
# A registry has a dot, a port or the name localhost; anything else before the first slash is part of the repository.
_REGISTRY = rf"((localhost|{_HOST_LABEL}(\.{_HOST_LABEL})+)({_PORT})?|{_HOST_LABEL}{_PORT})"
_REPOSITORY = r"[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}"
_IMAGE = rf"^({_REGISTRY}/)?{_REPOSITORY}(/{_REPOSITORY})*(:{_TAG})?(@sha256:[0-9a-f]{{64}})?$"
_SHA256 = r"^sha256:[0-9a-f]{64}$"
_PATH = r"^[A-Za-z0-9_][A-Za-z0-9_.=+-]*(/[A-Za-z0-9_][A-Za-z0-9_.=+-]*)*$"
_MONEY = r"^[0-9]{1,15}(\.[0-9]{1,6})?$"
_AMOUNT = r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,3})?$"
_PERCENT = r"^(100(\.0)?|[0-9]{1,2}(\.[0-9])?)$"

EXTENDED_RESOURCE = rf"^{_DNS_SUBDOMAIN}/{_LABEL_NAME}$"


def _text_of_quantity(value: object) -> object:
    """Accept a bare whole number (`cpu: 4`) as people write it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# Lengths leave room beyond what a pattern allows: a text that is only somewhat too long gets the words, not "too long".
Duration = Annotated[str, Field(pattern=DURATION, max_length=32)]
Price = Annotated[
    str,
    Field(pattern=_PRICE, max_length=32),
    Rule(
        f"self.matches(r'{_PRICE}') && quantity(self).isGreaterThan(quantity('0'))",
        "must be a decimal number above 0 with at most 6 decimals, in quotes, such as '0.71'; "
        "leave it out where it is unknown",
    ),
]
Money = Annotated[str, Field(pattern=_MONEY, max_length=22)]
PositiveMoney = Annotated[
    str,
    Field(pattern=_MONEY, max_length=32),
    Rule(
        f"self.matches(r'{_MONEY}') && quantity(self).isGreaterThan(quantity('0'))",
        "must be a decimal number above 0 with at most 6 decimals, in quotes, such as '14.00'",
    ),
]
Amount = Annotated[str, Field(pattern=_AMOUNT, max_length=13)]
"""A measured number with at most three decimals, in a status."""
Percent = Annotated[str, Field(pattern=_PERCENT, max_length=5)]
Quantity = Annotated[
    str,
    BeforeValidator(_text_of_quantity),
    Field(pattern=QUANTITY, max_length=32),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": QUANTITY, "maxLength": 32}),
]
DnsLabel = Annotated[
    str,
    Field(pattern=f"^{_DNS_LABEL}$", max_length=63),
    spelled(f"^{_DNS_LABEL}$", "must be lower-case letters, digits and dashes, between two letters or digits"),
]
DnsSubdomain = Annotated[
    str,
    Field(pattern=f"^{_DNS_SUBDOMAIN}$", max_length=253),
    spelled(
        f"^{_DNS_SUBDOMAIN}$",
        "must be lower-case letters, digits and dashes, between two letters or digits, perhaps several joined by dots",
    ),
]
LabelKey = Annotated[
    str,
    Field(pattern=_LABEL_KEY, max_length=317),
    spelled(_LABEL_KEY, f"must be {_LABEL_KEY_WORDS}"),
]
LabelValue = Annotated[
    str,
    Field(pattern=f"^({_LABEL_NAME})?$", max_length=63),
    spelled(
        f"^({_LABEL_NAME})?$",
        "must be a label's value: empty, or letters, digits, dashes, underscores, dots between two letters or digits",
    ),
]
Labels = Annotated[
    dict[LabelKey, LabelValue],
    Rule(
        f"self.all(key, key.matches(r'{_LABEL_KEY}') && key.indexOf('/') <= 253)",
        f"each key must be {_LABEL_KEY_WORDS}",
    ),
]
ImageReference = Annotated[
    str,
    Field(pattern=_IMAGE, max_length=512),
    spelled(_IMAGE, "must be an image: registry/name:tag or registry/name@sha256:..., the name in lower case"),
]
Sha256 = Annotated[
    str,
    Field(pattern=_SHA256, max_length=128),
    spelled(_SHA256, "must be sha256: and 64 hexadecimal digits in lower case, as sha256sum prints them"),
]
RelativePath = Annotated[
    str,
    Field(pattern=_PATH, max_length=512),
    spelled(
        _PATH,
        "must be a relative path: letters, digits and _ . = + - in names that begin with a letter, digit or _, "
        "joined by single slashes",
    ),
]
Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]

AS_A_SET = {"x-kubernetes-list-type": "set"}
AS_A_WHOLE = {"x-kubernetes-list-type": "atomic"}


def keyed_by(key: str) -> dict[str, Any]:
    """Return the schema extension of a list whose entries are told apart, and merged, by one of their properties."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
