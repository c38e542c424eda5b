"""The Mailer port over SMTP: TLS, STARTTLS or plain, one connection per mail, time-outs."""

from __future__ import annotations

import ipaddress
import logging
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

from portal.adapters.mail_headers import text_header, token_header
from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.mail import Mail
from portal.domain.mail_server import TLS_PORT, server_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails go. ``security``: ``tls``, ``starttls``, ``plain``, or ``auto``.

    ``auto`` is TLS on port 465, else STARTTLS where the server offers it. A password never
    travels in the clear unless ``plain`` says so or the server is this machine.
    """

    host: str
    port: int
    security: str = "auto"
    login: str = ""
    password: str = ""
    timeout_s: float = 20.0
    context: ssl.SSLContext | None = None

    @classmethod
    def read(
        cls, url: str, security: str = "auto", login: str = "", password: str = ""
    ) -> SmtpServer:
        """``host``, ``host:port``, or with a scheme (``smtps://host``); raises ``ValueError``."""
        host, port, security = server_of(url, security)
        return cls(host, port, security, login, password)

    @property
    def wrapped(self) -> bool:
        """Whether the connection begins with TLS."""
        return self.security == "tls" or (self.security == "auto" and self.port == TLS_PORT)

    @property
    def near(self) -> bool:
        """Whether it is this machine: nobody listens on the way."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class SmtpMailer:
    """See the module."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    def send(self, mail: Mail) -> tuple[str, ...]:
        """See the port."""
        message = written(mail)
        with _told(self._server), self._connection() as connection:
            refused = connection.sendmail(mail.sender, list(mail.receivers), message)
        for address, (code, why) in refused.items():
            log.warning("mail: the server refused %s: %s %s", address, code, _text(why))
        return tuple(refused)

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        context = server.context or ssl.create_default_context()
        connection: smtplib.SMTP
        if server.wrapped:
            connection = smtplib.SMTP_SSL(
                server.host, server.port, timeout=server.timeout_s, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)
        try:
            self._greet(connection, context)
            yield connection
        finally:
            _hang_up(connection)

    def _greet(self, connection: smtplib.SMTP, context: ssl.SSLContext) -> None:
        server, safe = self._server, self._server.wrapped
        connection.ehlo()
        offered = connection.has_extn("starttls")
        if server.security == "starttls" or (server.security == "auto" and offered and not safe):
            connection.starttls(context=context)
            connection.ehlo()
            safe = True
        if not server.login:
            return
        if not (safe or server.near or server.security == "plain"):
            raise TemporaryFailure(
                f"{server.host} offers no encryption: the password is not sent in the clear"
            )
        connection.login(server.login, server.password)


def written(mail: Mail) -> bytes:
    """The mail as it travels; its headers are those named here, whatever their values are."""
    body, text = EmailMessage(policy=SMTP_POLICY), mail.body.encode("utf-8", "replace").decode()
    body.set_content(text, cte="base64" if not text.isascii() else "quoted-printable")
    headers = [
        token_header("From", [mail.sender]),
        token_header("To", mail.receivers),
        text_header("Subject", mail.subject),
        token_header("Message-ID", [mail.message_id]),
        text_header("Date", format_datetime(mail.written_at)),
        token_header("Auto-Submitted", ["auto-generated"]),
    ]
    if mail.reply_to:
        headers.append(token_header("Reply-To", [mail.reply_to]))
    return b"".join(headers) + body.as_bytes()


@contextmanager
def _told(server: SmtpServer) -> Iterator[None]:
    """Errors of the connection as errors of the port."""
    place = f"{server.host}:{server.port}"
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        codes = {code for code, _ in refused.recipients.values()}
        texts = "; ".join(f"{who}: {_text(why)}" for who, (_, why) in refused.recipients.items())
        if all(code >= 500 for code in codes):
            raise PermanentFailure(f"{place} refused every receiver: {texts}") from None
        raise TemporaryFailure(f"{place} takes no receiver now: {texts}") from None
    except smtplib.SMTPAuthenticationError as error:
        raise TemporaryFailure(
            f"{place} does not take the log-in: {_text(error.smtp_error)}"
        ) from None
    except smtplib.SMTPResponseException as error:
        said = f"{place} answered {error.smtp_code} {_text(error.smtp_error)}"
        final = error.smtp_code >= 500 and isinstance(
            error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError
        )
        raise (PermanentFailure(said) if final else TemporaryFailure(said)) from None
    except (smtplib.SMTPException, OSError, socket.gaierror) as error:
        raise TemporaryFailure(f"{place} did not take the mail: {error}") from None


def _hang_up(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]
