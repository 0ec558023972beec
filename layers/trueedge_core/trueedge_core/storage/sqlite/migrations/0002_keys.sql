-- API keys. The text of a key is nowhere: a row is found by the SHA-256 of it. Rows are never removed, only revoked.
CREATE TABLE keys (
    digest TEXT PRIMARY KEY,             -- 64 hex digits
    created_at INTEGER NOT NULL,         -- microseconds since the epoch, UTC, as all times here
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,                -- of ingest, read, admin; commas between
    account_id TEXT,                     -- what it is bound to; null: everything
    strategy_id TEXT,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
