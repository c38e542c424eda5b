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
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime

from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.mail import ENCODED_WORD, Mail
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
        message = compose(mail)
        with _told(self._server), self._connection() as connection:
            refused = connection.send_message(message, mail.sender, list(mail.receivers))
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


def compose(mail: Mail) -> MIMEText:
    """The mail as a message; its headers cannot be more than they are (see ``Mail``).

    Headers are written by us: ``email.message.EmailMessage`` decodes encoded words (RFC 2047)
    that stand in a text it is given, and what comes out may hold line breaks.
    """
    utf8 = Charset("utf-8")
    utf8.body_encoding = QP if mail.body.isascii() else BASE64
    message = MIMEText(mail.body, "plain", utf8)  # type: ignore[arg-type]  # takes a Charset, too
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.receivers)
    message["Subject"] = _words(mail.subject, "Subject")  # type: ignore[assignment]  # str or Header
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(mail.written_at)
    message["Auto-Submitted"] = "auto-generated"
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    return message


def _words(text: str, name: str) -> Header:
    """Free text as the value of header ``name``: it arrives to the letter as it is.

    What looks like an encoded word is encoded itself, so that no reader decodes it.
    """
    plain = text.isascii() and ENCODED_WORD not in text
    return Header(text, "us-ascii" if plain else "utf-8", header_name=name)


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
