"""How what broke is shown: a dialog the first time, a toast when it comes again, never one dialog after the other."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox, QWidget

from machina_desktop.views.crash_dialog import CrashDialog
from machina_desktop.views.notices import Notices
from machina_desktop.views.toast import Notice

# What comes again by itself, as in a painting, is not told more often.
TOLD_EVERY_S = 10.0


class CrashPresenter(QObject):
    """Shows reports over ``window``. What is shown twice, its report tells."""

    def __init__(self, notices: Notices, *, logs: Path, window: QWidget) -> None:
        super().__init__(window)
        self._notices = notices
        self._logs = logs
        self._window = window
        self._dialog: CrashDialog | None = None
        self._is_building = False
        self._counts: dict[str, int] = {}
        self._told_s: dict[str, float] = {}

    @property
    def dialog(self) -> CrashDialog | None:
        """The dialog that is open."""
        return self._dialog

    def show(self, sentence: str, report: str) -> None:
        """Something broke. A report that was shown before counts as `show_again`."""
        count = self._counts.get(report, 0) + 1
        if count > 1:
            self.show_again(sentence, report, count)
            return
        self._counts[report] = 1
        if self._is_building:
            # It is our own dialog that breaks.
            self._show_plainly(sentence, report)
        elif self._dialog is not None:
            self._dialog.count_other()
        else:
            self._open(sentence, report)

    def show_again(self, sentence: str, report: str, count: int) -> None:
        """The same broke again, ``count`` times by now."""
        self._counts[report] = count
        if self._dialog is not None:
            if self._dialog.report == report:
                self._dialog.count(count)
            return
        now_s = time.monotonic()
        if now_s - self._told_s.get(report, -TOLD_EVERY_S) < TOLD_EVERY_S:
            return
        self._told_s[report] = now_s
        self._notices.tell(
            Notice(
                text=sentence,
                detail=self.tr("It has come before."),
                kind="error",
                action=self.tr("Details"),
                on_action=lambda: self._open(sentence, report),
            )
        )

    def tell_last(self, report: str) -> None:
        """The last run ended in a hard crash that left ``report``."""
        sentence = self.tr("Machina ended unexpectedly last time.")
        self._notices.tell(
            Notice(
                text=sentence,
                detail=self.tr("Deployments were not affected."),
                kind="error",
                action=self.tr("Report"),
                on_action=lambda: self._open(
                    sentence,
                    report,
                    heading=self.tr("What happened last time"),
                    remark=self.tr(
                        "Deployments were not affected. The report below holds no secrets; nothing is sent by itself."
                    ),
                ),
            )
        )

    def _open(self, sentence: str, report: str, *, heading: str = "", remark: str = "") -> None:
        if self._dialog is not None or self._is_building:
            return
        # Stays set when the dialog itself fails: then the next error is shown plainly, and there is no third.
        self._is_building = True
        dialog = CrashDialog(sentence, report, heading=heading, remark=remark, logs=self._logs, parent=self._window)
        dialog.count(self._counts.get(report, 1))
        dialog.finished.connect(lambda: self._on_closed(report))
        dialog.open()
        self._dialog = dialog
        self._is_building = False

    def _show_plainly(self, sentence: str, report: str) -> None:
        box = QMessageBox(QMessageBox.Icon.Critical, self._window.windowTitle(), sentence, parent=self._window)
        box.setDetailedText(report)
        box.finished.connect(box.deleteLater)
        box.open()

    def _on_closed(self, report: str) -> None:
        self._dialog = None
        self._told_s[report] = time.monotonic()
