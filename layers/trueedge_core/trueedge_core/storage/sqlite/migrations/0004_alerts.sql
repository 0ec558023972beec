-- Where an account's alerts go. The secret signs them, so it is kept as it is: protect the file.
CREATE TABLE alert_hooks (
    account_id TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    changed_at INTEGER NOT NULL          -- microseconds since the epoch, UTC, as every time here
) STRICT, WITHOUT ROWID;

-- What was found, each once, and how telling it went. Not derived from the log alone: a void does not take it back.
CREATE TABLE alerts (
    alert_id TEXT PRIMARY KEY,           -- account, limit and beginning of the trading day
    account_id TEXT NOT NULL,
    about TEXT NOT NULL,                 -- the limit, or "test"
    body TEXT NOT NULL,                  -- what is sent, at every try the same bytes
    found_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    next_try_at INTEGER,                 -- null: told or given up
    told_at INTEGER,
    last_error TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_waiting ON alerts (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX alerts_of_account ON alerts (account_id, found_at);
