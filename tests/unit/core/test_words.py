"""Why a container ended, out of the end of its log. The logs are those of a real Triton 2.51."""

import pytest

from trimtab.core.health.words import last_words

NO_GPU = '2026-11-24T10:12:52Z E 28510 server.cc:241] "CudaDriverHelper has not been initialized."\n'
NO_POOL = '2026-11-24T10:12:52Z W 28510 pinned_memory_manager.cc:273] "Unable to allocate pinned system memory"\n'
EPILOGUE = "error: creating server: Internal - failed to load all models"
PYTHON = (
    NO_POOL
    + NO_GPU
    + "I1124 10:12:52.732164 28518 pb_stub.cc:298]  Failed to initialize Python stub for auto-complete: "
    + "ModuleNotFoundError: No module named 'numpy'\n\nAt:\n  /backends/python/utils.py(30): <module>\n"
    + "2026-11-24T10:12:52Z E 28510 model_lifecycle.cc:642] \"failed to load 'fraud' version 1: Internal: "
    + "ModuleNotFoundError: No module named 'numpy'\\n\\nAt:\\n  /backends/python/utils.py(30): <module>\\n\"\n"
    + EPILOGUE
)
BACKEND = (
    NO_GPU
    + "2026-11-24T10:12:52Z E 28524 model_lifecycle.cc:642] \"failed to load 'fraud' version 1: Invalid argument: "
    + "unable to find backend library for backend 'onnxruntime', try specifying runtime on the model configuration.\"\n"
    + EPILOGUE
)
CONFIGURATION = (
    "[libprotobuf ERROR text_format.cc:337] Error parsing text-format inference.ModelConfig: 1:9: no such field.\n"
    "2026-11-24T10:12:52Z E 28542 model_repository_manager.cc:1460] \"Poll failed for model directory 'fraud': "
    'failed to read text proto from models/fraud/config.pbtxt"\n'
    '2026-11-24T10:12:52Z E 28542 server.cc:9] "something else, of no use"\n' + EPILOGUE
)
CUT = (
    "  |\n| exit_timeout  | 30   |\n| cache_enabled | 0    |\n+---------------+------+\n\n"
    '2026-11-24T10:12:00Z I 27830 server.cc:345] "Timeout 30: Found 0 live models"\n' + EPILOGUE
)
ABORT = "terminate called after throwing an instance of 'std::bad_alloc'"
PORT = 'E1124 10:12:52.7 1 grpc_server.cc:2519] "failed to bind 0.0.0.0:8001"\nerror: exiting'


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (PYTHON, "failed to load 'fraud' version 1: Internal: ModuleNotFoundError: No module named 'numpy'"),
        (
            BACKEND,
            (
                "failed to load 'fraud' version 1: Invalid argument: unable to find backend library for backend "
                "'onnxruntime', try specifying runtime on the model configuration."
            ),
        ),
        (
            CONFIGURATION,
            "Poll failed for model directory 'fraud': failed to read text proto from models/fraud/config.pbtxt",
        ),
        (CUT, EPILOGUE),
        (NO_GPU + ABORT, ABORT),
        (PORT, "failed to bind 0.0.0.0:8001"),
        (NO_GPU + NO_POOL, ""),
        ("", ""),
        ("\n\n | \n", ""),
    ],
    ids=["python", "backend", "configuration", "cut", "abort", "plain-format", "noise", "empty", "blank"],
)
def test_the_cause_is_found_in_the_log(log: str, words: str) -> None:
    """The failed model goes before any other error, an error before the last line; no time, process or traceback."""
    assert last_words(log) == words


def test_the_words_are_the_same_in_every_run() -> None:
    """Time and process differ from run to run: a status that repeated them would be written at each restart."""
    again = PYTHON.replace("10:12:52", "11:13:53").replace("28510", "7").replace("28518", "9")

    assert again != PYTHON
    assert last_words(again) == last_words(PYTHON)
