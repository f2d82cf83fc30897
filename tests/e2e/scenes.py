"""Everything the window can show, as lists of named scenes: each is one picture, a new one is a line in its walk."""

from __future__ import annotations

from tests.e2e.steps import (
    Scene,
    account,
    app,
    card,
    choose,
    click,
    click_text,
    command,
    fail,
    hold,
    inspect,
    key,
    keys,
    let_go,
    menu_of,
    notify,
    place,
    press,
    recover,
    rows,
    scene,
    scroll_down,
    shortcut,
    until_seen,
    until_window,
    wizard_to,
    write,
)

_MACHINES = (
    scene("machines-loading", hold("machine"), app("machines")),
    scene("machines-cards", let_go, app("machines")),
    scene("machine-running", rows("web-1")),
    scene("machine-error", rows("telemetry-ingest-3")),
    scene("machine-stopped", rows("build-arm")),
    scene("machine-practice", rows("playground")),
    scene("machine-practice-more", rows("playground"), scroll_down("machine.detail")),
    scene("machine-protected", rows("db-primary")),
    scene("machines-selection", rows("api-1", "api-2", "api-3")),
    scene("machines-menu", rows("cache-1"), menu_of("cache-1")),
    scene("machine-destroy", rows("playground"), click("machine.destroy"), until_seen("machine.destroy-dialog")),
    scene("machines-table", press("Table")),
    scene("machines-table-inspector", rows("web-3")),
    scene("machines-table-grouped", choose("machines.group", "provider")),
    scene("machines-cards-grouped", press("Cards")),
    scene("machines-filtered", choose("machines.group", ""), choose("machines.filter.provider", "aws")),
    scene("machines-searched", choose("machines.filter.provider", ""), write("machines.search", "prod")),
    scene("machines-no-match", write("machines.search", "nothing like that")),
    scene("machines-error", write("machines.search", ""), fail("machine")),
)
_PROVIDERS = (
    scene("providers-loading", recover, hold("provider_account"), app("providers")),
    scene("providers", let_go),
    scene("provider-valid", inspect("provider_account", "production")),
    scene("provider-invalid", inspect("provider_account", "telemetry")),
    scene("provider-own", inspect("provider_account", "rack")),
    scene("provider-add", click("providers.add"), until_seen("add_account")),
    scene("provider-delete", inspect("provider_account", "here"), click("provider_account.delete")),
    scene("providers-error", fail("provider_account")),
)
_KEYS = (
    scene("keys", recover, app("keys")),
    scene("key", inspect("ssh_key", "laptop")),
    scene("key-public-only", inspect("ssh_key", "grace-yubikey")),
    scene("key-generate", click("keys.generate"), until_seen("generate_key")),
    scene("key-import", click("keys.import"), until_seen("import_key")),
    scene("key-export", inspect("ssh_key", "deploy"), click("key.export"), until_seen("export_key")),
    scene("keys-error", fail("ssh_key")),
)
_DEPLOYMENTS = (
    scene("deployments-loading", recover, hold("deployment"), app("deployments")),
    scene("deployments", let_go),
    scene("deployment-awaiting-approval", inspect("deployment", "db-primary")),
    scene("deployment-plan-destroy", inspect("deployment", "demo-hannover")),
    scene("deployment-applying", inspect("deployment", "web-4")),
    scene("deployment-failed", inspect("deployment", "telemetry-ingest-3")),
    scene("deployment-succeeded", inspect("deployment", "api-2")),
    scene("deployment-details", inspect("deployment", "api-2"), click_text("Details")),
    scene("deployment-discard", inspect("deployment", "db-primary"), click("deployment.discard")),
    scene("deployments-waiting", choose("deployments.filter.state", "awaiting_approval")),
    scene("deployments-range", choose("deployments.filter.state", ""), choose("deployments.filter.period", "range")),
    scene("deployments-no-match", choose("deployments.filter.period", ""), write("deployments.search", "no such")),
    scene("deployments-error", write("deployments.search", ""), fail("deployment")),
)
_WIZARD = (
    scene("wizard-account", recover, app("machines"), click("machines.deploy"), until_seen("wizard"), stays=True),
    scene("wizard-new-account", click("wizard.provider.baremetal"), stays=True),
    scene("wizard-address", account("rack"), click("wizard.next"), stays=True),
    scene("wizard-address-problem", click("wizard.next"), stays=True),
    scene("wizard-address-filled", write("wizard.host", "10.20.7.50"), write("wizard.user", "acme"), stays=True),
    scene("wizard-region", click("wizard.start-over"), account("here"), click("wizard.next"), stays=True),
    scene("wizard-keys", wizard_to("wizard.step.keys"), stays=True),
    scene("wizard-name", key("laptop"), wizard_to("wizard.name"), write("wizard.name", "playground-2"), stays=True),
    scene("wizard-review", click("wizard.next")),
)
_SHELL = (
    scene("settings-profile", place("settings", "profile")),
    scene("settings-account", place("settings", "account")),
    scene("settings", place("settings", "settings")),
    scene("palette", app("machines"), shortcut("Ctrl+K"), stays=True),
    scene("palette-search", keys("web")),
    scene("palette-actions", command("palette.actions")),
    scene("shortcuts", shortcut("F1")),
    scene("team-switcher", press("Team")),
    scene("notices", notify("web-2 was rebooted", "success"), command("notices.list")),
    scene("toasts", notify("The plan of db-primary waits for you", "warning"), notify("sim-2 was rebooted", "success")),
    scene("sidebar-collapsed", command("sidebar.toggle"), rows("web-1")),
    scene("quit-question", command("sidebar.toggle"), command("quit")),
    scene("gallery", command("gallery.show"), until_window("Gallery")),
    scene("vault-locked", command("vault.lock"), stays=True),
    scene("vault-unlock", command("vault.unlock")),
)
TEAM = (*_MACHINES, *_PROVIDERS, *_KEYS, *_DEPLOYMENTS, *_WIZARD, *_SHELL)

FIRST = (
    scene("first-run-look", until_seen("first-run"), stays=True),
    scene("first-run-team", click_text("Continue"), stays=True),
    scene("first-run-vault", click_text("Continue"), card("key file"), stays=True),
    scene("first-run-passphrase", card("passphrase"), stays=True),
    scene("first-run-begin", card("key file"), click_text("Create vault"), stays=True),
    scene("machines-empty", click_text("Later")),
    scene("providers-empty", app("providers")),
    scene("keys-empty", app("keys")),
    scene("deployments-empty", app("deployments")),
    scene("machines-empty-wizard", app("machines"), shortcut("Ctrl+N"), until_seen("wizard")),
)
BROKEN = (scene("start-failed"),)

SMALL = (
    scene("small-machines-cards", app("machines")),
    scene("small-machine", rows("web-1")),
    scene("small-machines-table", press("Table")),
    scene("small-deployments", app("deployments")),
    scene("small-deployment", inspect("deployment", "db-primary")),
    scene("small-providers", app("providers")),
    scene("small-wizard", app("machines"), click("machines.deploy"), until_seen("wizard")),
)
CONTRAST = (
    scene("contrast-machines", app("machines")),
    scene("contrast-machine", rows("telemetry-ingest-3")),
    scene("contrast-table", press("Table")),
    scene("contrast-deployments", app("deployments")),
    scene("contrast-plan", inspect("deployment", "db-primary")),
    scene("contrast-wizard", app("machines"), click("machines.deploy"), until_seen("wizard")),
)
WALKS: dict[str, tuple[Scene, ...]] = {
    "team": TEAM,
    "first": FIRST,
    "broken": BROKEN,
    "small": SMALL,
    "contrast": CONTRAST,
}
