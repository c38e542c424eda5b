"""``Mailer`` in memory: what was sent is kept; the server fails when the test says so."""

from __future__ import annotations

from portal.domain.errors import PermanentFailure, TemporaryFailure
from portal.domain.mail import Mail


class FakeMailer:
    """See the module. ``refusals`` maps an address to the code the server answers for it."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.away = False
        self.refusals: dict[str, int] = {}

    def send(self, mail: Mail) -> tuple[str, ...]:
        """See the port."""
        if self.away:
            raise TemporaryFailure("the mail server does not answer")
        refused = {who: self.refusals[who] for who in mail.receivers if who in self.refusals}
        if mail.sender in self.refusals:
            refused = dict.fromkeys(mail.receivers, self.refusals[mail.sender])
        if len(refused) == len(mail.receivers):
            final = all(code >= 500 for code in refused.values())
            raise (PermanentFailure if final else TemporaryFailure)("the server refused the mail")
        self.sent.append(mail)
        return tuple(refused)
