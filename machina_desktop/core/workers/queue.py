"""Hands runs out to the runners of all hosts through procrastinate's table of jobs; what is true stands in our own.

A job says no more than "this deployment is to be carried out". Whoever takes it claims the deployment first, so a job
that came twice, or too late, does nothing; and one that was lost is made again by the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import procrastinate
import psycopg
from procrastinate import exceptions
from procrastinate.jobs import Job, Status

from machina_desktop.core import ids
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.postgres_url import connection_settings
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.core.workers.material import Due, due

LOG = logging.getLogger(__name__)

ANYWHERE = "runs"
TASK = "carry_out"
PAUSE_S = 0.25
LOST_HOST_S = 60.0
"""An approved plan waits so long for the host that has it; then it is made again elsewhere."""
IDLE_S = 10.0
STALLED_S = 30.0
GRACE_S = 1.0
AGAIN_S = 2.0
SCHEMA_LOCK = 0x6D61636A
"""Two runners that start at once make the table of jobs one after the other; any number that is always the same."""

_PASSED_ON = (exceptions.ConnectorException, psycopg.Error, OSError)
_AT_REST = frozenset({state for state in DeploymentState if state.is_final} | {DeploymentState.AWAITING_APPROVAL})


class RunQueue:
    """One runner's end of the queue. Lives on the loop.

    Args:
        host: Where we are; what only this host can go on with comes in a queue of that name.
    """

    def __init__(self, url: Secret, database: Database, host: str) -> None:
        self._settings = connection_settings(url)
        self._database = database
        self._host = host
        self._app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=self._settings.reveal(), min_size=1, max_size=5)
        )
        self._carry_out: Callable[[str], Awaitable[None]] | None = None
        self._idle_since: dict[int, float] = {}
        self._looked_at = 0.0

        @self._app.task(name=TASK, queue=ANYWHERE, pass_context=False)
        async def carry_out(deployment_id: str) -> None:
            if self._carry_out is not None:
                await self._carry_out(deployment_id)

        self._task = carry_out

    async def open(self) -> None:
        """Connect, and make the table of jobs where there is none.

        Raises:
            Unavailable: E-DB-GONE.
        """
        try:
            await self._app.open_async()
            await asyncio.to_thread(_make_schema, self._settings)
        except _PASSED_ON as error:
            raise _unreachable() from error

    async def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(*_PASSED_ON):
            await self._app.close_async()

    # Handing out

    async def assign(self) -> None:
        """Make the jobs that are missing, and take those off whose worker is gone or whose run is over.

        Raises:
            Unavailable: E-DB-GONE.
        """
        # Each report of each run wakes whoever calls this.
        await asyncio.sleep(max(0.0, self._looked_at + PAUSE_S - time.monotonic()))
        self._looked_at = time.monotonic()
        wanted = await self._database.read(RUNNER, due)
        try:
            if wanted:
                waiting = {job.queueing_lock for job in await self._app.job_manager.list_jobs_async(status="todo")}
                for each in wanted:
                    await self._defer(each, waiting)
            await self._release()
        except _PASSED_ON as error:
            raise _unreachable() from error

    async def _defer(self, each: Due, waiting: set[str | None]) -> None:
        queue, name = ANYWHERE, each.deployment_id
        if each.host and ids.now() - each.since < timedelta(seconds=LOST_HOST_S):
            queue, name = each.host, f"{each.deployment_id}@{each.host}"
        if name in waiting:
            return
        task = self._task.configure(queue=queue, lock=each.machine_id or None, queueing_lock=name)
        # Another runner may have made it between the two looks.
        with contextlib.suppress(exceptions.AlreadyEnqueued):
            await task.defer_async(deployment_id=each.deployment_id)

    async def _release(self) -> None:
        """A job holds its machine in the queue; one that nobody works on any more must not."""
        jobs = self._app.job_manager
        at_work = {job.id: _deployment_of(job) for job in await jobs.list_jobs_async(status="doing") if job.id}
        if not at_work:
            return
        stalled = {job.id for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=STALLED_S)}
        at_rest = await self._database.read(RUNNER, lambda tx: _at_rest(tx, tuple(at_work.values())))
        at = time.monotonic()
        over = [job_id for job_id, name in at_work.items() if name in at_rest]
        self._idle_since = {job_id: self._idle_since.get(job_id, at) for job_id in over}
        for job_id, name in at_work.items():
            if job_id in stalled or at - self._idle_since.get(job_id, at) >= IDLE_S:
                LOG.info("nobody works on the job of %s any more", name)
                # Another runner may have been quicker.
                with contextlib.suppress(exceptions.ConnectorException):
                    await jobs.finish_job_by_id_async(job_id, Status.FAILED, delete_job=True)

    # Carrying out

    async def work(self, carry_out: Callable[[str], Awaitable[None]], *, concurrency: int) -> None:
        """Take jobs and have them carried out, ``concurrency`` at once, for ever; cancelled, it lets go of them."""
        self._carry_out = carry_out
        while True:
            try:
                await self._run_worker(concurrency)
            except _PASSED_ON as error:
                LOG.warning("the queue cannot be reached: %s", type(error).__name__)
            # Its listener lost the database, or it could not begin.
            await asyncio.sleep(AGAIN_S)

    async def _run_worker(self, concurrency: int) -> None:
        await self._app.run_worker_async(
            queues=[ANYWHERE, self._host],
            name=self._host,
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="always",
            fetch_job_polling_interval=2.0,
            update_heartbeat_interval=STALLED_S / 3,
            stalled_worker_timeout=STALLED_S,
            shutdown_graceful_timeout=GRACE_S,
        )


def _deployment_of(job: Job) -> str:
    return str(job.task_kwargs.get("deployment_id"))


def _at_rest(tx: Transaction, names: tuple[str, ...]) -> frozenset[str]:
    """Deployments that nobody has to carry out now."""
    found = {run.deployment_id: run.state for run in tx.list(Deployment, deployment_id=names)}
    return frozenset(name for name in names if found.get(name, DeploymentState.CANCELLED) in _AT_REST)


def _make_schema(settings: Secret) -> None:
    with psycopg.connect(settings.reveal(), autocommit=False) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        found = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if found is None or found[0] is None:
            connection.execute(procrastinate.schema.SchemaManager.get_schema())


def _unreachable() -> Unavailable:
    return Unavailable(
        "The queue of runs cannot be reached.",
        hint="Try again in a few seconds; it comes back by itself when the database does.",
        code="E-DB-GONE",
    )
