"""The first use of a cloud reads its libraries beside the loop, and what boto3 works by in pieces."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import botocore  # type: ignore[import-untyped]
import pytest

from machina_desktop.core.config import REPOSITORY
from machina_desktop.core.providers.aws_models import Models, pieces

WATCHED = """
import asyncio, sys, threading
from pathlib import Path
from machina_desktop.core.config import Settings
from machina_desktop.core.providers.base import Access
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.secret import Secret
from tests.fakes.clouds.gcp import Gcp, PROJECT, key_file
from tests.fakes.clouds.served import serving

HEAVY = {"httpx", "httpcore", "anyio", "h11", "google"}
seen = []

def note(event, arguments):
    if event == "import" and threading.current_thread() is threading.main_thread():
        seen.extend({arguments[0].partition(".")[0]} & HEAVY - set(sys.modules))

async def verify(access):
    sys.addaudithook(note)
    return await provider_for("gcp").verify(access)

assert "httpx" not in sys.modules
with serving(Gcp()) as cloud:
    access = Access(
        settings={"endpoint": cloud.url, "project_id": PROJECT},
        secrets={"service_account_json": Secret(key_file(cloud.url))},
        preferences=Settings(Path("/nonexistent")),
    )
    print(asyncio.run(verify(access)).status, *seen)
"""


def test_the_first_question_to_a_cloud_reads_no_library_on_the_loop() -> None:
    command = [sys.executable, "-c", WATCHED]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=60, check=False)
    assert done.stdout.split() == ["valid"], done.stderr


@pytest.mark.parametrize("name", ["ec2/2016-11-15/service-2", "endpoints"])
def test_a_description_read_in_pieces_says_the_same_in_the_same_order(name: str) -> None:
    path = Path(botocore.__file__).parent / "data" / name
    plain, packed = Path(f"{path}.json"), Path(f"{path}.json.gz")
    raw = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
    found = Models().load_file(str(path))
    assert json.dumps(found) == json.dumps(json.loads(raw))
    assert Models().exists(str(path))
    assert Models().load_file(f"{path}-of-nothing") is None


@pytest.mark.parametrize("text", ["{}", ' { "a" : {"b": {}, "c": [1, {"d": null}]} , "e":"}" } ', "[1]", '"x"'])
def test_pieces_are_what_json_says(text: str) -> None:
    assert pieces(text) == json.loads(text)


@pytest.mark.parametrize("text", ["", "{", '{"a"}', '{"a": 1,}', '{"a": 1} x', '{"a" 1}', "{1: 2}"])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        pieces(text)
