"""What the lists of members and of invites show."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.domain.team import TeamRole
from machina_desktop.core.services.invites import ListedInvite
from machina_desktop.core.services.members import Membership
from machina_desktop.views import wording
from machina_desktop.views.apps.member_words import ROLE_ICONS, expiry_words, grants_words, name_of, role_word
from machina_desktop.views.list_panel import ListShape
from machina_desktop.views.models.status import Status, word_of
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.people import people_of
from machina_desktop.views.widgets.filter_bar import Filter


def _tr(text: str) -> str:
    return QCoreApplication.translate("MembersPage", text)


def members_shape(bridge: Bridge) -> ListShape[Membership]:
    """Members by name."""
    return ListShape(
        name="members",
        title=_tr("Members"),
        search=_tr("Filter by name or e-mail…"),
        key=lambda each: each.member.team_member_id,
        depends=frozenset({"team_member", "user", "grant"}),
        filters=(
            Filter(
                key="role",
                any_title=_tr("Any role"),
                choices=tuple((role.value, role_word(role)) for role in TeamRole),
            ),
        ),
        columns=(
            *_identity(bridge),
            *_place(bridge),
        ),
    )


def _identity(bridge: Bridge) -> tuple[Column[Membership], ...]:
    return (
        Column(
            key="name",
            title=_tr("Name"),
            text=lambda each: name_of(bridge, each.user),
            face=lambda each: (each.user.display_name, each.user.profile_picture_url or ""),
            width=220,
            least=190,
            grows=2,
        ),
        Column(
            key="email",
            title=_tr("E-mail"),
            text=lambda each: each.user.email or "–",
            width=230,
            least=200,
            rank=3,
            grows=1,
        ),
    )


def _place(bridge: Bridge) -> tuple[Column[Membership], ...]:
    return (
        Column(
            key="role",
            title=_tr("Role"),
            text=lambda each: role_word(each.member.role),
            icon=lambda each: ROLE_ICONS[each.member.role],
            width=140,
            least=130,
        ),
        Column(key="grants", title=_tr("Grants"), text=grants_words, is_quiet=True, width=200, rank=2, grows=2),
        Column(
            key="joined",
            title=_tr("Joined"),
            text=lambda each: wording.moment(each.member.joined_at),
            sort_key=lambda each: each.member.joined_at.timestamp(),
            is_quiet=True,
            width=130,
            least=116,
            rank=1,
        ),
        Column(
            key="inviter",
            title=_tr("Invited by"),
            text=lambda each: people_of(bridge).name(each.member.invited_by or "") or "–",
            is_quiet=True,
            width=150,
            least=130,
            rank=4,
        ),
    )


def invites_shape() -> ListShape[ListedInvite]:
    """Invites, newest first."""
    return ListShape(
        name="invites",
        title=_tr("Invites"),
        search=_tr("Filter by person…"),
        key=lambda invite: invite.invite_id,
        depends=frozenset({"team_invite", "team_member", "user"}),
        filters=(
            Filter(
                key="state",
                any_title=_tr("Any state"),
                choices=tuple((state.value, word_of(state)) for state in InviteState),
            ),
        ),
        columns=(
            Column(
                key="role",
                title=_tr("Invited as"),
                text=lambda invite: role_word(invite.role),
                icon=lambda invite: ROLE_ICONS[invite.role],
                width=170,
                grows=1,
            ),
            Column(key="state", title=_tr("State"), status=lambda invite: Status(invite.state), width=130, least=110),
            Column(
                key="expires",
                title=_tr("Expires"),
                text=_end_of,
                sort_key=lambda invite: invite.expires_at.timestamp(),
                width=150,
            ),
            Column(
                key="by", title=_tr("Made by"), text=lambda each: each.created_by or "–", width=170, rank=1, grows=1
            ),
            Column(
                key="made",
                title=_tr("Made"),
                text=lambda invite: wording.moment(invite.created_at),
                sort_key=lambda invite: invite.created_at.timestamp(),
                is_quiet=True,
                width=130,
                rank=2,
            ),
            Column(key="used", title=_tr("Used by"), text=lambda invite: invite.used_by or "–", width=170, rank=3),
        ),
    )


def _end_of(invite: ListedInvite) -> str:
    return expiry_words(invite.expires_at) if invite.state is InviteState.OPEN else wording.moment(invite.expires_at)
