"""Texts can be translated: said through Qt when they are shown, from literals a translator can find, and loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from machina_desktop.views import language
from tests.architecture.source import Source, sources
from tests.fakes.pseudo import pseudo_language, untranslated

_SAYS = {"tr", "_tr", "self.tr", "QCoreApplication.translate"}
# Contexts whose texts stand in tables, which are said where they are read.
_TABLES = {
    "App",
    "Setting",
    "Status",
    "Phase",
    "MachineAction",
    "LogView",
    "RecordSelection",
    "Sidekick",
    "DeployWizard",
    "FirewallTemplate",
}

TS = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de">
<context><name>FirstRunDialog</name>
<message><source>Welcome to {0}</source><translation>Willkommen bei {0}</translation></message>
</context></TS>
"""


def says(source: Source) -> Iterator[ast.Call]:
    """Every call that hands a text to translation."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _SAYS:
            yield node


def is_findable(call: ast.Call) -> bool:
    """Whether a translator can find the text: a literal, or an entry of a table that is known."""
    text = call.args[-1] if call.args else None
    if isinstance(text, ast.IfExp):
        return all(isinstance(each, ast.Constant) for each in (text.body, text.orelse))
    if isinstance(text, ast.Constant):
        return True
    if len(call.args) < 2:
        return False
    context = call.args[0]
    is_wrapper = isinstance(text, ast.Name) and text.id == "text"
    return is_wrapper or (isinstance(context, ast.Constant) and context.value in _TABLES)


def at_import(source: Source) -> Iterator[ast.Call]:
    """Calls that run when the module is loaded, before any language is."""
    inside: set[ast.AST] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            inside.update(ast.walk(node))
    return (call for call in says(source) if call not in inside)


def views() -> list[Source]:
    return [each for each in sources() if each.path.startswith("machina_desktop/views/")]


def test_every_text_that_is_said_can_be_found_by_a_translator() -> None:
    lost = [
        source.at(call, ast.unparse(call))
        for source in views()
        for call in says(source)
        if not is_findable(call) and not source.path.endswith(("setting_words.py",))
    ]
    assert not lost, "\n".join(lost)


def test_nothing_is_translated_before_there_is_a_language() -> None:
    early = [source.at(call, ast.unparse(call)) for source in views() for call in at_import(source)]
    assert not early, "\n".join(early)


@pytest.mark.parametrize("code", ['TITLE = _tr("Hello")', 'class A:\n    title = QCoreApplication.translate("A", "B")'])
def test_a_text_said_at_import_is_recognised(code: str) -> None:
    assert list(at_import(Source("example.py", code)))


@pytest.mark.parametrize("code", ["self.tr(title)", 'self.tr(f"{count} machines")', '_tr("a" + name)'])
def test_a_text_nobody_can_find_is_recognised(code: str) -> None:
    (call,) = says(Source("example.py", code))
    assert not is_findable(call)


def test_a_shipped_translation_is_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> None:
    (tmp_path / "machina_de.ts").write_text(TS, "utf-8")
    tool = Path(sys.executable).with_name("pyside6-lrelease")
    subprocess.run([tool, "machina_de.ts", "-qm", "machina_de.qm"], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr(language, "FOLDER", tmp_path)
    # One that was not found before may be there until the next turn of the loop.
    before = qapp.findChildren(QTranslator)
    assert language.load_language(qapp, QLocale("de_AT"))
    try:
        assert QCoreApplication.translate("FirstRunDialog", "Welcome to {0}") == "Willkommen bei {0}"
    finally:
        (translator,) = (each for each in qapp.findChildren(QTranslator) if each not in before)
        qapp.removeTranslator(translator)
        translator.deleteLater()


def test_without_a_translation_everything_stays_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    monkeypatch.setattr(language, "FOLDER", tmp_path)
    assert not language.load_language(qapp, QLocale("fr_FR"))


def test_the_language_nobody_speaks_tells_what_was_not_translated(qapp: QApplication) -> None:
    with pseudo_language():
        said = QCoreApplication.translate("Any", "Deploy {0}").format("web-1")
    assert untranslated(said, frozenset()) == ""
    assert untranslated(f"{said} now", frozenset()) == "now"
    assert untranslated("web-1", frozenset({"web-1"})) == ""
