"""The Queue port over RQ: at most one waiting call per task and key, nothing that must last.

The database is the truth; a call in the queue only says "look at this now". So results are
not kept, a call that nobody took for a minute is dropped (the ticks do its work), and losing
the whole of Redis loses nothing.

RQ's ``unique`` refuses a job id that exists, *also while that job runs*: news that comes then
would be lost. Therefore ids end in a turn number, and a worker begins the next turn
(:func:`begin_turn`) before it runs a call: what is asked for from then on waits behind it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import redis
from rq import Queue as RqQueue
from rq.exceptions import DuplicateJobError
from rq.registry import clean_registries
from rq.serializers import JSONSerializer
from rq.worker_registration import clean_worker_registry

from portal.adapters.redis_link import Away, Link, connect
from portal.domain.errors import TemporaryFailure

QUEUE = "aoli"
TASKS = "portal.tasks"
RUN_TIMEOUT_S = 120
"""No task takes that long; one that does is stuck and is interrupted."""
WAIT_TTL_S = 60
FAILURE_TTL_S = 3600
TURN_TTL_S = 86400

PROBE = "aoli:probe"

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


def make_rq_queue(connection: redis.Redis) -> RqQueue:
    """The one queue; JSON, so nobody who reaches Redis can hand us pickled objects."""
    return RqQueue(
        QUEUE,
        connection=connection,
        serializer=JSONSerializer,
        default_timeout=RUN_TIMEOUT_S,
    )


def begin_turn(turn: str | None, connection: redis.Redis) -> None:
    """Let equal calls wait again; ``turn`` is ``job.meta.get("turn")`` of the call that begins."""
    if turn is not None:
        with connection.pipeline() as pipeline:
            pipeline.incr(turn)
            pipeline.expire(turn, TURN_TTL_S)
            pipeline.execute()


def _label(task: str, key: str) -> str:
    """``key`` as RQ's job ids allow it; an odd one by its digest."""
    if not _PLAIN.fullmatch(key):
        key = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"{task}-{key}"


class RedisQueue:
    """Hands calls to the workers. Never raises but in :meth:`ping`."""

    def __init__(self, url: str, connection: redis.Redis | None = None) -> None:
        self._connection = connection or connect(url)
        self._queue = make_rq_queue(self._connection)
        self._link = Link("queue", self._connection.connection_pool.disconnect)

    def enqueue(self, task: str, *args: str, key: str | None = None) -> None:
        """Ask for ``portal.tasks.<task>(*args)``; dropped when Redis is away."""
        self._link.attempt(lambda: self._enqueue(task, args, key))

    def _enqueue(self, task: str, args: tuple[str, ...], key: str | None) -> None:
        if key is None:
            self._call(task, args)
            return
        label = _label(task, key)
        name = f"aoli:turn:{label}"
        turn = int(self._connection.get(name) or 0)
        job_id = f"{label}-{turn}"
        if self._call(task, args, job_id=job_id, unique=True, meta={"turn": name}):
            return
        if self._connection.lpos(self._queue.key, job_id) is not None:
            return  # An equal call waits.
        # A worker has taken it and not begun its turn: at this very moment, or it was killed
        # there and the call is lost. One call too many does no harm.
        begin_turn(name, self._connection)
        self._call(task, args, job_id=f"{label}-{turn + 1}", unique=True, meta={"turn": name})

    def _call(self, task: str, args: tuple[str, ...], **options: Any) -> bool:
        """Put a call into the queue; False when there is one with its id."""
        try:
            self._queue.enqueue_call(
                f"{TASKS}.{task}",
                args=args,
                ttl=WAIT_TTL_S,
                result_ttl=0,
                failure_ttl=FAILURE_TTL_S,
                description=f"{task}({', '.join(args)})",
                **options,
            )
        except DuplicateJobError:
            return False
        return True

    def depth(self) -> int:
        """Calls that wait; 0 when Redis is away."""
        try:
            return int(self._queue.count)
        except Away:
            return 0

    def clean(self) -> None:
        """Take away what killed workers left behind; the leader's scheduler calls it."""
        self._link.attempt(self._clean)

    def _clean(self) -> None:
        clean_registries(self._queue)
        clean_worker_registry(self._queue)
        waiting_room = self._queue.intermediate_queue
        for job_id in waiting_room.get_job_ids():
            # A worker was killed between taking and starting it. Its work is done by a tick.
            if not self._connection.exists(f"rq:job:{job_id}"):
                waiting_room.remove(job_id)

    def ping(self) -> None:
        """Return when Redis can be written to, else raise ``TemporaryFailure``.

        One that is out of memory, or has become a replica, still answers whoever only reads.
        """
        try:
            self._connection.set(PROBE, "1", ex=WAIT_TTL_S)
        except Away as error:
            raise TemporaryFailure(f"Redis does not answer: {error}") from error
        except redis.RedisError as error:
            # Behind a name there may be another server by now, which takes writes.
            self._connection.connection_pool.disconnect()
            raise TemporaryFailure(f"Redis takes no writes: {error}") from error
