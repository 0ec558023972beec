"""What the code cannot say of itself: for each route a summary, what it answers, and which errors it may raise.

Which routes there are says template.yaml, who may come in says each handler; a test holds this table to both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trueedge_core.errors import (
    Conflict,
    Forbidden,
    InvalidEvent,
    InvalidJson,
    InvalidParameter,
    NotFound,
    TrueEdgeError,
)
from trueedge_core.services import positions, query, trades
from trueedge_core.services.answers import CSV, HTML, JSON, NDJSON
from trueedge_core.services.filters import FILTERS

from .schemas import ref

Schema = dict[str, Any]
SCRIPT, STYLE, FONT, IMAGE = "text/javascript; charset=utf-8", "text/css; charset=utf-8", "font/woff2", "image/svg+xml"

TAGS = {
    "Post": "Trades in. The log is permanent: a trade is never changed or deleted, only taken out of the figures.",
    "Trades": "Trades out, as they were sent.",
    "Figures": "Every figure, exactly, of whatever the filters name.",
    "Accounts": "What people say of their accounts: a starting balance, limits, when a trading day ends.",
    "Keys": "Who may do what: an administrator makes, lists and revokes keys.",
    "Report": "Pages for people.",
    "Service": "This instance, and this description of it.",
}

_PAGE = {"type": "string", "description": "An HTML page."}
_BYTES: Schema = {"description": "A file of the pages. Its name has a hash of its content, so it may be kept for ever."}


@dataclass(frozen=True)
class Given:
    """An answer: what it means, and its body per content type, if it has one."""

    about: str
    content: Mapping[str, Schema] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One route. `answers`: all but refusals in JSON; `query`: the parameters it takes; `body`: per content type."""

    id: str
    tag: str
    summary: str
    about: str
    answers: Mapping[int, Given]
    raises: tuple[type[TrueEdgeError], ...] = ()
    query: tuple[str, ...] = ()
    body: Mapping[str, Schema] = field(default_factory=dict)


def json_of(schema: str, about: str) -> Mapping[int, Given]:
    return {200: Given(about, {JSON: ref(schema)})}


def page_of(about: str) -> Mapping[int, Given]:
    return {200: Given(about, {HTML: _PAGE})}


def report_of(about: str) -> Mapping[int, Given]:
    """A page that needs a key: browsers without one are led to where they give it."""
    return {
        200: Given(f"{about} Or, to a browser that comes from elsewhere, a page that goes on to it.", {HTML: _PAGE}),
        303: Given("On to /login; or, from a share link, to the report, with the cookie."),
        401: Given("No key that is good. To a browser that followed a share link, as a page.", {HTML: _PAGE}),
        400: Given("A filter that is wrong. To a browser, as a page.", {HTML: _PAGE}),
        403: Given("Not with this key. To a browser, as a page.", {HTML: _PAGE}),
        404: Given("Nothing is there of that account or strategy. To a browser, as a page.", {HTML: _PAGE}),
        503: Given("The store cannot answer now. To a browser, as a page.", {HTML: _PAGE}),
    }


_ANY_ID = (
    ' An id with `/ \\ # ? "` in it is asked for by query, `/metrics/overall?strategy_id=..`: gateways decode `%2F` '
    "before routing."
)
_REPORT = (
    " Without `environment` it opens on live trades if there are any, else on demo; `both` shows them together. An "
    "empty filter is none: so a form sends them."
)
_PARTS = (
    " A row is the run of its trades alone, in trade order: what was left of trading if only these had been made. So "
    "every figure of it is exact. Only what has an event in the period has a row."
)
_LOOKS = (
    " Looks at every event of the period, the first time; 400 where they are more than the store hands over in "
    "reasonable time."
)
_RETRY = " Posting the same again is always safe."

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/trade_event"): Operation(
        "postTrade",
        "Post",
        "Record one trade",
        "A 200 means durable: the trade was synced to disk before the answer left. The same `event_id` with equal "
        "content is a duplicate and is answered 200 for ever; with other content it is a 409 and changes nothing."
        + _RETRY,
        json_of("Recorded", "It is on disk."),
        (InvalidJson, InvalidEvent, InvalidParameter, Conflict),
        body={JSON: ref("TradeEvent")},
    ),
    ("POST", "/trade_events"): Operation(
        "postTrades",
        "Post",
        "Record up to 1,000 trades",
        'A JSON array, `{"events": [..]}`, or one event per line (NDJSON); told apart by the bytes, not by the content '
        "type. Each event is judged by itself, and has a row in `results`." + _RETRY,
        {
            200: Given("All were taken; a duplicate is taken.", {JSON: ref("BatchTaken")}),
            207: Given("Some were refused.", {JSON: ref("BatchPartial")}),
        },
        (InvalidJson, InvalidEvent, InvalidParameter, Conflict, Forbidden),
        body={
            JSON: ref("Batch"),
            "application/x-ndjson": {
                "type": "string",
                "minLength": 1,
                "description": "One event per line; blank lines are skipped. A line that cannot be read is one row "
                "with the result invalid.",
                "x-itemSchema": ref("TradeEvent"),
            },
        },
    ),
    ("POST", "/hook/{key}/trade_event"): Operation(
        "postTradeByHook",
        "Post",
        "Record one trade of a sender that cannot set headers",
        "For TradingView, freqtrade and the like: as `POST /trade_event`, with the key in the path. Paths are logged "
        "widely, so only a key of the scope ingest alone, bound to an account or a strategy, is taken. The body "
        "is JSON or a form, whatever its content type. `side` may be `long` or `short` too, in any case." + _RETRY,
        json_of("Recorded", "It is on disk."),
        (InvalidJson, InvalidEvent, InvalidParameter, NotFound, Conflict),
        body={
            JSON: ref("TradeEvent"),
            "text/plain": {"type": "string", "description": "The same JSON."},
            "application/x-www-form-urlencoded": {
                "type": "object",
                "description": "The fields of a TRADE_EVENT as texts; an empty one is left out.",
                "additionalProperties": {"type": "string"},
            },
        },
    ),
    ("POST", "/trade_event/{event_id}/void"): Operation(
        "voidTrade",
        "Post",
        "Take a trade out of the figures",
        "By a new entry of the log, with a reason that stays visible. A second time changes nothing. It cannot be "
        "taken back: post the trade again under a new id.",
        json_of("Voided", "It is out of the figures."),
        (InvalidJson, InvalidParameter, NotFound),
        body={JSON: ref("Reason")},
    ),
    ("GET", "/trade_events"): Operation(
        "listTrades",
        "Trades",
        "List trades, newest first",
        "Open and voided ones too, in pages. As NDJSON and CSV the next page's cursor is in the header "
        "`X-Next-Cursor`, which is absent on the last page. A page over 4 MB is cut there and goes on at its cursor.",
        {
            200: Given(
                "One page.",
                {
                    JSON: ref("Trades"),
                    NDJSON: {"type": "string", "description": "One per line.", "x-itemSchema": ref("Trade")},
                    CSV: {
                        "type": "string",
                        "description": "RFC 4180 with a head. A cell that a spreadsheet would take for a formula has "
                        "an apostrophe in front.",
                    },
                },
            )
        },
        (InvalidParameter,),
        query=(*FILTERS, *trades.ACCEPTED),
    ),
    ("GET", "/trade_event/{event_id}"): Operation(
        "getTrade",
        "Trades",
        "One trade, as it was sent",
        "With its place in the log, when it was received, and whether it was taken out of the figures.",
        json_of("OneTrade", "The trade."),
        (InvalidParameter, NotFound),
    ),
    ("GET", "/metrics/overall"): Operation(
        "overall",
        "Figures",
        "Every figure of what the filters name",
        "The figures of nothing are those of the empty set, 0 or null: not an error.",
        json_of("Figures", "The figures."),
        (InvalidParameter,),
        query=FILTERS,
    ),
    ("GET", "/metrics/by_strategy"): Operation(
        "byStrategy",
        "Figures",
        "A row of figures for each strategy",
        "Each that the log has an event of within the filters.",
        json_of("ByStrategy", "One page of rows."),
        (InvalidParameter,),
        query=(*FILTERS, *query.PAGED),
    ),
    ("GET", "/metrics/by_account"): Operation(
        "byAccount",
        "Figures",
        "A row of figures for each account",
        "Each that the log has an event of within the filters.",
        json_of("ByAccount", "One page of rows."),
        (InvalidParameter,),
        query=(*FILTERS, *query.PAGED),
    ),
    ("GET", "/metrics/strategy/{strategy_id}"): Operation(
        "strategy",
        "Figures",
        "Every figure of one strategy",
        "404 when the log has no event of it; an empty period is not an error." + _ANY_ID,
        json_of("FiguresOfOneStrategy", "The figures."),
        (InvalidParameter, NotFound),
        query=FILTERS,
    ),
    ("GET", "/metrics/account/{account_id}"): Operation(
        "account",
        "Figures",
        "Every figure of one account",
        "404 when the log has no event of it; an empty period is not an error." + _ANY_ID,
        json_of("Figures", "The figures."),
        (InvalidParameter, NotFound),
        query=FILTERS,
    ),
    ("GET", "/metrics/equity_curve"): Operation(
        "equityCurve",
        "Figures",
        "The equity curve, in few points that lose no drawdown",
        "A point stands for a run of neighbouring trades. The largest `drawdown` is `max_drawdown` exactly, however "
        "few points there are.",
        json_of("Curve", "The curve."),
        (InvalidParameter,),
        query=(*FILTERS, "points"),
    ),
    ("GET", "/metrics/by_month"): Operation(
        "byMonth",
        "Figures",
        "A row of figures for each month",
        "Each row is the answer of `/metrics/overall` with its month as `from` and `to`." + _PARTS,
        json_of("ByMonth", "The rows."),
        (InvalidParameter,),
        query=FILTERS,
    ),
    ("GET", "/metrics/by_weekday"): Operation(
        "byWeekday",
        "Figures",
        "A row of figures for each weekday",
        "Of UTC days." + _PARTS,
        json_of("ByWeekday", "The rows."),
        (InvalidParameter,),
        query=FILTERS,
    ),
    ("GET", "/metrics/by_hour"): Operation(
        "byHour",
        "Figures",
        "A row of figures for each hour",
        "Of UTC hours, 0 to 23." + _PARTS,
        json_of("ByHour", "The rows."),
        (InvalidParameter,),
        query=FILTERS,
    ),
    ("GET", "/metrics/by_symbol"): Operation(
        "bySymbol",
        "Figures",
        "A row of figures for each symbol",
        "In order of the UTF-8 bytes, or by a figure." + _PARTS + _LOOKS,
        json_of("BySymbol", "One page of rows."),
        (InvalidParameter,),
        query=(*FILTERS, *query.PAGED),
    ),
    ("GET", "/metrics/by_venue"): Operation(
        "byVenue",
        "Figures",
        "A row of figures for each venue",
        "In order of the UTF-8 bytes, or by a figure." + _PARTS + _LOOKS,
        json_of("ByVenue", "One page of rows."),
        (InvalidParameter,),
        query=(*FILTERS, *query.PAGED),
    ),
    ("GET", "/metrics/by_side"): Operation(
        "bySide",
        "Figures",
        "A row of figures for each side",
        "In order of the UTF-8 bytes, or by a figure." + _PARTS + _LOOKS,
        json_of("BySide", "One page of rows."),
        (InvalidParameter,),
        query=(*FILTERS, *query.PAGED),
    ),
    ("GET", "/positions"): Operation(
        "listPositions",
        "Trades",
        "What stands open",
        "Open events, newest first, that no close answers. An open event stands for the position that its "
        "`linked_position_id` names, else its own `event_id`; a closed event of the same account answers it whose "
        "`linked_position_id` is that. Voided ones do not count.",
        json_of("Positions", "One page."),
        (InvalidParameter,),
        query=(*positions.FILTERS, *positions.PAGED),
    ),
    ("GET", "/accounts"): Operation(
        "listAccounts",
        "Accounts",
        "The settings of every account that has any",
        "By id; to a key that is bound to an account its own alone. A key that is bound to a strategy gets a 403 here, "
        "as on each of these routes: settings are of an account as a whole.",
        json_of("Accounts", "All of them."),
        (InvalidParameter,),
    ),
    ("GET", "/accounts/{account_id}"): Operation(
        "getAccount",
        "Accounts",
        "The settings of one account",
        "The defaults, where nothing was put; 404 when the log has no event of it either.",
        json_of("AccountShown", "The settings."),
        (InvalidParameter, NotFound),
    ),
    ("PUT", "/accounts/{account_id}"): Operation(
        "putAccount",
        "Accounts",
        "Say of an account what its figures and limits are held to",
        "These settings take the place of all that were there: what is left out is not set any more. The last word "
        "counts. An account may have settings before its first trade.",
        json_of("AccountShown", "The settings as they are now."),
        (InvalidJson, InvalidParameter),
        body={JSON: ref("AccountSettings")},
    ),
    ("GET", "/accounts/{account_id}/limits"): Operation(
        "getLimits",
        "Accounts",
        "What an account has used of its limits",
        "The loss of today and of the worst day ever, by the account's own day cut, and the drawdown. Of closed trades "
        "alone: what open positions are worth nobody has told.",
        json_of("Limits", "What was used."),
        (InvalidParameter, NotFound),
        query=("environment",),
    ),
    ("GET", "/keys"): Operation(
        "listKeys",
        "Keys",
        "Every key, by its id",
        "The oldest first; expired and revoked ones too. The keys themselves are kept nowhere. A bound administrator "
        "sees those of the same binding.",
        json_of("Keys", "All of them."),
        (InvalidParameter,),
    ),
    ("POST", "/keys"): Operation(
        "makeKey",
        "Keys",
        "Make a key",
        "The answer has the key's text, this once. A key that may read, bound and expiring, is a share link: "
        "`/report?key=te_..`. The first key of an instance is made by the command `keys create`.",
        json_of("KeyMade", "The key."),
        (InvalidJson, InvalidParameter),
        body={JSON: ref("NewKey")},
    ),
    ("POST", "/keys/{key_id}/revoke"): Operation(
        "revokeKey",
        "Keys",
        "Make a key useless, for good",
        "Repeating it changes nothing: the first time stays.",
        json_of("KeyShown", "The key as it is now."),
        (InvalidParameter, NotFound),
    ),
    ("GET", "/report"): Operation(
        "report",
        "Report",
        "The report of what the filters name",
        "Verdict, figures, curve, calendar and tables; a page that follows the log by itself." + _REPORT,
        report_of("The page."),
        (InvalidParameter, NotFound),
        query=(*FILTERS, "part"),
    ),
    ("GET", "/report/strategy/{strategy_id}"): Operation(
        "reportOfStrategy",
        "Report",
        "The report of one strategy",
        "As the report." + _REPORT,
        report_of("The page."),
        (InvalidParameter, NotFound),
        query=(*FILTERS, "part"),
    ),
    ("GET", "/report/account/{account_id}"): Operation(
        "reportOfAccount",
        "Report",
        "The report of one account",
        "As the report." + _REPORT,
        report_of("The page."),
        (InvalidParameter, NotFound),
        query=(*FILTERS, "part"),
    ),
    ("GET", "/assets/{file}"): Operation(
        "asset",
        "Report",
        "A file of the pages",
        "Stylesheets, script, fonts and mark.",
        {200: Given("The file.", dict.fromkeys((STYLE, SCRIPT, FONT, IMAGE), _BYTES))},
        (InvalidParameter, NotFound),
    ),
    ("GET", "/accounts/{account_id}/alert"): Operation(
        "showAlert",
        "Accounts",
        "Where the alerts of an account go, and how the last ones went",
        "The newest twenty. The secret is not shown: it goes in and never out.",
        json_of("AlertHook", "The address, and the alerts."),
        (InvalidParameter, NotFound),
    ),
    ("PUT", "/accounts/{account_id}/alert"): Operation(
        "putAlert",
        "Accounts",
        "Say where the alerts of an account go",
        "When the account reaches its daily loss or its trailing drawdown, this address is posted to, signed, once for "
        "each limit and trading day. A test is sent within seconds. `url` null: no more. A secret that is not given "
        "stays as it was; the first one is then made, and shown in this answer alone.",
        json_of("AlertHookPut", "It is kept."),
        (InvalidJson, InvalidParameter, NotFound),
        body={JSON: ref("AlertHookSent")},
    ),
    ("GET", "/login"): Operation(
        "showLogin",
        "Service",
        "The page to sign in with a key",
        "For browsers: there a key becomes a cookie. A program sends the key itself.",
        page_of("The page."),
        (InvalidParameter,),
        query=("next",),
    ),
    ("POST", "/login"): Operation(
        "signIn",
        "Service",
        "Sign in",
        "What the page's form sends.",
        {
            303: Given("On to `next`, with the cookie."),
            400: Given("The page again: no key was given.", {HTML: _PAGE}),
            401: Given("The page again: the key is not good.", {HTML: _PAGE}),
            403: Given(
                "The page again: the key may not read. Or, from a page of another site, an error.", {HTML: _PAGE}
            ),
        },
        (InvalidJson, InvalidParameter),
        body={
            "application/x-www-form-urlencoded": {
                "type": "object",
                "required": ["key"],
                "properties": {
                    "key": {"type": "string", "minLength": 1},
                    "next": {"type": "string", "description": "Where to go on to: a path of this instance."},
                },
            }
        },
    ),
    ("POST", "/logout"): Operation(
        "signOut",
        "Service",
        "Sign out",
        "Takes the browser's cookie back.",
        {303: Given("On to /login, without the cookie.")},
        (InvalidParameter,),
    ),
    ("GET", "/openapi.json"): Operation(
        "openapi",
        "Service",
        "This description",
        "The same for every instance of this release.",
        {200: Given("OpenAPI 3.1.", {JSON: {"type": "object"}})},
        (InvalidParameter,),
    ),
    ("GET", "/docs"): Operation(
        "docs",
        "Service",
        "A page to read and try the API",
        "Made from this description.",
        page_of("The page."),
        (InvalidParameter,),
    ),
    ("GET", "/health"): Operation(
        "health",
        "Service",
        "Liveness",
        "Asks the store as well. Query parameters are not looked at.",
        json_of("Health", "Alive, and the store answers."),
    ),
}
