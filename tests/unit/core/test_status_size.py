"""A status stays within 4 KiB: texts are cut, the trail first."""

from dataclasses import replace

from fakes.measured import measured, sample
from fakes.profiles import LONG
from fakes.snapshots import SERVICE_OF_MODEL, deployment, model_spec, pod, snapshot, status_of
from trimtab.api.conditions import Reason
from trimtab.api.model_status import AIModelStatus
from trimtab.api.profile import MOST_BATCHES
from trimtab.core.health import Trouble
from trimtab.core.health.size import MOST_BYTES, shortened
from trimtab.core.scaling.memory import ScalingMemory, with_profile
from trimtab.core.scaling.policies import POLICIES
from trimtab.core.snapshot import Profiling

LONGEST_URI = "https://models.example/" + "x" * 1_001


def size(status: AIModelStatus) -> int:
    """Return the bytes of a status as JSON."""
    return len(status.model_dump_json(by_alias=True, exclude_none=True).encode())


def test_an_ordinary_status_is_told_whole() -> None:
    """Nothing is cut where there is room."""
    seen = measured(snapshot(deployment(asked=2), SERVICE_OF_MODEL, pods=[pod(ready=True)]), sample(300.0))

    status = status_of(seen)

    assert size(status) < MOST_BYTES
    assert "..." not in status.model_dump_json()


def test_long_words_of_others_are_cut() -> None:
    """The longest of everything at once, in characters of four bytes each."""
    spec = model_spec(most=9, pin=7, budget="0.80", model={"source": {"uri": LONGEST_URI}})
    trouble = Trouble(reason=Reason.CHILD_REFUSED, message="\N{GRINNING FACE}" * 2_000, needs_change=True)
    seen = snapshot(deployment(asked=2), SERVICE_OF_MODEL, spec=spec, pods=[pod(ready=True)])

    seen = replace(measured(seen, sample(9_000.0)), profiling=Profiling(key=LONG.key, job="j" * 63))

    status = status_of(replace(seen, memory=with_profile(ScalingMemory(), LONG)), trouble)

    assert MOST_BYTES // 2 < size(status) <= MOST_BYTES
    assert status.version is not None
    assert status.version.serving == LONGEST_URI
    assert status.decision is not None
    assert len(status.decision.trail) == len(POLICIES)
    assert status.profile is None


def test_a_long_profile_has_room_in_an_ordinary_status() -> None:
    """It goes last: beside the longest address and the longest words alone."""
    spec = model_spec(most=9, budget="0.80", model={"source": {"uri": "s3://models/fraud/" + "x" * 200}})
    trouble = Trouble(reason=Reason.CHILD_REFUSED, message="\N{GRINNING FACE}" * 2_000, needs_change=True)
    seen = measured(snapshot(deployment(asked=2), spec=spec, pods=[pod(ready=True)]), sample(9_000.0))
    profiling = Profiling(key=LONG.key, job="j" * 63)

    status = status_of(replace(seen, profiling=profiling, memory=with_profile(ScalingMemory(), LONG)), trouble)

    assert size(status) <= MOST_BYTES
    assert status.profile is not None
    assert len(status.profile.batch_times) == MOST_BATCHES


def test_what_is_cut_ends_with_dots_and_whole_characters() -> None:
    """No half of a character, and never more bytes than asked for."""
    assert shortened("enough", 6) == "enough"
    assert shortened("too much", 7) == "too ..."
    assert shortened("\N{GRINNING FACE}" * 3, 10) == "\N{GRINNING FACE}..."
