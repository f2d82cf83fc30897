"""What a run on several machines came to: each machine's end, and which of them put out something else."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from machina_desktop.core.domain.output_groups import Change, DiffLine, OutputGroup, difference, grouped
from machina_desktop.views import theme
from machina_desktop.views.snippets.many_run import Job, JobState, ManyRun
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, Segment, Segmented
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.list_view import List, ListItem
from machina_desktop.views.widgets.text import Label, copy_text

_ICONS: Final = {
    JobState.WAITING: "clock",
    JobState.ASKING: "circle-question-mark",
    JobState.RUNNING: "loader-circle",
    JobState.SENT: "corner-down-left",
    JobState.DONE: "circle-check",
    JobState.FAILED: "circle-x",
    JobState.LOST: "wifi-off",
    JobState.CANCELLED: "ban",
}
_TINTS: Final = {Change.MISSING: "tint-error", Change.ADDED: "tint-success"}
MACHINES, COMPARED = "machines", "compared"


class ResultsDialog(Dialog):
    """Shows a run, and follows it. Closing it leaves the run alone; ``open()`` shows it."""

    def __init__(self, run: ManyRun, parent: QWidget) -> None:
        super().__init__(run.title, primary=_tr("Close"), width=900, parent=parent)
        self.setObjectName("run_results")
        self.run = run
        self._groups: tuple[OutputGroup, ...] = ()
        self.summary = Label(style=Type.MEDIUM)
        self.ways = Segmented(
            (
                Segment(key=MACHINES, title=self.tr("By machine")),
                Segment(key=COMPARED, title=self.tr("Compare outputs")),
            ),
            name=self.tr("What is shown"),
        )
        self.list = List(name=self.tr("Machines"))
        self.list.setObjectName("run_results.list")
        self.head = Label(style=Type.LABEL, tone="secondary")
        self.text = QPlainTextEdit()
        self.copy = Button(self.tr("Copy"), icon_name="copy")
        self.copy.setObjectName("run_results.copy")
        self._build_all()
        self.cancel.setText(self.tr("Cancel the run"))
        self.cancel.clicked.disconnect()
        self.cancel.clicked.connect(run.cancel)
        self.primary.clicked.connect(self.accept)
        self.copy.clicked.connect(lambda: copy_text(self.text.toPlainText()))
        self.list.selected.connect(lambda _key: self._show_text())
        self.ways.changed.connect(lambda _key: self._show())
        run.changed.connect(self._show)
        self._show()
        self.list.setFocus()

    def _build_all(self) -> None:
        self.add_button(self.copy)
        self.list.setMinimumSize(300, 340)
        self.text.setReadOnly(True)
        self.text.setObjectName("run_results.text")
        self.text.setAccessibleName(self.tr("Output"))
        self.text.setFont(theme.font(Type.MONO))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        top = QHBoxLayout()
        top.addWidget(self.summary, 1)
        top.addWidget(self.ways)
        right = QVBoxLayout()
        right.setSpacing(Space.XS)
        right.addWidget(self.head)
        right.addWidget(self.text, 1)
        both = QHBoxLayout()
        both.setSpacing(Space.L)
        both.addWidget(self.list, 2)
        both.addLayout(right, 3)
        self.column.addLayout(top)
        self.column.addLayout(both)

    def _show(self) -> None:
        jobs = self.run.jobs
        self._groups = grouped({str(index): job.output for index, job in enumerate(jobs) if _has_output(job)})
        self.summary.setText(self._summary())
        self.cancel.setEnabled(not self.run.is_over)
        was = self.list.current()
        if self.ways.current() == COMPARED:
            items = tuple(self._group_item(index, group) for index, group in enumerate(self._groups))
        else:
            items = tuple(self._job_item(index, job) for index, job in enumerate(jobs))
        self.list.set_items(items)
        if items and was not in {item.key for item in items}:
            self.list.select(items[0].key)
        self._show_text()

    def _summary(self) -> str:
        shown = self.locale().toString
        words = {
            JobState.DONE: self.tr("{0} done"),
            JobState.FAILED: self.tr("{0} failed"),
            JobState.SENT: self.tr("{0} sent"),
            JobState.LOST: self.tr("{0} lost"),
            JobState.CANCELLED: self.tr("{0} cancelled"),
            JobState.ASKING: self.tr("{0} with a question in its terminal"),
            JobState.RUNNING: self.tr("{0} running"),
            JobState.WAITING: self.tr("{0} connecting"),
        }
        counts = {state: sum(job.state is state for job in self.run.jobs) for state in words}
        return "  ·  ".join(words[state].format(shown(count)) for state, count in counts.items() if count)

    def _job_item(self, index: int, job: Job) -> ListItem:
        return ListItem(
            key=f"job{index}",
            title=job.task.name,
            detail=self._told(job),
            icon_name=_ICONS[job.state],
            trailing="" if job.exit_code is None else self.tr("exit {0}").format(job.exit_code),
        )

    def _told(self, job: Job) -> str:
        words = {
            JobState.WAITING: self.tr("Waiting for its shell"),
            JobState.ASKING: self.tr("Asks a question in its terminal"),
            JobState.RUNNING: self.tr("Running"),
            JobState.SENT: self.tr("Typed; its shell does not tell how it ended"),
            JobState.DONE: self.tr("Done"),
            JobState.FAILED: self.tr("Failed"),
            JobState.LOST: self.tr("The connection was lost or never made"),
            JobState.CANCELLED: self.tr("Cancelled"),
        }[job.state]
        if job.seconds is None or job.state not in {JobState.DONE, JobState.FAILED}:
            return words
        return self.tr("{0} after {1} s").format(words, self.locale().toString(job.seconds, "f", 1))

    def _group_item(self, index: int, group: OutputGroup) -> ListItem:
        names = ", ".join(self.run.jobs[int(key)].task.name for key in group.keys)
        count = len(group.keys)
        if index:
            changed = sum(line.change is not Change.SAME for line in difference(self._groups[0].text, group.text))
            title = self.tr("{0} other lines").format(self.locale().toString(changed))
        elif len(self._groups) == 1 and count > 1:
            title = self.tr("All the same")
        else:
            title = self.tr("Most said this") if count > 1 else self.tr("Compared with this")
        trailing = self.locale().toString(count)
        return ListItem(
            key=f"group{index}",
            title=title,
            detail=names,
            icon_name="layers" if count > 1 else "server",
            trailing=trailing,
        )

    def _show_text(self) -> None:
        key = self.list.current()
        self.head.setText(self.tr("Output"))
        if key.startswith("group") and (number := int(key.removeprefix("group"))) < len(self._groups):
            if number:
                base = ", ".join(self.run.jobs[int(each)].task.name for each in self._groups[0].keys)
                self.head.setText(self.tr("Difference to {0}").format(base))
                self._show_difference(difference(self._groups[0].text, self._groups[number].text))
            else:
                self._show_plain(self._groups[0].text)
        elif key.startswith("job"):
            job = self.run.jobs[int(key.removeprefix("job"))]
            nothing = self.tr("It put out nothing.") if job.state in {JobState.DONE, JobState.FAILED} else ""
            self._show_plain(job.output or nothing)
        else:
            self._show_plain(self.tr("There is no output to compare yet."))

    def _show_plain(self, text: str) -> None:
        if self.text.toPlainText() != text:
            self.text.setPlainText(text)
        self.text.setExtraSelections([])

    def _show_difference(self, lines: tuple[DiffLine, ...]) -> None:
        self._show_plain("\n".join(f"{line.change} {line.text}" for line in lines))
        marked = []
        for number, line in enumerate(lines):
            if token := _TINTS.get(line.change):
                format_ = QTextCharFormat()
                format_.setBackground(theme.color(token))
                format_.setProperty(QTextCharFormat.Property.FullWidthSelection, True)
                selection = QTextEdit.ExtraSelection()
                selection.format = format_
                selection.cursor = QTextCursor(self.text.document().findBlockByNumber(number))
                marked.append(selection)
        self.text.setExtraSelections(marked)


def _has_output(job: Job) -> bool:
    return job.state in {JobState.DONE, JobState.FAILED}


def _tr(text: str) -> str:
    return QCoreApplication.translate("ResultsDialog", text)
