"""A model's own past as traffic: rates become requests, and what is not known is filled in and said."""

import pytest

from trimtab.simulate.history import HistoryError, past_of


def test_a_rate_holds_for_the_step_that_ends_with_it() -> None:
    """Two minutes at 10, then at 20 requests per second, in steps of 5 s: so many requests in each second."""
    rates = {1_000 + 5 * step: 10.0 if step < 120 else 20.0 for step in range(240)}

    past = past_of(rates, step=5, name="shop/fraud")

    assert past.unknown == 0.0
    assert len(past.trace.counts) == 1_200
    assert list(past.trace.counts[:600]) == [10.0] * 600
    assert list(past.trace.counts[600:]) == [20.0] * 600


def test_a_gap_is_a_straight_line_and_is_told() -> None:
    """Between 10 and 30 requests per second, with one step in between that nobody knows."""
    rates = {5 * step: 10.0 for step in range(200)} | {1_005: 30.0}

    past = past_of(rates, step=5, name="shop/fraud")

    assert past.unknown == pytest.approx(1 / 202)
    assert list(past.trace.counts[-10:]) == [20.0] * 5 + [30.0] * 5


@pytest.mark.parametrize("rates", [{}, {5 * step: 1.0 for step in range(50)}, {50 * step: 1.0 for step in range(300)}])
def test_too_little_is_refused(rates: dict[int, float]) -> None:
    """No step, too few of them, and mostly gaps; the message names the model and what to look at."""
    with pytest.raises(HistoryError, match=r"of shop/fraud .* ask for"):
        past_of(rates, step=5, name="shop/fraud")
