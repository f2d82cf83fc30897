"""No learnt secret survives in a text, in whatever encoding it turns up."""

from __future__ import annotations

import base64
import json
import logging
import stat
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from machina_desktop.core import log
from machina_desktop.core.log import REDACTOR, Redactor
from machina_desktop.core.secret import DOTS

CANARIES = ["dop_v1_4f6a9c0e", 'p/w+d=&<x> y"z\\', "schlüssel-ÄÖÜ-☃", "tab\tand more"]

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "URL": lambda text: urllib.parse.quote(text, safe=""),
    "URL form": urllib.parse.quote_plus,
    "JSON": lambda text: json.dumps({"token": text}),
    "JSON in JSON's UTF-8": lambda text: json.dumps({"token": text}, ensure_ascii=False),
    "JSON as Go writes it": lambda text: (
        json.dumps(text, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    ),
    "hex": lambda text: text.encode().hex(),
    "upper-case hex": lambda text: text.encode().hex().upper(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 one byte later": lambda text: base64.b64encode(b"\xff" + text.encode() + b"\xff").decode(),
    "base64 two bytes later": lambda text: base64.b64encode(b"\xff\xff" + text.encode() + b"\xff\xff").decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"user:" + text.encode()).decode().rstrip("="),
}


def redactor_of(*secrets: str) -> Redactor:
    redactor = Redactor()
    redactor.learn(*secrets)
    return redactor


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_a_secret_is_replaced_in_each_encoding(canary: str, encode: Callable[[str], str]) -> None:
    encoded = encode(canary)
    redacted = redactor_of(canary).redact(f"before {encoded} after")
    assert (redacted.startswith("before "), redacted.endswith(" after"), DOTS in redacted) == (True, True, True)
    # The wrapping stays, and of base64 the characters that mix with their neighbours.
    assert len(redacted) <= len("before  after") + len(DOTS) + len('{"token": ""}')
    assert canary not in redacted


@given(st.binary(max_size=12), st.text(st.characters(codec="utf-8"), min_size=8, max_size=60), st.binary(max_size=12))
def test_a_secret_amid_other_bytes_is_gone_from_their_base64(before: bytes, secret: str, after: bytes) -> None:
    redactor = redactor_of(secret)
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    start, end = -(-len(before) * 8 // 6), (len(before) + len(secret.encode())) * 8 // 6
    core = encoded[start:end]
    assert core not in redactor.redact(encoded)


def test_of_a_private_key_each_line_is_replaced_but_not_its_header() -> None:
    lines = ["-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXktdjE", "AAAAC3NzaC1lZDI1NTE5", "-----END"]
    redactor = redactor_of("\n".join(lines) + "\n")
    for line in lines[1:3]:
        assert redactor.redact(f"| {line} |") == f"| {DOTS} |"
    assert redactor.redact(lines[0]) == lines[0]


def test_ordinary_words_stay() -> None:
    redactor = redactor_of("root", "", "     ", "\n\n", "12345")
    assert redactor.redact("root 12345      \n\n") == "root 12345      \n\n"


def test_of_two_secrets_with_the_same_beginning_the_longer_is_replaced() -> None:
    assert redactor_of("secret", "secret-and-more").redact("secret-and-more secret") == f"{DOTS} {DOTS}"


def test_overlapping_secrets_leave_no_rest() -> None:
    assert redactor_of("abcdefgh", "efghijkl").redact("xabcdefghijklx") == f"x{DOTS}x"


def test_learning_and_redacting_in_many_threads_goes_together() -> None:
    redactor, leaked = redactor_of("first-secret"), []

    def work(number: int) -> None:
        for count in range(50):
            secret = f"secret-{number}-{count}"
            redactor.learn(secret)
            if secret in redactor.redact(f"x {secret} first-secret"):
                leaked.append(secret)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert leaked == []


def test_many_secrets_do_not_slow_the_log_down() -> None:
    few, many = (
        redactor_of("secret-0"),
        redactor_of(*(f"secret-number-{number}-{number * 7919}" for number in range(2000))),
    )
    line = "module.machine.host: Creation complete after 32s [id=401234567]" * 2

    def fastest_s(redactor: Redactor) -> float:
        best = 1.0
        for _ in range(20):
            started = time.perf_counter()
            redactor.redact(line)
            best = min(best, time.perf_counter() - started)
        return best

    assert fastest_s(many) < 5 * fastest_s(few)


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    for handler in list(root.handlers):
        root.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)


def test_the_log_is_private_json_and_without_secrets(tmp_path: Path, root_logger: logging.Logger) -> None:
    log.configure(tmp_path / "logs")
    REDACTOR.learn("canary-in-the-log")
    root_logger.info("token=%s \ud800", "canary-in-the-log")
    try:
        int("canary-in-the-log")
    except ValueError:
        root_logger.exception("it failed")
    path = tmp_path / "logs" / "machina.log"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry["level"] for entry in entries] == ["INFO", "ERROR"]
    assert entries[0]["message"].startswith(f"token={DOTS}")
    assert "ValueError" in entries[1]["trace"]
    assert "canary-in-the-log" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
