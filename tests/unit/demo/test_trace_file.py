"""Traces that people recorded, and what else they may hand over instead."""

import gzip
from pathlib import Path

import pytest

from demo.trace_file import TraceError, read_trace
from demo.traffic import Traffic


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where to put a trace."""
    return tmp_path / "trace.csv"


def refusal(file: Path) -> str:
    """Return why a file is refused; it says where and what next."""
    with pytest.raises(TraceError) as refused:
        read_trace(file)
    said = str(refused.value)
    assert said.startswith(str(file))
    assert "Next: " in said
    return said.removeprefix(str(file))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_trace_is_read_whatever_its_ends_mark_and_packing(file: Path, end: bytes, mark: bytes, zipped: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Absent seconds have no request; other columns and empty lines are passed over."""
    rows = [b"tokens,t_s,requests", b"9,1,2", b"9,2,0", b"", b"9,5,3", b""]
    content = mark + end.join(rows)
    file.write_bytes(gzip.compress(content) if zipped else content)

    assert read_trace(file) == Traffic([0, 2, 0, 0, 0, 3], counted=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("t_s,requests\n", "there is no request in it"),
        ("t_s,requests\n0,0\n1,0\n", "there is no request in it"),
        ("t_s,tokens\n0,1\n", "line 1: no column requests among t_s, tokens"),
        ("0,1\n1,1\n", "line 1: no column t_s among 0, 1"),
        ("t_s,requests\n0,1\n2,1\n1,1\n", "line 4: second 1 comes after second 2"),
        ("t_s,requests\n0,1\n0,1\n", "line 3: second 0 comes after second 0"),
        ("t_s,requests\n0,1\n\n1,-4\n", "line 4: requests is -4: less than nothing"),
        ("t_s,requests\n-1,4\n", "line 2: t_s is -1: less than nothing"),
        ("t_s,requests\n0,1.5\n", "line 2: requests is '1.5', not a whole number"),
        ("t_s,requests\n0,NaN\n", "line 2: requests is 'NaN', not a whole number"),
        ("t_s,requests\n0,\n", "line 2: requests is '', not a whole number"),
        ("t_s,requests\n0,²\n", "line 2: requests is '²', not a whole number"),
        ("t_s,requests\n0\n", "line 2: 1 fields under 2 columns"),
        ("t_s,requests\n1700000000,1\n", "line 2: second 1700000000 is beyond 2678400, a month"),
        ("t_s,requests\n0,100001\n", "line 2: 100001 requests in a second are more than 100000"),
        ("t_s,requests\n0," + "9" * 5000 + "\n", "line 2: requests is '99999999999999999999', not a whole number"),
        ('t_s,requests\n0,"1\n', "it is not a CSV file in UTF-8"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(file: Path, text: str, says: str) -> None:
    """What, where, and what next."""
    file.write_text(text)

    assert says in refusal(file)


def test_what_cannot_be_read_is_refused(file: Path, tmp_path: Path) -> None:
    """Absent, a folder, cut off, damaged, or not text."""
    assert "No such file" in refusal(tmp_path / "absent.csv")
    assert "Is a directory" in refusal(tmp_path)
    packed = gzip.compress(b"t_s,requests\n" + b"".join(b"%d,1\n" % second for second in range(5_000)))
    file.write_bytes(packed[: len(packed) // 2])
    assert "cut off or damaged" in refusal(file)
    file.write_bytes(packed[:40] + bytes(20) + packed[60:])
    assert "damaged" in refusal(file)
    file.write_bytes(b"t_s,requests\n0,\xff\xfe\n")
    assert "not a CSV file in UTF-8" in refusal(file)
    file.write_text("t_s,requests\n0,1\n", encoding="utf-16")
    assert "not a CSV file in UTF-8" in refusal(file)
