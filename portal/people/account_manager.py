"""Flask-AppBuilder's security manager, as far as it is about accounts and their passwords."""

from __future__ import annotations

from datetime import UTC, datetime

from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import func, or_, select

import portal.people.columns
import portal.people.identities  # noqa: F401  (both add to the tables)
from portal.domain.fields import storable
from portal.people.passwords import is_right


class AccountManager(SecurityManager):  # type: ignore[misc]
    """Finds accounts, looks at passwords, ends sessions."""

    def load_user(self, pk: str) -> User | None:
        """The user of a session (``id.epoch``) or of a token (``id``), unless ended or disabled."""
        number, _, epoch = str(pk).partition(".")
        user = self.session.get(User, int(number)) if number.isdecimal() else None
        if user is None or not user.active:
            return None
        if epoch and epoch != str(user.session_epoch or 0):
            return None
        return user

    def end_sessions(self, user: User) -> None:
        """Make every session cookie of the user worthless."""
        user.session_epoch = (user.session_epoch or 0) + 1
        self.session.commit()

    def auth_user_db(self, username: str, password: str) -> User | None:
        """The account of a name (or e-mail address) and its password.

        As slow for an account that does not exist or is disabled as for a wrong password, and
        with the same writes (none), so that nobody learns which accounts there are.
        """
        user = self.account_named(username)
        if not self.opens(user, password):
            return None
        self.note_sign_in(user)
        return user

    def account_named(self, typed: str) -> User | None:
        """The account of a name or an e-mail address, in any case: neither is there twice.

        Where an older version has left two that differ in case alone, each has its exact name.
        """
        typed = storable(typed).strip()
        small = typed.lower()
        named = or_(
            User.username == typed,
            User.email == typed,
            func.lower(User.username) == small,
            func.lower(User.email) == small,
        )
        found = list(self.session.scalars(select(User).where(named).limit(4)))
        for exact in (User.username.key, User.email.key):
            for one in found:
                if getattr(one, exact) == typed:
                    return one
        return found[0] if len(found) == 1 else None

    def opens(self, user: User | None, password: str) -> bool:
        """Whether the password is that of an account that may sign in; as slow for none."""
        right = is_right(user.password if user is not None else None, password)
        return right and user is not None and bool(user.active)

    def note_sign_in(self, user: User) -> None:
        """Count a sign-in."""
        user.login_count = (user.login_count or 0) + 1
        user.last_login = datetime.now(UTC).replace(tzinfo=None)
        self.session.commit()
