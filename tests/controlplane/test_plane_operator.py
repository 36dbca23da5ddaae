"""The operator as a child process of a plane: what tests and the benchmark do to it, tried on a stand-in."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from controlplane import ApiError, ComponentFailedError, ControlPlane, OperatorProcess, prepare, until

TESTS = Path(__file__).parents[1]
STUB = (sys.executable, str(TESTS / "fakes" / "operator_stub.py"))
SETTINGS = {"PYTHONPATH": str(TESTS.parent / "hack")}


@pytest.fixture(scope="module", autouse=True)
def prepared(control_plane: ControlPlane) -> None:
    """Give the plane the operator's rights."""
    prepare(control_plane)


@pytest.fixture
def stub(control_plane: ControlPlane) -> Iterator[OperatorProcess]:
    """Run the stand-in."""
    with OperatorProcess(control_plane, settings=SETTINGS, command=STUB, name="stub") as process:
        yield process


def test_it_has_the_rights_of_an_installation_and_no_more(control_plane: ControlPlane) -> None:
    """What config/rbac grants works, and Secrets stay closed."""
    operator = control_plane.api_as("trimtab-operator")

    assert isinstance(operator.list("trimtab.io/v1alpha1/AIModel"), list)
    with pytest.raises(ApiError, match=re.escape("system:serviceaccount:trimtab-system:trimtab-operator")) as refused:
        operator.list("v1/Secret")
    assert refused.value.code == 403


def test_it_is_ready_when_the_start_returns_and_again_after_a_kill(stub: OperatorProcess) -> None:
    """A second life has another process, the same ports, and goes on in the same log and the same account of time."""
    first, spent = stub.pid, stub.cpu_seconds
    assert stub.ready
    assert stub.peak_bytes > 10 << 20

    stub.kill()

    assert [stub.running, stub.ready] == [False, False]
    assert not psutil.pid_exists(first)
    assert stub.cpu_seconds >= spent > 0

    stub.start()

    assert stub.ready
    assert stub.pid != first
    assert stub.cpu_seconds > spent


def test_it_ends_when_it_is_asked_to(stub: OperatorProcess) -> None:
    """`stop` is a SIGTERM, and tells how it went."""
    assert stub.stop() == -15
    assert not stub.running
    assert stub.stop() == -15


def test_it_is_started_once(stub: OperatorProcess) -> None:
    """Two at once would be two writers by accident."""
    with pytest.raises(RuntimeError, match=rf"stub runs already, as process {stub.pid}: kill\(\) or stop\(\) it"):
        stub.start()


def test_one_that_fails_at_the_start_says_its_last_words(control_plane: ControlPlane) -> None:
    """A test that cannot start it shows why, without a search for the log."""
    broken = OperatorProcess(control_plane, command=(sys.executable, "-c", "raise SystemExit('no such setting')"))

    with pytest.raises(ComponentFailedError, match=r"operator ended with 1; .*\n(.*\n)*no such setting"), broken:
        pytest.fail("it started")


def test_one_that_never_becomes_ready_is_ended(control_plane: ControlPlane) -> None:
    """Waiting has an end."""
    mute = OperatorProcess(control_plane, settings=SETTINGS | {"STUB_FAULT": "mute"}, command=STUB, name="mute")
    mute.start(wait=False)

    with pytest.raises(ComponentFailedError, match=r"mute was not ready after 0\.5 s"):
        mute.wait_until_ready(seconds=0.5)
    assert mute.stop() == -15


def test_it_outlives_an_api_server_that_goes_away(control_plane: ControlPlane, stub: OperatorProcess) -> None:
    """The accident that every operator has to survive can be arranged under it."""
    pid = stub.pid
    try:
        control_plane.take_apiserver_away(kill=True)
        until(lambda: "looking again" in stub.log, what="the stand-in to notice")
    finally:
        control_plane.bring_apiserver_back()

    assert stub.running
    assert stub.pid == pid
