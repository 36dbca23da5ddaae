"""Triton's config.pbtxt: the user's own, completed with what the operator wants.

Protobuf version 3 cannot tell `max_batch_size: 0` from its absence, and we must: the first means "this model takes no
batches". So texts are read against Triton's schema with presence switched on, and only the result is read
against the schema itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
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
VLLM = "vllm"
UNKNOWN_FIELD = re.compile(r'Message type "([\w.]+)" has no field named "(\w+)"')
UNKNOWN_VALUE = re.compile(r'Enum type "([\w.]+)" has no value named (\w+)')


@dataclass(frozen=True, kw_only=True)
class MergedConfig:
    """The configuration, as a message and as config.pbtxt's text; `notes` say which wishes were left out, and why."""

    text: str
    message: ModelConfigMessage
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a model's files say of its kind, for a configuration that does not say it itself."""

    backend: str = ""
    platform: str = ""


UNSAID = Kind()


def empty_config() -> ModelConfigMessage:
    """Return a configuration that says nothing."""
    return _model_config()()


def read_config(path: Path, shown: str = CONFIG_FILE) -> ModelConfigMessage:
    """Return a user's config.pbtxt, in which absent fields and zeros differ; messages call it as `shown`.

    Raises:
        FetchError: if the text is no model configuration; the message has the line and column.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise _invalid(f"{shown} is larger than {MAX_CONFIG_BYTES} bytes; check that it is the right file")
        text = path.read_text(encoding="utf-8")
        return text_format.Parse(text, _model_config()())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise _invalid(
            f"{shown} of the source, {_where(error)}{_allowed(error)}; correct it and upload the model again"
        ) from error


def merge_config(
    user: ModelConfigMessage | None, wanted: dict[str, Any], model: str, kind: Kind = UNSAID
) -> MergedConfig:
    """Return the configuration to serve with: the user's fields, then the operator's where the user set none.

    What the model cannot have is left out, with a note: batching where it takes no batches, and a queue policy where
    there is one. Its kind is added where the user named neither backend nor platform.

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
    result = _model_config()()
    if user is not None:
        result.CopyFrom(user)
    if result.HasField("name") and result.name != model:
        raise _invalid(
            f"{CONFIG_FILE} names the model {result.name!a}, it is served as {model!a}; "
            "remove the name, or give the AIModel the same one in spec.model.name"
        )
    _say_kind(result, kind)
    notes = tuple(_leave_out(merged, result))
    _fill(result, merged)
    result.name = model
    text = text_format.MessageToString(result)
    try:
        text_format.Parse(text, model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        raise _invalid(f"the completed {CONFIG_FILE}, {_where(error)}; this is a fault of the operator") from error
    return MergedConfig(text=text, message=result, notes=notes)


def _say_kind(result: ModelConfigMessage, kind: Kind) -> None:
    """Complete what says which backend is meant; a platform that the user named says it already."""
    if not result.backend and not result.platform and kind.backend:
        result.backend = kind.backend
    if not result.platform and kind.platform and result.backend == kind.backend:
        result.platform = kind.platform


def _leave_out(overlay: ModelConfigMessage, result: ModelConfigMessage) -> Iterator[str]:
    """Take from the operator's wishes what this model cannot have, and tell why."""
    scheduler = next((name for name in SCHEDULERS if result.HasField(name)), None)
    if scheduler == "ensemble_scheduling" and overlay.instance_group:
        overlay.ClearField("instance_group")
        yield f"instance_group left out: {CONFIG_FILE} has {scheduler}, which runs nothing itself"
    if result.backend == VLLM:
        yield from _leave_to_vllm(overlay)
    if overlay.HasField("dynamic_batching"):
        yield from _leave_out_batching(overlay, result, scheduler)


def _leave_to_vllm(overlay: ModelConfigMessage) -> Iterator[str]:
    """VLLM forms its batches itself, refuses others, and spreads over all of the replica's accelerators."""
    for field in ("max_batch_size", "instance_group"):
        if field in {each.name for each, _ in overlay.ListFields()}:
            overlay.ClearField(field)
            yield f"{field} left out: {VLLM} decides on it itself"
    overlay.ClearField("dynamic_batching")
    overlay.instance_group.add(count=1, kind="KIND_MODEL")


def _leave_out_batching(
    overlay: ModelConfigMessage, result: ModelConfigMessage, scheduler: str | None
) -> Iterator[str]:
    batching = overlay.dynamic_batching
    largest = (result if result.HasField("max_batch_size") else overlay).max_batch_size
    problem = None
    if scheduler not in {None, "dynamic_batching"}:
        problem = f"{CONFIG_FILE} has {scheduler}"
    elif largest < 1:
        problem = "max_batch_size is not at least 1"
    if problem is not None:
        overlay.ClearField("dynamic_batching")
        yield f"dynamic_batching and its queue policy left out: {problem}"
        return
    too_large = [size for size in batching.preferred_batch_size if size > largest]
    if too_large and not result.dynamic_batching.preferred_batch_size:
        kept = [size for size in batching.preferred_batch_size if size <= largest]
        batching.ClearField("preferred_batch_size")
        batching.preferred_batch_size.extend(kept)
        yield f"preferred_batch_size {too_large[0]} left out: {CONFIG_FILE} has max_batch_size {largest}"
    if result.dynamic_batching.HasField("default_queue_policy"):
        batching.ClearField("default_queue_policy")  # half of ours and half of the user's would be nobody's
    elif result.dynamic_batching.preserve_ordering:
        batching.ClearField("default_queue_policy")
        yield f"default_queue_policy left out: {CONFIG_FILE} has preserve_ordering, which lets no request wait longer"


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
def _schema() -> Any:  # noqa: ANN401  # protobuf ships no types
    """Return Triton's schema with presence for every field, which protobuf version 2 gives."""
    file = descriptor_pb2.FileDescriptorProto()
    model_config_pb2.DESCRIPTOR.CopyToProto(file)
    file.syntax = "proto2"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


@cache
def _model_config() -> type[Any]:
    """Return the class of Triton's ModelConfig."""
    message: type[Any] = message_factory.GetMessageClass(_schema().FindMessageTypeByName("inference.ModelConfig"))
    return message


def _where(error: Exception) -> str:
    """Return a parse error as `line 3, column 5: ...`."""
    line, column = getattr(error, "GetLine", lambda: None)(), getattr(error, "GetColumn", lambda: None)()
    if line is None:
        return str(error)
    return f"line {line}, column {column}: " + str(error).partition(" : ")[2]


def _allowed(error: Exception) -> str:
    """Return what could have been meant where a field or a value is none of Triton's."""
    for pattern, names_of in ((UNKNOWN_FIELD, _fields), (UNKNOWN_VALUE, _values)):
        match = pattern.search(str(error))
        if match is not None:
            names = names_of(match[1])
            near = get_close_matches(match[2], names, n=3)
            return f"; {'did you mean' if near else 'allowed are'} {', '.join(near or names)}"
    return ""


def _fields(message: str) -> list[str]:
    return sorted(field.name for field in _schema().FindMessageTypeByName(message).fields)


def _values(enum: str) -> list[str]:
    return [value.name for value in _schema().FindEnumTypeByName(enum).values]


def _invalid(message: str) -> FetchError:
    return FetchError(Reason.INVALID_MODEL_CONFIG, message)
