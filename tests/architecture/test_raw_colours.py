"""Colours have one home, ``resources/theme/tokens.json``: nothing else names one by its numbers or its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, Source, sources

_RAW = re.compile(
    r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b|(?:^|:\s*)#[0-9a-fA-F]{3,4}(?:$|\s*;)|\b(?:rgba?|hsla?|hsva?)\s*\("
)
_MAKES_COLOURS = {"QColor", "fromRgb", "fromRgbF", "fromHsl", "fromHsv", "fromCmyk", "fromString", "qRgb", "qRgba"}
_STYLED = re.compile(r"^\s*(?:[\w-]*color|background|border[\w-]*|outline)\s*:\s*([^;{}]+);", re.MULTILINE)
_PLAIN = re.compile(r"@[\w-]+|@image\([^)]*\)|none|transparent|solid|dashed|\d+(?:px)?|url\([^)]*\)|\s+|0")


def raw_colours(source: Source) -> Iterator[str]:
    """Each literal colour in the source, with its place. Docstrings may speak of colours."""
    told = set(_docstrings(source.tree))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told:
            if _RAW.search(node.value):
                yield source.at(node, f"the colour {node.value!r}")
        elif isinstance(node, ast.Call) and _name(node.func) in _MAKES_COLOURS:
            if any(isinstance(each, ast.Constant) for each in node.args):
                yield source.at(node, f"the colour {ast.unparse(node)}")
        elif isinstance(node, ast.Attribute) and _name(node.value) == "GlobalColor" and node.attr != "transparent":
            yield source.at(node, f"the colour {node.attr}")


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            yield first.value


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_the_source_names_no_colour() -> None:
    found = [each for source in sources() for each in raw_colours(source)]
    assert not found, "\n".join(found)


def test_the_style_sheet_names_colours_by_token_only() -> None:
    text = (ROOT / "resources" / "theme" / "style.qss").read_text("utf-8")
    found = [each for each in _STYLED.findall(text) if _PLAIN.sub("", each)]
    assert not found, "\n".join(found)
    assert not _RAW.search(text)


def test_icons_take_the_colour_they_are_given() -> None:
    icons = sorted((ROOT / "resources" / "icons").glob("*.svg"))
    found = [icon.name for icon in icons if _RAW.search(icon.read_text("utf-8"))]
    assert icons
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        'label.setStyleSheet("color: #ff0000")',
        'label.setStyleSheet("color: #f00;")',
        "QColor(255, 0, 0)",
        'QColor("red")',
        "QColor.fromRgb(1, 2, 3)",
        "painter.setPen(Qt.GlobalColor.red)",
        'style = f"background: rgba(0, 0, 0, {alpha})"',
    ],
)
def test_a_raw_colour_is_recognised(code: str) -> None:
    assert list(raw_colours(Source("example.py", code)))


@pytest.mark.parametrize(
    "code",
    [
        'theme.color("accent-primary")',
        "picture.fill(Qt.GlobalColor.transparent)",
        "QColor(theme.color(token))",
        '"""In ``#rrggbb``, as #ff0000."""',
        'text = "Fixes #1234 today"',
    ],
)
def test_what_is_no_raw_colour_passes(code: str) -> None:
    assert not list(raw_colours(Source("example.py", code)))
