"""docs/operate.md says what an instance costs: its units are metered here, its sums made again."""

import re
from decimal import Decimal

import pytest

from tests.dynamodb.emulator import Emulator, Meter
from tests.functions.calling import CHECKOUT, trade
from tests.infra.instance import Instance
from tests.infra.stacks import Account, of_type

BOTS, POSTS = 10, 10
PAGE = (CHECKOUT / "docs" / "operate.md").read_text(encoding="utf-8")
COSTS = PAGE.partition("### What it costs")[2].partition("###")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in COSTS.splitlines() if line.startswith("|")][
    2:
]


def number(text: str) -> Decimal:
    """The last number in it."""
    return Decimal(re.findall(r"[\d,]*\.?\d+", text)[-1].replace(",", ""))


def posted(place: int) -> dict[str, object]:
    """A bot's trade, in the order of time."""
    return trade(
        f"2026-01-05-bot-{place % BOTS}-ticket-{100_000 + place}",
        account_id=f"account-{place % 3}",
        strategy_id=f"strategy-{place % BOTS}",
        timestamp=f"2026-01-05T{place // 60:02d}:{place % 60:02d}:10Z",
        pnl=f"{place % 17 - 8}.25",
    )


@pytest.fixture(scope="module")
def instance(account: Account) -> Instance:
    """One that has been running for a while."""
    running = Instance(account.create("metered"))
    running("POST", "/trade_events", [posted(place) for place in range(300)])
    running.sequence()
    return running


@pytest.fixture(scope="module")
def alone(instance: Instance, emulator: Emulator) -> Meter:
    """Posts from their request until the figures have them, each alone in its batch, the key not used just before."""
    with emulator.metered() as meter:
        for place in range(300, 300 + POSTS):
            Instance.current = None
            assert instance("POST", "/trade_event", posted(place)).status == 200
        assert instance.sequence(batch=1) == POSTS
    return meter


@pytest.mark.slow
@pytest.mark.parametrize(("row", "kind"), [(0, "write_units"), (1, "read_units")])
def test_the_units_of_a_trade_are_those_that_were_metered(row: int, kind: str, alone: Meter) -> None:
    said = re.search(r"30,000 x ([\d.]+) units", ROWS[row][1])
    assert said is not None
    assert float(said[1]) == pytest.approx(getattr(alone, kind) / POSTS, rel=0.05)


@pytest.mark.slow
def test_in_a_batch_of_a_hundred_of_one_series_a_trade_needs_less_than_a_third(
    instance: Instance, alone: Meter, emulator: Emulator
) -> None:
    hundred = [{**posted(place), "account_id": "account-1", "strategy_id": "strategy-1"} for place in range(400, 500)]
    with emulator.metered() as meter:
        instance("POST", "/trade_events", hundred)
        assert instance.sequence() == 100
    assert meter.write_units / 100 < alone.write_units / POSTS / 3


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_is_its_amount_times_its_price(row: list[str]) -> None:
    _, amount, price, dollars = row
    if factors := re.fullmatch(r"([\d,]+) x ([\d.]+) units = ([\d,]+)", amount):
        assert number(factors[1]) * number(factors[2]) == number(factors[3])
    per = 1_000_000 if "a million" in price else 1
    assert abs(number(amount) * number(price) / per - number(dollars)) <= Decimal("0.005")


def test_the_sum_is_that_of_the_rows() -> None:
    said = re.search(r"\$([\d.]+) a month", COSTS)
    assert said is not None
    assert Decimal(said[1]) == sum(number(row[-1]) for row in ROWS)
    assert f"{Decimal(said[1]):.1f}" in (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_what_watches_is_counted_as_the_template_has_it() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    metrics = sum(sum("MetricStat" in one for one in alarm.get("Metrics", [])) or 1 for alarm in alarms)
    assert f"{len(alarms)} alarms over {metrics} metrics" in COSTS
    total = metrics * Decimal("0.10") + 4 * Decimal("0.30") + 3
    assert f"at most ${total:.2f} for watching" in COSTS
