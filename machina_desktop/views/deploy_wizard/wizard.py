"""The deploy wizard's window: rail, step, summary, and the way through them (spec 4.1, ui.md section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import WizardStep
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.commands import KeyHint
from machina_desktop.views.deploy_wizard.account_step import AccountStep
from machina_desktop.views.deploy_wizard.catalogue_steps import ImageStep, RegionStep, SizeStep
from machina_desktop.views.deploy_wizard.draft import place_of_error
from machina_desktop.views.deploy_wizard.firewall_step import FirewallStep
from machina_desktop.views.deploy_wizard.host_step import HostStep
from machina_desktop.views.deploy_wizard.keys_step import KeysStep
from machina_desktop.views.deploy_wizard.one_page import OnePage
from machina_desktop.views.deploy_wizard.rail import StepRail, StepState
from machina_desktop.views.deploy_wizard.review_step import ReviewStep
from machina_desktop.views.deploy_wizard.setup_steps import BootstrapStep, NameStep
from machina_desktop.views.deploy_wizard.state import FROM_CATALOGUE, WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.deploy_wizard.summary import Summary
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.feedback import Skeleton
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.modal import Modal
from machina_desktop.views.widgets.states import ErrorState
from machina_desktop.views.widgets.text import Label

SIZE = QSize(1240, 700)
MINIMUM = QSize(800, 540)
_STEPS: Mapping[WizardStep, Callable[[WizardState], Step]] = {
    WizardStep.ACCOUNT: AccountStep,
    WizardStep.REGION: RegionStep,
    WizardStep.SIZE: SizeStep,
    WizardStep.IMAGE: ImageStep,
    WizardStep.KEYS: KeysStep,
    WizardStep.BOOTSTRAP: BootstrapStep,
    WizardStep.FIREWALL: FirewallStep,
    WizardStep.NAME: NameStep,
    WizardStep.REVIEW: ReviewStep,
}


def key_hints() -> tuple[KeyHint, ...]:
    """The wizard's keys."""
    return (
        KeyHint("Alt+Right", QCoreApplication.translate("DeployWizard", "Go on to the next step")),
        KeyHint("Ctrl+Return", QCoreApplication.translate("DeployWizard", "Go on, at the end deploy")),
        KeyHint("Alt+Left", QCoreApplication.translate("DeployWizard", "Back to the step before")),
        KeyHint("Ctrl+E", QCoreApplication.translate("DeployWizard", "All on one page, or step by step")),
    )


class DeployWizard(Modal):
    """Nine steps to a machine; show it with ``open()``. Closing keeps the draft, deploying ends it.

    Ctrl+Enter and Alt+Right go on, Alt+Left goes back, Ctrl+E puts all steps on one page, Esc closes.
    """

    def __init__(
        self, bridge: Bridge, window: Window, parent: QWidget | None = None, *, like: Machine | None = None
    ) -> None:
        """``like`` another machine, everything but the name is chosen, and nothing of it is kept on closing."""
        super().__init__("", parent=parent)
        self.setObjectName("wizard")
        self.setWindowTitle(
            self.tr("Deploy a machine like {0}").format(like.name) if like is not None else self.tr("Deploy a machine")
        )
        self._window = window
        self._bridge = bridge
        self._shown: WizardStep | None = None
        self._state = WizardState(bridge, self, like=like)
        self._made: dict[Callable[[WizardState], Step], Step] = {}
        self._build()
        self._build_shortcuts()
        self._state.changed.connect(self._refresh)
        self._state.failed.connect(self._on_failed)
        self._size_over(parent)

    def current(self) -> WizardStep:
        """The step that is open."""
        return self._state.draft.step

    def reject(self) -> None:
        # While the request is on its way its answer decides; closing now would leave a draft of a machine that exists.
        if not self._deploy.is_busy():
            super().reject()

    def set_busy(self, busy: bool) -> None:
        """While the requests are on their way nothing can be chosen: what is left over afterwards is of the draft."""
        if busy:
            # Else disabling the field it is in would hand the keyboard to its neighbour.
            self._deploy.setFocus()
        self._deploy.set_busy(busy)
        for part in (self._rail, self._pages, self._over, self._way):
            part.setEnabled(not busy)

    def done(self, result: int) -> None:
        self._state.save()
        super().done(result)

    def _build(self) -> None:
        self._rail = StepRail(self._titles())
        self._rail.chosen.connect(self._open)
        self._summary = Summary(self._state)
        self._title = Label(style=Type.TITLE)
        self._hint = Label(tone="secondary", wraps=True)
        middle = QVBoxLayout()
        middle.setContentsMargins(Space.XL, Space.L, Space.L, 0)
        middle.setSpacing(Space.XS)
        middle.addWidget(self._title)
        middle.addWidget(self._hint)
        middle.addSpacing(Space.M)
        middle.addWidget(self._build_pages(), 1)
        body = QHBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self._rail)
        body.addLayout(middle, 1)
        body.addWidget(self._summary)
        whole = QVBoxLayout(self.body)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(body, 1)
        whole.addWidget(Divider())
        whole.addLayout(self._build_foot())

    def _build_pages(self) -> QStackedWidget:
        self._pages = QStackedWidget()
        self._error = ErrorState()
        self._error.retried.connect(self._on_retried)
        self._loading = Skeleton(rows=5, row_height=56)
        self._pages.addWidget(self._loading)
        self._pages.addWidget(self._error)
        self._one_page = OnePage()
        self._pages.addWidget(self._one_page)
        self._page_of: dict[Step, QScrollArea] = {}
        self._drawn: dict[Step, object] = {}
        self._is_tried = False
        return self._pages

    def _build_foot(self) -> QHBoxLayout:
        self._over = self._button(
            "start-over", self.tr("Start over"), "undo-2", self._on_start_over, kind=ButtonKind.GHOST
        )
        self._way = self._button("on-one-page", "", "list", self._on_way, kind=ButtonKind.GHOST)
        self._way.setToolTip("Ctrl+E")
        close = self._button("close", self.tr("Close"), "", self.reject)
        close.setToolTip(self.tr("Your choices are kept.  Esc") if self._state.is_kept else "Esc")
        self._back = self._button("back", self.tr("Back"), "", self._go_back)
        self._back.setToolTip("Alt+Left")
        self._next = self._button("next", self.tr("Next"), "", self._go_on, kind=ButtonKind.PRIMARY)
        self._deploy = self._button("deploy", self.tr("Deploy"), "rocket", self._go_on, kind=ButtonKind.PRIMARY)
        row = QHBoxLayout()
        row.setContentsMargins(Space.L, Space.M, Space.L, Space.M)
        row.setSpacing(Space.S)
        row.addWidget(self._over)
        row.addWidget(self._way)
        row.addStretch()
        for button in (close, self._back, self._next, self._deploy):
            row.addWidget(button)
        for button in (self._next, self._deploy):
            button.setToolTip("Ctrl+Enter")
        self._deploy.hide()
        return row

    def _button(
        self, name: str, text: str, icon_name: str, act: object, *, kind: ButtonKind = ButtonKind.SECONDARY
    ) -> Button:
        button = Button(text, kind=kind, icon_name=icon_name)
        button.setObjectName(f"wizard.{name}")
        button.clicked.connect(act)
        return button

    def _build_shortcuts(self) -> None:
        for hint, act in zip(key_hints(), (self._go_on, self._go_on, self._go_back, self._on_way), strict=True):
            QShortcut(QKeySequence(hint.keys), self).activated.connect(act)
        # The enter key of the figures' block.
        QShortcut(QKeySequence("Ctrl+Enter"), self).activated.connect(self._go_on)

    def _size_over(self, parent: QWidget | None) -> None:
        """As large as it likes to be, but never larger than the window under it."""
        room = parent.window().size() - QSize(48, 48) if parent is not None else SIZE
        smallest = MINIMUM.boundedTo(room.expandedTo(QSize(640, 400)))
        self.set_panel_size(SIZE.boundedTo(room).expandedTo(smallest))

    def _titles(self) -> dict[WizardStep, str]:
        return {
            WizardStep.ACCOUNT: self.tr("Account"),
            WizardStep.REGION: self.tr("Address") if self._state.asks_host else self.tr("Region"),
            WizardStep.SIZE: self.tr("Size"),
            WizardStep.IMAGE: self.tr("Image"),
            WizardStep.KEYS: self.tr("SSH keys"),
            WizardStep.BOOTSTRAP: self.tr("Bootstrap"),
            WizardStep.FIREWALL: self.tr("Firewall"),
            WizardStep.NAME: self.tr("Name and tags"),
            WizardStep.REVIEW: self.tr("Review"),
        }

    def _step(self, key: WizardStep) -> Step:
        """The step, made when it is first wanted: all nine at once would hold the window up."""
        make = HostStep if key is WizardStep.REGION and self._state.asks_host else _STEPS[key]
        step = self._made.get(make)
        if step is None:
            step = self._made[make] = make(self._state)
            step.finished.connect(self._on_finished)
            self._page_of[step] = _scrolling(step)
            self._pages.addWidget(self._page_of[step])
        return step

    def _refresh(self) -> None:
        if not self._state.is_ready:
            return
        if self._state.skip_reason(self.current()):
            self._open(WizardStep.ACCOUNT)
            return
        is_one = self._state.draft.is_on_one_page
        is_last = is_one or self.current() is WizardStep.REVIEW
        self._way.setText(self.tr("Step by step") if is_one else self.tr("All on one page"))
        self._next.setVisible(not is_last)
        self._deploy.setVisible(is_last)
        self._back.setVisible(not is_one)
        self._back.setEnabled(self.current() is not WizardStep.ACCOUNT)
        self._refresh_rail()
        self._summary.refresh()
        if is_one:
            self._refresh_one_page()
        else:
            self._refresh_step(self._step(self.current()))

    def _refresh_step(self, step: Step) -> None:
        step.refresh()
        self._title.setText(step.title)
        self._hint.setText(step.hint)
        page = self._page_of[step]
        if page.widget() is not step:
            page.setWidget(step)
        if self._pages.currentWidget() is not page:
            self._pages.setCurrentWidget(page)
            step.entered()

    def _refresh_one_page(self) -> None:
        """Every step that is needed; what depends on the offer alone is drawn only when that has changed."""
        steps = {key: self._step(key) for key in self._state.steps()}
        for step, page in self._page_of.items():
            if step in steps.values() and page.widget() is step:
                page.takeWidget()
            elif step not in steps.values() and page.widget() is not step:
                page.setWidget(step)
        titles = self._titles()
        self._one_page.show_steps({step: titles[key] for key, step in steps.items()})
        self._title.setText(self.tr("Everything on one page"))
        self._hint.setText(self.tr("Enter goes on to the next part, Ctrl+Enter deploys."))
        for key, step in steps.items():
            drawn = self._state.offered_now() if key in FROM_CATALOGUE else object()
            if self._drawn.get(step) != drawn:
                self._drawn[step] = drawn
                step.refresh()
        if self._pages.currentWidget() is not self._one_page:
            self._shown = self.current()
            self._pages.setCurrentWidget(self._one_page)
            # What a step chooses by itself is chosen now; the keyboard ends up where the person was.
            for key in (WizardStep.KEYS, WizardStep.NAME, WizardStep.ACCOUNT, self.current()):
                if key in steps:
                    steps[key].entered()
            self._one_page.reveal(steps[self.current()])
        elif self._shown is not self.current():
            self._shown = self.current()
            steps[self.current()].entered()
            self._one_page.reveal(steps[self.current()])

    def _refresh_rail(self) -> None:
        for key, title in self._titles().items():
            reason = self._state.skip_reason(key)
            is_one = self._state.draft.is_on_one_page
            is_visited = is_one or key in self._state.draft.visited
            problem = self._state.problem(key) if is_visited else ""
            state = StepState.DONE if is_visited else StepState.AHEAD
            note = reason or problem
            if reason:
                state = StepState.SKIPPED
            elif key is self.current():
                state, note = StepState.CURRENT, ""
            elif problem and is_one and not self._is_tried:
                state, note = StepState.AHEAD, ""
            elif problem:
                state = StepState.ERROR
            self._rail.entry(key).show_state(title, state, note=note, can_open=is_visited and not reason)

    def _open(self, key: WizardStep) -> None:
        if self._state.draft.is_on_one_page and key is self.current():
            # The draft stays as it is, but the person may have scrolled or clicked away from it.
            self._shown = None
            self._refresh()
            return
        visited = self._state.draft.visited
        self._state.change(step=key, visited=visited if key in visited else (*visited, key))

    def _go_on(self) -> None:
        if not self._state.is_ready or self._deploy.is_busy():
            return
        if self._state.draft.is_on_one_page:
            self._deploy_from_one_page()
        elif self._state.problem(self.current()):
            self._step(self.current()).show_problems()
        elif self.current() is WizardStep.REVIEW:
            self._ask()
        else:
            steps = self._state.steps()
            self._open(steps[steps.index(self.current()) + 1])

    def _deploy_from_one_page(self) -> None:
        """Ask for it, or go to the first part that is not finished and say why."""
        parts = self._state.steps()
        unfinished = next((key for key in parts if self._state.problem(key)), None)
        if unfinished is None:
            self._ask()
            return
        self._is_tried = True
        self._open(unfinished)
        self._refresh_rail()
        self._step(unfinished).show_problems()
        self._one_page.reveal(self._step(unfinished))

    def _on_finished(self) -> None:
        """Enter in a part of the one page goes on to the next one; it deploys nothing."""
        step = self.sender()
        if not self._state.draft.is_on_one_page or not isinstance(step, Step):
            self._go_on()
            return
        parts = self._state.steps()
        place = parts.index(step.key) if step.key in parts else 0
        self._open(parts[min(place + 1, len(parts) - 1)])

    def _on_way(self) -> None:
        if self._state.is_ready and not self._deploy.is_busy():
            self._drawn.clear()
            self._state.change(is_on_one_page=not self._state.draft.is_on_one_page)

    def _go_back(self) -> None:
        steps = self._state.steps()
        place = steps.index(self.current()) if self.current() in steps else 0
        if place > 0 and not self._deploy.is_busy():
            self._open(steps[place - 1])

    def _ask(self) -> None:
        asks = self._state.requests()

        def done(_machines: object) -> None:
            self._state.finish()
            self.accept()
            self._window.inspect("deployment", asks[0].deployment_id)
            if len(asks) > 1:
                self._window.notify(self.tr("{0} machines are being planned.").format(len(asks)))

        tasks.run(
            self._bridge,
            self._deployed(asks),
            owner=self,
            name="CreateMachine",
            done=done,
            failed=self._on_refused,
            busy=self,
        )

    async def _deployed(self, asks: tuple[CreateMachine, ...]) -> None:
        """Ask for one after the other; where one is refused, the draft is of what is left."""
        made = 0
        try:
            for ask in asks:
                await self._bridge.call(ask)
                made += 1
        except MachinaError:
            # Not where it is cancelled: then the wizard is gone already.
            if made:
                self._state.leave_out(made, [ask.name for ask in asks])
                words = self.tr("{0} of {1} machines are being planned; the others are still in the wizard.")
                self._window.notify(words.format(made, len(asks)), kind="warning")
            raise

    def _on_refused(self, error: MachinaError) -> None:
        """Show the refusal where it can be put right; what belongs to no field stays here."""
        if self._step(self.current()).is_about_the_vault(error):
            return
        key, field = place_of_error(error)
        if key is None or self._state.skip_reason(key):
            self._step(WizardStep.REVIEW).show_error("", str(error))
            self._one_page.reveal(self._step(WizardStep.REVIEW))
            return
        self._open(key)
        self._step(key).show_error(field, str(error))

    def _on_failed(self, error: MachinaError) -> None:
        if not self._state.is_ready:
            self._error.set_error(error)
            self._pages.setCurrentWidget(self._error)
        else:
            self._step(self.current()).is_about_the_vault(error)

    def _on_retried(self) -> None:
        self._pages.setCurrentWidget(self._loading)
        self._state.retry()

    def _on_start_over(self) -> None:
        if not self._state.is_ready or self._deploy.is_busy():
            return
        self._is_tried = False
        self._drawn.clear()
        # What is shown comes up anew, and chooses again what it chooses by itself.
        self._pages.setCurrentWidget(self._loading)
        self._state.start_over()


def _scrolling(step: Step) -> QScrollArea:
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    # Room for focus rings, which are drawn at the very edge of a control.
    step.column.setContentsMargins(2, 2, Space.S, Space.L)
    scroll.setWidget(step)
    return scroll
