"""Remotes on loopback: an S3 server and an SSH server that end with the tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh
import boto3
from moto.server import ThreadedMotoServer

BUCKET = "caches"
S3_USER = {"AWS_ACCESS_KEY_ID": "team", "AWS_SECRET_ACCESS_KEY": "secret"}
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Remote:
    """What `dvc remote add` and `dvc remote modify` are told, and the environment of commands."""

    url: str
    settings: Mapping[str, str]
    env: Mapping[str, str]


@contextmanager
def s3_server() -> Iterator[Remote]:
    """An S3 server in memory with one empty bucket."""
    server = ThreadedMotoServer(ip_address=HERE, port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        env = {**S3_USER, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
        client = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=env["AWS_DEFAULT_REGION"],
            aws_access_key_id=S3_USER["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=S3_USER["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket=BUCKET)
        yield Remote(f"s3://{BUCKET}/store", {"endpointurl": url}, env)
    finally:
        server.stop()


@contextmanager
def ssh_server(place: Path) -> Iterator[Remote]:
    """An SSH server whose root folder is a new one in `place`; it knows one key."""
    key, host_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    key.write_private_key(str(place / "id_ed25519"))
    key.write_public_key(str(place / "authorized_keys"))
    (place / "root").mkdir()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            HERE,
            0,
            server_host_keys=[host_key],
            authorized_client_keys=str(place / "authorized_keys"),
            sftp_factory=partial(asyncssh.SFTPServer, chroot=str(place / "root").encode()),
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        settings = {"user": "team", "keyfile": str(place / "id_ed25519"), "allow_agent": "false"}
        yield Remote(f"ssh://{HERE}:{server.get_port()}/store", settings, {})
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
