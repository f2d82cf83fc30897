"""Characters whose width is called beyond doubt have that width."""

from __future__ import annotations

import re

import pytest
from wcwidth import wcwidth

from machina_desktop.core.terminal.widths import NARROW, WIDE, aligned, cut


@pytest.mark.parametrize("columns, characters", [(1, NARROW), (2, WIDE)])
def test_a_character_beyond_doubt_is_as_wide_as_wcwidth_says(columns: int, characters: str) -> None:
    ranges = re.findall("(.)-(.)", characters)
    assert len("".join(map("".join, ranges))) + characters.count("-") == len(characters)
    codes = [code for first, last in ranges for code in range(ord(first), ord(last) + 1)]
    assert [f"{code:x}" for code in codes if wcwidth(chr(code)) != columns] == []


def test_a_wide_character_takes_two_columns_of_aligned_text() -> None:
    assert aligned("a中文b") == "a中\0文\0b"


def test_a_wide_character_is_not_cut_at_the_edge() -> None:
    assert cut("ab中\0", 3) == ["ab", "中\0"]
