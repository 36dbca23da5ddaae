"""Which children may go, and when."""

import pytest

from fakes.snapshots import SERVICE_OF_MODEL, autoscaler, children, deployment, pool_found, snapshot
from trimtab.api.conditions import Reason
from trimtab.api.kinds import Manifest
from trimtab.core.rollout import removable
from trimtab.core.snapshot import ChildKey, PoolUnusable

OLD = ChildKey("Deployment", "fraud-l4")
OLD_AUTOSCALER = ChildKey("HorizontalPodAutoscaler", "fraud-l4")
NEW = ChildKey("Deployment", "fraud-h100")
MONITOR: Manifest = {"kind": "PodMonitor", "metadata": {"name": "fraud"}}


def changed(*manifests: Manifest) -> tuple[ChildKey, ...]:
    """Return what may go while a model with these children changes from l4 to h100."""
    return removable(snapshot(*manifests, pool=pool_found("h100")), frozenset({NEW}))


def test_what_is_wanted_stays() -> None:
    """Every child that is rendered now is kept."""
    manifests = (deployment(), autoscaler(), SERVICE_OF_MODEL)

    assert removable(snapshot(*manifests), frozenset(children(*manifests))) == ()


def test_what_is_no_longer_wanted_goes_in_a_fixed_order() -> None:
    """The monitor of a cluster without that kind, and the autoscaler that the user switched off."""
    manifests = (autoscaler(), deployment(), MONITOR, {"kind": "Unheard", "metadata": {"name": "fraud"}})
    wanted = frozenset({OLD})

    gone = removable(snapshot(*manifests), wanted)

    assert [key.kind for key in gone] == ["Unheard", "PodMonitor", "HorizontalPodAutoscaler"]
    assert removable(snapshot(*reversed(manifests)), wanted) == gone


def test_what_is_being_deleted_is_not_deleted_again() -> None:
    """A deletion may take its time; each further call would be a write for nothing."""
    going = {"kind": "PodMonitor", "metadata": {"name": "fraud", "deletionTimestamp": "2026-11-24T10:00:00Z"}}

    assert removable(snapshot(going), frozenset()) == ()


@pytest.mark.parametrize(
    ("new", "old_may_go"),
    [
        (None, False),
        (deployment("h100", asked=3, exists=3, ready=0), False),
        (deployment("h100", asked=3, exists=3, ready=2), False),
        (deployment("h100", asked=3, exists=3, ready=3), True),
        (deployment("h100", asked=1), True),
        (deployment("h100", asked=5, exists=5, ready=3), True),
        (deployment("h100", asked=3, observed=0), False),
        (deployment("h100", asked=0), True),
        (deployment("h100", asked=None, exists=2, ready=2), False),
        (deployment("h100", asked=None, exists=3, ready=3), True),
    ],
)
def test_a_former_variant_serves_until_the_new_one_can(new: Manifest | None, *, old_may_go: bool) -> None:
    """As many as it is asked for, or as the old one has ready (3 here), whichever is less."""
    gone = changed(deployment("l4", asked=3), autoscaler("l4"), *(() if new is None else (new,)))

    assert gone == ((OLD_AUTOSCALER, OLD) if old_may_go else ())


def test_a_former_variant_that_serves_nobody_goes_at_once() -> None:
    """The way back from a variant that never started must not wait for it."""
    assert changed(deployment("l4", asked=3, ready=0), autoscaler("l4")) == (OLD_AUTOSCALER, OLD)


def test_nothing_goes_while_the_pool_cannot_be_used() -> None:
    """What serves goes on serving: a withdrawn consent, or a pool deleted by mistake, is no order to stop."""
    seen = snapshot(deployment(), autoscaler(), pool=PoolUnusable(Reason.POOL_NOT_FOUND, "it is not there"))

    assert removable(seen, frozenset()) == ()
