"""The worker: takes calls from the queue and runs them in this process, one after another.

RQ's own worker forks for every call (10 ms and a copy of the memory); ours are short and
repeatable, so they run here. Everything that RQ's workers do for each other (cleaning
registries, listening for commands) is left out: the scheduler cleans up, and a supervisor
sends signals.
"""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType, TracebackType

import redis
from rq import Queue as RqQueue
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job

from portal.adapters.redis_link import Away, connect
from portal.adapters.redis_queue import begin_turn, make_rq_queue
from portal.domain.errors import TemporaryFailure
from portal.processes.log_lines import configure_logging
from portal.settings import Settings

log = logging.getLogger(__name__)

WORKER_TTL_S = 30
"""Also bounds how long a silent connection is waited for."""
RETRY_S = 0.5


class QueueWorker(SimpleWorker):
    """RQ's in-process worker, without its housekeeping, ended by :meth:`stop_soon`."""

    max_connection_wait_time = 1.0
    log_result_lifespan = False

    def __init__(self, connection: redis.Redis) -> None:
        super().__init__(
            [make_rq_queue(connection)],
            connection=connection,
            serializer=make_rq_queue(connection).serializer,
            worker_ttl=WORKER_TTL_S,
            log_job_description=False,
        )
        self._waiting = False

    def stop_soon(self) -> None:
        """End after the call that runs now; called from a signal handler."""
        self._stop_requested = True
        if self._waiting:
            raise StopRequested

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, RqQueue] | None:
        """Wait for a call; a signal may interrupt the waiting and nothing else."""
        self._waiting = True
        try:
            if self._stop_requested:
                raise StopRequested
            taken: tuple[Job, RqQueue] | None = super().dequeue_job_and_maintain_ttl(
                timeout, max_idle_time
            )
            return taken
        finally:
            self._waiting = False

    def execute_job(self, job: Job, queue: RqQueue) -> None:
        """Run a call; equal ones may wait again from now on."""
        begin_turn(job.meta.get("turn"), self.connection)
        super().execute_job(job, queue)

    def handle_exception(
        self,
        job: Job,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Log what went wrong; the ticks ask for the work again."""
        if isinstance(error, TemporaryFailure):
            log.warning("%s: %s", job.description, error)
        else:
            log.error("%s failed", job.description, exc_info=(kind, error, trace))  # type: ignore[arg-type]

    def teardown(self) -> None:
        """Sign off, if there is anyone to tell."""
        try:
            super().teardown()  # type: ignore[no-untyped-call]
        except (*Away, redis.RedisError):
            log.debug("not signed off: Redis is away")

    @property
    def should_run_maintenance_tasks(self) -> bool:
        """Never: the scheduler cleans up."""
        return False

    def subscribe(self) -> None:
        """Nothing: no commands are taken from Redis."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed."""

    def procline(self, message: str) -> None:
        """The process keeps its name."""

    def _install_signal_handlers(self) -> None:
        """:class:`WorkerProcess` has installed them."""


class WorkerProcess:
    """Keeps a worker working across restarts of Redis, until a signal ends it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._worker: QueueWorker | None = None

    def install_signal_handlers(self) -> None:
        """End on SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()
        if self._worker is not None:
            self._worker.stop_soon()

    def run(self) -> None:
        """Work until stopped."""
        away = False
        while not self._stop.is_set():
            try:
                self._work()
            except (*Away, redis.RedisError) as error:
                if not away:
                    log.warning("Redis does not answer: %s", error)
                away = True
                self._stop.wait(RETRY_S)
            else:
                away = False

    def _work(self) -> None:
        """One connection's life."""
        with connect(self._url) as connection:
            worker = QueueWorker(connection)
            self._worker = worker
            try:
                if not self._stop.is_set():
                    worker.work(logging_level="WARNING")
            except StopRequested:
                pass  # The signal came before the loop that expects it.
            finally:
                self._worker = None


def run(settings: Settings) -> None:
    """The process ``aoli worker``."""
    configure_logging()
    logging.getLogger("rq.worker").addFilter(CalmAboutRedis())
    # Imported here: these bring everything, and must be there before the first call comes.
    from portal import wiring
    from portal.processes import start_check
    from portal.tasks import context
    from portal.wiring.addresses import redis_url

    context.use(wiring.connect(settings))
    start_check.begin(settings)
    process = WorkerProcess(redis_url(settings))
    process.install_signal_handlers()
    log.info("working")
    process.run()
    log.info("ended")


class CalmAboutRedis(logging.Filter):
    """RQ logs every failed try to reach Redis, some with a long traceback.

    One in thirty tries is enough, and "Redis is away" needs no traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tries = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        if record.exc_info and isinstance(record.exc_info[1], Away):
            record.msg, record.args = "Redis went away during a call: %s", (record.exc_info[1],)
            record.exc_info = None
        if "could not connect" not in str(record.msg):
            return True
        self._tries += 1
        return self._tries % 30 == 1
