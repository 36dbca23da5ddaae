"""Find in the end of a container's log why it ended."""

import re

_LINE = re.compile(
    r"(?:\d{4}-\d\d-\d\dT[\d:.]+Z )?"  # --log-format=ISO8601; the plain format has the date behind the letter
    r"(?P<level>[IWEF]) ?(?:\d{4} [\d:.]+ )?\d+ [\w.-]+:\d+\] (?P<said>.*)"
)
_NOISE = ("CudaDriverHelper has not been initialized",)  # Triton says so as an error wherever there is no GPU
_TRACEBACK = re.compile(r"(?:\\n|\s)+(?:At:|Traceback)(?:\\n|\s).*", re.DOTALL)
_OF_A_MODEL = ("failed to load", "Poll failed")


def last_words(log: str) -> str:
    """Return why a process ended, in its own words and without what differs from run to run; empty if it said nothing.

    Triton's errors go before all else: of those the last that names a model's failure, else the last. Where there is
    none, it is the last line that is no table and no information.
    """
    errors: list[str] = []
    others: list[str] = []
    for line in log.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            if line.strip() and not line.lstrip().startswith(("|", "+-")):
                others.append(line.strip())
        elif match["level"] in "EF" and not any(noise in match["said"] for noise in _NOISE):
            errors.append(_plain(match["said"]))
    of_a_model = [error for error in errors if any(words in error for words in _OF_A_MODEL)]
    return next((found[-1] for found in (of_a_model, errors, others) if found), "")


def _plain(said: str) -> str:
    """Return a logged text without its quotes, its escaped line ends and the traceback behind it."""
    said = said.strip().removeprefix('"').removesuffix('"')
    return _TRACEBACK.sub("", said).replace("\\n", " ").replace('\\"', '"').strip()
