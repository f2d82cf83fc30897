"""How roles, rights and the end of a membership are told."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QCoreApplication

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.team import ENVIRONMENT, Access, Grant, TeamRole, User
from machina_desktop.core.ids import now
from machina_desktop.core.services.members import Exposure, Membership
from machina_desktop.views import wording

ROLE_ICONS = {TeamRole.ADMIN: "shield-check", TeamRole.MEMBER: "user"}


def name_of(bridge: Bridge, user: User) -> str:
    """The person's name, with a word where it is oneself."""
    return tr("{0} (you)").format(user.display_name) if user.user_id == bridge.actor.user_id else user.display_name


def role_word(role: TeamRole) -> str:
    """The role as a word."""
    return tr("Administrator") if role is TeamRole.ADMIN else tr("Member")


def role_meaning(role: TeamRole) -> str:
    """What the role lets one do."""
    if role is TeamRole.ADMIN:
        return tr("Does everything: machines, accounts and keys, people and rights.")
    return tr("Deploys, approves, keeps accounts and keys; grants may narrow that. Changes no people.")


def access_word(access: Access) -> str:
    """The kind of grant as a word."""
    words = {Access.VIEWER: tr("Viewer"), Access.DEPLOYER: tr("Deployer"), Access.APPROVER: tr("Approver")}
    return words[access]


def access_meaning(access: Access) -> str:
    """What a grant of that kind lets one do."""
    words = {
        Access.VIEWER: tr("may only look"),
        Access.DEPLOYER: tr("may deploy and cancel, not approve"),
        Access.APPROVER: tr("may approve and cancel, not deploy"),
    }
    return words[access]


def scope_words(grant: Grant) -> str:
    """Which machines a grant is about."""
    if not grant.tag:
        return tr("all other machines")
    if grant.tag.startswith(ENVIRONMENT):
        return tr("environment {0}").format(grant.tag.removeprefix(ENVIRONMENT))
    return tr("tag {0}").format(grant.tag)


def grants_words(each: Membership) -> str:
    """All grants of a member in one line; a dash for none."""
    parts = (f"{access_word(grant.access)}: {grant.tag or tr('all others')}" for grant in each.grants)
    return ", ".join(parts) or "–"


def expiry_words(expires_at: datetime) -> str:
    """How long an invite still holds."""
    return tr("in {0}").format(wording.span(expires_at - now()))


def last_admin(members: tuple[Membership, ...], each: Membership) -> str:
    """Why this member has to stay an administrator; empty when they need not."""
    admins = [other for other in members if other.member.role is TeamRole.ADMIN]
    if len(admins) > 1 or each.member.role is not TeamRole.ADMIN:
        return ""
    return tr("A team needs an administrator, and this is the last one. Make somebody else an administrator first.")


def exposure_lines(exposure: Exposure) -> tuple[str, ...]:
    """The secrets somebody may know, one a line, with what to do about each."""
    accounts = (tr("{0}: renew the credentials at the provider").format(each.label) for each in exposure.accounts)
    keys = (tr("{0}: put another key in its place on the machines").format(each.name) for each in exposure.keys)
    return (*accounts, *keys)


def tr(text: str) -> str:
    """The text in the person's language."""
    return QCoreApplication.translate("members", text)
