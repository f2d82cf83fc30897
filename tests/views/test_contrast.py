"""What is written can be read, and what is meant is not told by colour alone, in every theme.

Pairs of tokens are declared once, in ``resources/theme/pairs.json``; what uses others than those is found here.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import AgentStatus, MachineStatus
from machina_desktop.core.domain.provider import CredentialStatus
from machina_desktop.views import theme
from machina_desktop.views.models.status import mark_of
from machina_desktop.views.theme import RESOURCES, contrast
from machina_desktop.views.widgets import feedback
from machina_desktop.views.widgets.status import StatusBadge

DECLARED = json.loads((RESOURCES / "theme" / "pairs.json").read_text(encoding="utf-8"))
LEAST = {"text": 4.5, "glyph": 3.0}
STATUSES = (MachineStatus, DeploymentState, AgentStatus, CredentialStatus)
VIEWS = RESOURCES.parent / "machina_desktop" / "views"


class Pair(NamedTuple):
    """A token on another one."""

    ink: str
    ground: str


def declared(kind: str) -> set[Pair]:
    """The pairs of a kind."""
    return {Pair(ink, ground) for ground, inks in DECLARED[kind].items() for ink in inks}


def rules() -> Iterator[tuple[str, str]]:
    """Selectors and declarations of the style sheet's rules."""
    sheet = re.sub(r"/\*.*?\*/", "", (RESOURCES / "theme" / "style.qss").read_text(encoding="utf-8"), flags=re.DOTALL)
    for selectors, declarations in re.findall(r"([^{}]+)\{([^}]*)\}", sheet):
        yield selectors.strip(), declarations


def token_of(declarations: str, name: str) -> str:
    """The token that a property of a rule is set to; empty when there is none."""
    found = re.search(rf"(?<![\w-]){name}:[^;]*@([a-z][a-z-]+)(?:[;\s]|$)", declarations)
    return found[1] if found else ""


def is_known(pair: Pair) -> bool:
    """Whether the pair is declared, as text or as a glyph."""
    return pair in declared("text") | declared("glyph")


def tokens_named_in_code() -> set[str]:
    """The tokens that widgets name; what happens to be spelled like one counts as well."""
    words: set[str] = set()
    for file in VIEWS.rglob("*.py"):
        words |= set(re.findall(r'"([a-z][a-z0-9-]*)"', file.read_text(encoding="utf-8")))
    return words & set(theme.current().colors)


@pytest.mark.parametrize("kind", LEAST)
@pytest.mark.parametrize("name", theme.THEME_NAMES)
def test_declared_pairs_stand_out(name: str, kind: str) -> None:
    chosen = theme.themes()[name]
    ratios = {pair: contrast(chosen.color(pair.ink), chosen.color(pair.ground)) for pair in declared(kind)}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < LEAST[kind]} == {}


def test_ink_and_ground_of_one_rule_are_a_declared_pair() -> None:
    unknown = []
    for selectors, declarations in rules():
        for ink, ground in (("color", "background"), ("selection-color", "selection-background-color")):
            pair = Pair(token_of(declarations, ink), token_of(declarations, ground))
            if pair.ink and pair.ground and not is_known(pair):
                unknown.append((selectors, pair))
    assert unknown == []


def test_every_tick_and_arrow_of_the_style_sheet_stands_on_a_declared_ground() -> None:
    unknown = []
    for selectors, declarations in rules():
        for icon_name, ink in re.findall(r"@image\(([a-z0-9-]+),([a-z-]+)\)", declarations):
            ground = token_of(declarations, "background")
            grounds = {pair.ground for pair in declared("text") | declared("glyph") if pair.ink == ink}
            if not grounds or (ground and ground not in grounds):
                unknown.append((selectors, icon_name, ink, ground))
    assert unknown == []


def test_the_outline_of_every_control_stands_out() -> None:
    quiet = []
    for selectors, declarations in rules():
        line = token_of(declarations, "border") or token_of(declarations, "border-color")
        is_control = re.search(r"QLineEdit|QPlainTextEdit|QSpinBox|QComboBox|indicator", selectors)
        is_excused = re.search(r":disabled|:read-only|QAbstractItemView", selectors)
        if line and is_control and not is_excused and not is_known(Pair(line, "surface")):
            quiet.append((selectors, line))
    assert quiet == []


def test_every_token_is_in_a_pair_or_says_why_it_needs_no_figure() -> None:
    paired = {token for pair in declared("text") | declared("glyph") for token in pair}
    assert set(theme.current().colors) - paired == set(DECLARED["no figure"])


def test_every_token_is_used() -> None:
    sheet = (RESOURCES / "theme" / "style.qss").read_text(encoding="utf-8")
    used = tokens_named_in_code() | {token for token in theme.current().colors if re.search(rf"[@,]{token}\b", sheet)}
    unused = set(theme.current().colors) - used
    assert {token for token in unused if not token.startswith(("account-", "ansi-", "terminal-"))} == set()


def test_words_on_tinted_plates_are_declared_pairs() -> None:
    plates = {Pair(ink, tint) for tint, ink in feedback.TONES.values()}
    plates |= {Pair(mark_of(status).token, mark_of(status).tint) for kind in STATUSES for status in kind}
    assert plates - declared("text") == set()


@pytest.mark.parametrize("kind", STATUSES)
def test_a_status_is_told_apart_without_colour(qapp: QApplication, qtbot: QtBot, kind: type[StrEnum]) -> None:
    theme.apply_theme(qapp, "dark")
    badges = {status: StatusBadge(status) for status in kind}
    pictures: dict[StrEnum, QImage] = {}
    for status, badge in badges.items():
        qtbot.addWidget(badge)
        badge.resize(badge.sizeHint())
        pictures[status] = badge.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    assert [(one, other) for one, other in itertools.combinations(kind, 2) if pictures[one] == pictures[other]] == []


@pytest.mark.parametrize("kind", STATUSES)
def test_good_and_bad_ends_have_shapes_of_their_own(kind: type[StrEnum]) -> None:
    by_colour: dict[str, set[object]] = {}
    for status in kind:
        by_colour.setdefault(mark_of(status).token, set()).add(mark_of(status).shape)
    good, bad = by_colour.get("accent-success", set()), by_colour.get("accent-error", set())
    assert good & bad == set()
