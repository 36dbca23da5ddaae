"""What is made of replicas that were seen second by second."""

from e2e.watch import Replicas, Seen

COURSE = Replicas(tuple(Seen(*each) for each in ((0, 2, 2), (10, 2, 1), (12, 4, 2), (20, 4, 4), (30, 1, 1))))


def test_what_comes_after_a_step_is_more_than_there_was_at_it() -> None:
    """Replicas that were there before the step are no answer to it, and neither is one that comes back."""
    assert COURSE.called(5.0) == 7.0
    assert COURSE.served(5.0) == 15.0


def test_what_never_came_is_no_number() -> None:
    """After the last rise nothing more is asked for."""
    assert COURSE.called(25.0) is None
    assert COURSE.served(25.0) is None


def test_replica_seconds_are_those_of_the_span_alone() -> None:
    """Two for twelve seconds, four for eighteen; a span may begin and end between two looks."""
    assert COURSE.seconds(0.0, 30.0) == 2 * 12 + 4 * 18
    assert COURSE.seconds(11.0, 13.0) == 2 + 4


def test_the_most_is_that_of_the_span() -> None:
    """The end of a span is no part of it."""
    assert (COURSE.most(0.0, 12.0), COURSE.most(0.0, 13.0)) == (2, 4)
