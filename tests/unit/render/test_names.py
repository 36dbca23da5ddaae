"""Names and labels by example; tests/property/test_render_names.py has the laws."""

import pytest

from trimtab.api.identity import ModelIdentity
from trimtab.render import names
from trimtab.render.names import base_name, headless_name, model_label, owner_reference, variant_name

LONG = ".".join(["part-of-a-long-name"] * 12) + ".and-its-end"
DOCUMENTED = [line.split() for line in (names.__doc__ or "").splitlines() if line.startswith("    fraud")]


@pytest.mark.parametrize(("model", "variant", "service", "headless", "deployment"), DOCUMENTED)
def test_names_are_what_the_table_says(model: str, variant: str, service: str, headless: str, deployment: str) -> None:
    """The table in the module's docstring is true."""
    assert base_name(model) == service
    assert headless_name(model) == headless
    assert variant_name(model, variant) == deployment


@pytest.mark.parametrize(
    ("model", "prefix"),
    [("7b", "m-7b-"), ("7b.v2", "m-7b-v2-"), ("a-headless", "a-headless-"), ("a-0123456789", "a-0123456789-")],
)
def test_a_name_that_is_illegal_or_ambiguous_gets_a_hash(model: str, prefix: str) -> None:
    """What can be read of it stays in front."""
    assert base_name(model).startswith(prefix)
    assert base_name(model) != model


def test_a_name_that_is_no_label_value_gets_a_hash() -> None:
    """Dots and digits are fine in a label; more than 63 characters are not, nor is what looks hashed."""
    assert model_label("7b.v2") == "7b.v2"
    assert len(model_label(LONG)) == 63
    assert model_label("a-0123456789") != "a-0123456789"


def test_children_go_with_their_model_and_delay_nothing() -> None:
    """A controller reference that blocks no deletion: a finalizer of ours is not needed."""
    reference = owner_reference(ModelIdentity("payments", "fraud", "uid-1", 3))

    assert reference["controller"] is True
    assert reference["blockOwnerDeletion"] is False
    assert (reference["kind"], reference["name"], reference["uid"]) == ("AIModel", "fraud", "uid-1")
