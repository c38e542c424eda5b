"""The outbox. A mail is stored in the transaction of what it tells of, and sent by a worker.

Whoever sends claims the mail first, so that several workers send it once. A worker that dies
after the mail server took the mail and before that was written down leaves a claim that runs
out: the mail is sent again with the same Message-ID. Nothing else is ever sent twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.mail import Mail, next_wait_s
from portal.models import MailRow
from portal.models.db import database
from portal.ports import Mailer, Queue

log = logging.getLogger(__name__)

TASK = "send_mail"
CLAIM_S = 900
"""Longer than sending takes with every time-out; then the claim is void."""
BATCH = 20
KEEP_DAYS = 30
WAITING, SENDING, SENT, FAILED = "waiting", "sending", "sent", "failed"


class Outbox:
    """See the module. ``mailer`` is ``None`` where no mail server is set: mails wait."""

    def __init__(
        self,
        *,
        mailer: Mailer | None,
        sender: str,
        host: str,
        queue: Queue,
        clock: Callable[[], datetime],
    ) -> None:
        self._mailer = mailer
        self._sender = sender
        self._host = host
        self._queue = queue
        self._clock = clock

    @property
    def ready(self) -> bool:
        """Whether there is a server and a sender's address."""
        return self._mailer is not None and bool(self._sender)

    # -- storing -----------------------------------------------------------------------

    def put(
        self,
        key: str,
        *,
        kind: str,
        receivers: Sequence[str],
        subject: str,
        body: str,
        reply_to: str = "",
        username: str | None = None,
    ) -> bool:
        """Store a mail within the caller's transaction; False when ``key`` has one already.

        ``key`` names the event. After the commit call :meth:`wake`. Raises ``ValueError`` on
        what can be no mail, ``RuntimeError`` outside a transaction.
        """
        if not database.in_transaction():
            raise RuntimeError("a mail is stored in the transaction of what it tells of")
        now = self._clock()
        digest = hashlib.sha256(key.encode()).hexdigest()
        message_id = f"<{kind}.{digest[:32]}@{self._host}>"
        sender = self._sender or f"aoli@{self._host}"
        Mail(message_id, sender, tuple(receivers), subject, body, now, reply_to)
        stored = (
            MailRow.insert(
                key=f"{kind}:{digest}",
                kind=kind,
                username=username,
                message_id=message_id,
                receivers=list(receivers),
                reply_to=reply_to,
                subject=subject,
                body=body,
                created_at=now,
                due_at=now,
            )
            .on_conflict_ignore()
            .as_rowcount()
            .execute()
        )
        return bool(stored)

    def wake(self) -> None:
        """Let a worker send what is due."""
        if self.ready:
            self._queue.enqueue(TASK, key=TASK)

    def written_since(self, kind: str, username: str, since: datetime) -> int:
        """How many mails of a kind a user has caused since then."""
        return int(
            MailRow.select()
            .where(MailRow.kind == kind, MailRow.username == username, MailRow.created_at > since)
            .count()
        )

    # -- sending -----------------------------------------------------------------------

    def send_due(self) -> int:
        """Send what is due, at most :data:`BATCH` mails; return how many were sent."""
        sent = 0
        for _ in range(BATCH if self.ready else 0):
            row = self._claim()
            if row is None:
                return sent
            sent += self._deliver(row)
        self.sweep()
        return sent

    def sweep(self) -> None:
        """The tick: wake a worker when a mail is due, forget what was settled long ago."""
        now = self._clock()
        old = now - timedelta(days=KEEP_DAYS)
        MailRow.delete().where(MailRow.state.in_([SENT, FAILED]), MailRow.due_at < old).execute()
        if _due(now).limit(1).exists():
            self.wake()

    def _claim(self) -> Any | None:
        """The oldest mail that is due, ours from now on; ``None`` when there is none."""
        now = self._clock()
        for _ in range(BATCH):
            row: Any = _due(now).order_by(MailRow.due_at, MailRow.id).first()
            if row is None:
                return None
            changed = (
                MailRow.update(
                    state=SENDING,
                    tries=MailRow.tries + 1,
                    due_at=now + timedelta(seconds=CLAIM_S),
                )
                .where(*_still(row))
                .execute()
            )
            if changed:
                return MailRow.get_by_id(row.id)
        return None

    def _deliver(self, row: Any) -> bool:
        assert self._mailer is not None
        try:
            refused = self._mailer.send(self._mail(row))
        except TemporaryFailure as failure:
            self._failed(row, failure.message, final=False)
            return False
        except PermanentFailure as failure:
            self._failed(row, failure.message, final=True)
            return False
        except ValueError as failure:  # stored by a version that took what this one refuses
            self._failed(row, str(failure), final=True)
            return False
        error = f"refused: {', '.join(refused)}" if refused else ""
        now = self._clock()
        MailRow.update(state=SENT, sent_at=now, due_at=now, error=error).where(
            *_still(row)
        ).execute()
        return True

    def _mail(self, row: Any) -> Mail:
        return Mail(
            message_id=row.message_id,
            sender=self._sender,
            receivers=tuple(row.receivers),
            subject=row.subject,
            body=row.body,
            written_at=row.created_at,
            reply_to=row.reply_to,
        )

    def _failed(self, row: Any, why: str, *, final: bool) -> None:
        now = self._clock()
        wait_s = None if final else next_wait_s(row.tries, (now - row.created_at).total_seconds())
        if wait_s is None:
            log.error("mail %s is given up: %s", row.message_id, why)
            changes = {"state": FAILED, "due_at": now}
        else:
            log.warning("mail %s waits %.0f s: %s", row.message_id, wait_s, why)
            changes = {"state": WAITING, "due_at": now + timedelta(seconds=wait_s)}
        MailRow.update(error=why, **changes).where(*_still(row)).execute()


def _due(now: datetime) -> Any:
    """What waits and is due, and what was claimed by somebody who died."""
    return MailRow.select().where(MailRow.state.in_([WAITING, SENDING]), MailRow.due_at <= now)


def _still(row: Any) -> tuple[Any, ...]:
    """The row is as it was read: nobody else has claimed or settled it."""
    return MailRow.id == row.id, MailRow.state == row.state, MailRow.tries == row.tries


def outstanding() -> dict[str, int]:
    """Numbers of mails that are not sent yet (``waiting``) and that never will be (``failed``)."""
    waiting = MailRow.select().where(MailRow.state.in_([WAITING, SENDING])).count()
    return {"waiting": waiting, "failed": MailRow.select().where(MailRow.state == FAILED).count()}
