"""Triton's config.pbtxt: the user's own, completed with what the operator wants.

Protobuf version 3 cannot tell `max_batch_size: 0` from its absence, and we must: the first means "this model takes no
batches". So texts are read against Triton's schema with presence switched on, and only the result is read
against the schema itself.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, text_format
from tritonclient.grpc import model_config_pb2

from trimtab.api.fetch import FetchFailureReason as Reason
from trimtab_runtime.fetch.errors import FetchError

CONFIG_FILE = "config.pbtxt"
MAX_CONFIG_BYTES = 4 << 20
ModelConfigMessage: TypeAlias = Any  # protobuf makes its classes at run time: no type checker sees their fields

SCHEDULERS = ("dynamic_batching", "sequence_batching", "ensemble_scheduling")


@dataclass(frozen=True, kw_only=True)
class MergedConfig:
    """The configuration, as a message and as config.pbtxt's text; `notes` say which wishes were left out, and why."""

    text: str
    message: ModelConfigMessage
    notes: tuple[str, ...] = ()


def read_config(path: Path) -> ModelConfigMessage:
    """Return a user's config.pbtxt, in which absent fields and zeros differ.

    Raises:
        FetchError: if the text is no model configuration; the message has the line and column.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise _invalid(f"{CONFIG_FILE} is larger than {MAX_CONFIG_BYTES} bytes; check that it is the right file")
        text = path.read_text(encoding="utf-8")
        return text_format.Parse(text, _model_config()())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise _invalid(
            f"{CONFIG_FILE} of the source, {_where(error)}; correct it and upload the model again"
        ) from error


def merge_config(user: ModelConfigMessage | None, wanted: dict[str, Any], model: str) -> MergedConfig:
    """Return the configuration to serve with: the user's fields, then the operator's where the user set none.

    Batching is added only to a model that takes batches, and a queue policy only to dynamic batching that has none.

    Raises:
        FetchError: if the user's file names another model, or the operator's wishes are no model configuration.
    """
    merged = _model_config()()
    try:
        json_format.ParseDict(wanted, merged)
    except json_format.ParseError as error:
        raise FetchError(
            Reason.INVALID_PLAN,
            f"config is no model configuration ({error}); this is a fault of the operator",
        ) from error
    overlay, notes = _suitable(merged, user)
    result = _model_config()()
    if user is not None:
        result.CopyFrom(user)
    if result.HasField("name") and result.name != model:
        raise _invalid(
            f"{CONFIG_FILE} names the model {result.name!a}, it is served as {model!a}; remove the name or correct it"
        )
    _fill(result, overlay)
    result.name = model
    text = text_format.MessageToString(result)
    try:
        text_format.Parse(text, model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        raise _invalid(f"the completed {CONFIG_FILE}, {_where(error)}; this is a fault of the operator") from error
    return MergedConfig(text=text, message=result, notes=notes)


def _suitable(
    wanted: ModelConfigMessage, user: ModelConfigMessage | None
) -> tuple[ModelConfigMessage, tuple[str, ...]]:
    """Return the operator's wishes without those that this model cannot have, and why they went."""
    overlay = type(wanted)()
    overlay.CopyFrom(wanted)
    scheduler = next((name for name in SCHEDULERS if user is not None and user.HasField(name)), None)
    stated = user if user is not None and user.HasField("max_batch_size") else overlay
    notes = []
    if scheduler == "ensemble_scheduling" and overlay.instance_group:
        overlay.ClearField("instance_group")
        notes.append(f"instance_group left out: {CONFIG_FILE} has {scheduler}, which runs nothing itself")
    if overlay.HasField("dynamic_batching"):
        problem = None
        if scheduler not in {None, "dynamic_batching"}:
            problem = f"{CONFIG_FILE} has {scheduler}"
        elif stated.max_batch_size < 1:
            problem = "max_batch_size is not at least 1"
        if problem is not None:
            overlay.ClearField("dynamic_batching")
            notes.append(f"dynamic_batching and its queue policy left out: {problem}")
    return overlay, tuple(notes)


def _fill(target: ModelConfigMessage, overlay: ModelConfigMessage) -> None:
    """Set in a message the fields that it lacks, inside its messages too; a list is one value."""
    for field, value in overlay.ListFields():
        if field.is_repeated:
            if not getattr(target, field.name):
                getattr(target, field.name).MergeFrom(value)
        elif field.message_type is not None:
            if target.HasField(field.name):
                _fill(getattr(target, field.name), value)
            else:
                getattr(target, field.name).CopyFrom(value)
        elif not target.HasField(field.name):
            setattr(target, field.name, value)


@cache
def _model_config() -> type[Any]:
    """Return Triton's ModelConfig with presence for every field, which protobuf version 2 gives."""
    file = descriptor_pb2.FileDescriptorProto()
    model_config_pb2.DESCRIPTOR.CopyToProto(file)
    file.syntax = "proto2"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message: type[Any] = message_factory.GetMessageClass(pool.FindMessageTypeByName("inference.ModelConfig"))
    return message


def _where(error: Exception) -> str:
    """Return a parse error as `line 3, column 5: ...`."""
    line, column = getattr(error, "GetLine", lambda: None)(), getattr(error, "GetColumn", lambda: None)()
    if line is None:
        return str(error)
    return f"line {line}, column {column}: " + str(error).partition(" : ")[2]


def _invalid(message: str) -> FetchError:
    return FetchError(Reason.INVALID_MODEL_CONFIG, message)
