"""A server of S3's protocol, of the tests' own on loopback."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.databases import free_port

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "planted-key-id", "AWS_SECRET_ACCESS_KEY": "planted-access-key"}


@dataclass(frozen=True)
class ObjectStore:
    """A server that runs; its buckets live as long as it does."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def change(self, bucket: str, prefix: str, change: Callable[[bytes], bytes]) -> int:
        """Put other content in the place of every object whose key begins like this; how many there were."""
        client = self._client()
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        for key in [about["Key"] for about in listed]:
            content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
            client.put_object(Bucket=bucket, Key=key, Body=change(content))
        return len(listed)

    def _client(self) -> Any:
        import boto3

        keys = {name.lower(): value for name, value in CREDENTIALS.items()}
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)


@contextmanager
def running_object_store() -> Iterator[ObjectStore]:
    """The server from start to end."""
    store = ObjectStore(free_port())
    argv = [str(Path(sys.executable).with_name("moto_server")), "--host", "127.0.0.1", "--port", str(store.port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            _wait(store, process)
            yield store
        finally:
            process.terminate()
            process.wait(20)


def _wait(store: ObjectStore, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(store.url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the object store did not come up")
