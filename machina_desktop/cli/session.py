"""One command from its words to its exit code, with a host of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from typing import cast

from machina_desktop.cli import terminal
from machina_desktop.cli.commands import OpenShell, ResumeDeployments
from machina_desktop.cli.following import Follower, how_to_decide
from machina_desktop.cli.host_keys import confirmed_host_key, needs_host_key
from machina_desktop.cli.options import REFERENCES, Order, options_of
from machina_desktop.cli.references import References, short
from machina_desktop.cli.rendering import headline, log_line, text_of
from machina_desktop.cli.vault_door import open_vault, with_passphrases
from machina_desktop.core import log
from machina_desktop.core.codec import to_json, to_pretty_json
from machina_desktop.core.config import LOG_LEVEL, Paths, Settings
from machina_desktop.core.domain.audit import ChainReport
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import Conflict, InvalidInput, Locked, MachinaError, Unavailable
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.services.audit import ExportAudit
from machina_desktop.core.services.deployments import LogChunk, ReadLog
from machina_desktop.core.services.device import GetVault
from machina_desktop.core.services.machines import CreateMachine, GetMachine
from machina_desktop.core.services.servers import ListServers
from machina_desktop.core.services.teams import GetTeam
from machina_desktop.core.services.use_case import Request

DONE, FAILED, INTERRUPTED = 0, 1, 130
HERE = "here"
"""For ``--runs-on``: this computer."""


def carry_out(order: Order) -> int:
    """Do what was ordered, on the data folder of the environment; the exit code.

    Raises:
        MachinaError: it was refused or failed.
    """
    paths = Paths.default()
    paths.create()
    settings = Settings(paths.settings)
    log.configure(paths.logs, level=settings.get(LOG_LEVEL))
    try:
        return asyncio.run(_with_host(order, paths, settings))
    except InvalidInput as error:
        raise _naming_its_option(order, error) from error


def _naming_its_option(order: Order, error: InvalidInput) -> InvalidInput:
    """The core speaks of fields; whoever typed the command knows them as options."""
    names = [option.name for option in options_of(order.command) if option.field == error.field]
    hint = error.hint or (f"Give it with {names[0]}." if names else "")
    return InvalidInput(error.message, field=error.field, hint=hint, code=error.code)


async def _with_host(order: Order, paths: Paths, settings: Settings) -> int:
    host = Host(paths, settings, EventBus())
    session: Session | None = None
    try:
        is_followed = order.command.carries_out or "follow" in order.switches
        await host.start(watch=is_followed)
        if is_followed:
            # The window, if there is one, sees to the sessions at servers.
            host.start_followers(renews=False)
        session = Session(host, order)
        return await session.run()
    except (asyncio.CancelledError, KeyboardInterrupt):
        if session is not None:
            session.say_what_goes_on()
        await host.stop()
        sys.stdout.flush()
        # A thread may be waiting for a host for minutes; an ordinary exit would wait for the thread.
        os._exit(INTERRUPTED)
    finally:
        await host.stop()


class Session:
    """One order and the host it is carried out on."""

    def __init__(self, host: Host, order: Order) -> None:
        self._host = host
        self._gateway = host.gateway
        self._order = order
        self._command = order.command
        self._team_id = host.actor.team_roles[0][0]
        self._is_json = "json" in order.switches
        waits = "wait" in order.switches
        self._follower = Follower(
            host,
            waits=waits or "follow" in order.switches,
            says_yes="yes" in order.switches,
            show=self._show_line if waits or "follow" in order.switches else None,
        )

    async def run(self) -> int:
        """The exit code; results are on standard output by then."""
        if self._command.request is ResumeDeployments:
            return await self._resume()
        ask = await self._request()
        if isinstance(ask, ReadLog):
            return await self._show_log(ask)
        if isinstance(ask, ExportAudit):
            return await self._export(ask)
        if isinstance(ask, OpenShell):
            return await self._shell(ask)
        self._confirm(ask)
        if self._command.carries_out:
            await open_vault(self._gateway)
        result = await self._call(ask)
        if self._command.carries_out:
            return await self._see_through(ask, result)
        self._show(result)
        return _verdict(result)

    def say_what_goes_on(self) -> None:
        """After Ctrl-C: what that did not stop."""
        run = self._follower.followed
        if run is None or run.state.is_final:
            return
        if run.state is DeploymentState.AWAITING_APPROVAL:
            terminal.note(f"\n{how_to_decide(run)}")
        else:
            name = short(run)
            terminal.note(
                f"\nThe {run.type.value} of {run.machine_name} goes on. machina deployments logs {name} --follow shows "
                f"it, machina deployments cancel {name} stops it, machina deployments resume sees it through."
            )

    # The request

    async def _request(self) -> Request[object]:
        values = dict(self._order.values)
        if chosen := values.pop("team_id", None):
            self._team_id = await References(self._gateway, self._team_id).resolve("team", str(chosen))
        if self._command.is_of_team:
            values["team_id"] = self._team_id
        references = References(self._gateway, self._team_id)
        for name in REFERENCES.keys() & values.keys():
            values[name] = await self._resolved(references, REFERENCES[name], values[name])
        if "yes" in self._order.switches and "auto_approve" in self._command.field_names:
            values["auto_approve"] = True
        if values.get("runs_on") == HERE:
            values["runs_on"] = await self._this_device(str(values.get("machine_id", "")))
        ask = self._command.request(**values)
        if isinstance(ask, CreateMachine) and await needs_host_key(self._gateway, ask):
            return cast("Request[object]", replace(ask, host_key=await confirmed_host_key(self._gateway, ask)))
        return with_passphrases(ask)

    async def _this_device(self, machine_id: str) -> str:
        """What the home of the team calls this computer; empty where that is this computer itself."""
        team_id = self._team_id
        if machine_id:
            team_id = (await self._gateway.call(GetMachine(machine_id=machine_id))).team_id
        team = await self._gateway.call(GetTeam(team_id=team_id))
        lines = await self._gateway.call(ListServers())
        return next((line.server.device_id for line in lines if line.server.url == team.home), "")

    @staticmethod
    async def _resolved(references: References, noun: str, typed: object) -> object:
        if isinstance(typed, tuple):
            return tuple([await references.resolve(noun, str(each)) for each in typed])
        return await references.resolve(noun, str(typed))

    def _confirm(self, ask: Request[object]) -> None:
        """Ask before something is gone.

        Raises:
            Conflict: E-CONFIRM, nobody is there to ask, or the answer is no.
        """
        is_grave = self._command.deletes or getattr(ask, "force", False)
        if not is_grave or "yes" in self._order.switches:
            return
        named = self._order.values.get(self._command.subject, "")
        what = f"{self._command.verb} {named}".strip()
        if not terminal.is_there():
            raise Conflict(f"To {what} cannot be undone.", hint="Add --yes if it is meant.", code="E-CONFIRM")
        if not terminal.confirm(f"To {what} cannot be undone. Go on?"):
            raise Conflict("Nothing was done.", code="E-CONFIRM")

    async def _shell(self, ask: OpenShell) -> int:
        if sys.platform == "win32":
            raise Unavailable(
                "Shells are not opened in this system's console.",
                hint="Open one in the window.",
                code="E-NO-TERMINAL",
            )
        from machina_desktop.cli.shell import run_shell  # noqa: PLC0415 - brings paramiko

        status = await self._gateway.call(GetVault())
        if status.exists and not status.is_open:
            await open_vault(self._gateway)
        return await run_shell(self._host, ask.machine_id, ask.command)

    async def _call(self, ask: Request[object]) -> object:
        try:
            return await self._gateway.call(ask)
        except Locked as error:
            if error.code != "E-VAULT-LOCKED":
                raise
        await open_vault(self._gateway)
        return await self._gateway.call(ask)

    # Runs

    async def _see_through(self, ask: Request[object], result: object) -> int:
        deployment_id = result.deployment_id if isinstance(result, Deployment) else getattr(ask, "deployment_id", "")
        run = await self._follower.see_through(str(deployment_id))
        if isinstance(result, Machine):
            machine = await self._gateway.call(GetMachine(machine_id=result.machine_id))
            self._show(machine)
        elif "wait" in self._order.switches and not self._is_json:
            # Whoever waited has seen the plan and the log.
            terminal.say(headline(run))
        else:
            self._show(run)
        return self._outcome(run)

    def _outcome(self, run: Deployment) -> int:
        is_cancel = self._command.action == "deployment.cancel"
        if run.state is DeploymentState.AWAITING_APPROVAL:
            terminal.note(how_to_decide(run))
        if run.state is DeploymentState.FAILED:
            terminal.complain(failure(run))
        if run.state is DeploymentState.CANCELLED and not is_cancel:
            terminal.complain(Conflict(f"The {run.type.value} was cancelled.", code="E-CANCELLED"))
        if is_cancel:
            return DONE if run.state is DeploymentState.CANCELLED else FAILED
        return FAILED if run.state in {DeploymentState.FAILED, DeploymentState.CANCELLED} else DONE

    async def _resume(self) -> int:
        await open_vault(self._gateway)
        rested = await self._follower.drain(self._tell)
        if self._is_json:
            self._show(rested)
        elif not rested:
            terminal.note("Nothing was left to do.")
        return FAILED if any(run.state is DeploymentState.FAILED for run in rested) else DONE

    def _tell(self, run: Deployment) -> None:
        if not self._is_json:
            terminal.say(headline(run))
            sys.stdout.flush()
        if run.state is DeploymentState.FAILED:
            terminal.complain(failure(run))
        if run.state is DeploymentState.AWAITING_APPROVAL:
            terminal.note(how_to_decide(run))

    # Results

    async def _show_log(self, ask: ReadLog) -> int:
        if "follow" in self._order.switches:
            await self._follower.see_through(ask.deployment_id)
            return DONE
        chunk = await self._gateway.call(ask)
        self._show(chunk)
        return DONE

    async def _export(self, ask: ExportAudit) -> int:
        """All pages, one after the other, to standard output; whatever the number of events."""
        page = await self._gateway.call(ask)
        terminal.say(page.text, end="")
        while not page.is_last:
            page = await self._gateway.call(replace(ask, after=page.after))
            terminal.say(page.text, end="")
        return DONE

    def _show_line(self, line: LogLine) -> None:
        if not self._is_json:
            terminal.say(log_line(line))
        elif "follow" in self._order.switches:
            terminal.say(to_json(line).decode())
        else:
            # Standard output is for the one JSON document at the end.
            terminal.note(log_line(line))

    def _show(self, result: object) -> None:
        if self._is_json:
            terminal.say(to_pretty_json(result.lines if isinstance(result, LogChunk) else result))
        elif text := text_of(result):
            terminal.say(text)


def failure(run: Deployment) -> MachinaError:
    """Why the run failed, as an error."""
    message = run.error_message or f"The {run.type.value} failed."
    return Unavailable(message, hint=run.error_hint, code=run.error_code)


def _verdict(result: object) -> int:
    if isinstance(result, ChainReport) and result.broken_at is not None:
        terminal.complain(
            Conflict(
                f"The audit trail is broken at event {result.broken_at}: {result.problem}",
                hint="Compare it with a backup of the data folder; somebody or something changed it.",
                code="E-AUDIT-BROKEN",
            )
        )
        return FAILED
    return DONE
