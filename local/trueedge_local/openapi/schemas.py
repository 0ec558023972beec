"""The schemas of every body that crosses the wire, made from the tables of fields, parameters, figures and errors."""

from collections.abc import Iterable, Mapping
from typing import Any

from trueedge_core import errors
from trueedge_core.domain.alerts import MAX_URL
from trueedge_core.domain.breakdowns import CALENDAR, WEEKDAYS, Kind
from trueedge_core.domain.fields import BY_NAME, json_schema
from trueedge_core.domain.metrics import EDGE, METRICS, STRATEGY_ONLY, VERDICTS, Basis, Metric
from trueedge_core.domain.money import MAX_BATCH_EVENTS
from trueedge_core.domain.summary import Summary
from trueedge_core.errors import TrueEdgeError
from trueedge_core.services import keys
from trueedge_core.services.accounts import MAX_NAME
from trueedge_core.services.alerts import MAX_SECRET, MIN_SECRET
from trueedge_core.services.breakdowns import PLURAL
from trueedge_core.services.filters import FILTERS
from trueedge_core.services.ingest import MAX_REASON, RESULTS

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def closed(about: str, properties: Mapping[str, Any], optional: Iterable[str] = ()) -> Schema:
    """An object with these keys and no other; all but the optional ones are always there."""
    left_out = set(optional)
    return {
        "type": "object",
        "description": about,
        "required": [name for name in properties if name not in left_out],
        "properties": dict(properties),
        "additionalProperties": False,
    }


def nullable(schema: Schema) -> Schema:
    """Or null. 3.1 says so in the type."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return schema | {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def rows(schema: Schema, about: str) -> Schema:
    return {"type": "array", "description": about, "items": schema}


def word(*words: str) -> Schema:
    return {"const": words[0]} if len(words) == 1 else {"type": "string", "enum": list(words)}


COUNT: Schema = {"type": "integer", "minimum": 0}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
OK = word("ok")
ID: Schema = {name: value for name, value in BY_NAME["event_id"].schema.items() if name != "description"}


def all_schemas() -> dict[str, Schema]:
    return {
        **_values(),
        **_events(),
        **_writes(),
        **_figures(),
        **_breakdowns(),
        **_trades(),
        **_accounts(),
        **_keys(),
        **_alerts(),
        **_errors(),
    }


def _values() -> dict[str, Schema]:
    return {
        "Money": {
            "type": "number",
            "description": "Exact: plain notation with every digit, no exponent, no trailing zeros. A reader that "
            "turns JSON numbers into doubles keeps about 16 digits of it.",
        },
        "Time": {
            "type": "string",
            "format": "date-time",
            "pattern": "Z$",
            "description": "RFC 3339 in UTC with Z; a fraction only if there is one.",
        },
        "Position": COUNT | {"description": "Place in the log: 0, 1, 2, ... without gaps, never used again."},
        "Filters": closed(
            "The filters that were given, as they were understood.",
            {name: _echo(name) for name in (*FILTERS, "event_id")},
            optional=(*FILTERS, "event_id"),
        ),
        "AsOf": closed(
            "How much of the log the answer has taken in, of what concerns the accounts and strategies asked for.",
            {
                "events": COUNT | {"description": "1 + the position of the last entry; 0 when there is none."},
                "at": nullable(ref("Time")) | {"description": "When that entry was received."},
            },
        ),
        "Environments": closed("How many closed trades of each were counted.", {"live": COUNT, "demo": COUNT}),
        "Currency": {
            "type": ["string", "null"],
            "anyOf": [{"pattern": BY_NAME["currency"].schema["pattern"]}, {"const": "mixed"}, {"type": "null"}],
            "description": 'The one code that all counted trades carry; null if none says; "mixed" if they differ, and '
            "sums of money then add unlike things.",
        },
        "Cursor": {
            "type": ["string", "null"],
            "description": "Give it as `cursor` to get the next page; null on the last one.",
        },
    }


def _echo(name: str) -> Schema:
    match name:
        case "environment":
            return word("live", "demo")
        case "from" | "to":
            return ref("Time")
        case "starting_balance":
            return ref("Money")
        case _:
            return ID


# --- events in -------------------------------------------------------------------------------------------------------


def _events() -> dict[str, Schema]:
    event = json_schema()
    sent = {
        name: {key: value for key, value in _without_format(schema).items() if key != "description"}
        for name, schema in event["properties"].items()
    }
    return {
        "TradeEvent": {
            **event,
            "description": "A trade, or an open position. Unknown keys are kept. A key twice, NaN, an integer of more "
            "than 4,300 digits and nesting over 32 are refused. An event has at most 60 KB.",
        },
        "SentEvent": {
            **event,
            "title": "TRADE_EVENT as it was sent",
            "description": "The text that was posted, byte for byte: numbers and times in the sender's own spelling.",
            "properties": sent,
        },
        "Batch": {
            "description": f"At most {MAX_BATCH_EVENTS:,} events and 4 MB. Each event is judged by itself.",
            "oneOf": [
                {"type": "array", "minItems": 1, "maxItems": MAX_BATCH_EVENTS, "items": ref("TradeEvent")},
                closed(
                    "The same in an envelope.",
                    {
                        "events": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MAX_BATCH_EVENTS,
                            "items": ref("TradeEvent"),
                        }
                    },
                ),
            ],
        },
        "Reason": closed(
            "Why the trade is taken out of the figures.",
            {
                "reason": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_REASON,
                    "description": "Printable characters, not only spaces. It stays visible.",
                }
            },
        ),
    }


def _without_format(schema: Any) -> Any:
    """What was sent may be spelled in more ways than the one that is recommended."""
    if isinstance(schema, dict):
        return {name: _without_format(value) for name, value in schema.items() if name != "format"}
    return [_without_format(one) for one in schema] if isinstance(schema, list) else schema


def _writes() -> dict[str, Schema]:
    index = COUNT | {"description": "Place in the batch, from 0."}
    message = {"message": TEXT}
    taken = {"index": index, "event_id": ID, "result": word("stored", "duplicate")}
    conflict = {"index": index, "event_id": ID, "result": word("conflict"), **message}
    invalid = {
        "index": index,
        "event_id": nullable({"type": "string", "maxLength": 128}),
        "result": word("invalid"),
        **message,
        "errors": rows(ref("FieldError"), "Every wrong field."),
    }
    forbidden = {
        "index": index,
        "event_id": ID,
        "result": word("forbidden"),
        **message,
        "errors": rows(ref("FieldError"), "What the key does not cover."),
    }
    counted = {"counts": ref("BatchCounts"), "results": rows(ref("BatchRow"), "One for each event, in order.")}
    return {
        "Recorded": closed(
            "The trade is on disk.",
            {
                "status": OK,
                "event_id": ID,
                "duplicate": FLAG | {"description": "It was there already, with equal content."},
                "position": ref("Position"),
            },
        ),
        "BatchRow": {
            "oneOf": [
                closed("It is in the log, now or already.", taken),
                closed("The event_id is stored with other content.", conflict),
                closed("Not a TRADE_EVENT.", invalid, optional=("errors",)),
                closed("The key is bound to another account or strategy.", forbidden),
            ]
        },
        "BatchCounts": closed("How many events came to which result.", dict.fromkeys(RESULTS, COUNT)),
        "BatchTaken": closed("All were taken.", {"status": OK, **counted}),
        "BatchPartial": closed("Some were refused.", {"status": word("partial"), **counted}),
        "BatchRefused": closed("None was taken: an error, with the reason of each event.", _error() | counted),
        "Voided": closed(
            "The trade is out of the figures.",
            {
                "status": OK,
                "event_id": ID,
                "position": ref("Position"),
                "repeated": FLAG | {"description": "It was out already; the first reason stays."},
            },
        ),
    }


# --- figures ---------------------------------------------------------------------------------------------------------


def _figures() -> dict[str, Schema]:
    head = {"status": OK, "filters": ref("Filters"), "as_of": ref("AsOf")}
    figures = {
        "environments": ref("Environments"),
        "currency": ref("Currency"),
        "metrics": ref("Metrics"),
        "edge": ref("Edge"),
    }
    of_strategy = figures | {"edge": ref("Edge") | {"required": [metric.name for metric in EDGE]}}
    money, time = ref("Money"), ref("Time")
    return {
        "Metrics": closed("Every figure of the trades. Undefined is null.", {m.name: figure(m) for m in METRICS}),
        "Edge": closed(
            "Is the edge real?", {metric.name: figure(metric) for metric in EDGE}, optional=sorted(STRATEGY_ONLY)
        ),
        "Figures": closed("Every figure of what was asked for.", {**head, **figures}),
        "FiguresOfOneStrategy": closed("Every figure of one strategy.", {**head, **of_strategy}),
        "ByStrategy": closed(
            "A row of figures for each strategy.",
            {
                **head,
                "strategies": rows(
                    closed("The figures of one strategy.", {"strategy_id": ID, **of_strategy}), "One page."
                ),
                "next_cursor": ref("Cursor"),
            },
        ),
        "ByAccount": closed(
            "A row of figures for each account.",
            {
                **head,
                "accounts": rows(
                    closed(
                        "The figures of one account.",
                        {
                            "account_id": ID,
                            "starting_balance": money
                            | {"description": "The one that was used: the question's, else the account's own, else 0."},
                            **figures,
                        },
                    ),
                    "One page.",
                ),
                "next_cursor": ref("Cursor"),
            },
        ),
        "Curve": closed(
            "The equity curve.",
            {
                **head,
                "environments": ref("Environments"),
                "currency": ref("Currency"),
                "step": word("trade", "hour", "day") | {"description": "What was merged into points; trade: nothing."},
                "points": rows(ref("CurvePoint"), "In the order of time."),
            },
        ),
        "CurvePoint": closed(
            "A run of neighbouring trades. The largest drawdown of all points is max_drawdown exactly.",
            {
                "time": time,
                "trades": {"type": "integer", "minimum": 1},
                "equity": money,
                "high": money,
                "low": money,
                "drawdown": money,
            },
        ),
    }


def _breakdowns() -> dict[str, Schema]:
    labels: dict[Kind, Schema] = {
        "month": {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"},
        "weekday": word(*WEEKDAYS),
        "hour": {"type": "integer", "minimum": 0, "maximum": 23},
        "symbol": ID,
        "venue": ID,
        "side": word("buy", "sell"),
    }
    return {
        f"By{kind.capitalize()}": closed(
            f"A row of figures for each {kind}.",
            {
                "status": OK,
                "filters": ref("Filters"),
                "as_of": ref("AsOf"),
                PLURAL[kind]: rows(
                    closed(
                        f"The figures of one {kind}.",
                        {
                            kind: label,
                            "environments": ref("Environments"),
                            "currency": ref("Currency"),
                            "metrics": ref("Metrics"),
                        },
                    ),
                    "In order.",
                ),
                **({} if kind in CALENDAR else {"next_cursor": ref("Cursor")}),
            },
        )
        for kind, label in labels.items()
    }


def figure(metric: Metric) -> Schema:
    """One row of the table of figures; what is undefined at all is so for no trades."""
    is_null_of_nothing = metric.read(Basis(Summary(), strategies_tried=1)) is None
    said = [f"{metric.label} ({metric.unit}): {metric.definition}."]
    if metric.undefined:
        said.append(f"Null when {metric.undefined}." if is_null_of_nothing else f"{metric.undefined.capitalize()}.")
    if metric.source:
        said.append(f"Source: {metric.source}.")
    schema = _unit(metric)
    return (nullable(schema) if is_null_of_nothing else schema) | {"description": " ".join(said)}


def _unit(metric: Metric) -> Schema:
    match metric.unit:
        case "count" | "days":
            return {"type": "integer"}
        case "money":
            return ref("Money")
        case "time":
            return ref("Time")
        case "interval":
            return {"type": "array", "prefixItems": [{"type": "number"}] * 2, "items": False, "minItems": 2}
        case "word":
            return word(*VERDICTS)
        case _:
            return {"type": "number"}


# --- trades, and the rest --------------------------------------------------------------------------------------------


def _trades() -> dict[str, Schema]:
    void = closed("Why and when it was taken out of the figures.", {"reason": TEXT, "at": nullable(ref("Time"))})
    trade = {
        "event": ref("SentEvent"),
        "position": ref("Position"),
        "received_at": ref("Time"),
        "void": nullable(void) | {"description": "Null, or why and when it was taken out of the figures."},
    }
    return {
        "Trade": closed("One event of the log.", trade),
        "OneTrade": closed("One event of the log.", {"status": OK, **trade}),
        "Trades": closed(
            "A page of events, newest first.",
            {
                "status": OK,
                "filters": ref("Filters"),
                "as_of": ref("AsOf"),
                "trades": rows(ref("Trade"), "Newest first."),
                "next_cursor": ref("Cursor"),
            },
        ),
        "Positions": closed(
            "A page of open events, newest first.",
            {
                "status": OK,
                "filters": ref("Filters"),
                "as_of": ref("AsOf"),
                "positions": rows(ref("Trade"), "Newest first."),
                "next_cursor": ref("Cursor"),
            },
        ),
        "Health": closed(
            "This instance is alive and its store answers.",
            {"status": OK, "version": TEXT, "store": TEXT | {"description": "The kind of store."}},
        ),
    }


# --- accounts --------------------------------------------------------------------------------------------------------


def _accounts() -> dict[str, Schema]:
    time, money = ref("Time"), ref("Money")
    code = {"type": "string", "pattern": BY_NAME["currency"].schema["pattern"]}
    name = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
    zone = TEXT | {"description": "IANA name of a time zone."}
    hour = {"type": "integer", "minimum": 0, "maximum": 23, "description": "A full hour of its local time."}
    sent = {
        "display_name": nullable(name),
        "currency": nullable(code),
        "starting_balance": nullable(_amount("At least 0, at most 18 decimals.", {"minimum": 0})),
        "day_cut": nullable(_optional("When a trading day begins. Without it: 0:00 UTC.", zone=zone, hour=hour)),
        "limits": nullable(
            _optional(
                "Above 0, at most 18 decimals.",
                daily_loss=_amount("The most a day may be below its start.", {"exclusiveMinimum": 0}),
                trailing_drawdown=_amount("The most equity may be below its peak.", {"exclusiveMinimum": 0}),
            )
        ),
    }
    amount = nullable(money)
    account = {
        "account_id": ID,
        "display_name": nullable(name),
        "currency": nullable(code),
        "starting_balance": amount,
        "day_cut": closed("When a trading day begins.", {"zone": zone, "hour": hour}),
        "limits": closed("What was set; null: no limit.", {"daily_loss": amount, "trailing_drawdown": amount}),
        "changed_at": nullable(time) | {"description": "When it was last put; null: never, these are the defaults."},
    }
    use = {
        "used": money,
        "share": {"type": ["number", "null"], "description": "used / limit; null without a limit."},
        "breached": {"type": ["boolean", "null"], "description": "The limit was reached; null without one."},
    }
    day = {"from": time, "to": time, "pnl": money, **use}
    return {
        "AccountSettings": closed("What is said of an account; null is not said.", sent, optional=sent),
        "Account": closed("What was said of an account.", account),
        "AccountShown": closed("What was said of an account.", {"status": OK, **account}),
        "Accounts": closed("Accounts that have settings.", {"status": OK, "accounts": rows(ref("Account"), "By id.")}),
        "Day": closed("A trading day; used: how far it was below its start, at its lowest.", day),
        "Use": closed("What was used of a limit.", use),
        "Limits": closed(
            "What an account has used of its limits.",
            {
                "status": OK,
                "filters": ref("Filters"),
                "as_of": ref("AsOf"),
                "environments": ref("Environments"),
                "currency": ref("Currency"),
                "day_cut": account["day_cut"],
                "daily_loss": closed(
                    "By the account's own days.",
                    {
                        "limit": amount,
                        "today": ref("Day"),
                        "worst": nullable(ref("Day")) | {"description": "Null when no day was ever below its start."},
                    },
                ),
                "trailing_drawdown": closed(
                    "From the running peak.", {"limit": amount, "now": ref("Use"), "worst": ref("Use")}
                ),
            },
        ),
    }


def _keys() -> dict[str, Schema]:
    time = ref("Time")
    scopes = rows(word("ingest", "read", "admin"), "What it may do.")
    bound = nullable(ID) | {"description": "It writes and sees no other; null: not bound."}
    name = {"type": "string", "maxLength": keys.MAX_NAME}
    shown = {
        "id": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
        "name": name,
        "scopes": scopes,
        "account_id": bound,
        "strategy_id": bound,
        "created_at": time,
        "expires_at": nullable(time),
        "revoked_at": nullable(time),
        "last_used_at": nullable(time),
        "is_good": {"type": "boolean", "description": "Neither expired nor revoked."},
    }
    span = nullable(TEXT) | {"description": "How long it is good: 90d, 12h, 30m; or a time. Without it: for ever."}
    new = {"scopes": scopes | {"minItems": 1}, "account_id": bound, "strategy_id": bound, "expires": span}
    text = {"type": "string", "pattern": "^te_[A-Za-z0-9_-]{32}$", "description": "The key, shown this once."}
    optional = ("account_id", "strategy_id", "expires", "name")
    return {
        "NewKey": closed("A key to be made.", {**new, "name": nullable(name)}, optional=optional),
        "Key": closed("What is kept of a key; never its text.", shown),
        "KeyShown": closed("What is kept of a key; never its text.", {"status": OK, **shown}),
        "KeyMade": closed("A new key.", {"status": OK, "key": text, **shown}),
        "Keys": closed("Keys.", {"status": OK, "keys": rows(ref("Key"), "The oldest first.")}),
    }


def _optional(about: str, **properties: Schema) -> Schema:
    """An object of which every key may be null or left out."""
    return closed(about, {name: nullable(schema) for name, schema in properties.items()}, optional=properties)


def _amount(about: str, bound: Schema) -> Schema:
    """A number, or a text with one, as in an event."""
    number: Schema = {"type": "number", "exclusiveMaximum": 1e20, **bound}
    above_0 = BY_NAME["initial_risk"].schema["anyOf"][1]["pattern"]
    pattern = above_0 if "exclusiveMinimum" in bound else above_0.replace("(?=[^eE]*[1-9])", "")
    return {"anyOf": [number, {"type": "string", "pattern": pattern}], "description": about}


def _alerts() -> dict[str, Schema]:
    url = {"type": "string", "maxLength": MAX_URL, "pattern": "^https?://", "description": "Accepted: https; http only "
           "into networks that the instance was told of."}  # fmt: skip
    secret = {"type": "string", "minLength": MIN_SECRET, "maxLength": MAX_SECRET, "pattern": "^[ -~]+$"}
    moment = nullable(ref("Time"))
    alert = {
        "alert_id": {"type": "string", "description": "Account, limit and beginning of the trading day."},
        "about": word("daily_loss", "trailing_drawdown", "test"),
        "found_at": ref("Time"),
        "tries": COUNT,
        "next_try_at": moment | {"description": "Null when it was taken, or given up."},
        "told_at": moment,
        "last_error": nullable(TEXT) | {"description": "Why the last try came to nothing."},
    }
    return {
        "AlertHookSent": closed(
            "Where alerts go.",
            {"url": nullable(url), "secret": nullable(secret) | {"description": "Signs what is sent."}},
            optional=("secret",),
        ),
        "AlertHookPut": closed(
            "What is kept.",
            {
                "status": OK,
                "account_id": ID,
                "url": nullable(url),
                "secret": secret | {"description": "If it was made."},
            },
            optional=("secret",),
        ),
        "AlertHook": closed(
            "Where alerts go, and the last of them.",
            {
                "status": OK,
                "account_id": ID,
                "url": url,
                "changed_at": ref("Time"),
                "alerts": rows(closed("One alert, and how it went.", alert), "Newest first."),
            },
        ),
    }


# --- errors ----------------------------------------------------------------------------------------------------------


def kinds() -> list[type[TrueEdgeError]]:
    """Every error that an answer can carry, by status and code."""
    found = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, TrueEdgeError)]
    return sorted(found, key=lambda kind: (kind.status, kind.code))


def _error() -> Schema:
    return {
        "status": word("error"),
        "code": word(*(kind.code for kind in kinds())) | {"description": "For programs; it does not change."},
        "message": TEXT | {"description": "For people: what is wrong, where, what is accepted."},
        "errors": rows(ref("FieldError"), "Every wrong field or parameter; empty where none is to blame."),
        "request_id": TEXT | {"description": "Finds the request in the log of the instance."},
    }


def _errors() -> dict[str, Schema]:
    return {
        "Error": closed("The one shape of errors.", _error()),
        "FieldError": closed("One wrong field.", {"field": TEXT, "message": TEXT}),
        "GatewayError": closed(
            "What API Gateway itself answers, without asking any function of ours: decide by the status.",
            {"message": nullable(TEXT)},
        ),
    }


def error_of(codes: Iterable[str]) -> Schema:
    """An error with one of these codes."""
    return {**ref("Error"), "properties": {"code": word(*sorted(codes))}}
