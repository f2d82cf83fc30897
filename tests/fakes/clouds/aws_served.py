"""AWS as moto plays it, in a process of its own: ``python -m tests.fakes.clouds.aws_served`` prints its address."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

UBUNTU = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server"
AMIS = (
    ("ami-0deb1200000000001", "136693071363", "debian-12-amd64-20260101-2000", "x86_64", "2026-01-01"),
    ("ami-0deb1200000000002", "136693071363", "debian-12-amd64-20260301-2000", "x86_64", "2026-03-01"),
    ("ami-0deb1200000000003", "136693071363", "debian-12-arm64-20260301-2000", "arm64", "2026-03-01"),
    ("ami-0ubu2400000000001", "099720109477", f"{UBUNTU}-20260301", "x86_64", "2026-03-01"),
    ("ami-0ama2300000000001", "137112412989", "al2023-ami-2023.6.20260301.0-kernel-6.1-x86_64", "x86_64", "2026-03-01"),
    ("ami-0roc0900000000001", "792107900819", "Rocky-9-EC2-Base-9.5-20260301.0.x86_64", "x86_64", "2026-03-01"),
    ("ami-0win0000000000001", "801119661308", "Windows_Server-2022-English-Full-Base", "x86_64", "2026-03-01"),
)  # fmt: skip


def amis() -> list[dict[str, object]]:
    """Images of others, as moto reads them."""
    return [
        {
            "ami_id": image_id,
            "state": "available",
            "public": True,
            "owner_id": owner,
            "image_location": "amazon/x",
            "image_type": "machine",
            "architecture": architecture,
            "creation_date": f"{day}T00:00:00.000Z",
            "description": name,
            "name": name,
            "platform": None,
            "root_device_name": "/dev/xvda",
            "root_device_type": "ebs",
            "sriov": "simple",
            "virtualization_type": "hvm",
            "hypervisor": "xen",
        }
        for image_id, owner, name, architecture, day in AMIS
    ]


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """Its address, until the end."""
    with tempfile.TemporaryDirectory(prefix="machina-moto-") as folder:
        file = Path(folder) / "amis.json"
        file.write_text(json.dumps(amis()), "utf-8")
        root = Path(__file__).parents[3]
        command = [sys.executable, "-m", "tests.fakes.clouds.aws_served"]
        environment = os.environ | {"MOTO_AMIS_PATH": str(file)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root, env=environment
        ) as process:
            assert process.stdout is not None
            try:
                yield process.stdout.readline().strip()
            finally:
                process.kill()


def main() -> None:
    """Serve until killed."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
