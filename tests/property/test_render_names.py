"""Laws of names: every child's is legal, and no two models of a namespace share one."""

import re
from collections.abc import Callable

from hypothesis import example, given, strategies as st

from trimtab.render.names import (
    HASH_LENGTH,
    base_name,
    headless_name,
    labels,
    model_label,
    variant_name,
)

DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

part = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,12}[a-z0-9])?", fullmatch=True)
looks_hashed = st.from_regex(rf"[0-9a-f]{{{HASH_LENGTH}}}", fullmatch=True)
tricky = st.sampled_from(["a", "b", "c", "a-b", "b-c", "headless", "l4", "7b", "0", "v2"])
piece = part | looks_hashed | tricky


def _on_l4(model: str) -> str:
    return variant_name(model, "l4")


@st.composite
def _models(draw: st.DrawFn) -> str:
    """Return a name that the API server takes for an AIModel: up to 253 characters, with dots; some already hashed."""
    joined = draw(st.sampled_from(["-", "."])).join(draw(st.lists(piece, min_size=1, max_size=30)))
    name = joined[:253].strip("-.")
    namings: list[Callable[[str], str]] = [str, base_name, headless_name, model_label, _on_l4]
    return draw(st.sampled_from(namings))(name)


models = _models()
variants = (part | tricky | looks_hashed).map(lambda name: name[:20].strip("-"))


def children(model: str, variant: str) -> dict[str, set[str]]:
    """Return the names of a model's children, by kind; kinds named alike stand for each other."""
    return {
        "Service": {base_name(model), headless_name(model)},
        "NetworkPolicy": {base_name(model)},
        "Deployment": {variant_name(model, variant)},
    }


@given(models, variants)
@example("x" * 253, "l4")
@example(".".join(["x"] * 127), "a" * 20)
@example("7" * 63, "0")
@example("a" * 53 + "-b", "l4")
def test_every_name_is_legal(model: str, variant: str) -> None:
    """At most 63 characters, no dots, a letter first: what the strictest kind, the Service, asks for."""
    for names in children(model, variant).values():
        for name in names:
            assert len(name) <= 63
            assert DNS_1035.fullmatch(name)


@given(models, variants)
@example("x" * 253, "l4")
@example("a.b.c", "l4")
def test_every_label_is_legal(model: str, variant: str) -> None:
    """At most 63 characters that a label's value may have."""
    for value in labels(model, variant).values():
        assert len(value) <= 63
        assert LABEL_VALUE.fullmatch(value)


@given(models, variants, models, variants)
@example("a", "b-c", "a-b", "c")
@example("a", "headless", "a-headless", "l4")
@example("a", "headless", "a", "l4")
@example("a.b", "c", "a-b", "c")
@example("x" * 200, "l4", "x" * 201, "l4")
@example("a", "0123456789", "a-0123456789", "l4")
@example("a.b", "l4", base_name("a.b"), "l4")
@example("a", "b-c", variant_name("a", "b-c"), "l4")
@example("a.b", "l4", headless_name("a.b"), "l4")
def test_two_models_never_share_a_child(model: str, variant: str, other: str, others_variant: str) -> None:
    """Nor do two variants of one model share a Deployment, or two models the label that selects their pods."""
    ours, theirs = children(model, variant), children(other, others_variant)
    if model != other:
        assert all(not ours[kind] & theirs[kind] for kind in ours)
        assert model_label(model) != model_label(other)
    elif variant != others_variant:
        assert ours["Deployment"] != theirs["Deployment"]
