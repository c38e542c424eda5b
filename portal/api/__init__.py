"""The REST API under ``/api/v1``, and the probes at the root: parse, call a service, dump."""

from portal.api.installation import install

__all__ = ["install"]
