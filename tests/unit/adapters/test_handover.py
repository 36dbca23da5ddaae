"""The birth's fields, given to server-side apply."""

import copy
from typing import Any

from trimtab.adapters.cluster.handover import handed_over
from trimtab.api.kinds import DEPLOYMENT, SERVICE

Entry = dict[str, Any]


def entry(manager: str, operation: str, fields: Entry, **more: str) -> Entry:
    """Return one entry of managedFields."""
    return {"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields, **more}


def live(*entries: Entry) -> Entry:
    """Return an object with these entries."""
    return {"metadata": {"name": "x", "managedFields": list(entries)}}


BIRTH = entry(
    "trimtab-birth", "Update", {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:replicas": {}, "f:x": {}}}
)
REPLICAS_ALONE = entry("trimtab-birth", "Update", {"f:spec": {"f:replicas": {}}})


def test_a_deployments_birth_keeps_replicas_and_gives_the_rest() -> None:
    """Replicas belong to nobody's apply, so that no apply moves them."""
    entries = handed_over(DEPLOYMENT, live(BIRTH))

    assert entries == [
        entry("trimtab", "Apply", {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:x": {}}}),
        REPLICAS_ALONE,
    ]


def test_every_other_birth_gives_all() -> None:
    """A field that happens to be called replicas is like any other outside a Deployment."""
    entries = handed_over(SERVICE, live(BIRTH))

    assert entries == [{**BIRTH, "manager": "trimtab", "operation": "Apply"}]


def test_what_was_handed_over_is_not_handed_over_again() -> None:
    """Every later apply is one request less."""
    assert handed_over(DEPLOYMENT, live(*(handed_over(DEPLOYMENT, live(BIRTH)) or []))) is None
    assert handed_over(SERVICE, live(*(handed_over(SERVICE, live(BIRTH)) or []))) is None
    assert handed_over(DEPLOYMENT, live()) is None
    assert handed_over(DEPLOYMENT, {"metadata": {"name": "x"}}) is None


def test_what_others_own_stays_theirs() -> None:
    """Other managers, our own scale and our status are passed through as they are."""
    others = [
        entry("kubectl", "Apply", {"f:spec": {"f:x": {}}}),
        entry("trimtab", "Update", {"f:spec": {"f:replicas": {}}}, subresource="scale"),
        entry("trimtab-birth", "Update", {"f:status": {}}, subresource="status"),
    ]

    entries = handed_over(DEPLOYMENT, live(*others, BIRTH))

    assert entries is not None
    assert entries[:3] == others


def test_what_was_applied_before_stays_applied() -> None:
    """Where an apply came before its hand-over, the two sets become one."""
    applied = entry("trimtab", "Apply", {"f:spec": {"f:x": {"f:deep": {}}, "f:y": {}}})
    before = copy.deepcopy(applied)

    entries = handed_over(DEPLOYMENT, live(applied, BIRTH))

    assert entries is not None
    assert entries[0]["fieldsV1"]["f:spec"] == {"f:x": {"f:deep": {}}, "f:y": {}}
    assert len(entries) == 2
    assert applied == before


def test_a_birth_of_replicas_and_nothing_else_in_the_spec_leaves_no_empty_spec() -> None:
    """An empty set would claim the whole spec."""
    birth = entry("trimtab-birth", "Update", {"f:metadata": {"f:labels": {}}, "f:spec": {"f:replicas": {}}})

    entries = handed_over(DEPLOYMENT, live(birth))

    assert entries is not None
    assert entries[0]["fieldsV1"] == {"f:metadata": {"f:labels": {}}}
