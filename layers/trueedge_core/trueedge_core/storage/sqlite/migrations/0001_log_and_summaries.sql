-- The log. A trade's id is its position: 0, 1, 2, ... shared with voids, no gaps, never reused. Rows are only ever added.
CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    strategy_id TEXT NOT NULL,
    environment TEXT NOT NULL,
    timestamp INTEGER NOT NULL,          -- microseconds since the epoch, UTC
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    quantity TEXT NOT NULL,              -- exact decimals, every digit
    quantity_type TEXT NOT NULL,
    price_open TEXT NOT NULL,
    price_close TEXT,
    fees TEXT NOT NULL,
    pnl TEXT,
    state TEXT NOT NULL,
    linked_position_id TEXT,
    opened_at INTEGER,
    currency TEXT,
    initial_risk TEXT,
    received_at INTEGER NOT NULL,
    raw_json TEXT NOT NULL               -- the event as it was sent
) STRICT;

-- Trade order within each scope and environment; a question about both environments merges two ranges.
CREATE INDEX trades_overall ON trades (environment, timestamp, event_id);
CREATE INDEX trades_account ON trades (account_id, environment, timestamp, event_id);
CREATE INDEX trades_strategy ON trades (strategy_id, environment, timestamp, event_id);
CREATE INDEX trades_pair ON trades (account_id, strategy_id, environment, timestamp, event_id);

-- Log entries that take a trade out of the figures.
CREATE TABLE voids (
    id INTEGER PRIMARY KEY,
    trade INTEGER NOT NULL UNIQUE REFERENCES trades (id),
    reason TEXT NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

-- Everything below is derived from the log: `rebuild` makes it anew, `fsck` compares.

-- One row per overall, account, strategy and (account, strategy). Ids that a kind does not have are ''.
-- Buckets hold the scope's events up to the key (upto_at, upto_id); the few after it, its tail, are read from trades. So a
-- row changes only when its buckets do, not with every event.
CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    account_id TEXT NOT NULL,
    strategy_id TEXT NOT NULL,
    upto_at INTEGER NOT NULL,
    upto_id TEXT NOT NULL,
    live INTEGER NOT NULL,               -- 1 if it has live events
    demo INTEGER NOT NULL,               -- 1 if it has demo events
    traded INTEGER NOT NULL,             -- 1 if it has a closed trade that is not voided
    live_seen INTEGER NOT NULL,          -- 1 + position of the last log entry, those of the tail's events left out
    demo_seen INTEGER NOT NULL,
    UNIQUE (kind, account_id, strategy_id)
) STRICT;
CREATE INDEX scopes_by_strategy ON scopes (kind, strategy_id, account_id);
CREATE INDEX scopes_traded ON scopes (kind) WHERE traded;

-- The time tree of each scope: level 0 everything, 1 year, 2 month, 3 day, 4 hour, 5 minute; `start` counts units since year 0
-- (year, month) or the epoch. Days, hours and minutes exist only below a bucket that is `split`. The id packs
-- scope << 35 | level << 32 | start: a WITHOUT ROWID table with a composite key spills such rows to overflow pages.
-- `both` interleaves live and demo; it is null while the bucket has events of one environment alone.
CREATE TABLE buckets (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,               -- events of any state
    split INTEGER NOT NULL,
    live_n INTEGER NOT NULL,             -- closed, not voided trades
    demo_n INTEGER NOT NULL,
    live BLOB,
    demo BLOB,
    both BLOB
) STRICT;
