"""How often one status is written: at once what somebody waits for, and what never rests at most once a minute."""

from dataclasses import dataclass, field

from fakes.cluster import FakeCluster
from fakes.reconcile_world import MODEL, model
from trimtab.api.conditions import Condition, ConditionType, Reason
from trimtab.api.kinds import AIMODEL
from trimtab.api.model_status import AIModelStatus, ScalingDecision
from trimtab.reconcile.pace import RESTLESS_AFTER, RESTLESS_EVERY
from trimtab.reconcile.report import Reporter


def status(replicas: int, *, ready: bool = True, fresh: bool = True) -> AIModelStatus:
    """Return the status of a model for which so many replicas are decided."""
    said = (
        (ConditionType.READY, ready, Reason.SERVING),
        (ConditionType.METRICS_FRESH, fresh, Reason.FRESH if fresh else Reason.STALE),
    )
    conditions = tuple(
        Condition(
            type=kind,
            status="True" if true else "False",
            reason=reason,
            last_transition_time="2026-11-24T10:00:00Z",
            message="",
        )
        for kind, true, reason in said
    )
    decision = ScalingDecision(desired_replicas=replicas, bound_by="Objective", message=f"{replicas}")
    return AIModelStatus(replicas=replicas, decision=decision, conditions=conditions)


@dataclass
class Story:
    """A model whose status is reported each second, and when it was written."""

    cluster: FakeCluster = field(default_factory=FakeCluster)
    now: float = 1_000.0
    written: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let the first status have been written long ago."""
        self.cluster.put(AIMODEL, model())
        self.reporter = Reporter(self.cluster, clock=lambda: self.now)

    async def says(self, wanted: AIModelStatus, *, seconds: int = 1) -> None:
        """Report the same for some seconds."""
        for _ in range(seconds):
            manifest = self.cluster.get(AIMODEL, MODEL)
            assert manifest is not None
            before = len(self.cluster.writes)
            await self.reporter.report(AIMODEL, manifest, wanted)
            self.written += [self.now] * (len(self.cluster.writes) - before)
            self.now += 1.0


async def settled() -> Story:
    """Return a story in which nothing was written for an hour."""
    story = Story()
    await story.says(status(1))
    story.now += 3_600.0
    story.written.clear()
    return story


async def test_a_move_of_replicas_and_its_end_are_written_soon_after_they_happen() -> None:
    """A model that moves once in a while is told of like any other."""
    story = await settled()
    began = story.now
    await story.says(status(2), seconds=30)
    await story.says(replace_ready(status(2), 2), seconds=60)

    assert story.written == [began + RESTLESS_AFTER, began + 30.0 + RESTLESS_AFTER]


async def test_a_move_that_is_over_at_once_is_one_write() -> None:
    """The end is told, and not the way."""
    story = await settled()
    await story.says(status(2), seconds=4)
    await story.says(replace_ready(status(2), 2), seconds=4)
    await story.says(replace_ready(status(2), 3), seconds=60)

    assert len(story.written) == 1


async def test_what_comes_back_by_itself_is_not_written() -> None:
    """However often."""
    story = await settled()
    for _ in range(100):
        await story.says(status(2), seconds=4)
        await story.says(status(1), seconds=4)

    assert story.written == []


async def test_a_restless_model_is_written_once_a_minute() -> None:
    """Its replicas move four times a minute for an hour."""
    story = await settled()
    for number in range(240):
        await story.says(status(2 + number % 2), seconds=15)

    assert len(story.written) <= 3_600 / RESTLESS_EVERY + 2
    assert max(later - earlier for earlier, later in zip(story.written, story.written[1:], strict=False)) <= 90.0


async def test_what_somebody_waits_for_is_never_behind_what_never_rests() -> None:
    """A restless model that becomes blind says so within two seconds, and so one that no longer answers."""
    story = await settled()
    for number in range(30):
        await story.says(status(2 + number % 2), seconds=10)
    blind_at = story.now
    await story.says(status(2, fresh=False), seconds=5)
    silent_at = story.now
    await story.says(status(2, fresh=False, ready=False), seconds=5)

    assert any(blind_at <= at <= blind_at + 2.0 for at in story.written)
    assert silent_at in story.written


async def test_the_course_of_what_somebody_asked_for_is_told_as_it_goes() -> None:
    """However restless the model was before."""
    story = await settled()
    for number in range(30):
        await story.says(status(2 + number % 2), seconds=15)
    await story.says(asked_again(status(5)), seconds=5)
    asked_at = story.now
    await story.says(replace_ready(asked_again(status(5)), 3), seconds=20)
    await story.says(replace_ready(asked_again(status(5)), 5), seconds=20)

    assert story.written[-2:] == [asked_at + RESTLESS_AFTER, asked_at + 20.0 + RESTLESS_AFTER]


async def test_the_wait_that_is_told_is_the_one_that_is_kept() -> None:
    """Whoever asks again after it is written."""
    story = await settled()
    await story.says(status(2), seconds=10)
    await story.says(status(3), seconds=10)
    manifest = story.cluster.get(AIMODEL, MODEL)
    assert manifest is not None
    wait = await story.reporter.report(AIMODEL, manifest, status(4))
    assert wait is not None
    story.now += wait

    await story.says(status(4))

    assert story.written[-1] == story.now - 1.0


async def test_a_model_made_again_is_told_of_at_once() -> None:
    """Nothing is left of the one before."""
    story = await settled()
    for number in range(30):
        await story.says(status(2 + number % 2), seconds=10)
    story.reporter.forget(AIMODEL, MODEL)
    now = story.now
    await story.says(status(9))

    assert story.written[-1] == now


def asked_again(wanted: AIModelStatus) -> AIModelStatus:
    """Return the status of another generation."""
    return wanted.model_copy(update={"observed_generation": 7})


def replace_ready(wanted: AIModelStatus, ready: int) -> AIModelStatus:
    """Return a status with so many replicas that answer."""
    return wanted.model_copy(update={"ready_replicas": ready})
