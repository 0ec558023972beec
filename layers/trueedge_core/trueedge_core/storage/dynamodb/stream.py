"""What the table's stream says: records of accepted events and voids, as the function behind it gets them."""

from collections.abc import Mapping, Sequence
from typing import Any

from .items import EVENT, VOID, Accepted, accepted, voided
from .table import Table, plain


def new_entries(table: Table, records: Sequence[Mapping[str, Any]]) -> list[Accepted]:
    """The entries that the records say were accepted, in their order, each void after its event; others pass by.

    A record without an image (a stream of another view) is passed by too: `resequence` finds what it meant.
    """
    images = [
        plain(record["dynamodb"]["NewImage"])
        for record in records
        if record.get("eventName") == "INSERT" and "NewImage" in record["dynamodb"]
    ]
    events = [accepted(image) for image in images if str(image["PK"]).startswith(EVENT)]
    return events + voided(table, [image for image in images if str(image["PK"]).startswith(VOID)])
