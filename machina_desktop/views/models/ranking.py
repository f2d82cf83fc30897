"""Fuzzy ranking of many short titles, fast enough to follow each key.

Own code, because no kept library does this: RapidFuzz measures how alike two texts are and knows neither word starts
nor which letters matched; fuzzyfinder orders by the tightest run of letters and tells no positions either. The rules of
fzf are followed here (https://github.com/junegunn/fzf/blob/master/src/algo/algo.go), without its quadratic part.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import nsmallest
from typing import Final

# What stands before a letter that begins a word, in the marked form of a title; no title holds it.
_MARK = "\x00"
# So many candidates get their letters looked at one by one; the order of the rest is by the cheap grades alone.
FINE = 250
# More is no title any more; the rest of it is found as further words are.
LONGEST = 160


class Grade:
    """How well one typed word fits; the figures are added up over the words. Plain numbers, for they are many."""

    GAPS: Final = 10
    INSIDE_WORDS: Final = 14
    WORDS: Final = 22
    INSIDE: Final = 30
    INITIALS: Final = 38
    WORD_START: Final = 44
    START: Final = 56


@dataclass(frozen=True, slots=True)
class Candidate:
    """A title that is prepared for being searched; make it with `prepare`, which may take place on any thread.

    Attributes:
        text: The title, folded: lower case, without accents; one character for each of the title's.
        marked: As ``text``, with a mark before each letter that begins a word.
        initials: The letters that begin words.
        words: Further words to find it by, folded, a space before each.
        letters: One bit for each kind of letter in all of it.
    """

    text: str
    marked: str
    initials: str
    words: str
    letters: int


@dataclass(frozen=True, slots=True)
class Match:
    """One result.

    Attributes:
        index: Which candidate, 0..n-1 in the order they were given.
        positions: Which characters of the title were typed, ascending.
    """

    index: int
    positions: tuple[int, ...]


def fold(text: str) -> str:
    """``text`` in lower case without accents, one character for each character."""
    if text.isascii():
        return text.lower()
    return text.translate(_FOLDED)


def prepare(title: str, words: str = "") -> Candidate:
    """A candidate for what is called ``title`` and is also found by ``words``."""
    text = fold(title[:LONGEST])
    starts = _word_starts(title[:LONGEST])
    marked = _marked(text, starts)
    more = " ".join(("", *fold(f"{title[LONGEST:]} {words}").split()))
    initials = "".join(text[index] for index in sorted(starts))
    return Candidate(text, marked, initials, more, _letters(f"{text} {more}"))


class Ranking:
    """Finds the best of its candidates for what is typed, and remembers who was left by the last key.

    The order: an exact title, then titles that begin so, then those with a word that begins so, then initials, then
    letters in a row, then further words, then letters with gaps; of equals the shorter title, then the given order.
    Several words may stand in any order, and each must be found.
    """

    def __init__(self, candidates: Iterable[Candidate], *, bonus: Mapping[int, int] | None = None) -> None:
        """``bonus`` is added to the grade of a candidate that fits, by index: what was chosen lately comes earlier."""
        self._candidates: Sequence[Candidate] = tuple(candidates)
        self._order = [len(each.text) * len(self._candidates) + index for index, each in enumerate(self._candidates)]
        self._bonus = bonus or {}
        self._query: tuple[str, ...] = ()
        self._left: Sequence[int] = range(len(self._candidates))

    def best(self, query: str, limit: int) -> tuple[Match, ...]:
        """The ``limit`` best candidates for ``query``, the best first; for nothing typed the first ones as given."""
        words = tuple(fold(query).split())
        if not words:
            return tuple(Match(index, ()) for index in range(min(limit, len(self._candidates))))
        grades = self._grades(words, self._narrowed(words))
        self._query, self._left = words, tuple(grades)
        # One number each, grade before length before index: thousands of them are ordered faster than by a key.
        count, step = len(self._candidates), (LONGEST + 1) * len(self._candidates)
        numbers = [self._order[index] - grade * step for index, grade in grades.items()]
        order = [number % count for number in nsmallest(max(limit, FINE), numbers)]
        return self._refined(order, words, grades)[:limit]

    def _narrowed(self, words: tuple[str, ...]) -> Sequence[int]:
        """Those who may fit. What did not fit a shorter query cannot fit a longer one."""
        was = self._query
        is_longer = bool(was) and len(words) >= len(was) and all(map(str.startswith, words, was))
        left = self._left if is_longer else range(len(self._candidates))
        need = _letters(" ".join(words))
        candidates = self._candidates
        return [index for index in left if candidates[index].letters & need == need]

    def _grades(self, words: tuple[str, ...], left: Sequence[int]) -> dict[int, int]:
        """The sum of grades of each who has all the words."""
        bonus, candidates = self._bonus, self._candidates
        found = dict.fromkeys(left, 0)
        for word in words:
            grade = _grader(word)
            found = {index: before + now for index, before in found.items() if (now := grade(candidates[index]))}
        for index in bonus.keys() & found.keys():
            found[index] += bonus[index]
        whole = " ".join(words)
        for index in [index for index in found if candidates[index].text.startswith(whole)]:
            found[index] += 20 if candidates[index].text == whole else 4
        return found

    def _refined(self, order: Sequence[int], words: tuple[str, ...], grades: Mapping[int, int]) -> tuple[Match, ...]:
        """With their letters, and those with gaps in the order of how torn they are."""
        matches = []
        for index in order:
            positions, gaps = _positions(self._candidates[index], words)
            matches.append((gaps - grades[index], len(self._candidates[index].text), index, positions))
        matches.sort()
        return tuple(Match(index, positions) for _, _, index, positions in matches)


def _grader(word: str) -> Callable[[Candidate], int]:
    """What grades candidates for one word; 0 is no match. Runs for each of thousands at each key."""
    at_start, in_words = _marked(word, _word_starts(word)), " " + word
    # Possessive, so that nothing is tried twice: with ``.*?`` a hostile title would take for ever.
    has_gaps = re.compile("".join(f"[^{re.escape(each)}]*+{re.escape(each)}" for each in word)).match

    def grade(candidate: Candidate) -> int:
        text = candidate.text
        if word in text:
            if text.startswith(word):
                return Grade.START
            return Grade.WORD_START if at_start in candidate.marked else Grade.INSIDE
        if word in candidate.initials:
            return Grade.INITIALS
        if in_words in candidate.words:
            return Grade.WORDS
        if word in candidate.words:
            return Grade.INSIDE_WORDS
        return Grade.GAPS if has_gaps(text) else 0

    return grade


def _positions(candidate: Candidate, words: tuple[str, ...]) -> tuple[tuple[int, ...], int]:
    """Where the words' letters stand in the title, and how torn those with gaps are, 0..9."""
    found: set[int] = set()
    torn = 0
    for word in words:
        places = _places(candidate, word)
        found.update(places)
        if places and places[-1] - places[0] >= len(word):
            torn = max(torn, min(9, _pieces(candidate, places)))
    return tuple(sorted(found)), torn


def _places(candidate: Candidate, word: str) -> tuple[int, ...]:
    """Where one word's letters stand in the title; nowhere when it was found by further words."""
    text = candidate.text
    if word in text:
        at = candidate.marked.find(_marked(word, _word_starts(word)))
        first = text.find(word) if at < 0 else at - candidate.marked.count(_MARK, 0, at)
        return tuple(range(first, first + len(word)))
    if word in candidate.initials:
        starts = _starts_of(candidate)
        first = candidate.initials.find(word)
        return starts[first : first + len(word)]
    return () if word in candidate.words else _with_gaps(candidate, word)


def _with_gaps(candidate: Candidate, word: str) -> tuple[int, ...]:
    """The letters one after the other: the next in a row, else the next that begins a word, else the next at all.

    A choice that leaves the rest without a place is not made.
    """
    text, starts = candidate.text, _starts_of(candidate)
    latest = _latest(text, word)
    if latest is None:
        return ()
    places: list[int] = []
    at = 0
    for letter, last in zip(word, latest, strict=True):
        if not places or text[at : at + 1] != letter:
            begins = next((start for start in starts if at <= start <= last and text[start] == letter), -1)
            at = begins if begins >= 0 else text.find(letter, at)
        places.append(at)
        at += 1
    return tuple(places)


def _latest(text: str, word: str) -> tuple[int, ...] | None:
    """For each letter the last place that leaves room for the letters after it."""
    places: list[int] = []
    end = len(text)
    for letter in reversed(word):
        end = text.rfind(letter, 0, end)
        if end < 0:
            return None
        places.append(end)
    return tuple(reversed(places))


def _pieces(candidate: Candidate, places: Sequence[int]) -> int:
    """How many pieces the letters are in; pieces that begin words count once, others thrice."""
    starts = _starts_of(candidate)
    firsts = [place for before, place in zip((-2, *places), places, strict=False) if place != before + 1]
    return sum(1 if place in starts else 3 for place in firsts)


def _starts_of(candidate: Candidate) -> tuple[int, ...]:
    """The places of letters that begin words, read from the marks."""
    places: list[int] = []
    at = candidate.marked.find(_MARK)
    while at >= 0:
        places.append(at - len(places))
        at = candidate.marked.find(_MARK, at + 1)
    return tuple(places)


def _word_starts(title: str) -> frozenset[int]:
    """Where words begin: after what is no letter, at a capital after a small letter, between letters and figures."""
    found = []
    before = " "
    for index, each in enumerate(title):
        if each.isalnum() and (
            not before.isalnum() or (each.isupper() and before.islower()) or each.isdigit() != before.isdigit()
        ):
            found.append(index)
        before = each
    return frozenset(found)


def _marked(text: str, starts: frozenset[int]) -> str:
    return "".join(f"{_MARK}{each}" if index in starts else each for index, each in enumerate(text))


@cache
def _fold_one(character: str) -> str:
    """One character as it is searched for; what folds into several keeps its first, so that places stay."""
    plain = unicodedata.normalize("NFKD", character)
    return next((each for each in plain.casefold() if not unicodedata.combining(each)), character)


class _Folded(dict[int, str]):
    """What each character is searched as, by its code; looked up once."""

    def __missing__(self, code: int) -> str:
        self[code] = _fold_one(chr(code))
        return self[code]


_FOLDED = _Folded()


def _letters(text: str) -> int:
    """One bit for each kind of character, 60 kinds; different characters may share one."""
    bits = 0
    for each in set(text):
        if each != " ":
            bits |= 1 << ord(each) % 60
    return bits
