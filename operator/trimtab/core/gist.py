"""What of a decision, and of the numbers it rests on, is worth a whole look at the model when it changes."""

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.api.conditions import ConditionType
from trimtab.core.health.measured import metrics_fresh, objectives_met, traffic_balanced
from trimtab.core.reporting import CALM, has_leapt
from trimtab.core.scaling.decision import Decision
from trimtab.core.snapshot import ModelSnapshot
from trimtab.units import Replicas


@dataclass(frozen=True, kw_only=True)
class Gist:
    """What children are rendered from, what the scale is set to, and what of a status is not written seldom.

    `bound_by` is empty where something calm binds, `fresh` the status and reason of MetricsFresh, `verdicts` are the
    status of what was judged, by type: what cannot be judged is absent.
    """

    replicas: Replicas
    ceiling: Replicas | None
    pinned: bool
    bound_by: str
    wanted: Replicas | None
    fresh: tuple[tuple[str, str], ...]
    verdicts: Mapping[ConditionType, str]


def gist_of(snapshot: ModelSnapshot, decision: Decision) -> Gist:
    """Return the gist of a decision that was taken on a snapshot."""
    judged = (*objectives_met(snapshot), *traffic_balanced(snapshot))
    return Gist(
        replicas=decision.replicas,
        ceiling=decision.ceiling,
        pinned=decision.pinned,
        bound_by="" if decision.bound_by in CALM else decision.bound_by,
        wanted=decision.wanted,
        fresh=tuple((each.status, each.reason) for each in metrics_fresh(snapshot)),
        verdicts={each.type: each.status for each in judged if each.status != "Unknown"},
    )


def carried_out_alike(one: Gist, other: Gist) -> bool:
    """Tell whether two decisions come to the same children and the same scale."""
    return (one.replicas, one.ceiling, one.pinned) == (other.replicas, other.ceiling, other.pinned)


def is_news(gist: Gist, after: Gist) -> bool:
    """Tell whether a gist differs from the one of before in anything that is not told seldom.

    A verdict that can be given no more is no news, one that is given again may be.
    """
    if not carried_out_alike(gist, after) or (gist.bound_by, gist.fresh) != (after.bound_by, after.fresh):
        return True
    turned = any(after.verdicts.get(kind) != status for kind, status in gist.verdicts.items())
    return turned or has_leapt(after.wanted, gist.wanted)
