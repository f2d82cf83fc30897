"""Rules of this house that no linter knows: each is a function over a syntax tree and has code that breaks it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.architecture.source import PACKAGE, Source, sources

Rule = Callable[[ast.AST], bool]

SHELLS_OUT = ("Popen", "run", "call", "check_call", "check_output", "create_subprocess_exec", "posix_spawn")
RUNS_SQL = ("text", "execute", "exec_driver_sql", "executescript", "executemany")


def called(node: ast.AST) -> str:
    """The last name of what a call calls, empty for everything else."""
    if not isinstance(node, ast.Call):
        return ""
    return ast.unparse(node.func).rpartition(".")[2]


def is_composed(node: ast.AST) -> bool:
    """Whether a string is put together here from parts: f-string, ``%``, ``+`` or ``format``."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        return any(
            is_composed(side) or (isinstance(side, ast.Constant) and isinstance(side.value, str)) for side in sides
        )
    return called(node) == "format"


def starts_a_shell(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and any(
        keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
        for keyword in node.keywords
    )


def composes_an_argument(node: ast.AST) -> bool:
    if called(node) not in SHELLS_OUT or not isinstance(node, ast.Call):
        return False
    if "subprocess" not in ast.unparse(node.func) and called(node) in {"run", "call"}:
        return False
    return any(is_composed(part) for argument in node.args for part in ast.walk(argument))


def trusts_any_host(node: ast.AST) -> bool:
    if isinstance(node, ast.keyword):
        return node.arg == "known_hosts" and isinstance(node.value, ast.Constant) and node.value.value is None
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in {"AutoAddPolicy", "WarningPolicy"}


def lets_a_host_be_an_option(node: ast.AST) -> bool:
    if not isinstance(node, ast.List):
        return False
    words = [each.value for each in node.elts if isinstance(each, ast.Constant)]
    return bool(words) and words[0] in {"ssh", "scp", "sftp"} and "--" not in words


def is_pragma(node: ast.AST) -> bool:
    """SQLite's pragmas take no bound parameters."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) else None
    return isinstance(first, ast.Constant) and str(first.value).startswith("PRAGMA ")


def composes_sql(node: ast.AST) -> bool:
    if called(node) not in RUNS_SQL or not isinstance(node, ast.Call):
        return False
    return any(is_composed(statement) and not is_pragma(statement) for statement in node.args[:1])


def nests_an_event_loop(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"exec", "exec_"}


def makes_a_task(node: ast.AST) -> bool:
    # The tasks of an `async with asyncio.TaskGroup() as group` end with it and hand their errors to it.
    return (
        called(node) in {"create_task", "ensure_future"} and ast.unparse(node).partition("(")[0] != "group.create_task"
    )


# Rule, the files it does not hold for, and code that breaks it.
RULES: dict[Rule, tuple[set[str], tuple[str, ...]]] = {
    starts_a_shell: (set(), ("run('ls', shell=True)", "Popen(['a'], shell=flag)")),
    composes_an_argument: (
        set(),
        (
            "subprocess.run([tool, f'-var={name}'])",
            "Popen(['a', '-x=' + name])",
            "os.posix_spawn(p, ['{}'.format(n)], e)",
        ),
    ),
    trusts_any_host: (
        set(),
        ("client.set_missing_host_key_policy(paramiko.AutoAddPolicy())", "connect(host, known_hosts=None)"),
    ),
    lets_a_host_be_an_option: (set(), ("['ssh', '-p', port, host]", "['scp', source, target]")),
    composes_sql: (set(), ("text(f'select * from {table}')", "tx.execute('select ' + name)", "execute('%s' % name)")),
    nests_an_event_loop: (
        {"machina_desktop/views/gallery/window.py"},  # a program of its own, for looking at the widgets
        ("dialog.exec()", "QMenu(self).exec_(point)"),
    ),
    makes_a_task: (
        {"machina_desktop/core/workers/supervisor.py", "machina_desktop/bridge.py"},
        ("asyncio.create_task(f())", "loop.create_task(f())"),
    ),
}


def breaches(rule: Rule, source: Source) -> Iterator[str]:
    return (source.at(node, rule.__name__) for node in ast.walk(source.tree) if rule(node))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_source_keeps_the_rule(rule: Rule) -> None:
    exempt, _ = RULES[rule]
    found = [breach for source in sources() if source.path not in exempt for breach in breaches(rule, source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "code"),
    [(rule, code) for rule, (_, bad) in RULES.items() for code in bad],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_the_rule_recognises_a_breach(rule: Rule, code: str) -> None:
    assert list(breaches(rule, Source("example.py", code)))


@pytest.mark.parametrize(
    "code",
    [
        "subprocess.Popen([tool, '-json', folder])",
        "run(f'{count} rows')",
        "['ssh', '-p', port, '--', host]",
        "execute(select(machine))",
        "text('select 1')",
        "execute(f'PRAGMA busy_timeout = {BUSY_MS}')",
        "channel.exec_command('uptime')",
    ],
)
def test_the_rules_let_good_code_pass(code: str) -> None:
    assert [breach for rule in RULES for breach in breaches(rule, Source("example.py", code))] == []


def test_the_launcher_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((PACKAGE / "core" / "launcher.py").read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == set()
