"""Apps do not know each other, and providers do not either.

Files that belong together share the first word of their name, in singular or plural: ``machines.py`` is the app,
``machine_detail.py`` a part of it. What families share lies in ``base.py`` or is named here;
``registry.py`` lists the families.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Source, sources

FOLDERS = ("machina_desktop/core/providers", "machina_desktop/views/apps")
# Many pages are one list. To take a private key out of the vault is offered with the key and with the machine it opens.
KNOWN_TO_ALL = {"base", "list_page", "key_export"}
# What all clouds do alike.
SHARED_FAMILIES = {"cloud"}
KNOWS_ALL = {"__init__", "registry"}


def family(module: str) -> str:
    return module.partition("_")[0].removesuffix("s")


def imported(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strangers(source: Source, modules: set[str]) -> list[str]:
    """Modules of the same folder that ``source`` imports although they belong to another family."""
    folder, _, own = source.path.removesuffix(".py").rpartition("/")
    neighbours = {f"{folder.replace('/', '.')}.{module}": module for module in modules - KNOWN_TO_ALL}
    neighbours = {name: module for name, module in neighbours.items() if family(module) not in SHARED_FAMILIES}
    found = {neighbours[name] for name in imported(source) if name in neighbours}
    return sorted(f"{source.path}: {module}" for module in found if family(module) != family(own))


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_family_imports_another(folder: str) -> None:
    members = {
        source.path.removesuffix(".py").rpartition("/")[2]: source
        for source in sources()
        if source.path.rpartition("/")[0] == folder
    }
    found = [
        line for name, source in members.items() if name not in KNOWS_ALL for line in strangers(source, {*members})
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code", ["from machina_desktop.views.apps import keys", "import machina_desktop.views.apps.key_detail"]
)
def test_an_import_of_another_family_is_recognised(code: str) -> None:
    source = Source("machina_desktop/views/apps/machines.py", code)
    assert strangers(source, {"base", "keys", "key_detail", "machines"})
