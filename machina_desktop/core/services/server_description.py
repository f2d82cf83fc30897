"""What a shared server says of itself before anybody signs in."""

from __future__ import annotations

from dataclasses import dataclass

import machina_desktop
from machina_desktop.core.domain.account import Account
from machina_desktop.core.domain.server import SCHEMA, ServerDescription
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Bug
from machina_desktop.core.services.authentication import KEEPER
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case

NAME = "Machina"


@dataclass(frozen=True, kw_only=True)
class DescribeServer(Request[ServerDescription]):
    """What kind of server this is, and who may make an account there."""


@use_case("server.describe", "GET /api/server", is_public=True, needs_accounts=True)
async def describe_server(context: Context, _actor: Actor, _ask: DescribeServer) -> ServerDescription:
    """Nothing that would help anybody to get in."""
    if context.accounts is None:
        raise Bug("A host without accounts was asked as a server.")
    return ServerDescription(
        name=NAME,
        version=machina_desktop.__version__,
        schema=SCHEMA,
        registration=context.accounts.registration,
        has_accounts=await context.read(KEEPER, lambda tx: tx.count(Account) > 0),
    )
