"""What this is: version, licence, and whose work it stands on."""

from __future__ import annotations

import platform

import PySide6
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout

import machina_desktop
from machina_desktop.views.apps.settings_section import Block, named
from machina_desktop.views.brand import NAME
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.text import CopyLabel, Label

LICENCE = "Apache-2.0"
SHIPPED: tuple[tuple[str, str, str], ...] = (
    ("DM Sans", "OFL-1.1", "https://github.com/googlefonts/dm-fonts"),
    ("JetBrains Mono", "OFL-1.1", "https://github.com/JetBrains/JetBrainsMono"),
    ("Lucide", "ISC", "https://lucide.dev"),
    ("Qt for Python", "LGPL-3.0", "https://doc.qt.io/qtforpython"),
    ("SQLAlchemy", "MIT", "https://www.sqlalchemy.org"),
    ("Alembic", "MIT", "https://alembic.sqlalchemy.org"),
    ("Paramiko", "LGPL-2.1", "https://www.paramiko.org"),
    ("cryptography", "Apache-2.0 or BSD-3-Clause", "https://cryptography.io"),
    ("keyring", "MIT", "https://github.com/jaraco/keyring"),
    ("HTTPX", "BSD-3-Clause", "https://www.python-httpx.org"),
    ("msgspec", "BSD-3-Clause", "https://msgspec.dev"),
    ("psutil", "BSD-3-Clause", "https://github.com/giampaolo/psutil"),
    ("platformdirs", "MIT", "https://github.com/tox-dev/platformdirs"),
    ("RE2", "BSD-3-Clause", "https://github.com/google/re2"),
    ("qasync", "BSD-2-Clause", "https://github.com/CabbageDevelopment/qasync"),
)
"""Fonts, icons and libraries that come with the application: name, licence, address."""


class AboutBlock(Block):
    """Versions, then everything that is shipped with its licence and an address to copy."""

    def __init__(self) -> None:
        super().__init__()
        versions = f"Python {platform.python_version()}, Qt {PySide6.__version__}"
        self.column.addLayout(named(NAME, CopyLabel(machina_desktop.__version__, name=_tr("version"))))
        self.column.addLayout(named(_tr("Runs on"), CopyLabel(versions, name=_tr("versions of Python and Qt"))))
        self.column.addLayout(named(_tr("Licence"), Label(LICENCE)))
        self.column.addSpacing(Space.S)
        self.column.addWidget(Label(_tr("It stands on the work of others"), style=Type.MEDIUM))
        self.column.addLayout(_shipped())

    @staticmethod
    def words() -> str:
        """What it is found by."""
        names = " ".join(name for name, _licence, _address in SHIPPED)
        return f"{NAME} version licence license fonts icons libraries {names}"


def _shipped() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(Space.L)
    grid.setVerticalSpacing(2)
    grid.setColumnStretch(2, 1)
    for row, (name, licence, address) in enumerate(SHIPPED):
        grid.addWidget(Label(name), row, 0, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(Label(licence, style=Type.SECONDARY, tone="secondary"), row, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(CopyLabel(address, name=_tr("address of {0}").format(name)), row, 2)
    return grid


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
