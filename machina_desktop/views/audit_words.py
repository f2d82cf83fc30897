"""How what stands in the audit trail is told: what was done, to which kind of thing, and how it ended."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome

_ICONS = {
    "machine": "server",
    "deployment": "rocket",
    "provider_account": "cloud",
    "ssh_key": "key-round",
    "firewall_profile": "shield-check",
    "team": "users",
    "member": "user",
    "invite": "user-plus",
    "grant": "shield-check",
    "user": "user",
    "recording": "history",
    "recording_rule": "shield-check",
    "snippet": "terminal",
}
# What the row that was written is called, where the word of the action is another one.
_ENTITIES = {"team_member": "member", "team_invite": "invite"}


def deed_words(action: str) -> str:
    """What was to be done, whatever came of it: ``Create a machine``; the action itself where it is unknown."""
    words = {
        "machine.create": _tr("Create a machine"),
        "machine.copy": _tr("Create a machine like another one"),
        "machine.update": _tr("Edit a machine"),
        "machine.destroy": _tr("Destroy a machine"),
        "machine.reboot": _tr("Reboot a machine"),
        "machine.start": _tr("Start a machine"),
        "machine.stop": _tr("Stop a machine"),
        "machine.refresh": _tr("Refresh a machine"),
        "machine.retry": _tr("Try a machine again"),
        "machine.ssh": _tr("Open a terminal"),
        "machine.open_terminal": _tr("Open a terminal"),
        "machine.close_terminal": _tr("Close a terminal"),
        "machine.files": _tr("Work with files of a machine"),
        "machine.tunnel": _tr("Open a tunnel"),
        "machine.accept_jump_host": _tr("Accept a jump host's key"),
        "machine.pin_host_key": _tr("Accept a host key"),
        "machine.pin_printed_host_key": _tr("Pin the host key that a machine printed"),
        "provider_account.add": _tr("Add a provider account"),
        "provider_account.update": _tr("Edit a provider account"),
        "provider_account.forget_plugins": _tr("Forget the plugins of an account"),
        "provider_account.verify": _tr("Verify a provider account"),
        "provider_account.replace_credentials": _tr("Replace the credentials of an account"),
        "provider_account.record_credentials": _tr("Replace the credentials of an account"),
        "provider_account.delete": _tr("Delete a provider account"),
        "ssh_key.generate": _tr("Generate a key"),
        "ssh_key.import": _tr("Import a key"),
        "ssh_key.export": _tr("Export a private key"),
        "ssh_key.delete": _tr("Delete a key"),
        "ssh_key.sync": _tr("Put a key into an account"),
        "ssh_key.unsync": _tr("Take a key out of an account"),
        **_upkeep_words(),
        **_deployment_words(),
        **_people_words(),
        **_recording_words(),
    }
    return words.get(action, action)


def _upkeep_words() -> dict[str, str]:
    return {
        "machine.import": _tr("Take over a machine"),
        "machine.resize": _tr("Resize a machine"),
        "machine.rebuild": _tr("Rebuild a machine"),
        "machine.snapshot": _tr("Take a snapshot of a machine"),
        "machine.rescue": _tr("Switch the rescue system of a machine"),
        "machine.set_firewall": _tr("Change the firewall of a machine"),
        "firewall_profile.create": _tr("Write a firewall"),
        "firewall_profile.update": _tr("Edit a firewall"),
        "firewall_profile.delete": _tr("Delete a firewall"),
    }


def _deployment_words() -> dict[str, str]:
    return {
        "deployment.approve": _tr("Approve a plan"),
        "deployment.cancel": _tr("Cancel a deployment"),
        "deployment.claim": _tr("Take up a deployment"),
        "deployment.take_over": _tr("Take over a deployment"),
        "deployment.report_plan": _tr("Make a plan"),
        "deployment.expire": _tr("Let a plan expire"),
        "deployment.save_state": _tr("Save the state of a machine"),
        "deployment.report_facts": _tr("Record facts of a machine"),
        "deployment.report_outcome": _tr("End a deployment"),
        "deployment.keep_lock_file": _tr("Keep the plugins of an account"),
        "deployment.keep_key_id": _tr("Learn the id of a key in an account"),
        "deployment.report_account": _tr("Learn whether an account works"),
        "deployment.report_fallback": _tr("Fall back on another size"),
    }


def _people_words() -> dict[str, str]:
    return {
        "team.create": _tr("Create the team"),
        "team.update": _tr("Edit the team"),
        "team.delete": _tr("Delete the team"),
        "team.join": _tr("Join the team"),
        "team.leave": _tr("Leave the team"),
        "member.update": _tr("Change a member's role"),
        "member.remove": _tr("Remove a member"),
        "invite.create": _tr("Invite somebody"),
        "invite.revoke": _tr("Revoke an invite"),
        "grant.add": _tr("Grant a right"),
        "grant.remove": _tr("Take a right back"),
        "user.update": _tr("Edit their profile"),
    }


def _recording_words() -> dict[str, str]:
    return {
        "recording.start": _tr("Record a terminal"),
        "recording.end": _tr("End a recording"),
        "recording.export": _tr("Export a recording"),
        "recording.delete": _tr("Delete a recording"),
        "recording.tidy": _tr("Tidy recordings"),
        "recording.note": _tr("Record a terminal"),
        "recording_rule.add": _tr("Require recordings"),
        "recording_rule.remove": _tr("Require recordings no more"),
        "snippet.create": _tr("Write a snippet"),
        "snippet.update": _tr("Edit a snippet"),
        "snippet.delete": _tr("Delete a snippet"),
        "snippet.run": _tr("Run a snippet"),
    }


def deed_icon(action: str) -> str:
    """The icon of the kind of thing an action is about."""
    return _ICONS.get(action.partition(".")[0], "activity")


def groups() -> tuple[tuple[str, str], ...]:
    """The nouns that actions begin with, each with what people call it, in the order of the apps."""
    return (
        ("machine", _tr("Machines")),
        ("provider_account", _tr("Provider accounts")),
        ("ssh_key", _tr("Keys")),
        ("firewall_profile", _tr("Firewalls")),
        ("deployment", _tr("Deployments")),
        ("team", _tr("Teams")),
        ("member", _tr("Members")),
        ("invite", _tr("Invites")),
        ("grant", _tr("Rights")),
        ("user", _tr("Profiles")),
        ("recording", _tr("Recordings")),
        ("recording_rule", _tr("Rules for recordings")),
        ("snippet", _tr("Snippets")),
    )


def outcome_words(event: AuditEvent) -> str:
    """How it ended, as a sentence."""
    match event.outcome:
        case AuditOutcome.SUCCEEDED:
            return _tr("It was done.")
        case AuditOutcome.REFUSED:
            return _tr("It was refused: whoever asked has no right to do it. Nothing was changed.")
        case AuditOutcome.FAILED:
            return _tr("It failed. Nothing was changed.")


def thing_of(event: AuditEvent) -> tuple[str, str]:
    """What was done something to: its entity, as links name it, and its id; two empty texts for nothing.

    What was refused names the thing as it was asked for, without its kind: then that of the action is meant.
    """
    kind, has_kind, key = event.target.partition(":")
    if not has_kind:
        kind, key = event.action.partition(".")[0], event.target
    return (_ENTITIES.get(kind, kind), key) if key else ("", "")


def _tr(text: str) -> str:
    return QCoreApplication.translate("AuditWords", text)
