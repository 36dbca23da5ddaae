"""A real Job measures a real Triton, a real Triton warms a model up, and nothing of it disturbs who serves."""

import json

from e2e.cluster import GPUS_PER_NODE, condition
from e2e.scene import GPU, Scene
from operator_world import tell

JOB = "batch/v1/Job"
WORK_MS, ITEM_MS = 20.0, 2.0
"""Of a batch of the model `echo`, and of each item in it: its config.pbtxt."""
BUSY = 2.0
"""How many times as long it may take on a machine whose cores everybody shares."""
CONFIG = "import pathlib; print(pathlib.Path('/models/echo/config.pbtxt').read_text())"
STATISTICS = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8000/v2/models/echo/stats").read().decode())
"""


def test_a_model_is_measured_by_a_job_and_status_tells_its_curve(scene: Scene) -> None:
    """After it serves: batches take what the model sleeps, under the restricted profile, on a GPU of its own."""
    scene.pool()
    scene.claim()
    scene.model("echo", profile={"timeLimit": "1m"})
    scene.is_serving("echo")
    served = scene.serving("echo")

    scene.says("echo", "Profiled", "True", "ProfileMeasured", seconds=300)

    profile = scene.get("echo")["status"]["profile"]
    tell(f"profile: {json.dumps(profile)}")
    times = {each["batch"]: float(each["milliseconds"]) for each in profile["batchTimes"]}
    assert list(times) == [1, 2, 4, 8]
    for size, measured in times.items():
        assert WORK_MS + ITEM_MS * size <= measured <= BUSY * (WORK_MS + ITEM_MS * size)
    assert (profile["variant"], profile["accelerator"], profile["evidence"]) == ("l4", "nvidia.com/gpu", "Profile")
    assert float(profile["requestsPerSecondAtObjective"]) > 1000.0 / (BUSY * (WORK_MS + ITEM_MS))
    assert scene.serving("echo") == served
    (job,) = scene.cluster.api.list(JOB, scene.namespace)
    assert job["status"]["succeeded"] == 1


def test_a_measurement_makes_room_for_a_replica(scene: Scene) -> None:
    """Two nodes, one serves and one measures: a second replica gets the other, and the Job waits for a free one."""
    scene.pool({**GPU, "name": "whole", "acceleratorsPerReplica": GPUS_PER_NODE})
    scene.claim()
    scene.model("echo", profile={}, replicas=1)
    scene.is_serving("echo")
    job = scene.until(lambda: scene.cluster.api.list(JOB, scene.namespace), "a Job")[0]

    scene.edit("echo", replicas=2)

    scene.is_serving("echo", 2)
    scene.says("echo", "Profiled", "Unknown", "ProfileWaiting")
    later = scene.until(lambda: scene.cluster.api.list(JOB, scene.namespace), "another Job")[0]
    assert later["metadata"]["uid"] != job["metadata"]["uid"]
    assert condition(scene.get("echo"), "Ready") == ("True", "Serving")


def test_a_model_is_warmed_up_before_it_is_ready(scene: Scene) -> None:
    """Triton has run it by the time it says that it is ready, in batches of one and of eight."""
    scene.pool()
    scene.claim()
    resources = {"requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"memory": "1Gi"}}
    scene.model("echo", serving={"resources": resources, "triton": {"warmUp": "ZeroData"}})
    scene.is_serving("echo")

    (pod,) = scene.serving("echo")
    where = ("exec", "-n", scene.namespace, pod, "-c", "triton", "--")
    config = scene.cluster.kubectl(*where, "python3", "-c", CONFIG)
    statistics = json.loads(scene.cluster.kubectl(*where, "python3", "-c", STATISTICS))

    assert config.count("model_warmup") == 2
    told = statistics["model_stats"][0]
    tell(f"before any request: {json.dumps(told['inference_stats'])}")
    assert scene.call(scene.load("echo", rates=((5, 5),), target_ms=1000)).whole().total.answered == 25
