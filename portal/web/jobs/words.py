"""What the filters of the job lists are called."""

from __future__ import annotations

from portal.web.base.words import gettext, pgettext


def status_word(status: str) -> str:
    """A state, or a group of states, in the reader's language."""
    words = {
        "all": pgettext("jobs", "All"),
        "active": gettext("Active"),
        "waiting": gettext("Waiting"),
        "queued": gettext("Queued"),
        "scheduling": gettext("Scheduling"),
        "running": gettext("Running"),
        "pausing": gettext("Pausing"),
        "paused": gettext("Paused"),
        "preempting": gettext("Preempting"),
        "killing": gettext("Killing"),
        "killed": gettext("Killed"),
        "finished": gettext("Finished"),
        "failed": gettext("Failed or error"),
        "error": gettext("Error"),
    }
    return words.get(status, status)


def done_word(action: str) -> str:
    """What somebody did with a job, as its reason keeps it."""
    words = {"Paused": gettext("Paused"), "Killed": gettext("Killed")}
    return words.get(action, action)


def attempt_end_word(state: str, code: str) -> str:
    """How an attempt ended, by the state it left its devices in and its reason's code."""
    words = {
        "preempting": gettext("Preempted") if code == "preempted" else gettext("Requeued"),
        "pausing": gettext("Paused"),
        "killing": gettext("Killed"),
        "failed": gettext("Failed"),
    }
    return words.get(state) or status_word(state)


def time_word(choice: str) -> str:
    """A choice of the filter by time of submission."""
    words = {
        "1h": gettext("Last hour"),
        "today": gettext("Today"),
        "24h": gettext("Last 24 hours"),
        "7d": gettext("Last 7 days"),
        "30d": gettext("Last 30 days"),
        "between": gettext("From … to …"),
    }
    return words.get(choice, choice)


def yes_no_word(choice: str) -> str:
    """``yes`` or ``no``."""
    return gettext("Yes") if choice == "yes" else gettext("No")
