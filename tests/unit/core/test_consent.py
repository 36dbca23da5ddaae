"""When a pool's consent to code reaches pods that were refused before."""

from dataclasses import replace

import pytest

from fakes.snapshots import deployment, message, pod, pool_found, snapshot, status_of, terminated, told
from trimtab.api.conditions import Reason
from trimtab.api.fetch import FetchFailureReason, FetchOutcome, FetchReport
from trimtab.api.inferencepool import AllowedModels
from trimtab.api.kinds import Manifest
from trimtab.core.consent import waits_for_consent
from trimtab.core.snapshot import PoolFound, PoolUnusable

NO_POOL = PoolUnusable(Reason.POOL_NOT_FOUND, "InferencePool payments/gpus is not there")


def consenting() -> PoolFound:
    """Return a pool that allows code."""
    pool = pool_found()
    return replace(pool, spec=pool.spec.model_copy(update={"allowed_models": AllowedModels(code="Allow")}))


def refused(reason: FetchFailureReason = FetchFailureReason.CODE_REFUSED, **fields: str) -> Manifest:
    """Return a pod whose fetch was refused."""
    report = FetchReport(outcome=FetchOutcome.FAILED, reason=reason, message="1/model.py is a program")
    ended = terminated(report.exit_code, report.to_termination_message())
    return pod(initialized=False, fetch=ended, **fields)  # type: ignore[arg-type]  # of those fields that are texts


def test_the_refusal_is_told_by_its_own_reason() -> None:
    """Nothing helps but somebody's act, and the fetcher's words say whose."""
    status = status_of(snapshot(deployment(ready=0), pods=[refused()]))

    assert told(status, "Ready") == ("False", "PoolRefusesCode")
    assert told(status, "Stalled") == ("True", "PoolRefusesCode")
    assert message(status, "ModelLoaded") == ("the model cannot be fetched (CodeRefused): 1/model.py is a program")


@pytest.mark.parametrize(
    ("pool", "pods", "waits"),
    [
        (consenting(), [refused()], True),
        (consenting(), [pod(ready=True), refused(name="second")], True),
        (pool_found(), [refused()], False),
        (NO_POOL, [refused()], False),
        (consenting(), [], False),
        (consenting(), [pod(ready=True)], False),
        (consenting(), [refused(FetchFailureReason.DIGEST_MISMATCH)], False),
        (consenting(), [refused(variant="h100")], False),
        (consenting(), [refused(), pod(template="new", born="2026-11-24T09:30:00Z")], False),
    ],
)
def test_consent_is_waited_for_by_those_alone_that_were_refused(
    pool: PoolFound | PoolUnusable, pods: list[Manifest], *, waits: bool
) -> None:
    """A pod of the present template on the wanted variant, refused for its code, while the pool allows it now."""
    assert waits_for_consent(snapshot(deployment(), pool=pool, pods=pods)) is waits
