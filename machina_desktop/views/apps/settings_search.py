"""What the palette finds of the settings: each setting, and the parts of the page."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.services.device import ListSettings, SettingValue
from machina_desktop.views.links import APP, Link
from machina_desktop.views.searches import Finding, Search, fixed_search, search
from machina_desktop.views.setting_words import in_words


def searches() -> tuple[Search, ...]:
    """One search for the settings, one for what is no setting."""
    return (
        search(
            entity=APP,
            title=_tr("Settings"),
            request=lambda _team: ListSettings(),
            depends=frozenset(),
            finding=_finding,
        ),
        fixed_search(entity=APP, title=_tr("Settings"), findings=_parts),
    )


def _finding(value: SettingValue) -> Finding:
    setting = in_words(value)
    return Finding(
        link=Link.to_app("settings", setting.key),
        title=setting.title,
        icon="sliders-horizontal",
        detail=_section_word(setting.section),
        words=" ".join((setting.help, setting.key, *setting.choice_titles)),
    )


def _parts() -> tuple[Finding, ...]:
    return tuple(
        Finding(link=Link.to_app("settings", place), title=title, icon=icon_name, words=words)
        for place, title, icon_name, words in (
            ("profile", _tr("Profile"), "user", _tr("name e-mail picture person me")),
            ("account", _tr("Account"), "key-round", _tr("passphrase keyring unlock vault sessions")),
            ("engine", _tr("Terraform program"), "package", _tr("tofu opentofu version path")),
            ("data", _tr("Data folder"), "hard-drive", _tr("back up restore disk files size")),
            ("logs", _tr("Logs of Machina"), "scroll-text", _tr("diagnostics report")),
            ("about", _tr("About Machina"), "info", _tr("version licence")),
        )
    )


def _section_word(section: str) -> str:
    words = {
        "look": _tr("Look"),
        "terminal": _tr("Terminal"),
        "notifications": _tr("Notifications"),
        "deployments": _tr("Deployments"),
        "engine": _tr("Terraform"),
        "vault": _tr("Vault"),
        "proxy": _tr("Proxy"),
        "logs": _tr("Logs"),
    }
    return words.get(section, "")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
