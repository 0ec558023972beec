-- What people say of their accounts. Not in the log: a row is replaced. Amounts are exact decimals; null is not said.
CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    display_name TEXT,
    currency TEXT,
    starting_balance TEXT,
    zone TEXT NOT NULL,                  -- a trading day begins at this full hour of this IANA zone's local time
    hour INTEGER NOT NULL,
    daily_loss TEXT,
    trailing_drawdown TEXT,
    changed_at INTEGER NOT NULL          -- microseconds since the epoch, UTC
) STRICT, WITHOUT ROWID;

-- The open events that no closed one answers; derived from the log, and kept by the triggers below, whoever writes.
-- `position_id` is the event's linked_position_id, else its event_id.
CREATE TABLE open_positions (
    trade INTEGER PRIMARY KEY REFERENCES trades (id),
    account_id TEXT NOT NULL,
    position_id TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    event_id TEXT NOT NULL
) STRICT;
CREATE INDEX open_positions_answered ON open_positions (account_id, position_id);
CREATE INDEX open_positions_newest ON open_positions (timestamp, event_id);

-- Finds the closes of an open, and the opens of a close.
CREATE INDEX trades_linked ON trades (account_id, linked_position_id, state) WHERE linked_position_id IS NOT NULL;

-- What stands open by the log alone: what the table must hold. Reads every open event.
CREATE VIEW standing_open AS
SELECT t.id AS trade, t.account_id, coalesce(t.linked_position_id, t.event_id) AS position_id, t.timestamp, t.event_id
FROM trades t
WHERE t.state = 'open' AND NOT EXISTS (SELECT 1 FROM voids v WHERE v.trade = t.id)
    AND NOT EXISTS (
        SELECT 1 FROM trades c
        WHERE c.account_id = t.account_id AND c.linked_position_id = coalesce(t.linked_position_id, t.event_id)
            AND c.state = 'closed'
            AND NOT EXISTS (SELECT 1 FROM voids v WHERE v.trade = c.id)
    );

CREATE TRIGGER opened AFTER INSERT ON trades WHEN NEW.state = 'open' BEGIN
    INSERT INTO open_positions SELECT * FROM standing_open WHERE trade = NEW.id;
END;

CREATE TRIGGER closed AFTER INSERT ON trades WHEN NEW.state = 'closed' AND NEW.linked_position_id IS NOT NULL BEGIN
    DELETE FROM open_positions WHERE account_id = NEW.account_id AND position_id = NEW.linked_position_id;
END;

-- A void of an open takes it off; a void of a close lets the opens that it answered stand again.
CREATE TRIGGER voided AFTER INSERT ON voids BEGIN
    DELETE FROM open_positions WHERE trade = NEW.trade;
    INSERT OR IGNORE INTO open_positions
    SELECT s.* FROM trades c
        CROSS JOIN trades o ON o.account_id = c.account_id AND o.linked_position_id = c.linked_position_id AND o.state = 'open'
        CROSS JOIN standing_open s ON s.trade = o.id
    WHERE c.id = NEW.trade AND c.state = 'closed'
    UNION
    SELECT s.* FROM trades c
        CROSS JOIN trades o ON o.event_id = c.linked_position_id AND o.account_id = c.account_id AND o.state = 'open'
        CROSS JOIN standing_open s ON s.trade = o.id AND s.position_id = o.event_id
    WHERE c.id = NEW.trade AND c.state = 'closed';
END;

INSERT INTO open_positions SELECT * FROM standing_open;
