"""OData primitive values: how JSON text, filter literals and comparable Python
values of each Edm type relate.

Dates and timestamps are integers of our own because OData allows years and
fractions that Python's datetime cannot hold: a date is a day number (0 is
1970-01-01), a timestamp is (picoseconds since then, offset in minutes), a time
of day and a duration are picoseconds.
"""
import decimal
import json
import re
from decimal import Decimal

decimal.DefaultContext.prec = 100
decimal.setcontext(decimal.Context(prec=100))

SECOND = 10 ** 12
DAY = 86400 * SECOND

DATE = r"-?\d{4,}-\d\d-\d\d"
TIME = r"\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?"
STAMP = DATE + "[Tt]" + TIME + r"(?:[Zz]|[+-]\d\d:\d\d)"
GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
DURATION = r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?"
MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def days_from_civil(year, month, day):
    """Day number of a proleptic Gregorian date of any year."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil_from_days(number):
    """(year, month, day) of a day number."""
    number += 719468
    era = number // 146097
    rest = number - era * 146097
    of_era = (rest - rest // 1460 + rest // 36524 - rest // 146096) // 365
    of_year = rest - (365 * of_era + of_era // 4 - of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + (3 if shifted < 10 else -9)
    return of_era + era * 400 + (month <= 2), month, day


def parse_date(text):
    sign = -1 if text.startswith("-") else 1
    year, month, day = (int(part) for part in text.lstrip("-").split("-"))
    year *= sign
    if not 1 <= month <= 12 or not 1 <= day <= MONTH_DAYS[month - 1]:
        raise ValueError("no such date: " + text)
    number = days_from_civil(year, month, day)
    if civil_from_days(number) != (year, month, day):
        raise ValueError("no such date: " + text)
    return number


def parse_time(text):
    whole, _, fraction = text.partition(".")
    hour, minute, *second = (int(part) for part in whole.split(":"))
    second = second[0] if second else 0
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no such time: " + text)
    return ((hour * 60 + minute) * 60 + second) * SECOND + int(fraction.ljust(12, "0")[:12] or 0)


def parse_stamp(text):
    """(instant, offset): comparisons use the instant, date parts the offset."""
    if not re.fullmatch(STAMP, text):
        raise ValueError("not a timestamp: " + text)
    date, _, rest = text.upper().partition("T")
    offset = 0
    if rest.endswith("Z"):
        rest = rest[:-1]
    else:
        hours, minutes = rest[-5:].split(":")
        offset = (int(hours) * 60 + int(minutes)) * (-1 if rest[-6] == "-" else 1)
        rest = rest[:-6]
    return parse_date(date) * DAY + parse_time(rest) - offset * 60 * SECOND, offset


def parse_duration(text):
    match = re.fullmatch(DURATION, text)
    if not match or text.endswith(("P", "T")):
        raise ValueError("not a duration: " + text)
    sign, days, hours, minutes, seconds, fraction = match.groups()
    whole = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    value = whole * SECOND + int((fraction or "").ljust(12, "0")[:12])
    return -value if sign else value


def format_date(number):
    year, month, day = civil_from_days(number)
    return "%s%04d-%02d-%02d" % ("-" if year < 0 else "", abs(year), month, day)


def format_stamp(instant, digits=3):
    """UTC text of an instant, its fraction cut to the given digits."""
    day, rest = divmod(instant, DAY)
    seconds, fraction = divmod(rest, SECOND)
    text = "%sT%02d:%02d:%02d" % (format_date(day), seconds // 3600, seconds // 60 % 60, seconds % 60)
    return text + ("." + ("%012d" % fraction)[:digits] if digits else "") + "Z"


def parse_double(value):
    """JSON has no infinities: OData writes the words INF, -INF and NaN."""
    return float(str(value).replace("INF", "inf"))


def parse_bool(value):
    if not isinstance(value, bool):
        raise ValueError("not a Boolean: %r" % (value,))
    return value


def parse_int(value):
    if isinstance(value, bool) or value != int(value):
        raise ValueError("not an integer: %r" % (value,))
    return int(value)


def parse_string(value):
    if not isinstance(value, str):
        raise ValueError("not a string: %r" % (value,))
    return value


DECODERS = {
    "Edm.String": parse_string,
    "Edm.Boolean": parse_bool,
    "Edm.Int16": parse_int,
    "Edm.Int32": parse_int,
    "Edm.Int64": parse_int,
    "Edm.Decimal": lambda value: Decimal(str(value)),
    "Edm.Double": parse_double,
    "Edm.Date": parse_date,
    "Edm.DateTimeOffset": parse_stamp,
    "Edm.TimeOfDay": parse_time,
    "Edm.Guid": lambda value: parse_string(value).lower(),
}


def dump(value):
    """Compact JSON that keeps Unicode and the digits of a Decimal."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ",".join(dump(k) + ":" + dump(v) for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(dump, value)) + "]"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return '"%s"' % repr(value).replace("inf", "INF").replace("nan", "NaN")
    return json.dumps(value, ensure_ascii=False)


def load(text):
    """JSON with exact decimals."""
    return json.loads(text, parse_float=Decimal)
