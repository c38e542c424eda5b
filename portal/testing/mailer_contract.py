"""What every ``Mailer`` does, whatever is behind it. Subclass with a fixture ``post``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import pytest

from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.mail import Mail
from portal.ports import Mailer


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it was received; ``headers`` have small names."""

    receivers: tuple[str, ...]
    headers: dict[str, str]
    body: str


class Post(Protocol):
    """A mailer with what is behind it."""

    mailer: Mailer

    def received(self) -> list[Letter]:
        """Everything that arrived, oldest first."""

    def go_away(self) -> None:
        """The server answers no more."""

    def refuse(self, address: str, code: int) -> None:
        """The server answers ``code`` for a receiver or a sender."""


def a_mail(**fields: object) -> Mail:
    """A mail that is right."""
    given: dict[str, object] = {
        "message_id": "<support.1@aoli.example>",
        "sender": "aoli@example.org",
        "receivers": ("ops@example.org", "second@example.org"),
        "subject": "Job resnet50 需要帮助",
        "body": "Line one.\n.a line with a dot\n" + "long " * 400 + "\n结束\n",
        "written_at": datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
    }
    return Mail(**{**given, **fields})  # type: ignore[arg-type]


class MailerContract:
    """See the module."""

    def test_everything_arrives_as_it_was(self, post: Post) -> None:
        """Headers, receivers and text are those of the mail."""
        mail = a_mail(reply_to="mei@example.org")
        assert post.mailer.send(mail) == ()
        (letter,) = post.received()
        assert letter.receivers == mail.receivers
        assert letter.headers["subject"] == mail.subject
        assert letter.headers["from"] == mail.sender
        assert letter.headers["to"] == "ops@example.org, second@example.org"
        assert letter.headers["reply-to"] == "mei@example.org"
        assert letter.headers["message-id"] == mail.message_id
        assert letter.headers["date"] == "Wed, 25 Nov 2026 09:30:00 +0000"
        assert letter.body == mail.body

    @pytest.mark.parametrize(
        "subject",
        [
            "=?utf-8?Q?x=0D=0AFrom:_a=40b.example=0D=0A=0D=0Abody?=",
            "=?utf-8?B?eA0KQ2M6IGFAYi5leGFtcGxl?= and more",
            "a =?utf-8?Q?b?= =?utf-8?Q?c?= d",
            "=?us-ascii?q?=00?=",
            "任务 =?utf-8?Q?x=0AFrom:_a=40b.example?= 🚀",
            "训练🚀" * 60,
            "word " * 50 + "end",
        ],
    )
    def test_a_subject_is_text_and_nothing_else(self, post: Post, subject: str) -> None:
        """What looks like an encoded word (RFC 2047) arrives as it was typed, never decoded."""
        mail = a_mail(subject=subject, reply_to="mei@example.org")
        post.mailer.send(mail)
        (letter,) = post.received()
        assert letter.headers["subject"] == subject
        assert letter.headers["from"] == mail.sender
        assert letter.headers["reply-to"] == "mei@example.org"
        assert "cc" not in letter.headers
        assert letter.body == mail.body

    def test_sent_again_it_has_the_same_id(self, post: Post) -> None:
        """So that a receiver can tell a mail that came twice."""
        post.mailer.send(a_mail())
        post.mailer.send(a_mail())
        assert len({letter.headers["message-id"] for letter in post.received()}) == 1
        assert len(post.received()) == 2

    def test_without_a_reply_address_there_is_no_such_header(self, post: Post) -> None:
        """Answers go to the sender then."""
        post.mailer.send(a_mail())
        assert "reply-to" not in post.received()[0].headers

    def test_a_server_that_is_away_may_come_back(self, post: Post) -> None:
        """Nothing of it is final."""
        post.go_away()
        with pytest.raises(TemporaryFailure):
            post.mailer.send(a_mail())

    @pytest.mark.parametrize(
        ("address", "code", "error"),
        [
            ("aoli@example.org", 451, TemporaryFailure),
            ("aoli@example.org", 550, PermanentFailure),
            ("ops@example.org", 450, TemporaryFailure),
            ("ops@example.org", 550, PermanentFailure),
        ],
    )
    def test_what_the_server_refuses(
        self, post: Post, address: str, code: int, error: type[Exception]
    ) -> None:
        """4xx may work later, 5xx never will."""
        post.refuse(address, code)
        with pytest.raises(error):
            post.mailer.send(a_mail(receivers=("ops@example.org",)))
        assert post.received() == []

    def test_who_is_not_refused_gets_it(self, post: Post) -> None:
        """One wrong address keeps nobody else from getting the mail."""
        post.refuse("second@example.org", 550)
        assert post.mailer.send(a_mail()) == ("second@example.org",)
        assert [letter.receivers for letter in post.received()] == [("ops@example.org",)]
