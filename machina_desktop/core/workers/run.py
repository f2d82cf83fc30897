"""Carrying one deployment out, resumable at every point: each step first looks what an earlier process left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from machina_desktop.core.config import PLUGIN_MIRROR, bundle_folder
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.log_line import LogLevel
from machina_desktop.core.domain.machine import MachineFacts, MachineStatus, TerraformStateStatus
from machina_desktop.core.errors import Conflict, MachinaError, Unavailable
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.process import Outcome
from machina_desktop.core.providers.base import Cancelled, HookContext, Provider
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.findings import KeepLockFile
from machina_desktop.core.services.reports import (
    RECOVER,
    ReportFacts,
    ReportOutcome,
    ReportPhase,
    ReportPlan,
    SaveState,
)
from machina_desktop.core.services.runs import PREPARE, ordered
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.terraform import cli
from machina_desktop.core.terraform.engine import Engine
from machina_desktop.core.terraform.plan import is_applicable, outputs_of_state, summarise
from machina_desktop.core.terraform.state_file import StateFile
from machina_desktop.core.terraform.workspace import Workspace, init_lock
from machina_desktop.core.workers.commands import LAUNCHES, Commands, Interrupted, Meaning, Surroundings, is_busy
from machina_desktop.core.workers.failures import RunFailed, apply_failure, init_failure, plan_failure
from machina_desktop.core.workers.log_pump import LogPump
from machina_desktop.core.workers.preparation import Preparation
from machina_desktop.core.workers.subject import Subject, Tools

R = TypeVar("R")
GONE = "E-DB-GONE"
"""The database cannot be reached, and what was reported may be stored or not: the run is walked again from there."""

LOG = logging.getLogger(__name__)

_MODES = {
    DeploymentType.CREATE: cli.PlanMode.NORMAL,
    DeploymentType.UPDATE: cli.PlanMode.NORMAL,
    DeploymentType.DESTROY: cli.PlanMode.DESTROY,
}
"""How a plan is made; what a provider did by itself is only taken into the record."""
_ONCE = frozenset({DeploymentType.REBOOT, DeploymentType.REBUILD, DeploymentType.SNAPSHOT})


class Run:
    """One claimed deployment. Lives on the loop; blocking work goes to threads."""

    def __init__(self, tools: Tools, deployment: Deployment, fence: int, subject: Subject, pump: LogPump) -> None:
        self._tools = tools
        self._deployment = deployment
        self._fence = fence
        self._subject = subject
        self._pump = pump
        self._touched = False
        self._provider: Provider = provider_for(subject.machine.provider)
        self._config_file = tools.paths.runs / "terraform.rc"
        self._workspace = Workspace(tools.paths.runs / subject.machine.machine_id)
        surroundings = Surroundings(
            deployment_id=deployment.deployment_id,
            cwd=self._workspace.folder,
            launches=self._workspace.folder / LAUNCHES / deployment.deployment_id,
            config_file=self._config_file,
            plugin_cache=tools.paths.plugin_cache,
            credentials=lambda: self._provider.environment(self._hook("").access),
            once=self._provider.once,
            proxy=tools.proxy,
            mirror=tools.settings.get(PLUGIN_MIRROR),
        )
        self._preparation = Preparation(self._provider, deployment, fence, pump, self._report)
        self._commands = Commands(surroundings, pump, tools.publish, cancel_level=deployment.cancel_level)

    # The whole of it

    async def carry_out(self) -> None:
        """Go on from the state the deployment is in, to its end or to where a person has to decide."""
        try:
            await self._go_on()
        except (Interrupted, Cancelled):
            await self._end(DeploymentState.CANCELLED, self._after_cancel())
        except MachinaError as error:
            if error.code == "E-FENCE":
                LOG.warning("%s was taken over", self._deployment.deployment_id)
                return
            if error.code == GONE or await asyncio.to_thread(is_busy, self._workspace.folder):
                # Its end and its state are still to come: whoever takes the run up next waits for them.
                raise
            self._pump.say(self._deployment.phase_detail or "finish", str(error), level=LogLevel.ERROR)
            await self._end(DeploymentState.FAILED, self._after_failure(error), error)

    async def _go_on(self) -> None:
        if not self._deployment.type.is_planned:
            await self._power()
        elif self._deployment.state is DeploymentState.APPLYING or await self._plan():
            await self._apply()

    def cancel(self, level: int) -> None:
        """Pass a person's cancel on to whatever runs now; 0 is none. Loop thread."""
        if level:
            self._commands.cancel(level)

    # Planning

    async def _plan(self) -> bool:
        """Make and report the plan; whether it may be applied at once."""
        engine = await self._tools.find_engine()
        if not self._commands.has_begun("plan"):
            await self._adopt()
            await self._prepare_plan()
        plan = await self._planned(engine)
        raw = await asyncio.to_thread((self._commands.folder("plan") / cli.PLAN_JSON).read_bytes)
        if plan.codes[0] == cli.CHANGES and not is_applicable(raw):
            raise RunFailed("The plan is incomplete.", hint="Read the log and try again.", code="E-TF-PLAN")
        summary = await asyncio.to_thread(summarise, raw)
        self._preparation.check_plan(self._subject.machine, self._subject.state, summary)
        serial = self._subject.state.serial if self._subject.state else 0
        digest = ""
        if plan.codes[0] == cli.CHANGES:
            digest = await asyncio.to_thread(self._workspace.plan_digest)
        else:
            self._pump.say("plan", "Nothing to change in the record.")
        await self._pump.flush()
        self._deployment = await self._report(
            ReportPlan(
                deployment_id=self._deployment.deployment_id,
                fence=self._fence,
                summary=summary,
                digest=digest,
                serial=serial,
            )
        )
        if self._deployment.state is DeploymentState.PLANNING:
            # A cancel came first.
            raise Interrupted
        if self._deployment.state is DeploymentState.AWAITING_APPROVAL:
            await asyncio.to_thread(self._workspace.keep_plan)
        return self._deployment.state is DeploymentState.APPLYING

    async def _adopt(self) -> None:
        """Store a state that an earlier run of the machine left behind unsealed, such as one that broke."""
        try:
            left = await asyncio.to_thread(self._workspace.read_state)
        except Unavailable as error:
            LOG.warning("%s: what an earlier run left is passed over: %s", self._deployment.deployment_id, error)
            return
        if left is not None and left.continues(self._subject.state):
            self._pump.say(RECOVER, "Found a record that an earlier run could not store.", level=LogLevel.WARNING)
            await self._save(left)

    async def _prepare_plan(self) -> None:
        prepared = await self._preparation.prepare(self._subject, self._hook(PREPARE))
        self._commands.raise_if_cancelled()
        self._subject = prepared.subject
        await asyncio.to_thread(self._lay_out, prepared.imports)

    def _lay_out(self, imports: tuple[tuple[str, str], ...] = ()) -> None:
        subject = self._subject
        module = bundle_folder() / "terraform" / self._provider.module
        parts = subject.parts(self._deployment.options, main_resource=self._provider.main_resource)
        self._workspace.lay_out(module, self._provider.variables(subject.machine, parts), imports)
        self._workspace.restore_state(subject.state.raw if subject.state else None)

    async def _planned(self, engine: Engine) -> Outcome:
        """The outcome of init, where needed, and of plan and show; a lost one is done again: it changes nothing."""
        mode = _MODES.get(self._deployment.type, cli.PlanMode.REFRESH_ONLY)
        meaning = await self._initialised(engine)
        commands = (cli.plan(engine, mode), cli.show_plan(engine))
        outcome, meaning = await self._commands.execute("plan", commands)
        if meaning.asks_init:
            await self._initialised(engine, again=True)
            outcome, meaning = await self._commands.execute("plan", commands, again=True)
        if outcome.lost:
            outcome, meaning = await self._commands.execute("plan", commands, again=True)
        if outcome.codes[:1] not in {(cli.NO_CHANGES,), (cli.CHANGES,)} or outcome.codes[1:] != (0,):
            self._commands.raise_if_cancelled()
            raise plan_failure(meaning.problem, outcome.codes[-1] if outcome.codes else None)
        return outcome

    async def _initialised(self, engine: Engine, *, again: bool = False) -> Meaning:
        if not again and not await asyncio.to_thread(self._workspace.needs_init, engine, self._config_file):
            return Meaning()
        known = self._subject.locks.get(engine.name, "")
        if known:
            await asyncio.to_thread(self._workspace.put_lock_file, known)
        init = cli.init(engine, is_lock_fixed=bool(known))
        async with init_lock(self._tools.paths.plugin_cache):
            outcome, meaning = await self._commands.execute("init", (init,), again=again)
            if outcome.lost:
                outcome, meaning = await self._commands.execute("init", (init,), again=True)
        if outcome.codes != (0,):
            self._commands.raise_if_cancelled()
            raise init_failure(meaning.problem)
        if not known and not await self._keep_lock_file(engine):
            return await self._initialised(engine, again=True)
        await asyncio.to_thread(self._workspace.mark_initialised, engine, self._config_file)
        return meaning

    async def _keep_lock_file(self, engine: Engine) -> bool:
        """The plugins of an account's first run are those of all others; whether they are the ones that are here."""
        if not (text := await asyncio.to_thread(self._workspace.read_lock_file)):
            return True
        keep = KeepLockFile(
            deployment_id=self._deployment.deployment_id, fence=self._fence, engine=engine.name, text=text
        )
        kept = await self._report(keep)
        self._subject = replace(self._subject, locks={**self._subject.locks, engine.name: kept})
        return kept == text

    # Applying

    async def _apply(self) -> None:
        if not self._commands.has_begun("apply"):
            if self._deployment.plan_digest:
                await self._check_approved()
            # The plan may have waited for hours.
            await self._preparation.check_account(self._subject, self._hook(PREPARE))
            await self._prepare()
            if not self._deployment.plan_digest:
                await self._finish(await self._recorded_outputs())
                return
            # What the provider had to do may have taken minutes.
            await self._check_plan(self._deployment.plan_serial)
        await self._phase("apply")
        self._touched = True
        self._commands.plan = self._deployment.plan_summary
        engine = await self._tools.find_engine()
        outcome, meaning = await self._commands.execute("apply", (cli.apply(engine),))
        await self._keep_state(meaning)
        if outcome.lost or any(code < 0 for code in outcome.codes):
            await self._reconcile(engine)
            return
        if outcome.codes != (0,):
            self._commands.raise_if_cancelled()
            await self._preparation.look_again(self._subject, self._hook("finish"))
            raise apply_failure(meaning.problem, outcome.codes[-1])
        await self._finish(meaning.outputs)

    async def _prepare(self) -> None:
        """What the provider does before the record changes; done again after a crash."""
        if self._deployment.type is DeploymentType.DESTROY:
            self._touched = True
            await self._provider.before_destroy(self._hook(PREPARE))
        elif self._deployment.type in {DeploymentType.CREATE, DeploymentType.UPDATE}:
            self._touched = True
            await self._learn(await self._provider.before_apply(self._hook(PREPARE)))
        self._commands.raise_if_cancelled()

    async def _check_approved(self) -> None:
        """Apply exactly what was approved: same plan file, same state."""
        await asyncio.to_thread(self._workspace.restore_state, self._subject.state.raw if self._subject.state else None)
        serial = self._subject.state.serial if self._subject.state else 0
        await self._check_plan(serial)

    async def _check_plan(self, serial: int) -> None:
        digest = await asyncio.to_thread(self._workspace.plan_digest)
        if digest != self._deployment.plan_digest or serial != self._deployment.plan_serial:
            raise Conflict(
                "The approved plan no longer fits the machine's record; nothing was applied.",
                hint="Start again; a new plan is made and shown.",
                code="E-PLAN-STALE",
            )

    async def _finish(self, outputs: Mapping[str, object]) -> None:
        """What the provider does once the record is written, then the end.

        Raises:
            RunFailed: the machine was to be destroyed, and the record still holds something.
        """
        left = self._subject.state
        if self._deployment.type is DeploymentType.DESTROY and left is not None and left.has_resources:
            raise RunFailed(
                "Terraform ended well, but something of the machine is still on record.",
                hint="Destroy it again.",
                code="E-TF-DESTROY",
            )
        _, facts = await asyncio.gather(self._phase("finish"), self._after(outputs))
        self._pump.say("finish", "Done.")
        await self._end(DeploymentState.SUCCEEDED, _shown(facts))

    async def _after(self, outputs: Mapping[str, object]) -> MachineFacts:
        hook = self._hook("finish")
        if self._deployment.type is DeploymentType.DESTROY:
            await self._provider.after_destroy(hook)
            return MachineFacts()
        if self._deployment.type is DeploymentType.REFRESH:
            return await self._provider.observe(hook)
        return await self._provider.after_apply(hook, outputs)

    async def _reconcile(self, engine: Engine) -> None:
        """An apply ended without a known outcome: look what exists, never apply again by ourselves."""
        await self._phase(RECOVER)
        self._pump.say(RECOVER, "The apply was interrupted. Looking at what it left.", level=LogLevel.WARNING)
        mode = cli.PlanMode.DESTROY if self._deployment.type is DeploymentType.DESTROY else cli.PlanMode.NORMAL
        outcome, _meaning = await self._commands.execute(RECOVER, (cli.plan(engine, mode),), again=True)
        if outcome.codes == (cli.NO_CHANGES,):
            self._pump.say(RECOVER, "Everything the plan wanted exists; going on.")
            await self._finish(await self._recorded_outputs())
            return
        raise Unavailable(
            "The run was interrupted while it changed things.",
            hint="What exists is kept in the record. Choose Try again to see a plan of what is missing.",
            code="E-RUN-INTERRUPTED",
        )

    # Power

    async def _power(self) -> None:
        action = self._deployment.type.value
        is_begun = self._deployment.phase_detail == action
        await self._phase(action)
        # A copy of its disk that fails leaves the machine as it is.
        self._touched = self._deployment.type is not DeploymentType.SNAPSHOT
        self._commands.raise_if_cancelled()
        if is_begun and self._deployment.type in _ONCE:
            await self._end_unknown()
            return
        facts = await self._provider.power(self._hook(action), action)
        await self._refresh_record()
        self._pump.say("finish", "Done.")
        await self._end(DeploymentState.SUCCEEDED, _shown(facts))

    async def _refresh_record(self) -> None:
        """Have Terraform's record agree with what was done behind its back; one that stays behind is no failure.

        Nor does a cancel undo what is done by now.
        """
        state = self._subject.state
        if state is None or not state.has_resources:
            return
        try:
            await asyncio.to_thread(self._lay_out)
            if not await asyncio.to_thread(self._workspace.uses_plugins):
                return
            engine = await self._tools.find_engine()
            if (await self._planned(engine)).codes[0] == cli.CHANGES:
                _outcome, meaning = await self._commands.execute("apply", (cli.apply(engine),), again=True)
                await self._keep_state(meaning)
        except (Unavailable, Interrupted) as error:
            why = error.message if isinstance(error, Unavailable) else "The run was cancelled."
            self._pump.say("finish", f"The record was not refreshed: {why}", level=LogLevel.WARNING)

    async def _end_unknown(self) -> None:
        """An earlier process died in the middle: doing it twice would not be the same as once, so only look."""
        what = self._deployment.type.value
        error = Unavailable(
            f"The {what} was interrupted; it is not known whether it took place.",
            hint=f"Look at the machine, and ask for the {what} again if it is still wanted.",
            code="E-RUN-INTERRUPTED",
        )
        self._pump.say(RECOVER, error.message, level=LogLevel.WARNING)
        facts = await self._provider.observe(self._hook(RECOVER))
        report = self._after_failure(error) if facts.status is None else _shown(facts)
        await self._end(DeploymentState.FAILED, report, error)

    # Reporting

    async def _report(self, ask: Request[R]) -> R:
        return await self._tools.report(ask)  # type: ignore[arg-type, return-value]

    async def _phase(self, phase: str) -> None:
        self._deployment = await self._report(
            ReportPhase(deployment_id=self._deployment.deployment_id, fence=self._fence, phase=phase)
        )
        self._tools.publish(ProgressMade(self._deployment.deployment_id, phase))

    async def _learn(self, facts: MachineFacts) -> None:
        if facts == MachineFacts():
            return
        machine = await self._report(
            ReportFacts(deployment_id=self._deployment.deployment_id, fence=self._fence, machine=_shown(facts))
        )
        self._subject = replace(self._subject, machine=ordered(machine, self._deployment))

    async def _keep_state(self, meaning: Meaning) -> None:
        """Seal the state into the store, whatever way the command ended."""
        state = await asyncio.to_thread(self._workspace.newest_state, meaning.dumps)
        known = self._subject.state
        if state is None or (known is not None and (known.lineage, known.serial) == (state.lineage, state.serial)):
            return
        await self._save(state)

    async def _save(self, state: StateFile) -> None:
        await self._report(
            SaveState(
                deployment_id=self._deployment.deployment_id,
                fence=self._fence,
                lineage=state.lineage,
                serial=state.serial,
                envelope=await self._tools.seal(self._subject.machine, state),
                is_empty=not state.has_resources,
            )
        )
        self._subject = replace(self._subject, state=state)

    async def _recorded_outputs(self) -> dict[str, object]:
        """The module's outputs as the state in the run folder has them."""
        if self._subject.state is None:
            return {}
        engine = await self._tools.find_engine()
        outcome, _meaning = await self._commands.execute("show", (cli.show_state(engine),), again=True)
        if outcome.codes != (0,):
            return {}
        shown = self._commands.folder("show") / cli.STATE_JSON
        return outputs_of_state(await asyncio.to_thread(shown.read_bytes))

    async def _end(self, state: DeploymentState, machine: MachineFacts, error: MachinaError | None = None) -> None:
        await self._pump.flush()
        await self._report(
            ReportOutcome(
                deployment_id=self._deployment.deployment_id,
                fence=self._fence,
                state=state,
                touched=self._touched,
                machine=machine,
                error_message=REDACTOR.redact(error.message) if error else "",
                error_code=error.code if error else "",
                error_hint=error.hint if error else "",
            )
        )
        await asyncio.to_thread(self.clean_up)

    def clean_up(self) -> None:
        """Leave no plan or output of Terraform's behind, and no state but one that is kept nowhere else yet.

        Idempotent, blocking.
        """
        self._workspace.wipe_sealed(self._subject.state)

    def _hook(self, phase: str) -> HookContext:
        subject = self._subject
        return HookContext(
            machine=subject.machine,
            account=subject.account,
            credentials=subject.credentials,
            keys=subject.keys,
            private_keys=subject.private_keys,
            practice=self._tools.paths.practice,
            log=lambda text: self._pump.say(phase, text),
            cancelled=self._commands.cancelled,
            preferences=self._tools.settings,
            options=self._deployment.options,
        )

    def _after_failure(self, error: MachinaError) -> MachineFacts:
        if not self._touched:
            return MachineFacts()
        reason = REDACTOR.redact(error.message)
        return MachineFacts(status=MachineStatus.ERROR, status_reason=reason, state_status=self._state_status())

    def _after_cancel(self) -> MachineFacts:
        if not self._touched:
            return MachineFacts()
        what = {
            DeploymentType.CREATE: "Half created: the run was cancelled.",
            DeploymentType.DESTROY: "Half destroyed: the run was cancelled.",
        }.get(self._deployment.type, "The run was cancelled before its end.")
        return MachineFacts(status=MachineStatus.ERROR, status_reason=what, state_status=self._state_status())

    def _state_status(self) -> TerraformStateStatus | None:
        return TerraformStateStatus.UNCERTAIN if self._subject.state is not None else None


def _shown(facts: MachineFacts) -> MachineFacts:
    """Facts as they may be stored: a host may say anything, a secret of ours included."""
    return replace(facts, extra={name: REDACTOR.redact(text) for name, text in facts.extra.items()})
