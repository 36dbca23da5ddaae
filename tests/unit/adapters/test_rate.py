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
