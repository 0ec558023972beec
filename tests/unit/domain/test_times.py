"""ISO 8601 in, RFC 3339 out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueedge_core.domain.times import format_time, parse_instant_or_date, parse_time

NOON = 1_705_406_400_000_000  # 2024-01-16T12:00:00Z: 19738 days * 86400 s + 43200 s


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2024-01-16T12:00:00Z", NOON),
        ("2024-01-16T12:00:00", NOON),
        ("2024-01-16 12:00:00", NOON),
        ("2024-01-16t12:00:00z", NOON),
        ("2024-01-16T12:00Z", NOON),
        ("2024-01-16T14:00:00+02:00", NOON),
        ("2024-01-16T14:00:00+0200", NOON),
        ("2024-01-16T14:00:00+02", NOON),
        ("2024-01-16 06:30:00-05:30", NOON),
        ("2024-01-15T23:00:00-13:00", NOON),
        ("2024-01-17T02:00:00+14:00", NOON),
        ("2024-01-16T12:00:00-00:00", NOON),
        ("2024-01-16T12:00:00.5Z", NOON + 500_000),
        ("2024-01-16T12:00:00.000001", NOON + 1),
        ("2024-01-16T12:00:00.123456000Z", NOON + 123_456),  # nanoseconds whose last three say nothing
        ("2024-01-16T14:00:00.25+0200", NOON + 250_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
    ],
)
def test_every_accepted_spelling_is_its_instant(text: str, us: int) -> None:
    assert parse_time(text) == us
    assert parse_instant_or_date(text) == us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1705406400",
        "2024-01-16",
        "2024-W03-2T12:00:00Z",
        "2024-016T12:00:00Z",
        "20240116T120000Z",
        "2024-01-16T120000Z",
        "2024-01-16T12Z",
        "2024-1-6T12:00:00Z",
        "24-01-16T12:00:00Z",
        "2024.01.16 12:00:00",
        "2024/01/16 12:00:00",
        "16-01-2024T12:00:00Z",
        "2024-01-16_12:00:00",
        "2024-01-16T12:00:00,5Z",
        "2024-01-16T12:00:00.Z",
        "2024-01-16T12:00:00.1234567Z",
        "2024-01-16T12:00:00.000000001Z",
        "2024-01-16T12:00:00 Z",
        " 2024-01-16T12:00:00Z",
        "2024-01-16T12:00:00Z ",
        "2024-01-16T12:00:00Z\n",
        "2024-01-16T12:00:00ZZ",
        "2024-01-16T12:00:00+2",
        "2024-01-16T12:00:00+24:00",
        "2024-01-16T12:00:00+02:60",
        "2024-01-16T12:00:00+02:00:30",
        "2024-01-16T12:00:00 UTC",
        "2024-01-16T24:00:00Z",
        "2024-01-16T12:60:00Z",
        "2024-01-16T12:00:60Z",
        "2024-02-30T12:00:00Z",
        "2023-02-29T12:00:00Z",
        "2024-13-01T12:00:00Z",
        "2024-00-01T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "+2024-01-16T12:00:00Z",
        "-2024-01-16T12:00:00Z",
        "2024-01-16T12:00:00\u2212" + "05:00",  # a minus sign that is not a hyphen
        "\u0662\u0660\u0662\u0664-01-16T12:00:00Z",  # digits of another script
        "2024-01-16T12:00:00Z" + "0" * 100_000,
    ],
)
def test_everything_else_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match="accepted: ") as refused:
        parse_time(text)
    assert len(str(refused.value)) < 400


def test_a_space_left_by_an_unescaped_plus_is_named() -> None:
    for text in ("2026-01-01T00:00:00 02:00", "2026-01-01T00:00:00.5 0200", "2026-01-01T00:00 02"):
        with pytest.raises(ValueError, match="%2B"):
            parse_instant_or_date(text)


def test_a_date_is_its_midnight_in_a_query_and_refused_in_an_event() -> None:
    assert parse_instant_or_date("2024-01-16") == NOON - 43_200_000_000
    with pytest.raises(ValueError, match="date without a time"):
        parse_time("2024-01-16")
    with pytest.raises(ValueError, match="2024-02-30"):
        parse_instant_or_date("2024-02-30")


def test_the_ends_of_the_calendar_are_times() -> None:
    assert parse_time("9999-12-31T23:59:59.999999-23:59") > parse_time("9999-12-31T23:59:59.999999Z")
    assert parse_time("0001-01-01T00:00:00+23:59") < parse_time("0001-01-01T00:00:00Z") < 0


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (NOON, "2024-01-16T12:00:00Z"),
        (NOON + 500_000, "2024-01-16T12:00:00.5Z"),
        (NOON + 100, "2024-01-16T12:00:00.0001Z"),
        (NOON + 10, "2024-01-16T12:00:00.00001Z"),
        (NOON + 1, "2024-01-16T12:00:00.000001Z"),
        (NOON + 120_000_000_000, "2024-01-17T21:20:00Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_written_in_utc_with_a_fraction_only_if_there_is_one(us: int, text: str) -> None:
    assert format_time(us) == text


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(9998, 12, 31)),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.sampled_from("T t"),
)
def test_any_offset_is_the_same_instant_and_comes_back(moment: datetime, minutes: int, between: str) -> None:
    aware = moment.replace(tzinfo=UTC)
    us = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    elsewhere = aware.astimezone(timezone(timedelta(minutes=minutes))).isoformat(sep=between)
    assert parse_time(elsewhere) == us
    assert parse_time(format_time(us)) == us
