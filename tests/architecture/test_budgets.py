"""The size budgets of the code: figures are printed, and only the walls fail."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator

import pytest

from tests.architecture.source import Source, sources

FUNCTION_WALL = 60
FILE_WALL = 500
PUBLIC_DOCSTRINGS = 0.80

# A function that reads like a paragraph may stand here, as "path::name", with its reason.
LONG_FOR_A_REASON: dict[str, str] = {
    "machina_desktop/core/terminal/stream.py::_tokens": "one loop over local variables: calls would halve its speed",
}

CATCH_EVERYTHING = {
    "machina_desktop/core/services/dispatch.py",
    "machina_desktop/core/workers/supervisor.py",
    "machina_desktop/views/tasks.py",
    "machina_desktop/app.py",
}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(source: Source) -> Iterator[Definition]:
    return (node for node in ast.walk(source.tree) if isinstance(node, Definition))


def length(function: ast.AST) -> int:
    """Lines from ``def`` to the end, without the docstring."""
    docstring = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    described = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - described


def summary(what: str, sizes: list[int]) -> str:
    p95 = statistics.quantiles(sizes, n=20)[-1]
    return f"{what}: {len(sizes)}, median {statistics.median(sizes):.0f}, p95 {p95:.0f}, longest {max(sizes)} lines"


def is_public(node: Definition) -> bool:
    return not node.name.startswith("_")


def hands_on(handler: ast.ExceptHandler) -> bool:
    """Whether it cleans up and raises the same exception again."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def catches_everything(node: ast.AST) -> bool:
    broad = {"Exception", "BaseException"}
    if isinstance(node, ast.ExceptHandler) and not hands_on(node):
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        caught = node.args
    else:
        return False
    return any(each is None or (isinstance(each, ast.Name) and each.id in broad) for each in caught)


def test_no_function_is_longer_than_the_wall(capsys: pytest.CaptureFixture[str]) -> None:
    functions = [
        (f"{source.path}::{node.name}", length(node))
        for source in sources()
        for node in definitions(source)
        if not isinstance(node, ast.ClassDef)
    ]
    with capsys.disabled():
        print(f"\n{summary('functions', [lines for _, lines in functions])}")
    assert [each for each in functions if each[1] > FUNCTION_WALL and each[0] not in LONG_FOR_A_REASON] == []


def test_no_file_is_longer_than_the_wall(capsys: pytest.CaptureFixture[str]) -> None:
    files = [(source.path, len(source.text.splitlines())) for source in sources()]
    with capsys.disabled():
        print(f"\n{summary('files', [lines for _, lines in files])}")
    assert [each for each in files if each[1] > FILE_WALL] == []


def test_every_module_says_what_it_is() -> None:
    assert [source.path for source in sources() if not ast.get_docstring(source.tree)] == []


def test_public_classes_and_functions_are_described() -> None:
    public = [(source, node) for source in sources() for node in definitions(source) if is_public(node)]
    bare = [source.at(node, node.name) for source, node in public if not ast.get_docstring(node)]
    assert len(bare) <= (1 - PUBLIC_DOCSTRINGS) * len(public), "\n".join(bare)


def test_only_three_places_catch_everything() -> None:
    found = [
        source.at(node, "catches everything")
        for source in sources()
        if source.path not in CATCH_EVERYTHING
        for node in ast.walk(source.tree)
        if catches_everything(node)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    f()\nexcept:\n    pass",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept (OSError, BaseException):\n    pass",
        "with contextlib.suppress(Exception):\n    f()",
    ],
)
def test_catching_everything_is_recognised(code: str) -> None:
    assert any(catches_everything(node) for node in ast.walk(ast.parse(code)))
