"""What of a decision and its numbers is worth a whole look."""

from dataclasses import replace

import pytest

from fakes.measured import LOST, measured, sample, timed
from fakes.snapshots import SERVICE_OF_MODEL, deployment, model_spec, pod, snapshot
from trimtab.api.conditions import ConditionType
from trimtab.core.gist import Gist, carried_out_alike, gist_of, is_news
from trimtab.core.scaling.decide import decide
from trimtab.core.scaling.observation import Observation
from trimtab.units import Replicas, Seconds

QUIET = Gist(
    replicas=Replicas(2),
    ceiling=None,
    pinned=False,
    bound_by="",
    wanted=Replicas(2),
    fresh=(("True", "Fresh"),),
    verdicts={ConditionType.OBJECTIVES_MET: "True"},
)


def of(told: Observation, pin: int | None = None) -> Gist:
    """Return the gist of what is decided for a model of which something was measured."""
    spec = model_spec(most=9, pin=pin)
    world = measured(snapshot(deployment(asked=3), SERVICE_OF_MODEL, spec=spec, pods=[pod(ready=True)]), told)
    return gist_of(world, decide(world))


@pytest.mark.parametrize(
    "changed",
    [
        replace(QUIET, replicas=Replicas(3)),
        replace(QUIET, ceiling=Replicas(5)),
        replace(QUIET, pinned=True),
        replace(QUIET, bound_by="Pin"),
        replace(QUIET, wanted=None),
        replace(QUIET, wanted=Replicas(4)),
        replace(QUIET, fresh=(("False", "Stale"),)),
        replace(QUIET, fresh=()),
        replace(QUIET, verdicts={ConditionType.OBJECTIVES_MET: "False"}),
        replace(QUIET, verdicts={**QUIET.verdicts, ConditionType.TRAFFIC_BALANCED: "True"}),
    ],
)
def test_what_is_carried_out_or_told_before_long_is_news(changed: Gist) -> None:
    """Each part for itself."""
    assert is_news(changed, after=QUIET)


@pytest.mark.parametrize("same", [QUIET, replace(QUIET, wanted=Replicas(3)), replace(QUIET, verdicts={})])
def test_what_is_told_seldom_is_no_news(same: Gist) -> None:
    """One replica more or less that is wanted, and that there is nothing to judge."""
    assert not is_news(same, after=QUIET)


def test_what_is_carried_out_is_the_number_its_ceiling_and_a_pin() -> None:
    """Whatever binds it, and whatever is told of it."""
    told = replace(QUIET, bound_by="Pin", wanted=None, fresh=(), verdicts={})

    assert carried_out_alike(QUIET, told)
    assert not carried_out_alike(QUIET, replace(QUIET, ceiling=Replicas(5)))


def test_a_gist_is_drawn_from_what_the_status_says() -> None:
    """What binds while all is well is one thing; a pin, blindness and old numbers are others."""
    busy, calm = of(timed(400.0, within=0.9, at_p99=0.2)), of(timed(270.0, within=0.995, target=0.07))

    assert (busy.bound_by, calm.bound_by) == ("", "")
    assert busy.verdicts[ConditionType.OBJECTIVES_MET] == "False"
    assert of(sample(0.0)).verdicts == {}
    assert (of(LOST).bound_by, of(LOST).fresh) == ("MetricsLost", (("False", "Unreachable"),))
    assert of(replace(sample(100.0), age=Seconds(60.0))).fresh == (("False", "Stale"),)
    assert of(sample(100.0), pin=4).bound_by == "Pin"
