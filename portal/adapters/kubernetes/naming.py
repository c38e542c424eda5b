"""Names and labels of everything that is made on a cluster. Pure.

Names come from job id, attempt and replica alone, so that making a thing twice meets itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from portal.domain.job import AttemptRef

LABEL_JOB = "aoli/job"
LABEL_ATTEMPT = "aoli/attempt"
LABEL_REPLICA = "aoli/replica"
LABEL_INSTANCE = "aoli/instance"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "aoli"
ANNOTATION_DEVICES = "aoli/devices"
ANNOTATION_REPLICA = "aoli/replica-name"
ANNOTATION_RANK = "aoli/rank"
ANNOTATION_JOB_NAME = "aoli/job-name"
ANNOTATION_USER = "aoli/user"
ANNOTATION_SERVES = "aoli/serves"
ANNOTATION_FILES = "aoli/files"
"""Changed with the shared files: kubelet then brings them at once instead of within a minute."""
CONTAINER = "replica"
"""The container that runs the command; others may be put beside it by the cluster."""

_MAX_LABEL = 63
_NOT_IN_NAME = re.compile(r"[^a-z0-9-]+")
_NOT_IN_LABEL = re.compile(r"[^A-Za-z0-9._-]+")


def dns_label(text: str) -> str:
    """``text`` as a DNS label: itself when it is one, else shortened with a checksum."""
    slug = _NOT_IN_NAME.sub("-", text.lower()).strip("-")
    if slug == text and len(slug) <= _MAX_LABEL:
        return slug
    checksum = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{slug[: _MAX_LABEL - 9].rstrip('-')}-{checksum}".lstrip("-")


def label_value(text: str) -> str:
    """``text`` as the value of a label; what does not fit is replaced or cut."""
    return _NOT_IN_LABEL.sub("-", text)[:_MAX_LABEL].strip("-._")


def pod_name(ref: AttemptRef, replica: str) -> str:
    """The pod of one replica."""
    return dns_label(f"aoli-{ref.job_id}-{ref.attempt}-{replica}")


def service_name(ref: AttemptRef) -> str:
    """The headless Service by which replicas find each other.

    It begins with a letter, as the name of a Service must.
    """
    return dns_label(f"aoli-{ref.job_id}-{ref.attempt}")


def secret_name(ref: AttemptRef) -> str:
    """The Secret with the registry's login."""
    return dns_label(f"aoli-{ref.job_id}-{ref.attempt}-registry")


def login_name(ref: AttemptRef) -> str:
    """The Secret with the key by which replicas log in to each other."""
    return dns_label(f"aoli-{ref.job_id}-{ref.attempt}-login")


def files_name(ref: AttemptRef) -> str:
    """The ConfigMap with the files that replicas share."""
    return dns_label(f"aoli-{ref.job_id}-{ref.attempt}-files")


def instance_selector(instance: str) -> str:
    """Selects everything of one portal."""
    return f"{LABEL_INSTANCE}={instance},{LABEL_MANAGED_BY}={MANAGED_BY}"


def attempt_selector(instance: str, ref: AttemptRef) -> str:
    """Selects everything of one attempt."""
    return f"{instance_selector(instance)},{LABEL_JOB}={ref.job_id},{LABEL_ATTEMPT}={ref.attempt}"


def ref_of(thing: Mapping[str, Any]) -> AttemptRef | None:
    """The attempt that an object belongs to; ``None`` when its labels do not say."""
    labels = thing["metadata"].get("labels") or {}
    job_id, attempt = labels.get(LABEL_JOB, ""), labels.get(LABEL_ATTEMPT, "")
    if not job_id or not attempt.isdecimal():
        return None
    return AttemptRef(job_id, int(attempt))
