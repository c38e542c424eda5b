"""A real SMTP server on this machine, for tests of whoever sends to one."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.testing.mailer_contract import Letter

LOGIN, PASSWORD = "aoli", "s3cret of the mail server"


class MailServer:
    """Takes mails until :meth:`close`; ``refusals`` maps an address to the code for it.

    ``contents`` are the mails as they came, ``letters`` what a reader makes of them.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, wrapped: bool = False, login: bool = False
    ) -> None:
        self.letters: list[Letter] = []
        self.contents: list[bytes] = []
        self.refusals: dict[str, int] = {}
        self.encrypted: list[bool] = []
        self._loop = asyncio.new_event_loop()

        def session() -> SMTP:
            return SMTP(
                self,
                hostname="mail.example.org",
                tls_context=None if wrapped else tls,
                auth_required=login,
                auth_require_tls=False,
                authenticator=self._authenticate,
                loop=self._loop,
            )

        self._server = self._loop.run_until_complete(
            self._loop.create_server(session, "127.0.0.1", 0, ssl=tls if wrapped else None)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; may be called again."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._server.close)
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and data == LoginPassword(
            LOGIN.encode(), PASSWORD.encode()
        )
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(  # noqa: N802 - the server's names
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """The sender."""
        if address in self.refusals:
            return f"{self.refusals[address]} no"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """A receiver."""
        if address in self.refusals:
            return f"{self.refusals[address]} no"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """The mail."""
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.contents.append(envelope.content)
        self.letters.append(read_letter(envelope.rcpt_tos, envelope.content))
        return "250 OK"


def read_letter(receivers: list[str], content: bytes) -> Letter:
    """A received mail."""
    message = message_from_bytes(content, policy=default)
    headers: Mapping[str, Any] = {name.lower(): str(value) for name, value in message.items()}
    body = message.get_content().replace("\r\n", "\n")
    return Letter(tuple(receivers), dict(headers), body)


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context with a certificate that they alone trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example.org")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    path.write_bytes(
        built.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
