"""Behind the table's stream: what was accepted gets its position, and the figures take it in."""

from trueedge_core.streams import stream_handler
from trueedge_core.wiring import sequencer

handler = stream_handler(lambda records: sequencer().sequence(records))
