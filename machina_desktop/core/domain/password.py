"""Which passwords are taken: long ones that nobody would guess first (ASVS 5.0, V6.2; NIST SP 800-63B)."""

from __future__ import annotations

import re
from collections.abc import Collection

from machina_desktop.core.domain.written import composed

SHORTEST, LONGEST = 12, 128

_NOT_LETTERS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz" * 2,
    "0123456789" * 13,
    "1234567890-=",
    "!@#$%^&*()_+",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
)
_LEET = str.maketrans("013457@$!", "oieastasi")


def normal_password(text: str) -> str:
    """The password as it is hashed: composed (NFC), else exactly as it was typed.

    Keyboards of different systems write the same ``é`` as one character or as two; its owner types the same password
    (RFC 8265, section 4.2). Anything more, as NFKC does, would make different passwords equal, against ASVS V6.2.8.
    """
    return composed(text, longest=LONGEST)


def password_problem(password: str, *, about: Collection[str], common: Collection[str]) -> str:
    """Why a normal password is refused, as a sentence; empty when it is taken.

    Any characters will do; there is no rule how many kinds there have to be. ``about`` is what everybody knows of the
    person: name and address. ``common`` holds the most common passwords in lower case, of any length.
    """
    if len(password) < SHORTEST:
        return f"The password has {len(password)} characters; at least {SHORTEST} are needed."
    if len(password) > LONGEST:
        return f"The password has {len(password)} characters; at most {LONGEST} are taken."
    folded = password.casefold()
    if any(_is_made_of(folded, known.casefold()) for known in about):
        return "The password is made of your name or address."
    if _is_common(folded, common):
        return "The password is among the first that somebody would guess."
    return ""


def _is_made_of(folded: str, known: str) -> bool:
    """Whether little else is left without the words that everybody knows."""
    words = sorted({known, *re.split(r"[\W_]+", known)}, key=len, reverse=True)
    rest = folded
    for word in words:
        if len(word) >= 3:
            rest = rest.replace(word, "")
    return rest != folded and not _core(rest)


def _is_common(folded: str, common: Collection[str]) -> bool:
    """Whether it is a common password, or one made long in the usual ways: padded, repeated, spelt with digits."""

    def is_known(text: str) -> bool:
        return text in common or _is_run(text)

    repeated = _period(folded)
    if len(repeated) <= SHORTEST // 3 or any(is_known(form) for form in (folded, repeated, folded.translate(_LEET))):
        return True
    core = _core(folded)
    if not core:
        return len(set(folded)) < SHORTEST // 2
    padding = folded.replace(core, "", 1)
    is_plain = len(padding) <= len(core) or is_known(padding)
    return is_plain and any(is_known(form) for form in (core, _period(core), core.translate(_LEET)))


def _core(text: str) -> str:
    """Without the digits and signs that it begins and ends with."""
    return _NOT_LETTERS.sub("", text)


def _period(text: str) -> str:
    """What a text repeats, the last time perhaps in part; the text itself when it repeats nothing."""
    for length in range(1, len(text) - 2):
        if (text[:length] * (len(text) // length + 1)).startswith(text):
            return text[:length]
    return text


def _is_run(text: str) -> bool:
    """Whether it is neighbours of the alphabet, the digits or a keyboard in a row, up or down; also one character."""
    return len(text) == 1 or (len(text) > 2 and any(text in run or text[::-1] in run for run in _RUNS))
