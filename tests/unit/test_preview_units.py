"""Numbers in Grafana's units, and the ticks of axes."""

import math

import pytest

from plugins.preview.axes import axis, limits, powers
from plugins.preview.units import UNITS, unit, written

CASES: list[tuple[float | None, str, int | None, str]] = [
    (0.25, "s", None, "250 ms"),
    (0.0000125, "s", None, "12.5 µs"),
    (75, "s", None, "1.25 mins"),
    (90_000, "s", 1, "1.0 days"),
    (0, "s", None, "0 s"),
    (1500, "ms", None, "1.50 s"),
    (0.5, "ms", None, "500 µs"),
    (1536, "bytes", None, "1.50 KiB"),
    (3 * 1024**3, "bytes", None, "3 GiB"),
    (1500, "decbytes", None, "1.50 kB"),
    (2_500_000, "Bps", None, "2.50 MB/s"),
    (2048, "binBps", None, "2 KiB/s"),
    (8000, "bps", None, "8 kb/s"),
    (2, "mbytes", None, "2 MiB"),
    (4096, "mbytes", None, "4 GiB"),
    (12.345, "percent", None, "12.3%"),
    (0.12345, "percentunit", 2, "12.35%"),
    (1, "percentunit", None, "100%"),
    (1234, "reqps", None, "1.23K req/s"),
    (0.5, "reqps", None, "0.500 req/s"),
    (1234, "ops", None, "1.23K ops/s"),
    (0.02, "cps", None, "0.0200 c/s"),
    (12, "mps", None, "12 msg/s"),
    (3_200_000, "short", None, "3.20 Mil"),
    (999, "short", None, "999"),
    (-1500, "short", None, "-1.50 K"),
    (1234567, "none", None, "1234567"),
    (1234567, "locale", None, "1,234,567"),
    (93_784, "dtdurations", None, "1 day"),
    (93_784, "dtdurations", 1, "1 day, 2 hours"),
    (-61, "dtdurations", None, "-1 minute"),
    (0, "dtdurations", None, "0 seconds"),
    (61_000, "dtdurationms", None, "1 minute"),
    (3_725, "dthms", None, "01:02:05"),
    (90_000, "dtdhms", None, "1 d 01:00:00"),
    (0, "bool_yes_no", None, "No"),
    (1, "bool_on_off", None, "On"),
    (1_700_000_000_000, "dateTimeAsIso", None, "2023-11-14 22:13:20"),
    (1e300, "dateTimeAsIso", None, written(1e300, "none", 0)),
    (3.5, "suffix:apples", None, "3.50 apples"),
    (3.5, "unknown_unit", None, "3.50 unknown_unit"),
    (3, "prefix:~", None, "~3"),
    (1500, "si:W", None, "1.50 kW"),
    (-0.0001, "none", 2, "0.00"),
    (math.inf, "s", None, "∞"),
    (math.nan, "s", None, "\N{EN DASH}"),
    (None, "s", None, "\N{EN DASH}"),
]


@pytest.mark.parametrize(("value", "name", "decimals", "words"), CASES)
def test_a_number_is_written_as_grafana_writes_it(
    value: float | None, name: str, decimals: int | None, words: str
) -> None:
    assert written(value, name, decimals) == words


@pytest.mark.parametrize("name", sorted(UNITS))
def test_steps_of_a_unit_ascend_and_every_number_has_words(name: str) -> None:
    limits_ = [step.limit for step in unit(name).steps]
    assert limits_ == sorted(limits_)
    assert all(step.divisor > 0 for step in unit(name).steps)
    for value in (-1e18, -1.5, 0, 1e-12, 0.3, 42, 1e18):
        assert written(value, name)


@pytest.mark.parametrize(
    ("low", "high", "name", "labels"),
    [
        (0, 1, "percentunit", ["0%", "20%", "40%", "60%", "80%", "100%"]),
        (0, 5 * 2**30, "bytes", ["0 B", "1 GiB", "2 GiB", "3 GiB", "4 GiB", "5 GiB"]),
        (0, 0.0021, "s", ["0 s", "0.5 ms", "1.0 ms", "1.5 ms", "2.0 ms", "2.5 ms"]),
        (0, 1800, "s", ["0 s", "10 mins", "20 mins", "30 mins"]),
        (-2, 2, "none", ["-2", "-1", "0", "1", "2"]),
    ],
)
def test_ticks_are_round_in_the_unit_that_is_written(
    low: float, high: float, name: str, labels: list[str]
) -> None:
    assert [label for _, label in axis(low, high, name, 5).ticks] == labels


def test_an_axis_ends_where_it_is_told_to() -> None:
    told = axis(0.13, 0.87, "percentunit", 4, exact=(True, True))
    assert (told.start, told.end) == (0.13, 0.87)
    assert all(0.13 <= position <= 0.87 for position, _ in told.ticks)


def test_the_range_of_values() -> None:
    assert limits([], None, None, zero=False) == pytest.approx((0, 1.03))
    assert limits([5, math.nan, 5], None, None, zero=False) == pytest.approx((4.5, 5.53))
    assert limits([90, 100], None, None, zero=False) == pytest.approx((90, 100.3))
    assert limits([90, 100], None, None, zero=True)[0] == 0
    assert limits([90, 100], 0, 200, zero=False) == (0, 200)
    # What is said to be the upper end is below what is said to be the lower one.
    assert limits([1], 10, 5, zero=False) == (10, 11)


def test_a_logarithmic_axis_has_a_tick_for_every_power_of_ten() -> None:
    assert [label for _, label in powers(0.02, 30, "s").ticks] == [
        "10 ms", "100 ms", "1 s", "10 s", "1.67 mins",
    ]  # fmt: skip
