"""Traffic out of files: what is read, what is refused and with which words, and what scaling keeps."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from trimtab.simulate.trace import JITTER, Trace, TraceError, dispersion, read_trace


def written(folder: Path, text: str) -> Path:
    """Return a file with that text."""
    path = folder / "trace.csv"
    path.write_text(text)
    return path


def test_seconds_that_are_absent_had_no_request(tmp_path: Path) -> None:
    """Rows are seconds; columns come in any order, and others are passed over."""
    path = written(tmp_path, "requests,other,t_s,tokens_in\n3,x,1,40\n2,y,4,7\n")

    assert read_trace(path) == Trace((0, 3, 0, 0, 2), tokens_in=(0, 40, 0, 0, 7))


def test_a_row_may_be_a_request(tmp_path: Path) -> None:
    """Without a column `requests` each row is one, at its moment, in any order."""
    path = written(tmp_path, "t_s,tokens_in,tokens_out\n2.5,10,1\n0.25,20,2\n2.75,30,3\n")

    assert read_trace(path) == Trace((1, 0, 2), tokens_in=(20, 0, 40), tokens_out=(2, 0, 4), times=(0.25, 2.5, 2.75))


def test_gzip_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    """The name does not matter: gzip is known by its first bytes."""
    path = tmp_path / "trace"
    path.write_bytes(gzip.compress("\ufefft_s,requests\r\n0,2\r\n".encode()))

    assert read_trace(path).counts == (2,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty. Next: the first line is `t_s,requests`"),
        ("a,b\n1,2\n", "line 1: no column t_s among a, b. Next"),
        ("t_s,RPS\n1,2\n", "line 1: no column requests. Next: if RPS is what it is, call it requests"),
        ("t_s,requests\n", "there is no request in it. Next"),
        ("t_s,requests\n1,1,1\n", "line 2: 3 fields under 2 columns. Next: give each column a value"),
        ("t_s,requests\n1,-1\n", "line 2: requests is -1: less than nothing. Next: remove the row"),
        ("t_s,requests\n1,x\n", "line 2: requests is 'x', not a whole number from 0 on. Next: correct requests"),
        ("t_s,requests\n1,1.5\n", "line 2: requests is '1.5', not a whole number"),
        ("t_s,requests\n5,1\n5,1\n", "line 3: second 5 comes after second 5. Next: sort the rows by t_s"),
        ("t_s,requests\n9999999,1\n", "line 2: second 9999999 is beyond 2678400, a month. Next"),
        ("t_s,requests\n0,100001\n", "line 2: 100001 requests in a second are more than 100000. Next: check the units"),
        ("t_s\n1e5\n", "line 2: t_s is '1e5', not a number from 0 on. Next: correct t_s"),
        ("t_s\n-0.5\n", "line 2: t_s is -0.5: less than nothing"),
        ("t_s\nnan\n", "line 2: t_s is 'nan', not a number"),
        ('t_s,requests\n0,"1\n', "it is not a CSV file in UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_remedy(tmp_path: Path, text: str, words: str) -> None:
    """Each message has the file, the line where there is one, what is wrong, and what to do next."""
    with pytest.raises(TraceError) as caught:
        read_trace(written(tmp_path, text))

    assert str(caught.value).startswith(str(tmp_path / "trace.csv"))
    assert words in str(caught.value)


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    """Absent, cut off, or no text: each has its words."""
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b"t_s,requests\n" + b"0,1\n" * 1_000)[:40])

    with pytest.raises(TraceError, match=r"No such file or directory\. Next: name a file that you may read"):
        read_trace(tmp_path / "absent")
    with pytest.raises(TraceError, match=r"cut off or damaged.*Next: fetch the file again"):
        read_trace(cut)


def test_arrivals_are_as_many_as_counted_each_in_its_second() -> None:
    """Without moments requests come at any of their second; the same seed gives the same ones."""
    trace = Trace((2.0, 0.0, 5.0))
    times = trace.arrivals(1)

    assert np.bincount(times.astype(int)).tolist() == [2, 0, 5]
    assert np.all(np.diff(times) >= 0.0)
    assert np.array_equal(times, trace.arrivals(1))
    assert not np.array_equal(times, trace.arrivals(2))


def test_arrivals_keep_a_rate_in_the_mean() -> None:
    """A rate of 0.3 in each of 20,000 seconds makes 6,000 requests, give or take four deviations."""
    assert abs(len(Trace((0.3,) * 20_000).arrivals(1)) - 6_000) < 4 * (20_000 * 0.3 * 0.7) ** 0.5


def test_known_moments_are_kept() -> None:
    """What was recorded is replayed."""
    assert Trace((1.0, 1.0), times=(0.5, 1.25)).arrivals(7).tolist() == [0.5, 1.25]


def test_a_part_counts_from_its_own_beginning() -> None:
    """Counts, tokens and moments are cut alike."""
    trace = Trace((1, 2, 1), tokens_in=(10, 20, 30), times=(0.5, 1.25, 1.5, 2.0))

    assert trace.part(1, 1) == Trace((2,), tokens_in=(20,), times=(0.25, 0.5))


def test_a_whole_factor_keeps_the_number_and_the_course() -> None:
    """Three times: exactly three times as many, each copy within the jitter of its original; once changes nothing."""
    trace = Trace((0.0,) * 50 + (40.0,) + (0.0,) * 49, tokens_in=(1.0,) * 100)
    scaled = trace.scaled(3.0, seed=1)
    there = np.flatnonzero(np.array(scaled.counts))

    assert sum(scaled.counts) == 120
    assert scaled.counts[50] >= 40
    assert (there.min() >= 50 - JITTER, there.max() <= 51 + JITTER) == (True, True)
    assert sum(scaled.tokens_in) == 300
    assert trace.scaled(1.0) is trace


@pytest.mark.parametrize("factor", [0.1, 0.5, 2.5])
def test_any_other_factor_keeps_the_number_in_the_mean(factor: float) -> None:
    """Of 20,000 requests, within four deviations of a thinning."""
    scaled = Trace((20.0,) * 1_000).scaled(factor, seed=1)
    share = factor % 1.0

    assert abs(sum(scaled.counts) - 20_000 * factor) < 4 * (20_000 * share * (1 - share)) ** 0.5
    assert len(scaled.counts) == 1_000


def test_scaled_moments_stay_within_the_trace() -> None:
    """Copies of the first and the last moment are moved inwards, and the counts are those of the moments."""
    scaled = Trace((1.0, 0.0, 1.0), times=(0.0, 2.999)).scaled(50.0, seed=3)

    assert min(scaled.times) >= 0.0
    assert max(scaled.times) < 3.0
    assert np.bincount(np.array(scaled.times).astype(int), minlength=3).tolist() == list(scaled.counts)


def test_dispersion_is_the_variance_by_the_mean_of_windows() -> None:
    """Windows of two seconds with 2 and 6 requests: variance 8, mean 4."""
    assert dispersion((1, 1, 3, 3), window=2) == 2.0
    assert np.isnan(dispersion((1, 1, 1), window=2))
