"""CEL rules: what must hold, and what the user reads when it does not.

A rule stands in a model's `rules` (about the object) or inside `Annotated[...]` (about one value). Either way it
travels in the JSON schema to the CRD, and the API server enforces it.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from trimtab.units import DURATION

VALIDATIONS = "x-kubernetes-validations"
QUANTITY = r"^[0-9]{1,12}(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"


@dataclass(frozen=True)
class Rule:
    """One CEL validation rule; `field_path` points at the property to blame, as `.minReplicas`."""

    rule: str
    message: str
    field_path: str | None = None

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema of the annotated value with this rule in it; pydantic calls this."""
        return with_rules(handler(core_schema), (self,))


def with_rules(schema: dict[str, Any], rules: tuple[Rule, ...]) -> dict[str, Any]:
    """Return a schema with rules added to those that it has."""
    if not rules:
        return schema
    return {**schema, VALIDATIONS: [*schema.get(VALIDATIONS, []), *(_written(rule) for rule in rules)]}


def _written(rule: Rule) -> dict[str, str]:
    path = {} if rule.field_path is None else {"fieldPath": rule.field_path}
    return {"rule": rule.rule, "message": rule.message, **path}


def spelled(pattern: str, words: str) -> Rule:
    """Return the rule that a text matches a pattern.

    It says in words what the server would otherwise answer with the pattern; so the schema leaves out a pattern that a
    rule repeats (see `structural`), and a mistake is told once.
    """
    return Rule(f"self.matches(r'{pattern}')", words)


def duration_between(least: str, most: str) -> Rule:
    """Return the rule that a duration is written as we write it and lies between two others, both included.

    The pattern stands inside too: CEL runs beside it, and `duration('5 minutes')` would end in an error of its own.
    """
    return Rule(
        f"self.matches(r'{DURATION}') && duration(self) >= duration('{least}') && duration(self) <= duration('{most}')",
        f"must be a whole number with ms, s, m or h, from {least} to {most}, such as {least}",
    )


def quantity_between(least: str, most: str) -> Rule:
    """Return the rule that a quantity lies between two others, both included, however it is written."""
    return Rule(
        f"string(self).matches(r'{QUANTITY}') && !quantity(string(self)).isLessThan(quantity('{least}'))"
        f" && !quantity(string(self)).isGreaterThan(quantity('{most}'))",
        f"must be digits, perhaps a fraction, and at most one of m, k, M, G, T, Ki, Mi, Gi, Ti: from {least} to {most}",
    )
