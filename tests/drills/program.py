"""A web process or a runner as it is installed, but for its provider: that one has no outside and one secret."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from machina_desktop.core.domain.provider import AccountField
from machina_desktop.core.providers.base import Access
from machina_desktop.server import __main__ as web
from machina_desktop.server import runner
from tests.fakes.provider import RecordProvider, install


class SealedProvider(RecordProvider):
    """Has a token, which only the runners can open."""

    info = replace(
        RecordProvider.info,
        account_fields=(AccountField(name="token", title="Token", is_secret=True, is_required=True),),
    )

    async def environment(self, access: Access) -> dict[str, str]:
        return {"RECORD_TOKEN": access.secrets["token"].reveal()}


if __name__ == "__main__":
    install(SealedProvider())
    sys.exit({"web": web.main, "runner": runner.main}[sys.argv[1]](sys.argv[2:]))
