"""What somebody typed is text of a header or of the body, never a header of its own."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_server import MailServer

from portal.adapters.mail_headers import text_header, token_header
from portal.adapters.smtp import SmtpMailer, SmtpServer, written
from portal.domain.mail import Mail, has_control, is_address, without_control
from portal.testing.mailer_contract import a_mail

NAMES = [
    *("From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted", "Reply-To"),
    *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
]
FORGED = [
    "=?utf-8?Q?x=0D=0AFrom:_a=40b?=",
    "=?utf-8?Q?x=0D=0ACc:_all=40example.org=0D=0A=0D=0Aa_body?= y",
    "=?utf-8?B?eA0KRnJvbTogYUBi?=",
    "=?us-ascii?q?a?= =?us-ascii?q?=0A.=0A?=",
    "=?=?utf-8?q?a?=",
    "=?utf-8?q?=?utf-8?q?=0d=0aBcc:a?=?=",
]
LONG = [
    "任务需要帮助" * 30,
    "🧑‍🔬🇨🇳" * 40,
    "long words" + " and more" * 18,
    "w" * 200,
    " two  blanks ",
]
PARTS = st.sampled_from(
    ["=?utf-8?Q?", "?=", "=0D=0A", "\r\n", "From: a@b", " ", "需", "🚀", "\ud83d"]
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(PARTS, st.text(max_size=3))).map("".join))


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.close()


def sent(server: MailServer, mail: Mail) -> bytes:
    server.contents.clear()
    SmtpMailer(SmtpServer("127.0.0.1", server.port)).send(mail)
    (content,) = server.contents
    return content


def names_of(content: bytes) -> list[str]:
    lines = content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [line.partition(b":")[0].decode() for line in lines if line[:1] not in b" \t"]


def two_readers(content: bytes, name: str) -> list[str]:
    """The old way to read a header in Python, and the new one."""
    by_hand = str(make_header(decode_header(message_from_bytes(content)[name])))
    unfolded = by_hand.replace("\r\n ", " ")
    return [unfolded, str(message_from_bytes(content, policy=default)[name])]


@pytest.mark.parametrize("subject", [*FORGED, *LONG])
def test_a_subject_arrives_as_it_was_typed(server: MailServer, subject: str) -> None:
    content = sent(server, a_mail(subject=subject, reply_to="mei@example.org"))
    assert names_of(content) == NAMES
    assert two_readers(content, "Subject") == [subject] * 2
    head, _, body = content.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert b"\r\n\r\n" not in body.rstrip()


@given(subject=TEXTS)
def test_any_subject_that_is_taken_arrives(server: MailServer, subject: str) -> None:
    try:
        mail = a_mail(subject=subject, reply_to="mei@example.org")
    except ValueError:
        assert has_control(subject)
        return
    content = sent(server, mail)
    assert names_of(content) == NAMES
    assert two_readers(content, "Subject")[0] == without_control(subject)


@given(text=TEXTS)
def test_any_text_is_one_header(text: str) -> None:
    line = text_header("X-Name", text)
    assert names_of(line + b"\r\n") == ["X-Name"]
    assert line.endswith(b"\r\n")
    assert max(map(len, line.split(b"\r\n"))) <= 78
    assert two_readers(line + b"\r\n", "X-Name")[0] == without_control(text)


@given(body=TEXTS)
def test_any_body_stays_behind_the_headers(body: str) -> None:
    assert names_of(written(a_mail(body=body, reply_to="mei@example.org"))) == NAMES


def test_fifty_receivers_are_folded(server: MailServer) -> None:
    receivers = tuple(f"somebody-{n}@a-long-name.example.org" for n in range(50))
    content = sent(server, a_mail(receivers=receivers))
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert two_readers(content, "To") == [", ".join(receivers)] * 2


@pytest.mark.parametrize("word", ["", "a b", "a\r\nBcc:b", "=?utf-8?q?a?=@b", "需@b", "a" * 1000])
def test_a_word_for_machines_is_checked(word: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        token_header("To", [word])


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "=?a?="])
def test_a_name_is_checked(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        text_header(name, "a")


@pytest.mark.parametrize("message_id", ["<=?a?q?b?=@c>", "<a@b>\nX: y", "a@b", "<a b@c>", "<需@b>"])
def test_an_id_is_one_word(message_id: str) -> None:
    with pytest.raises(ValueError, match="line"):
        a_mail(message_id=message_id)


def test_an_encoded_word_is_no_address() -> None:
    assert is_address("a=b?c@example.org")
    assert not is_address("=?utf-8?q?x=0aBcc:?=@example.org")
