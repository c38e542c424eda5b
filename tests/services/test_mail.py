"""The outbox: stored with its cause, sent once, tried again, given up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from house import BOTH_DATABASES, House

from portal.domain.mail import FIRST_WAIT_S, GIVE_UP_AFTER_S, LONGEST_WAIT_S, Mail, next_wait_s
from portal.models import MailRow, VcRow
from portal.models.db import database, session
from portal.services.mail.outbox import BATCH, CLAIM_S, KEEP_DAYS, Outbox, outstanding
from portal.testing import FakeMailer

pytestmark = BOTH_DATABASES


def put(house: House, key: str = "event 1", **fields: object) -> bool:
    given = {"receivers": ["ops@example.org"], "subject": "It fires", "body": "On node-1.\n"}
    with session(), database.atomic():
        return house.portal.outbox.put(key, kind="test", **{**given, **fields})  # type: ignore[arg-type]


def send(house: House) -> int:
    with session():
        return house.portal.outbox.send_due()


def row() -> MailRow:
    with session():
        found: MailRow = MailRow.get()
    return found


def test_one_mail_per_event(house: House) -> None:
    assert put(house)
    assert not put(house, subject="The same event")
    assert put(house, "event 2")
    assert send(house) == 2
    assert send(house) == 0
    assert [mail.subject for mail in house.mailer.sent] == ["It fires", "It fires"]
    assert len({mail.message_id for mail in house.mailer.sent}) == 2


def test_a_mail_is_stored_with_its_cause_or_not_at_all(house: House) -> None:
    with session():
        with pytest.raises(RuntimeError):
            house.portal.outbox.put("x", kind="test", receivers=["a@b.org"], subject="s", body="b")
        with pytest.raises(ZeroDivisionError):
            _cause_that_fails(house)
        assert MailRow.select().count() == 0
        assert VcRow.select().where(VcRow.version == 99).count() == 0


def _cause_that_fails(house: House) -> None:
    with database.atomic():
        VcRow.update(version=99).execute()
        house.portal.outbox.put("x", kind="test", receivers=["a@b.org"], subject="s", body="b")
        raise ZeroDivisionError


def test_what_can_be_no_mail_is_refused_before_it_is_stored(house: House) -> None:
    with pytest.raises(ValueError, match="one line"):
        put(house, subject="x\nBcc: all@example.org")
    with pytest.raises(ValueError, match="no address"):
        put(house, receivers=["nobody"])
    with session():
        assert MailRow.select().count() == 0


def test_a_server_that_is_away_is_asked_again_later_and_later(house: House) -> None:
    put(house)
    house.mailer.away = True
    waits = []
    for _ in range(9):
        assert send(house) == 0
        kept = row()
        waits.append((kept.due_at - house.now).total_seconds())
        assert send(house) == 0
        assert row().tries == kept.tries
        house.advance(waits[-1])
    assert waits[:3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
    assert waits[-1] == LONGEST_WAIT_S
    with session():
        assert outstanding() == {"waiting": 1, "failed": 0}
    house.mailer.away = False
    assert send(house) == 1
    assert row().state == "sent"


def test_it_is_given_up_at_last_and_when_refused_for_good(house: House) -> None:
    assert next_wait_s(1, GIVE_UP_AFTER_S) is None
    put(house)
    house.mailer.refusals["ops@example.org"] = 550
    send(house)
    assert (row().state, row().tries) == ("failed", 1)
    with session():
        assert outstanding() == {"waiting": 0, "failed": 1}


def test_one_stored_that_is_no_mail_holds_no_other_up(house: House) -> None:
    """An earlier version took addresses that this one refuses."""
    put(house)
    with session():
        MailRow.update(reply_to="=?utf-8?q?a?=@example.org").execute()
    put(house, "event 2")
    assert send(house) == 1
    with session():
        states = [(mail.state, "no address" in mail.error) for mail in MailRow.select()]
    assert sorted(states) == [("failed", True), ("sent", False)]


def test_who_was_refused_is_noted(house: House) -> None:
    put(house, receivers=["ops@example.org", "gone@example.org"])
    house.mailer.refusals["gone@example.org"] = 550
    assert send(house) == 1
    assert row().error == "refused: gone@example.org"


def test_a_mail_is_claimed_before_it_is_sent(house: House) -> None:
    """Another worker that looks while this one sends finds nothing to do."""
    put(house)
    seen = []

    class Watched(FakeMailer):
        def send(self, mail: Mail) -> tuple[str, ...]:
            seen.append(send(house))
            return super().send(mail)

    mailer = Watched()
    assert outbox(house, mailer).send_due() == 1
    assert seen == [0]
    assert house.mailer.sent == []


def outbox(house: House, mailer: FakeMailer) -> Outbox:
    return Outbox(
        mailer=mailer,
        sender="aoli@example.org",
        host="aoli.example",
        queue=house.queue,
        clock=lambda: house.now,
    )


def test_after_a_crash_between_sending_and_noting_it_goes_out_again_with_the_same_id(
    house: House,
) -> None:
    put(house)

    class Crash(BaseException):
        pass

    class Dying(FakeMailer):
        def send(self, mail: Mail) -> tuple[str, ...]:
            super().send(mail)
            raise Crash

    dying = Dying()
    with session(), pytest.raises(Crash):
        outbox(house, dying).send_due()
    assert send(house) == 0
    house.advance(CLAIM_S)
    assert send(house) == 1
    assert house.mailer.sent[0].message_id == dying.sent[0].message_id
    house.advance(CLAIM_S)
    assert send(house) == 0


def test_a_claim_that_ran_out_is_not_settled_by_who_had_it(house: House) -> None:
    """A sender that was frozen for longer than its claim must not undo the other's work."""
    put(house)

    class Frozen(FakeMailer):
        def send(self, mail: Mail) -> tuple[str, ...]:
            house.advance(CLAIM_S)
            assert send(house) == 1
            return super().send(mail)

    with session():
        outbox(house, Frozen()).send_due()
    assert (row().state, row().tries) == ("sent", 2)


def test_a_worker_sends_what_was_stored(house: House) -> None:
    put(house)
    house.portal.outbox.wake()
    house.work()
    assert len(house.mailer.sent) == 1


def test_the_tick_wakes_a_worker_for_what_is_due_and_forgets_the_old(house: House) -> None:
    house.mailer.away = True
    put(house)
    send(house)
    house.mailer.away = False
    with session():
        house.portal.outbox.sweep()
    house.work()
    assert house.mailer.sent == []
    house.advance(FIRST_WAIT_S)
    with session():
        house.portal.outbox.sweep()
    house.work()
    assert len(house.mailer.sent) == 1
    house.advance(timedelta(days=KEEP_DAYS, seconds=1).total_seconds())
    with session():
        house.portal.outbox.sweep()
        assert MailRow.select().count() == 0


def test_many_mails_take_several_calls(house: House) -> None:
    for number in range(BATCH + 2):
        put(house, f"event {number}")
    assert send(house) == BATCH
    house.work()
    assert len(house.mailer.sent) == BATCH + 2


def test_without_a_server_mails_wait(house: House) -> None:
    nowhere = Outbox(
        mailer=None, sender="", host="aoli.example", queue=house.queue, clock=lambda: house.now
    )
    with session(), database.atomic():
        assert nowhere.put("x", kind="test", receivers=["a@b.org"], subject="s", body="b")
    with session():
        assert nowhere.send_due() == 0
    assert send(house) == 1
