"""What is kept of an object must be all that somebody reads of it."""

from fakes.snapshots import pod
from trimtab.adapters.cluster.shape import reduced
from trimtab.api.kinds import POD
from trimtab.core.health.pods import of_present_template, replicas_of


def test_a_reduced_pod_still_tells_its_template_from_an_older_one() -> None:
    """Which template is the present one is read from when its pods were made."""
    old = pod("old", template="ffff", born="2026-11-24T08:00:00Z", ready=True)
    new = pod("new", template="0000", born="2026-11-24T09:00:00Z")

    kept = [reduced(POD, each) for each in (old, new)]

    assert of_present_template(replicas_of(kept, "l4")) == of_present_template(replicas_of([old, new], "l4"))
    assert {each.template for each in of_present_template(replicas_of(kept, "l4"))} == {"0000"}
