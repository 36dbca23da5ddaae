"""The locks for training fit on top of the runtime's, with either build of torch."""

from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"


def pins(name: str) -> dict[str, str]:
    """Return a lock's packages and their versions."""
    lines = (REQUIREMENTS / name).read_text().splitlines()
    found = [line.removesuffix(" \\").partition("==") for line in lines if not line.startswith(" ")]
    return {package.partition("[")[0]: version for package, _, version in found}


def test_what_training_shares_with_the_runtime_has_one_version() -> None:
    """Both are installed into one environment."""
    runtime, training = pins("runtime.txt"), pins("train.txt") | pins("train-cuda.txt")
    shared = runtime.keys() & training.keys()

    assert {"fsspec", "pydantic"} <= shared
    assert {package: runtime[package] for package in shared} == {package: training[package] for package in shared}


def test_torch_is_locked_alone_and_for_every_build() -> None:
    """`torch==X` admits X+cpu; the lock has no room for anything that only one build needs."""
    (version,) = pins("torch.txt").values()

    assert "+" not in version
    assert "torch" not in pins("train.txt")


def test_what_only_cuda_needs_is_not_asked_of_a_cpu_build() -> None:
    """2 GB of libraries without a use."""
    assert not [package for package in pins("train.txt") if package.startswith(("nvidia", "cuda", "triton"))]
    assert {"nvidia-cublas", "triton"} <= pins("train-cuda.txt").keys()
    assert pins("train.txt").keys() & pins("train-cuda.txt").keys() == set()
