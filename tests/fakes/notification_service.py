"""A session bus with a notification service of its own, to be run under ``dbus-run-session``: sends one, clicks it.

Prints what the service was given and which key came back; with the argument ``none`` there is no service.
"""

from __future__ import annotations

import subprocess
import sys

from PySide6.QtCore import ClassInfo, QObject, QTimer, Signal, Slot
from PySide6.QtDBus import QDBusConnection
from PySide6.QtWidgets import QApplication

from machina_desktop.views.desktop_notifications import PATH, SERVICE, DesktopNotifications


@ClassInfo({"D-Bus Interface": SERVICE})
class Service(QObject):
    """Answers as the specification says, with exactly its types."""

    ActionInvoked = Signal("uint", str)

    @Slot(str, "uint", str, str, str, "QStringList", "QVariantMap", int, result="uint")
    def Notify(self, name: str, _replaces: int, _icon: str, title: str, body: str, *rest: object) -> int:  # noqa: N802
        sound = "silent" if rest[1] == {"suppress-sound": True} else "loud"
        print("given", name, title, body, sound, sep="|", flush=True)
        QTimer.singleShot(100, lambda: self.ActionInvoked.emit(7, "default"))
        return 7


def serve() -> None:
    app = QApplication([])
    service = Service()
    bus = QDBusConnection.sessionBus()
    bus.registerObject(PATH, service, QDBusConnection.RegisterOption.ExportAllContents)
    bus.registerService(SERVICE)
    print("ready", flush=True)
    app.exec()


def send() -> None:
    app = QApplication([])
    outside = DesktopNotifications(None)
    outside.activated.connect(lambda key: (print("activated", key, sep="|", flush=True), app.quit()))
    outside._refused.connect(lambda title, *_rest: (print("refused", title, sep="|", flush=True), app.quit()))
    outside.send("web-1 is running.", "2 to add", key="deployment-7")
    QTimer.singleShot(20_000, app.quit)
    app.exec()


def main() -> None:
    if sys.argv[1:] == ["serve"]:
        serve()
    elif sys.argv[1:] == ["none"]:
        send()
    else:
        command = [sys.executable, "-m", "tests.fakes.notification_service", "serve"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
            assert service.stdout is not None
            service.stdout.readline()
            send()
            service.terminate()
            print(service.stdout.read(), end="")


if __name__ == "__main__":
    main()
