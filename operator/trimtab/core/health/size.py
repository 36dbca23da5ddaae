"""A status is read by everybody who watches the model, so it stays small, whatever others had to say."""

from trimtab.api.model_status import AIModelStatus

MOST_BYTES = 4_096
SIZES = ((512, 1_024), (160, 1_024), (100, 1_024), (60, 512), (40, 256), (24, 128), (24, 64))
"""Bytes of a step of the trail, and of a message, from roomy to tight."""
CUT = "..."


def fitted(status: AIModelStatus) -> AIModelStatus:
    """Return the status with its texts cut until all of it has at most 4 KiB as JSON: first the trail, then messages.

    The version is kept whole: half an address says nothing. What a profile measured goes where that is not enough: its
    condition has the headline.
    """
    tightest = _cut(status, *SIZES[-1])
    shorter = (cut for sizes in SIZES if _fits(cut := _cut(status, *sizes)))
    return next(shorter, tightest.model_copy(update={"profile": None}))


def _fits(status: AIModelStatus) -> bool:
    return len(status.model_dump_json(by_alias=True, exclude_none=True).encode()) <= MOST_BYTES


def _cut(status: AIModelStatus, of_step: int, of_message: int) -> AIModelStatus:
    decision = status.decision
    if decision is not None:
        trail = tuple(step.model_copy(update={"because": shortened(step.because, of_step)}) for step in decision.trail)
        decision = decision.model_copy(update={"trail": trail, "message": shortened(decision.message, of_message)})
    conditions = tuple(
        each.model_copy(update={"message": shortened(each.message, of_message)}) for each in status.conditions
    )
    return status.model_copy(update={"decision": decision, "conditions": conditions})


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many bytes, with dots in place of what was cut."""
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - len(CUT)].decode(errors="ignore") + CUT
