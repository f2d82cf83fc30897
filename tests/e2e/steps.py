"""What a person does at the window, as steps that scenes are made of, and taking a scene's picture."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QComboBox, QScrollArea, QScrollBar

from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.keys import ListKeys
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import ListMembers
from machina_desktop.core.services.providers import ListAccounts
from machina_desktop.views.models.table_model import RecordTableModel
from tests.e2e.walk import Step, Walk

_NONE, _CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
# Lists gather changes for a moment before they ask; nothing moves, for motion is reduced.
SETTLED_S = 0.2
_LISTS: dict[str, type[object]] = {
    "machine": ListMachines,
    "deployment": ListDeployments,
    "provider_account": ListAccounts,
    "ssh_key": ListKeys,
    "member": ListMembers,
    "audit_event": ListAuditEvents,
}
_FAILURE = Unavailable(
    "The database is in use by another program.",
    hint="Close backup tools or other copies of Machina and try again.",
    code="E-DB-BUSY",
)


@dataclass(frozen=True)
class Scene:
    """One picture.

    Attributes:
        name: What the picture is called.
        steps: How one gets there from where the scene before has left the window.
        stays: Whether what lies over the page is left open for the next scene.
    """

    name: str
    steps: tuple[Step, ...]
    stays: bool = False


def scene(name: str, *steps: Step, stays: bool = False) -> Scene:
    """A scene by its name and its steps."""
    return Scene(name, steps, stays)


async def take(walk: Walk, scene: Scene) -> None:
    """Go through the steps of a scene and take its picture."""
    for step in scene.steps:
        await step(walk)
        await walk.rest()
    await walk.rest()
    await walk.hand.look(scene.name, rest_s=SETTLED_S)
    if not scene.stays:
        await walk.tidy()


# Steps: each makes something that a person does.


def app(name: str) -> Step:
    """Open an app from the sidebar."""

    async def do(walk: Walk) -> None:
        walk.window.open_app(name)

    return do


def place(name: str, where: str) -> Step:
    """Go to a place on an app's page, as a link does."""

    async def do(walk: Walk) -> None:
        walk.window.open_app(name, where)

    return do


def command(name: str) -> Step:
    """Do what the palette would do under that name."""

    async def do(walk: Walk) -> None:
        assert walk.window.commands.run(name), f"no command {name} now"

    return do


def notify(text: str, kind: str) -> Step:
    """Let something be told in a toast."""

    async def do(walk: Walk) -> None:
        walk.window.notify(text, kind=kind)

    return do


def click(name: str) -> Step:
    """Click the control of that name."""
    return lambda walk: walk.hand.click(name)


def click_text(text: str) -> Step:
    """Click the button with that text."""
    return lambda walk: walk.hand.click_text(text)


def press(name: str) -> Step:
    """Press the button that screen readers call so."""

    async def do(walk: Walk) -> None:
        await walk.hand.until(lambda: walk.hand.named(name) is not None, name)
        button = walk.hand.named(name)
        assert button is not None
        walk.hand.press(button)

    return do


def card(words: str) -> Step:
    """Click the choice whose name has those words."""
    return lambda walk: walk.hand.click_card(words)


def account(name: str) -> Step:
    """Choose an account in the wizard."""

    async def do(walk: Walk) -> None:
        await walk.hand.click(f"wizard.account.{walk.ids[name]}")

    return do


def key(name: str) -> Step:
    """Choose an SSH key in the wizard."""

    async def do(walk: Walk) -> None:
        await walk.hand.click(f"wizard.key.{walk.ids[name]}")

    return do


def wizard_to(name: str) -> Step:
    """Go on in the wizard until that control is there; what can be chosen on the way has its first choice."""

    async def do(walk: Walk) -> None:
        for _ in range(8):
            if walk.hand.seen(name) is None:
                await walk.hand.click("wizard.next")
                await walk.rest()
        await walk.hand.control(name)

    return do


def write(name: str, text: str) -> Step:
    """Type into a field."""
    return lambda walk: walk.hand.write(name, text)


def shortcut(text: str) -> Step:
    """Press keys where the focus is: ``Ctrl+K``."""

    async def do(walk: Walk) -> None:
        combination = QKeySequence(text)[0]  # type: ignore[index]  # the stubs do not know it
        await walk.hand.key(combination.key(), combination.keyboardModifiers())

    return do


def keys(text: str) -> Step:
    """Type where the focus is."""

    async def do(_walk: Walk) -> None:
        focus = QApplication.focusWidget()
        assert focus is not None
        QTest.keyClicks(focus, text)

    return do


def inspect(entity: str, name: str) -> Step:
    """Open the inspector on a thing by its name in the store."""

    async def do(walk: Walk) -> None:
        walk.window.inspect(entity, walk.ids[f"run:{name}" if entity == "deployment" else name])

    return do


def choose(name: str, data: str) -> Step:
    """Choose an entry of a combo box by its value."""

    async def do(walk: Walk) -> None:
        combo = await walk.hand.control(name)
        assert isinstance(combo, QComboBox), name
        combo.setCurrentIndex(combo.findData(data))

    return do


def rows(*names: str, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> Step:
    """Click machines, the first alone and each further one with Ctrl."""

    async def do(walk: Walk) -> None:
        for number, name in enumerate(names):
            view, index = _row(walk, name)
            # Twice: a list that was laid out anew meanwhile has other places.
            for _ in range(2):
                view.scrollTo(index)
                await walk.rest()
            at = view.visualRect(index).topLeft() + QPoint(40, 14)
            QTest.mouseClick(view.viewport(), button, _CONTROL if number else _NONE, at)
            await walk.rest()

    return do


def _row(walk: Walk, name: str) -> tuple[QAbstractItemView, QModelIndex]:
    for view in walk.window.findChildren(QAbstractItemView):
        model = view.model()
        if view.isVisible() and isinstance(model, RecordTableModel) and model.row_of(walk.ids[name]) >= 0:
            return view, model.index(model.row_of(walk.ids[name]), 0)
    raise AssertionError(f"no row of {name}")


def menu_of(name: str) -> Step:
    """Open the context menu of a machine."""

    async def do(walk: Walk) -> None:
        view, index = _row(walk, name)
        view.customContextMenuRequested.emit(view.visualRect(index).topLeft() + QPoint(120, 30))

    return do


def hold(*entities: str) -> Step:
    """Let lists wait for their answers, as on a slow disk."""

    async def do(walk: Walk) -> None:
        walk.gateway.hold(*(_LISTS[entity] for entity in entities))

    return do


async def let_go(walk: Walk) -> None:
    """Let the lists have their answers."""
    walk.gateway.let_go()


def fail(entity: str, error: MachinaError = _FAILURE) -> Step:
    """Let a list fail when it asks again."""

    async def do(walk: Walk) -> None:
        walk.gateway.refused[_LISTS[entity]] = error
        walk.bridge.changed.emit(frozenset({entity}))

    return do


async def recover(walk: Walk) -> None:
    """Let everything work again."""
    walk.gateway.refused.clear()
    walk.bridge.changed.emit(frozenset(_LISTS))


def scroll_down(owner: str) -> Step:
    """Scroll what a control holds to its end."""

    async def do(walk: Walk) -> None:
        widget = await walk.hand.control(owner)
        for area in widget.findChildren(QScrollArea):
            bar: QScrollBar = area.verticalScrollBar()
            bar.setValue(bar.maximum())

    return do


def until_seen(name: str) -> Step:
    """Wait for a control."""

    async def do(walk: Walk) -> None:
        await walk.hand.until(lambda: walk.hand.seen(name) is not None, name)

    return do


def until_window(words: str) -> Step:
    """Wait for a window whose title has those words."""

    def is_there() -> bool:
        return any(words in widget.windowTitle() and widget.isVisible() for widget in QApplication.topLevelWidgets())

    return lambda walk: walk.hand.until(is_there, words)
