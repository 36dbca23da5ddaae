"""What a profile tells the control law, by example."""

import json
from dataclasses import replace

import pytest

from fakes.measured import LINEAR, remembered
from fakes.profiles import LONG, PROFILE
from trimtab.core.scaling.capacity import ServiceTimes
from trimtab.core.scaling.memory import ScalingMemory, from_json, to_json, with_profile
from trimtab.core.scaling.prior import PRIOR_WINDOWS, prior_of
from trimtab.core.scaling.stored_profile import MOST_STORED_OF_PROFILE
from trimtab.units import Seconds


def test_a_profile_is_what_is_known_of_a_model_that_nobody_has_called() -> None:
    """Its curve, and that it is all there is."""
    memory = with_profile(ScalingMemory(), PROFILE)

    assert (memory.variant, memory.learned_at, memory.profile) == ("l4", None, PROFILE)
    assert memory.times.known
    assert memory.times.batch_time(1) == pytest.approx(0.0031)
    assert memory.times.batch_time(8) == pytest.approx(0.0102)
    assert memory.times.assumed == memory.times.weight == PRIOR_WINDOWS
    assert memory.times.largest == 8.0


def test_beside_traffic_it_counts_as_two_minutes_of_it() -> None:
    """What was learned stays, and the sizes that traffic did not show are known too."""
    memory = with_profile(remembered(), PROFILE)

    assert memory.times.weight == pytest.approx(LINEAR.weight + PRIOR_WINDOWS)
    assert memory.times.assumed == PRIOR_WINDOWS
    assert memory.wanted == remembered().wanted


def test_what_was_learned_on_another_variant_is_forgotten() -> None:
    """Its times are those of another accelerator."""
    memory = with_profile(replace(remembered(), variant="h100"), PROFILE)

    assert (memory.variant, memory.times) == ("l4", PROFILE.prior())


def test_a_profile_is_evidence_of_its_own_variant_alone() -> None:
    """And none is none."""
    assert prior_of(PROFILE, "l4") == PROFILE.prior()
    assert prior_of(PROFILE, "h100") == prior_of(None, "l4") == ServiceTimes()


def test_the_rate_at_the_objective_is_the_highest_that_kept_it() -> None:
    """By the percentile that is promised; none may have."""
    assert PROFILE.rate_within(Seconds(0.08), "P99") == 610.0
    assert PROFILE.rate_within(Seconds(0.08), "P95") == 610.0
    assert PROFILE.rate_within(Seconds(0.1), "P90") == 700.0
    assert PROFILE.rate_within(Seconds(0.1), "P50") == 700.0
    assert PROFILE.rate_within(Seconds(0.004), "P50") is None


def test_a_memory_with_a_profile_survives_a_restart() -> None:
    """All of it, and how much of what is known is the profile's."""
    memory = with_profile(remembered(), PROFILE)

    assert from_json(to_json(memory)) == memory


def test_what_was_stored_before_there_were_profiles_is_read() -> None:
    """An upgrade forgets nothing."""
    stored = json.loads(to_json(remembered()))
    del stored["profile"], stored["assumed"]

    assert from_json(json.dumps(stored)) == remembered()


def test_the_longest_profile_is_small() -> None:
    """Beside 2.5 KB of everything else."""
    without, with_it = remembered(), replace(remembered(), profile=LONG)

    assert len(to_json(with_it)) - len(to_json(without)) <= MOST_STORED_OF_PROFILE
    assert len(to_json(replace(remembered(), profile=PROFILE))) - len(to_json(without)) <= 600


@pytest.mark.parametrize("change", [{"batches": []}, {"batches": [[0, 1.0]]}, {"loads": [[1, -1.0, 1, 1, 1, 1]]}])
def test_a_profile_that_was_edited_into_nonsense_is_forgotten_with_the_rest(change: dict[str, object]) -> None:
    """Without a memory nothing is made smaller for a while, so that is safe."""
    stored = json.loads(to_json(with_profile(remembered(), PROFILE)))
    stored["profile"] |= change

    assert from_json(json.dumps(stored)) == ScalingMemory()
