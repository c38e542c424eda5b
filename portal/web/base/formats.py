"""Numbers and times as the pages write them, in English and 中文.

Dates, times of day, grouped numbers and percentages are Babel's. Durations, binary units and
ordinals are not: Babel knows no KiB and no "2nd", and its short units ("3 min, 11 sec") are
longer than a table's cell.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from babel import Locale
from babel.dates import format_skeleton, format_time, get_datetime_format
from babel.numbers import format_decimal, format_percent
from flask import Flask, has_request_context

from portal.web.base.appearance import LANGUAGES, language, zone
from portal.web.base.words import gettext, pgettext

_LOCALES = {name: Locale(name) for name in LANGUAGES}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


def moment(at: datetime | str) -> datetime:
    """A time, aware, from itself or from its RFC 3339 text."""
    parsed = datetime.fromisoformat(at) if isinstance(at, str) else at
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _local(at: datetime | str) -> datetime:
    return moment(at).astimezone(zone())


def iso(at: datetime | str) -> str:
    """RFC 3339 with the reader's offset."""
    return _local(at).isoformat(timespec="seconds")


def _locale() -> Locale:
    return _LOCALES[language() if has_request_context() else "en"]


def _day(local: datetime, today: datetime) -> str:
    skeleton = "MMMd" if local.year == today.year else "yMMMd"
    return format_skeleton(skeleton, local, locale=_locale())


def _time(local: datetime, pattern: str) -> str:
    return format_time(local, pattern, tzinfo=local.tzinfo, locale=_locale())


def clock(at: datetime | str | None) -> str:
    """Today ``09:12``, this year ``Nov 22, 18:20``, older with the year."""
    if at is None:
        return "—"
    local, today = _local(at), _local(now())
    time = _time(local, "HH:mm")
    if local.date() == today.date():
        return time
    together = str(get_datetime_format("medium", _locale()))  # text, whatever it is declared as
    return together.format(time, _day(local, today))


def clock_seconds(at: datetime | str) -> str:
    """As :func:`clock`, to the second on the same day."""
    local = _local(at)
    return _time(local, "HH:mm:ss") if local.date() == _local(now()).date() else clock(at)


def ago(at: datetime | str | None) -> str:
    """``just now``, ``27 min ago``, ``5 h ago``, ``yesterday``, after a week the date."""
    if at is None:
        return "—"
    seconds = (now() - moment(at)).total_seconds()
    days = (_local(now()).date() - _local(at).date()).days
    if seconds < _MINUTE:
        return gettext("just now")
    if seconds < _HOUR:
        return gettext("%(n)s min ago", n=int(seconds // _MINUTE))
    if days == 0 or seconds < _DAY / 2:
        return gettext("%(n)s h ago", n=int(seconds // _HOUR))
    if days == 1:
        return gettext("yesterday")
    return gettext("%(n)s days ago", n=days) if days <= 7 else _day(_local(at), _local(now()))


def duration(seconds: float | None) -> str:
    """The two largest units: ``18 s``, ``3 min 11 s``, ``5 h 17 min``, ``2 d 4 h``."""
    if seconds is None:
        return "—"
    rest = max(0, int(seconds))
    parts: list[str] = []
    units = (
        (_DAY, gettext("%(n)s d", n="%s")),
        (_HOUR, gettext("%(n)s h", n="%s")),
        (_MINUTE, gettext("%(n)s min", n="%s")),
        (1, gettext("%(n)s s", n="%s")),
    )
    for size, form in units:
        count, rest = divmod(rest, size)
        if count or (size == 1 and not parts):
            parts.append(form % count)
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)


def amount(size: float) -> str:
    """Bytes in binary units with three significant figures: ``18.4 GiB``."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    digits = 0 if unit == 0 or size >= 100 else (1 if size >= 10 else 2)
    pattern = ("0", "0.#", "0.##")[digits]
    return f"{format_decimal(size, pattern, locale=_locale())} {_UNITS[unit]}"


def amount_of(part: float, whole: float) -> str:
    """Of a whole: ``18.4 / 30 TiB``; each with its unit where the units differ."""
    small, large = amount(part), amount(whole)
    number, unit = small.split(" ")
    return f"{number if large.endswith(f' {unit}') else small} / {large}"


def count_of(number: float) -> str:
    """Comma groups in both languages: ``4,902``."""
    return format_decimal(number, locale=_locale())


def percent(share: float, digits: int = 0) -> str:
    """A share of one: ``0.425`` is ``43%``, with one digit ``42.5%``."""
    pattern = f"#,##0{'.' * bool(digits)}{'0' * digits}%"
    return format_percent(share, pattern, locale=_locale())


def decimal(text: str) -> str:
    """Comma groups in a number that is written already: ``1408.6`` is ``1,408.6``."""
    digits = len(text.partition(".")[2])
    pattern = f"#,##0{'.' * bool(digits)}{'0' * digits}"
    return format_decimal(Decimal(text), pattern, locale=_locale())


def ordinal(number: int) -> str:
    """``2nd``; in 中文 the number alone."""
    if language() == "zh":
        return str(number)
    if 10 <= number % 100 <= 20:
        return f"{count_of(number)}th"
    return count_of(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def install(app: Flask) -> None:
    """Add the template filters."""
    app.jinja_env.globals.update(pgettext=pgettext)
    times = (iso, clock, clock_seconds, ago, duration)
    for filter_ in (*times, amount, amount_of, count_of, percent, decimal, ordinal):
        app.jinja_env.filters[filter_.__name__] = filter_
