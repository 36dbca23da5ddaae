"""Whether a model was measured by its Job, and what that has shown."""

from trimtab.api.conditions import ConditionType, Reason, Status
from trimtab.api.kinds import JOB, Manifest
from trimtab.api.model_status import BatchTime, ModelProfile
from trimtab.core.findings import Finding
from trimtab.core.health.containers import failure_of
from trimtab.core.profiling import pods_of, reports_of, state_of
from trimtab.core.scaling.prior import Profile
from trimtab.core.snapshot import ChildKey, ModelSnapshot, Profiling
from trimtab.core.untrusted import entries, entry, part, text
from trimtab.units import seconds

MOST_VARIANT, MOST_ACCELERATOR = 63, 128
SIGNIFICANT = 3
AGAIN = "to measure again, delete Job {}"


def profiled(snapshot: ModelSnapshot) -> tuple[Finding, ...]:
    """Say whether the model was measured; nothing where nobody asked for it. It never says anything about serving."""
    wish = snapshot.profiling
    if wish is None:
        return ()
    known = _known(snapshot, wish)
    if known is not None:
        return (_finding("True", Reason.PROFILE_MEASURED, _measured(snapshot, known)),)
    if wish.refusal:
        return (_finding("False", Reason.PROFILE_REFUSED, f"Job {wish.job} is refused: {wish.refusal}"),)
    job = snapshot.children.get(ChildKey(JOB.kind, wish.job))
    if job is None:
        message = "the model is measured once all of its replicas are ready, and while none of them waits for a node"
        return (_finding("Unknown", Reason.PROFILE_WAITING, message),)
    return (_under_way(snapshot, wish, job),)


def profile_of(snapshot: ModelSnapshot) -> ModelProfile | None:
    """Return what was measured, rounded; None before, without a wish, and where it was of something else."""
    known = None if snapshot.profiling is None else _known(snapshot, snapshot.profiling)
    if known is None:
        return None
    times, objective = snapshot.memory.times, snapshot.spec.objectives.latency
    rate = known.rate_within(seconds(objective.target), objective.percentile)
    mostly = snapshot.memory.variant == known.variant and times.assumed >= 0.5 * times.weight
    return ModelProfile(
        variant=known.variant[:MOST_VARIANT],
        accelerator=known.accelerator[:MOST_ACCELERATOR],
        batch_times=tuple(
            BatchTime(batch=each.size, milliseconds=_rounded(each.time * 1_000.0)) for each in known.batches
        ),
        requests_per_second_at_objective=None if rate is None else _rounded(rate),
        evidence="Profile" if mostly else "Traffic",
    )


def _known(snapshot: ModelSnapshot, wish: Profiling) -> Profile | None:
    known = snapshot.memory.profile
    return known if known is not None and known.key == wish.key else None


def _measured(snapshot: ModelSnapshot, known: Profile) -> str:
    objective = snapshot.spec.objectives.latency
    least, most = known.batches[0], known.batches[-1]
    said = f"on {known.variant} ({known.accelerator}) a batch of {least.size} takes {_rounded(least.time * 1_000.0)} ms"
    if most is not least:
        said += f", one of {most.size} takes {_rounded(most.time * 1_000.0)} ms"
    rate = known.rate_within(seconds(objective.target), objective.percentile)
    kept = f"{objective.percentile} within {objective.target}"
    served = (
        f"one replica served {_rounded(rate)} requests/s with {kept}" if rate is not None else f"no load kept {kept}"
    )
    return "; ".join((said, served, *known.notes))


def _under_way(snapshot: ModelSnapshot, wish: Profiling, job: Manifest) -> Finding:
    state, pods = state_of(job), pods_of(snapshot, job)
    again = AGAIN.format(wish.job)
    if state.failed:
        return _finding("False", Reason.PROFILE_FAILED, f"{_why(snapshot, job, state.failed)}; {again}")
    if state.complete:
        said = f"Job {wish.job} ended, and its pod left no report that can be read"
        return _finding("False", Reason.PROFILE_LOST, f"{said}; {again}")
    for waits in _waits(pods):
        return _finding("Unknown", Reason.PROFILE_WAITING, f"Job {wish.job} waits for a node: {waits}")
    for failure in _failures(pods):
        return _finding("Unknown", Reason.PROFILE_RUNNING, f"Job {wish.job} has trouble: {failure}")
    return _finding("Unknown", Reason.PROFILE_RUNNING, f"Job {wish.job} is measuring the model")


def _why(snapshot: ModelSnapshot, job: Manifest, given: str) -> str:
    """Return why a Job failed: in the words of what measured, else of who kept it from starting, else of its end."""
    told = next((each for each in reports_of(snapshot, job) if each.reason is not None), None)
    if told is not None:
        return f"the model cannot be measured ({told.reason}): {told.message}"
    return f"the model cannot be measured: {next(iter(_failures(pods_of(snapshot, job))), given)}"


def _failures(pods: tuple[Manifest, ...]) -> list[str]:
    """Return what the containers that are not ready have to say, in the order in which they start."""
    containers = (
        each
        for pod in pods
        for each in (*entries(pod, "status", "initContainerStatuses"), *entries(pod, "status", "containerStatuses"))
    )
    failures = (failure_of(each) for each in containers if part(each, "ready") is not True)
    return [failure.message for failure in failures if failure is not None]


def _waits(pods: tuple[Manifest, ...]) -> list[str]:
    """Return why pods have no node, in the scheduler's words."""
    scheduled = (entry(pod, "status", "conditions", key="type", named="PodScheduled") for pod in pods)
    return [text(each, "message") or "no reason given" for each in scheduled if part(each, "status") == "False"]


def _rounded(value: float) -> str:
    """Return a number of three significant digits, and at most three decimals, as it is written."""
    written = f"{float(f'{value:.{SIGNIFICANT}g}'):.3f}"
    return written.rstrip("0").rstrip(".")


def _finding(status: Status, reason: Reason, message: str) -> Finding:
    return Finding(type=ConditionType.PROFILED, status=status, reason=reason, message=message)
