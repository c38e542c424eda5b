"""What the API's refusal to make an object means: for good, or until somebody fixes it.

A 403 is three things under one number. The account lacks a right: an operator gives it. A quota
of the namespace is used up: others give something back. An admission rule (Pod Security, a
LimitRange, a webhook) does not want this object: it never will.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from portal.adapters.kubernetes.client import Refusal
from portal.domain.errors import (
    AoliError,
    MissingRight,
    PermanentFailure,
    QuotaUsedUp,
    TemporaryFailure,
)
from portal.domain.limits import MAX_OBJECT_BYTES, data_problem, size_bytes

_FOR_GOOD = frozenset({400, 413, 422})
"""Answers to a creation that will be the same next time."""
_QUOTA = "exceeded quota"
_ACCOUNT = " cannot "
"""``pods is forbidden: User "x" cannot create resource "pods" in …``"""
_PASSES = ("is being terminated", "error looking up service account", "unable to get namespace")
"""A namespace that goes, or has just come."""


def failure_of(refusal: Refusal) -> AoliError:
    """What to raise instead of a refusal to create something; itself when it is temporary."""
    words = refusal.message
    if refusal.status in _FOR_GOOD:
        return PermanentFailure(words)
    if refusal.status != 403:
        return refusal
    if _QUOTA in words:
        return QuotaUsedUp(words)
    if _lacks_right(words):
        return MissingRight(words)
    if any(passing in words for passing in _PASSES):
        return TemporaryFailure(words)
    return PermanentFailure(words)


def _lacks_right(words: str) -> bool:
    """Whether the authorizer speaks, not an admission rule that quotes something."""
    _, forbidden, why = words.partition("is forbidden: ")
    return bool(forbidden) and why.startswith("User ") and _ACCOUNT in why


def check_size(manifest: Mapping[str, Any]) -> None:
    """Raise ``PermanentFailure`` when Kubernetes would not keep the object, saying why.

    The API only says that a request is too large, or nothing that helps.
    """
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    data = manifest.get("data")
    problem = data_problem(name, data.values()) if isinstance(data, Mapping) else None
    if problem is None:
        size = size_bytes(json.dumps(manifest, ensure_ascii=False, separators=(",", ":")))
        if size > MAX_OBJECT_BYTES:
            problem = f"{name} has {size} bytes; Kubernetes takes at most {MAX_OBJECT_BYTES}"
    if problem is not None:
        raise PermanentFailure(problem)
