"""The in-memory mailer and the one over SMTP keep the same contract; then what SMTP adds."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mail_server import LOGIN, PASSWORD, MailServer, certificate

from portal.adapters.smtp import SmtpMailer, SmtpServer
from portal.domain.errors import TemporaryFailure
from portal.testing import FakeMailer
from portal.testing.mailer_contract import Letter, MailerContract, a_mail

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class FakePost:
    """The fake with itself behind it."""

    def __init__(self) -> None:
        self.mailer = FakeMailer()

    def received(self) -> list[Letter]:
        return [
            Letter(
                tuple(r for r in mail.receivers if r not in self.mailer.refusals),
                {
                    "subject": mail.subject,
                    "from": mail.sender,
                    "to": ", ".join(mail.receivers),
                    "message-id": mail.message_id,
                    "date": mail.written_at.strftime("%a, %d %b %Y %H:%M:%S +0000"),
                    **({"reply-to": mail.reply_to} if mail.reply_to else {}),
                },
                mail.body,
            )
            for mail in self.mailer.sent
        ]

    def go_away(self) -> None:
        self.mailer.away = True

    def refuse(self, address: str, code: int) -> None:
        self.mailer.refusals[address] = code


class RealPost:
    """SMTP with a real server behind it."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.mailer = SmtpMailer(SmtpServer("127.0.0.1", server.port))

    def received(self) -> list[Letter]:
        return self.server.letters

    def go_away(self) -> None:
        self.server.close()

    def refuse(self, address: str, code: int) -> None:
        self.server.refusals[address] = code


class Elsewhere(SmtpServer):
    """A server that is not on this machine."""

    @property
    def near(self) -> bool:
        return False


@pytest.fixture
def serve() -> Iterator[Callable[..., MailServer]]:
    servers: list[MailServer] = []

    def begin(**options: Any) -> MailServer:
        servers.append(MailServer(**options))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


class TestFakeMailer(MailerContract):
    @pytest.fixture
    def post(self) -> FakePost:
        return FakePost()


class TestSmtpMailer(MailerContract):
    @pytest.fixture
    def post(self, serve: Callable[..., MailServer]) -> RealPost:
        return RealPost(serve())


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    return certificate(folder)


@pytest.mark.parametrize("security", ["tls", "starttls", "auto"])
def test_the_log_in_travels_encrypted(
    serve: Callable[..., MailServer],
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    security: str,
) -> None:
    server = serve(tls=contexts[0], wrapped=security == "tls", login=True)
    known = SmtpServer("127.0.0.1", server.port, security, LOGIN, PASSWORD, context=contexts[1])
    SmtpMailer(known).send(a_mail())
    assert server.encrypted == [True]


def test_a_certificate_that_nobody_signed_is_refused(
    serve: Callable[..., MailServer], contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server = serve(tls=contexts[0])
    with pytest.raises(TemporaryFailure, match="certificate"):
        SmtpMailer(SmtpServer("127.0.0.1", server.port)).send(a_mail())
    assert server.letters == []


def test_starttls_that_is_not_offered_is_missed(serve: Callable[..., MailServer]) -> None:
    server = serve()
    with pytest.raises(TemporaryFailure):
        SmtpMailer(SmtpServer("127.0.0.1", server.port, "starttls")).send(a_mail())
    assert server.letters == []


def test_a_password_is_not_sent_in_the_clear(serve: Callable[..., MailServer]) -> None:
    server = serve(login=True)
    near = SmtpServer("127.0.0.1", server.port, "auto", LOGIN, PASSWORD)
    SmtpMailer(near).send(a_mail())  # nobody listens on the way to this machine
    far = Elsewhere("127.0.0.1", server.port, "auto", LOGIN, PASSWORD)
    with pytest.raises(TemporaryFailure, match="in the clear"):
        SmtpMailer(far).send(a_mail())
    assert len(server.letters) == 1
    assert not SmtpServer("10.0.0.1", 25).near


def test_a_wrong_password_may_be_mended(serve: Callable[..., MailServer]) -> None:
    server = serve(login=True)
    wrong = SmtpServer("127.0.0.1", server.port, "plain", LOGIN, "wrong")
    with pytest.raises(TemporaryFailure, match="log-in") as failure:
        SmtpMailer(wrong).send(a_mail())
    assert "wrong" not in str(failure.value)


def test_a_silent_server_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = SmtpServer("127.0.0.1", silent.getsockname()[1], timeout_s=0.2)
        with pytest.raises(TemporaryFailure):
            SmtpMailer(server).send(a_mail())


@pytest.mark.parametrize(
    ("url", "host", "port", "security"),
    [
        ("mail.example.org", "mail.example.org", 25, "auto"),
        ("mail.example.org:587", "mail.example.org", 587, "auto"),
        ("smtp://10.0.0.1:2525/", "10.0.0.1", 2525, "auto"),
        ("smtps://mail", "mail", 465, "tls"),
        ("smtp+starttls://mail:587", "mail", 587, "starttls"),
        ("[::1]:2525", "::1", 2525, "auto"),
    ],
)
def test_addresses_of_servers(url: str, host: str, port: int, security: str) -> None:
    server = SmtpServer.read(url)
    assert (server.host, server.port, server.security) == (host, port, security)


@pytest.mark.parametrize("url", ["", "http://x", "a b", "x:0", "x:99999", "x:y", "u:p@h", "h/p"])
def test_what_is_no_address_of_a_server(url: str) -> None:
    with pytest.raises(ValueError, match=r"no|none"):
        SmtpServer.read(url)


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": "x\r\nBcc: all@example.org"},
        {"subject": "x\nBcc: all@example.org"},
        {"subject": "x\u2028y"},
        {"reply_to": "a@example.org\r\nBcc: all@example.org"},
        {"reply_to": "a@example.org, b@example.org"},
        {"sender": "Aoli <a@example.org>"},
        {"receivers": ("a@example.org\nBcc: b@example.org",)},
        {"receivers": ()},
        {"message_id": "<a@b>\nX: y"},
    ],
)
def test_no_header_can_be_smuggled_in(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"line|address|receivers"):
        a_mail(**fields)
