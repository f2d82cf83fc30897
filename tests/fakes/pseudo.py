"""A language that nobody speaks: every text in brackets and a third longer, so what is not translated stands out.

⟦Deploy a machine·····⟧ went through a translator; ``Deploy a machine`` did not. Texts that are data, such as the name
of a machine, are known by what the rows hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass

from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

OPEN, CLOSE = "⟦", "⟧"
LONGER_BY = 0.35
_INNERMOST = re.compile(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}")
_ID = re.compile(r"\b[a-z]+-[0-9a-z]{26}\b")
_HOME = re.compile(r"/home/\S+")
_ADDRESS = re.compile(r"\S*[@/]\S+\.\S+|/\w+/\S+")
_WORD = re.compile(r"[^\W\d_]{2,}")
# Names of products, units and keys are the same in every language.
SAME_EVERYWHERE = frozenset(
    {
        *(
            "Machina",
            "Terraform",
            "OpenTofu",
            "DigitalOcean",
            "Hetzner",
            "Cloud",
            "AWS",
            "Python",
            "Qt",
            "API",
            "Linux",
        ),
        *("SSH", "ssh", "SHA", "RSA", "ECDSA", "Ed", "AAAA"),
        *("vCPU", "GB", "MB", "GiB", "MiB", "KiB", "kB", "TB", "EUR", "USD", "ms", "min"),
        *("Ctrl", "Alt", "Shift", "Meta", "Enter", "Return", "Esc", "Left", "Right", "Up", "Down", "Tab", "Space"),
        *("Del", "Home", "End", "PgUp", "PgDown", "Backspace"),
    }
)


class PseudoLanguage(QTranslator):
    """Translates everything of ours; Qt's own texts, such as the names of keys, stay as they are."""

    def translate(self, context: str, source: str, _disambiguation: str | None = None, _n: int = -1) -> str:
        if not source.strip() or re.match(r"Q[A-Z]", context):
            return source
        return f"{OPEN}{source}{_filler(len(source))}{CLOSE}"

    def isEmpty(self) -> bool:  # noqa: N802 - Qt asks for it
        return False


def _filler(length: int) -> str:
    """As many letters as make it a third longer, in words of six."""
    wanted = max(1, round(length * LONGER_BY))
    words = "ä" * wanted
    return words if length < 12 else " " + " ".join(words[at : at + 6] for at in range(0, wanted, 6))


@contextmanager
def pseudo_language() -> Iterator[None]:
    """Everything said meanwhile is said in it."""
    language = PseudoLanguage()
    QCoreApplication.installTranslator(language)
    try:
        yield
    finally:
        QCoreApplication.removeTranslator(language)


def untranslated(text: str, data: frozenset[str]) -> str:
    """The words of ``text`` that are neither translated nor data; empty when there are none."""
    while (shorter := _INNERMOST.sub(" ", text)) != text:
        text = shorter
    text = _HOME.sub(" ", _ID.sub(" ", text))
    if not _WORD.search(text):
        return ""
    for known in sorted((each for each in data if each in text), key=len, reverse=True):
        # Whole words only: a region named "id" must not hide half a word.
        text = re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", " ", text)
    text = _ADDRESS.sub(" ", text)
    left = [word for word in _WORD.findall(text) if word not in SAME_EVERYWHERE and word not in _months()]
    return " ".join(left)


def _months() -> frozenset[str]:
    locale = QLocale()
    return frozenset(locale.monthName(month, QLocale.FormatType.ShortFormat) for month in range(1, 13))


def texts_in(values: Iterable[object]) -> frozenset[str]:
    """Every text in records, however deep; short ones only as they stand."""
    found: set[str] = set()
    pending: list[object] = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            found.add(str(value))
            found.add(str(value).strip())
        elif is_dataclass(value) and not isinstance(value, type):
            pending += [getattr(value, each.name) for each in fields(value)]
        elif isinstance(value, dict):
            pending += [*value.keys(), *value.values()]
        elif isinstance(value, (tuple, list, set, frozenset)):
            pending += value
    return frozenset(each for each in found if len(each) > 1)
