"""How fast we may write."""

from trimtab.adapters.cluster.rate import TokenBucket


def test_a_burst_passes_and_the_rest_waits_its_turn() -> None:
    """`burst` tokens are there at once; from then on each costs its share of a second."""
    bucket = TokenBucket(per_second=10, burst=3, clock=lambda: 100.0)

    waits = [round(bucket.reserve(), 3) for _ in range(6)]

    assert waits == [0.0, 0.0, 0.0, 0.1, 0.2, 0.3]


def test_a_rest_fills_the_bucket_up_to_its_brim() -> None:
    """After a quiet hour there is one burst, not an hour's worth."""
    now = [0.0]
    bucket = TokenBucket(per_second=10, burst=2, clock=lambda: now[0])
    for _ in range(5):
        bucket.reserve()

    now[0] = 3600.0
    waits = [round(bucket.reserve(), 3) for _ in range(3)]

    assert waits == [0.0, 0.0, 0.1]


def test_a_server_that_cannot_be_used_is_asked_less_and_less() -> None:
    """Each failure doubles the time between two writes, up to half a second; one success brings the old pace back."""
    bucket = TokenBucket(per_second=10, burst=1, clock=lambda: 100.0)
    bucket.reserve()

    waits = []
    for _ in range(4):
        bucket.heed(usable=False)
        waits.append(round(bucket.reserve(), 3))
    bucket.heed(usable=True)

    assert waits == [0.2, 0.6, 1.1, 1.6]
    assert [round(bucket.reserve(), 3) for _ in range(2)] == [0.1, 0.2]


def test_a_pace_slower_than_that_stays_as_it_is() -> None:
    """Failures never make anybody faster."""
    bucket = TokenBucket(per_second=1, burst=1, clock=lambda: 100.0)
    bucket.reserve()
    bucket.heed(usable=False)

    assert bucket.reserve() == 1.0
