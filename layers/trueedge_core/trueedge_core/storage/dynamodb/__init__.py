"""The ledger in one DynamoDB table, without an index. Key strings join their parts with U+001F (written # here).

| item | PK | SK | holds | written |
|---|---|---|---|---|
| event | `E#<event_id>` | `E` | the text as it was sent, `received_at`, where its row is | by ingest, if absent |
| void | `V#<event_id>` | `V` | the reason, `received_at` | by the void route, if absent |
| segment | `L` | first position, 12 digits | the ids of up to 1,000 entries | if absent: this commits them |
| row | `D#<shard>` | `<17-digit us>#<event_id>` | position, scope, what a summary takes in | always the same |
| void mark | `D#<shard>` | the row's and `#v` | position of the void | always the same |
| pointer | `P#<strategy_id>` | account id | nothing: the pair exists | always the same |
| fact | `X#<account_id>#<position>` | `<o or c>#<us>#<event_id>` | an open or close of it | always the same |
| standing | `O#<shard>` | `<17-digit us>#<event_id>` | an open that no close answers | if not older |
| head | `H#overall`, `H#account`, `H#strategy`, `H#pair#<account_id>` | id | all so far | if unchanged |
| bucket | `S#<scope>` | `<level>#<start>` | a summary | if not older |
| account | `A` | account id | what people say of it | the last word |
| alert hook | `W` | account id | address and secret | when set |
| alert | `W#alert#<account_id>` | alert id | what is sent, how telling it went | if absent; at each try |
| waiting | `W#wait` | account id, alert id | nothing: a try is to come | with the alert; removed once done |
| key | `K` | SHA-256 of an API key | what it may do | when made, used, revoked |

What is accepted (E, V) is durable and acknowledged; what is committed (L) has a position; all else is derived from
those two and can be made again. `sequencer.py` has the rules, `tree.py` how a scope takes a segment in.
"""
