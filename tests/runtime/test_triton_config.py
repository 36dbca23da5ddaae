"""config.pbtxt: what the user wrote stays, what the operator wants is added where it fits; mistakes have a place."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError
from trimtab_runtime.fetch.triton_config import Kind, MergedConfig, merge_config, read_config

BATCHING = {
    "max_queue_delay_microseconds": 5000,
    "default_queue_policy": {"timeout_action": "DELAY", "default_timeout_microseconds": 100_000},
}
WANTED = {
    "max_batch_size": 16,
    "dynamic_batching": BATCHING,
    "instance_group": [{"count": 2, "kind": "KIND_GPU"}],
}


def merged(folder: Path, text: str, wanted: dict[str, Any] | None = None) -> MergedConfig:
    """Return what becomes of a user's text."""
    (folder / "config.pbtxt").write_text(text)
    return merge_config(read_config(folder / "config.pbtxt"), WANTED if wanted is None else wanted, "fraud")


def as_triton_reads(config: MergedConfig) -> Any:  # noqa: ANN401  # protobuf makes its classes at run time
    """Return the text as Triton's own schema has it."""
    return text_format.Parse(config.text, model_config_pb2.ModelConfig())


def failure(folder: Path, text: str | bytes) -> FetchError:
    """Return how a user's text is refused."""
    (folder / "config.pbtxt").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(FetchError) as caught:
        merge_config(read_config(folder / "config.pbtxt"), WANTED, "fraud")
    assert caught.value.reason is Reason.INVALID_MODEL_CONFIG
    return caught.value


def test_without_a_file_the_wishes_are_the_configuration() -> None:
    """A single model file gets all that the operator wants."""
    read = as_triton_reads(merge_config(None, WANTED, "fraud"))

    assert read.name == "fraud"
    assert read.max_batch_size == 16
    assert read.dynamic_batching.default_queue_policy.default_timeout_microseconds == 100_000
    assert [(group.count, group.kind) for group in read.instance_group] == [(2, 1)]


def test_a_users_fields_win_and_the_rest_is_completed(tmp_path: Path) -> None:
    """At every depth: the user's delay stays beside the operator's queue policy."""
    read = as_triton_reads(
        merged(
            tmp_path,
            'backend: "onnxruntime"\nmax_batch_size: 4\ndynamic_batching { max_queue_delay_microseconds: 1 }\n'
            "instance_group [{ count: 7 kind: KIND_CPU }]\n",
        )
    )

    assert read.backend == "onnxruntime"
    assert read.max_batch_size == 4
    assert read.dynamic_batching.max_queue_delay_microseconds == 1
    assert read.dynamic_batching.default_queue_policy.default_timeout_microseconds == 100_000
    assert [(group.count, group.kind) for group in read.instance_group] == [(7, 2)]


def test_a_users_zero_is_not_an_absent_field(tmp_path: Path) -> None:
    """`max_batch_size: 0` says that the model takes no batches; protobuf 3 alone would lose it."""
    config = merged(tmp_path, "max_batch_size: 0\n")

    assert "max_batch_size: 0" in config.text
    assert not as_triton_reads(config).HasField("dynamic_batching")
    assert config.notes == ("dynamic_batching and its queue policy left out: max_batch_size is not at least 1",)


def test_a_users_zero_delay_stays_zero(tmp_path: Path) -> None:
    """Zero is a value at depth too."""
    config = merged(tmp_path, "max_batch_size: 4\ndynamic_batching { max_queue_delay_microseconds: 0 }\n")

    assert as_triton_reads(config).dynamic_batching.max_queue_delay_microseconds == 0


def test_a_users_own_queue_policy_is_left_alone(tmp_path: Path) -> None:
    """Whole: without an action it means REJECT, which half of ours would turn into DELAY."""
    text = "max_batch_size: 4\ndynamic_batching { default_queue_policy { default_timeout_microseconds: 7 } }\n"
    policy = as_triton_reads(merged(tmp_path, text)).dynamic_batching.default_queue_policy

    assert policy.default_timeout_microseconds == 7
    assert policy.timeout_action == 0  # REJECT, Triton's default


def test_a_user_who_wants_the_order_kept_gets_no_delay(tmp_path: Path) -> None:
    """Triton refuses the two together."""
    config = merged(tmp_path, "max_batch_size: 4\ndynamic_batching { preserve_ordering: true }\n")
    batching = as_triton_reads(config).dynamic_batching

    assert not batching.HasField("default_queue_policy")
    assert batching.max_queue_delay_microseconds == 5000
    assert config.notes == (
        "default_queue_policy left out: config.pbtxt has preserve_ordering, which lets no request wait longer",
    )


def test_preferred_sizes_stay_below_the_users_largest(tmp_path: Path) -> None:
    """Triton refuses a preferred size that is larger; the user's own sizes are the user's."""
    wanted = {**WANTED, "dynamic_batching": {**BATCHING, "preferred_batch_size": [4, 16]}}

    config = merged(tmp_path, "max_batch_size: 8", wanted)
    own = merged(tmp_path, "max_batch_size: 8 dynamic_batching { preferred_batch_size: 2 }", wanted)

    assert list(as_triton_reads(config).dynamic_batching.preferred_batch_size) == [4]
    assert config.notes == ("preferred_batch_size 16 left out: config.pbtxt has max_batch_size 8",)
    assert list(as_triton_reads(own).dynamic_batching.preferred_batch_size) == [2]


def test_vllm_batches_by_itself_over_all_accelerators(tmp_path: Path) -> None:
    """It ends over another max_batch_size, and over one instance for each accelerator; nothing else is added."""
    config = merged(tmp_path, 'backend: "vllm"')
    read = as_triton_reads(config)
    own = as_triton_reads(merged(tmp_path, 'backend: "vllm" instance_group [{ count: 1 kind: KIND_GPU }]'))

    assert (read.max_batch_size, read.HasField("dynamic_batching")) == (0, False)
    assert [(group.count, group.kind) for group in read.instance_group] == [(1, 3)]  # KIND_MODEL
    assert [(group.count, group.kind) for group in own.instance_group] == [(1, 1)]
    assert config.notes == (
        "max_batch_size left out: vllm decides on it itself",
        "instance_group left out: vllm decides on it itself",
    )


@pytest.mark.parametrize(
    ("text", "backend", "platform"),
    [
        ("", "pytorch", "torch_aoti"),
        ('backend: "pytorch"', "pytorch", "torch_aoti"),
        ('backend: "python"', "python", ""),
        ('platform: "pytorch_libtorch"', "", "pytorch_libtorch"),
    ],
)
def test_the_kind_is_said_where_the_user_said_none(tmp_path: Path, text: str, backend: str, platform: str) -> None:
    """What the files tell is written down, so that Triton does not guess; what the user named stays."""
    (tmp_path / "config.pbtxt").write_text(text)
    kind = Kind(backend="pytorch", platform="torch_aoti")

    read = as_triton_reads(merge_config(read_config(tmp_path / "config.pbtxt"), {}, "fraud", kind))

    assert (read.backend, read.platform) == (backend, platform)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_batchsize: 8", "did you mean max_batch_size"),
        ("zzz: 8", "allowed are backend, batch_input"),
        ("input [{ nam: 'x' }]", "did you mean name"),
        ("input [{ data_type: TYPE_FLOAT32 }]", "did you mean TYPE_FP32"),
        ("instance_group [{ kind: GPU }]", "allowed are KIND_AUTO, KIND_GPU, KIND_CPU, KIND_MODEL"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    """The nearest names of Triton's own schema, or all where none is near."""
    assert told in str(failure(tmp_path, text))


@pytest.mark.parametrize(
    ("scheduler", "text"),
    [
        ("sequence_batching", "sequence_batching { max_sequence_idle_microseconds: 5 }"),
        (
            "ensemble_scheduling",
            'platform: "ensemble" ensemble_scheduling { step [{ model_name: "a" model_version: -1 }] }',
        ),
    ],
)
def test_another_scheduler_leaves_dynamic_batching_out_with_a_note(tmp_path: Path, scheduler: str, text: str) -> None:
    """Triton has one scheduler per model: adding a second would replace the user's."""
    config = merged(tmp_path, f"max_batch_size: 4 {text}")
    read = as_triton_reads(config)

    assert read.WhichOneof("scheduling_choice") == scheduler
    assert f"dynamic_batching and its queue policy left out: config.pbtxt has {scheduler}" in config.notes


def test_an_ensemble_gets_no_instances(tmp_path: Path) -> None:
    """An ensemble runs nothing itself; its models have instances."""
    config = merged(
        tmp_path, 'platform: "ensemble" ensemble_scheduling { step [{ model_name: "a" model_version: -1 }] }'
    )

    assert len(as_triton_reads(config).instance_group) == 0
    assert any(note.startswith("instance_group left out") for note in config.notes)


def test_a_mistake_is_told_with_line_and_column(tmp_path: Path) -> None:
    """A field that Triton does not know is the usual typing mistake."""
    error = failure(tmp_path, 'backend: "onnxruntime"\n  max_batchsize: 8\n')

    assert "line 2, column 3" in str(error)
    assert "max_batchsize" in str(error)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_batch_size: eight", "line 1, column 17"),
        ("dynamic_batching {", "line 1"),
        ("max_batch_size: 1 max_batch_size: 2", "max_batch_size"),
        ("max_batch_size: 99999999999999999999", "line 1"),
        (b"name: \xff\xfe", "config.pbtxt"),
        ('name: "other"', "'other'"),
    ],
)
def test_a_text_that_is_no_configuration_is_refused(tmp_path: Path, text: str | bytes, told: str) -> None:
    """Each message has the place, or the value, that is wrong."""
    assert told in str(failure(tmp_path, text))


def test_a_deep_or_endless_text_is_refused(tmp_path: Path) -> None:
    """A hostile file neither exhausts the stack nor the memory."""
    failure(tmp_path, "parameters { key: 'x' value { " + "a { " * 20_000)
    failure(tmp_path, "#" * (5 << 20))


def test_a_users_own_name_may_be_the_served_one(tmp_path: Path) -> None:
    """The same name is no contradiction."""
    assert 'name: "fraud"' in merged(tmp_path, 'name: "fraud" max_batch_size: 1').text


def test_wishes_that_are_no_configuration_are_the_operators_fault(tmp_path: Path) -> None:
    """The user cannot mend it, so the message does not ask for that."""
    with pytest.raises(FetchError) as caught:
        merged(tmp_path, "", {"max_bach_size": 1})

    assert caught.value.reason is Reason.INVALID_PLAN
    assert "fault of the operator" in str(caught.value)
