"""Identities at other providers (WeChat, Microsoft) that a user signs in with.

The table lives beside Flask-AppBuilder's, because a user and their identity are made in one
transaction.
"""

from __future__ import annotations

from datetime import datetime

from flask_appbuilder import Model
from sqlalchemy import DateTime, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

PROVIDERS = ("wechat", "microsoft")


class Identity(Model):  # type: ignore[misc]
    """One identity: whose it is, and how its provider names it (``subject``) for good."""

    __tablename__ = "aoli_identity"
    __table_args__ = (
        UniqueConstraint("provider", "subject"),
        UniqueConstraint("user_id", "provider"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(128), default="")
    bound_on: Mapped[datetime] = mapped_column(DateTime)
