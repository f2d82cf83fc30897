"""What an instance of EC2 printed on its console, as far as it tells the instance's host keys."""

from __future__ import annotations

from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.providers.aws_session import AwsApi, Given
from machina_desktop.core.providers.cloud_errors import CloudError
from machina_desktop.core.ssh.printed_keys import keys_on_console

_NOT_NITRO = frozenset({"UnsupportedOperation", "Unsupported"})


async def keys_printed_by(api: AwsApi, resource_id: str) -> tuple[HostKey, ...]:
    """The keys that stand on its console now, or stood there a while after its start.

    Raises:
        CloudError: the credentials may not read it, or there is no such instance.
    """
    try:
        found = await _console(api, {"InstanceId": resource_id, "Latest": True})
    except CloudError as error:
        # Only machines of the newer kinds show their console as it is.
        if error.complaint.code not in _NOT_NITRO:
            raise
        found = ()
    # What it prints later may have pushed out what it printed at first.
    return found or await _console(api, {"InstanceId": resource_id})


async def _console(api: AwsApi, given: Given) -> tuple[HostKey, ...]:
    answer = await api.ask("get_console_output", given)
    if answer.get("InstanceId") != given["InstanceId"]:
        return ()
    # The library has decoded it.
    return keys_on_console(str(answer.get("Output") or ""))
