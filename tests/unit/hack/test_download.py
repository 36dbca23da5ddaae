"""Downloads: taken when the publisher vouches for them, and never otherwise."""

import subprocess
from pathlib import Path

import pytest

from controlplane import download
from controlplane.download import ChecksumError
from controlplane.versions import cache_root, cached
from fakes.mirror import Mirror, sha256

SAYS_HELLO = b"#!/bin/sh\necho hello\n"
ONE_OF_EACH_PROJECT = ("etcd", "kube-apiserver", "kwok", "prometheus")
each_project = pytest.mark.parametrize("program", ONE_OF_EACH_PROJECT)


def rubbish_left() -> list[Path]:
    """Return what lies in the cache."""
    return [path for path in cache_root().rglob("*") if path.is_file()]


@each_project
def test_a_download_with_the_right_checksum_is_in_the_cache_and_runs(mirror: Mirror, program: str) -> None:
    """Each project publishes in its own way; each way ends with an executable in the cache, and nothing else."""
    mirror.publish(program, SAYS_HELLO)

    failures = download.fetch([program])

    assert failures == []
    assert subprocess.run([cached(program)], capture_output=True, check=True).stdout == b"hello\n"
    assert rubbish_left() == [cached(program)]


@each_project
def test_a_download_with_another_checksum_is_refused_loudly(mirror: Mirror, program: str) -> None:
    """Changed bytes are never used, nothing of them stays, and the error says what to do."""
    mirror.publish(program, SAYS_HELLO, checksum=lambda content: sha256(content + b"!"))

    with pytest.raises(ChecksumError, match=r"has SHA-256 [0-9a-f]{64}, but .* says [0-9a-f]{64}.*Next: "):
        download.fetch([program])

    assert rubbish_left() == []


@each_project
def test_a_download_without_a_checksum_is_not_used(mirror: Mirror, program: str) -> None:
    """Where the publisher's list is silent nobody vouches for the file: it is not even asked for."""
    mirror.publish(program, SAYS_HELLO, checksum=lambda _: "")

    failures = download.fetch([program])

    assert len(failures) == 1
    assert program in failures[0]
    assert rubbish_left() == []
    assert len(mirror.asked) == 1


def test_an_archive_without_the_program_is_not_used(mirror: Mirror) -> None:
    """A vouched archive that holds something else leaves nothing in the cache."""
    mirror.publish("etcd", SAYS_HELLO)
    (archive,) = mirror.folder.rglob("etcd-*.tar.gz")
    (listing,) = mirror.folder.rglob("SHA256SUMS")
    archive.write_bytes(b"not an archive")
    listing.write_text(f"{sha256(b'not an archive')}  {archive.name}\n")

    failures = download.fetch(["etcd"])

    assert len(failures) == 1
    assert rubbish_left() == []


def test_a_host_that_cannot_be_reached_is_not_asked_again(capfd: pytest.CaptureFixture[str]) -> None:
    """A machine without a way out waits once, not once for each program."""
    failures = download.fetch(["kube-apiserver", "kube-scheduler", "kubectl"])

    assert len(failures) == 1
    assert capfd.readouterr().err.count("no download of") == 1


def test_what_is_missing_on_a_mirror_is_told_with_its_host(mirror: Mirror) -> None:
    """A 404 for the checksum reads as one, so that a half-filled mirror is found out."""
    failures = download.fetch(["kwok"])

    assert "404" in failures[0]
    assert "127.0.0.1" in failures[0]
    assert len(mirror.asked) == 1
