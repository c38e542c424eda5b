"""Jobs for the tests of pages, and how pages are read."""

from __future__ import annotations

import re
from typing import Any

from house import House, actor, body

from portal.models.db import session

TAG = re.compile(r"<[a-zA-Z][^<>]*>")


def tidy(text: str) -> str:
    """HTML with each tag on one line, one space between its attributes, as a browser reads it."""
    return TAG.sub(lambda tag: re.sub(r"\s+", " ", tag.group()).replace(" >", ">"), text)


def submit_job(house: House, who: str = "alice", **fields: Any) -> str:
    """Submit a job to ``platform``, a second after the one before; return its id."""
    house.advance(1)
    with session():
        job = house.portal.jobs.submit(actor(who), body(**{"vc": "platform", **fields}))
    return str(job["id"])


def run_job(house: House, who: str = "alice", **fields: Any) -> str:
    """Submit a job and bring it to ``running``."""
    job_id = submit_job(house, who, **fields)
    house.work()
    house.cluster.run(house.ref(job_id))
    house.look()
    return job_id
