"""`python -m tests.e2e.poster PORT PLAN ANSWERS`: post what the plan says, in order; a client process of its own.

Ends with code 0 also when the server goes away: what was answered until then stands in ANSWERS.
"""

import http.client
import json
import sys

from tests.e2e.harness import Client


def body_of(kind: str, events: list[str]) -> tuple[str, str, str]:
    """(path, body, content type); the events' own text is never changed."""
    if kind == "single":
        return "/trade_event", events[0], "application/json"
    if kind == "array":
        return "/trade_events", "[" + ",".join(events) + "]", "application/json"
    if kind == "wrapped":
        return "/trade_events", '{"events": [' + ", ".join(events) + "]}", "application/json"
    return "/trade_events", "\n".join(events) + "\n", "application/x-ndjson"


def main(port: int, plan: str, answers: str) -> None:
    with Client(port) as client, open(plan, encoding="utf-8") as lines, open(answers, "w", encoding="utf-8") as out:
        for line in lines:
            post = json.loads(line)
            path, body, content_type = body_of(post["kind"], post["events"])
            try:
                answer = client.post(path, body, content_type)
            except (OSError, http.client.HTTPException):
                return
            out.write(json.dumps({"status": answer.status, "answer": json.loads(answer.body)}) + "\n")
            out.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
