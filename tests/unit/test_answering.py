"""How much a terminal answers to programs that ask."""

from __future__ import annotations

from machina_desktop.core.terminal.answering import A_SECOND, AT_ONCE, AnswerRoom


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_flood_of_questions_gets_so_many_answers_and_no_more() -> None:
    room = AnswerRoom(Clock())
    assert sum(10 for _ in range(100_000) if room.has_room(10)) == AT_ONCE // 10 * 10


def test_who_asks_now_and_then_is_always_answered() -> None:
    clock = Clock()
    room = AnswerRoom(clock)
    for _ in range(100_000):
        clock.now += 10 / A_SECOND
        assert room.has_room(10)


def test_after_a_flood_answers_go_out_again() -> None:
    clock = Clock()
    room = AnswerRoom(clock)
    while room.has_room(100):
        pass
    clock.now += 3600
    assert sum(1 for _ in range(AT_ONCE + 1) if room.has_room(1)) == AT_ONCE
