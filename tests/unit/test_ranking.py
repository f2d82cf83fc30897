"""What is typed finds titles as people expect, the best first, with the letters that were meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from machina_desktop.views.models.ranking import Ranking, fold, prepare

TEXT = st.text(alphabet="abwe 1-Aé", max_size=12)


def found(query: str, *titles: str, **options: dict[int, int]) -> list[str]:
    ranking = Ranking((prepare(title) for title in titles), **options)
    return [titles[match.index] for match in ranking.best(query, 50)]


def letters(query: str, title: str, words: str = "") -> str:
    """The title with what was matched in brackets, one by one."""
    match = Ranking([prepare(title, words)]).best(query, 1)[0]
    return "".join(f"[{each}]" if place in match.positions else each for place, each in enumerate(title))


@pytest.mark.parametrize(
    ("query", "in_order"),
    [
        ("web", ["web", "web-1", "Reboot web-1", "cobweb", "wide red box"]),
        ("dep", ["Deployments", "New deployment", "independent", "made up"]),
        ("w1", ["w1", "web-1", "tow1n", "wide-x1"]),
        ("gc", ["gcp", "Google Cloud", "bigcat", "gigantic"]),
        ("web1", ["web1", "web-1", "weeb-1"]),
    ],
)
def test_the_order_is_start_then_word_then_initials_then_inside_then_gaps(query: str, in_order: list[str]) -> None:
    assert found(query, *reversed(in_order)) == in_order


def test_of_equals_the_shorter_comes_first_and_then_the_given_order() -> None:
    assert found("web", "web-100", "web-2", "web-1") == ["web-2", "web-1", "web-100"]


def test_words_may_stand_in_any_order_and_each_must_be_found() -> None:
    titles = ("Reboot web-1", "Reboot db-1", "web-1")
    assert found("web reb", *titles) == ["Reboot web-1"]
    assert found("reb web", *titles) == ["Reboot web-1"]
    assert found("reb zzz", *titles) == []


def test_case_and_accents_do_not_matter() -> None:
    assert found("uber", "ÜBERWACHUNG") == ["ÜBERWACHUNG"]
    assert found("ÉTÉ", "l'ete") == ["l'ete"]
    assert letters("uber", "Überwachung") == "[Ü][b][e][r]wachung"


def test_what_folds_into_several_letters_keeps_the_places_of_the_others() -> None:
    assert letters("bahn", "Straßebahn") == "Straße[b][a][h][n]"
    assert letters("x", "ﬁx") == "ﬁ[x]"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("web", "cobweb [w][e][b]-1"),
        ("rw1", "[R]eboot [w]eb-[1]"),
        ("hc", "[H]etzner[C]loud"),
        ("rbt", "[R]e[b]oo[t]"),
        ("web reb", "[R][e][b]oot [w][e][b]-1"),
    ],
)
def test_the_letters_that_were_meant_are_told(query: str, shown: str) -> None:
    assert letters(query, shown.replace("[", "").replace("]", "")) == shown


def test_further_words_find_a_title_without_marking_it() -> None:
    assert letters("203.0.113", "web-1", "203.0.113.7 machine-01abc") == "web-1"
    titles = [prepare("web-1", "prod postgres"), prepare("postbox")]
    assert [match.index for match in Ranking(titles).best("post", 9)] == [1, 0]


def test_a_bonus_lifts_what_was_chosen_lately_but_not_over_a_better_fit() -> None:
    titles = ("web-1", "web-2", "cobwebs")
    assert found("web", *titles, bonus={1: 5})[0] == "web-2"
    assert found("web", *titles, bonus={2: 12})[0] == "web-1"


def test_nothing_typed_lists_the_first() -> None:
    ranking = Ranking(prepare(title) for title in "abc")
    assert [match.index for match in ranking.best("  ", 2)] == [0, 1]


def test_only_so_many_are_answered() -> None:
    assert len(Ranking(prepare(f"web-{number}") for number in range(500)).best("web", 100)) == 100


@given(st.lists(TEXT, max_size=8), TEXT)
def test_typing_letter_by_letter_ends_where_typing_at_once_does(titles: list[str], query: str) -> None:
    prepared = [prepare(title, title[::-1]) for title in titles]
    slowly = Ranking(prepared)
    for end in range(len(query)):
        slowly.best(query[:end], 99)
    assert slowly.best(query, 99) == Ranking(prepared).best(query, 99)


@given(st.lists(TEXT, max_size=8), TEXT, TEXT)
def test_what_was_typed_before_and_taken_back_leaves_no_trace(titles: list[str], before: str, query: str) -> None:
    prepared = [prepare(title) for title in titles]
    used = Ranking(prepared)
    used.best(before, 99)
    assert used.best(query, 99) == Ranking(prepared).best(query, 99)


@given(TEXT, TEXT)
def test_the_letters_told_are_the_letters_typed(title: str, query: str) -> None:
    typed = fold(query).split()
    for match in Ranking([prepare(title)]).best(query, 1):
        assert {fold(title)[place] for place in match.positions} == set("".join(typed))


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_text_can_be_a_title_and_be_typed(title: str, query: str) -> None:
    assert len(fold(title)) == len(title)
    Ranking([prepare(title, query)]).best(query, 1)


def test_a_long_title_is_found_by_its_end() -> None:
    assert found("needle", "x" * 300 + " needle")


def test_letters_that_could_match_in_many_ways_take_no_time() -> None:
    assert found("a" * 30 + "b", "b-" + "a-" * 70) == []
