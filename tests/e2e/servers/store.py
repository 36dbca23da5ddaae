"""A store that speaks S3, with one bucket `models` that has the model in FOLDER.

store.py FOLDER PORT
"""

import pathlib
import sys
import threading

import boto3
from moto.server import ThreadedMotoServer  # type: ignore[import-not-found] # in the store's image alone

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
server = ThreadedMotoServer("0.0.0.0", port)  # noqa: S104 - inside a pod
server.start()
client = boto3.client(
    "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
    aws_access_key_id="test", aws_secret_access_key="test",  # noqa: S106 - moto takes any
)  # fmt: skip
client.create_bucket(Bucket="models")
for file in filter(pathlib.Path.is_file, folder.rglob("*")):
    client.upload_file(str(file), "models", f"{folder.name}/{file.relative_to(folder)}")
print("the model is there", flush=True)  # noqa: T201 - the pod's log
threading.Event().wait()
