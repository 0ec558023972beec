"""What the reader asked to see, and how a link says it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from ..domain.ports import Environment, Period, Scope
from ..domain.times import format_time
from . import text


@dataclass(frozen=True, slots=True)
class Selection:
    """What the reader asked to see. `environment` None = both; `chosen` is False where the report chose it itself."""

    account_id: str | None = None
    strategy_id: str | None = None
    environment: Environment | None = None
    chosen: bool = False
    start: int | None = None
    end: int | None = None
    balance: int = 0

    @property
    def scope(self) -> Scope:
        return Scope(self.account_id, self.strategy_id, self.environment)

    @property
    def period(self) -> Period:
        return Period(self.start, self.end)

    def parameters(self) -> list[tuple[str, str]]:
        """As a query string says it; the report knows one word more than the API: environment=both."""
        given = [
            ("account_id", self.account_id),
            ("strategy_id", self.strategy_id),
            ("environment", self.environment or ("both" if self.chosen else None)),
            ("from", _instant(self.start)),
            ("to", _instant(self.end)),
            ("starting_balance", text.exact(self.balance) if self.balance else None),
        ]
        return [(name, value) for name, value in given if value is not None]

    def href(self, path: str = "/report") -> str:
        """Ids go into the query, percent-encoded: gateways decode a %2F inside a path."""
        query = urlencode(self.parameters())
        return f"{path}?{query}" if query else path

    def api(self, path: str) -> str:
        """The same question, asked of the API."""
        query = urlencode([pair for pair in self.parameters() if pair != ("environment", "both")])
        return f"{path}?{query}" if query else path


def _instant(us: int | None) -> str | None:
    return None if us is None else format_time(us).removesuffix("T00:00:00Z")
