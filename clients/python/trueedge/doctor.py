"""`trueedge doctor`: look at everything a bot needs, and say what to do about what is wrong."""

from __future__ import annotations

import argparse
import os
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from .errors import ServerRefused, Unreachable
from .outbox import count_refused, default_root, look
from .transport import Answer, Transport, refusal
from .version import __version__

LOCAL = ("127.0.0.1", "::1", "localhost")
CLOCK_SECONDS = 30.0


class Findings:
    """Lines as they are found; the worst decides the exit code."""

    def __init__(self) -> None:
        self.failed = False

    def good(self, what: str) -> None:
        print(f"  ok    {what}")

    def note(self, what: str, advice: str = "") -> None:
        print(f"  note  {what}" + (f"\n        {advice}" if advice else ""))

    def bad(self, what: str, advice: str) -> None:
        self.failed = True
        print(f"  BAD   {what}\n        {advice}")


def run(arguments: argparse.Namespace, transport: Transport, folder: Path) -> int:
    """0 when nothing is wrong, else 1."""
    found = Findings()
    _versions(found)
    health = _server(found, transport)
    if health is not None:
        _clock(found, health)
        _key(found, transport)
    _outbox(found, folder, transport.url)
    print("something is wrong: see BAD above" if found.failed else "all is well")
    return 1 if found.failed else 0


def _versions(found: Findings) -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    found.good(f"trueedge {__version__}, Python {python}")


def _server(found: Findings, transport: Transport) -> Answer | None:
    parts = urlsplit(transport.url)
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        advice = "Everyone on the way can read the key and the trades. Use an https:// address."
        if transport.key is None:
            found.note(f"{transport.url} is not encrypted", advice)
        else:
            found.bad(f"{transport.url} is not encrypted, and a key is sent to it", advice)
    started = time.monotonic()
    try:
        answer = transport.request("GET", "/health")
        said = answer.json() if answer.status == 200 else {}
    except Unreachable as error:
        found.bad(str(error), _advice(str(error), transport.url))
        return None
    if not isinstance(said, dict) or "version" not in said:
        found.bad(
            f"{transport.url} answers {answer.status}, but not as TRUEEDGE does: {refusal(answer).message}",
            "Give the address that the server printed when it started, without a route behind it.",
        )
        return None
    took = (time.monotonic() - started) * 1000
    found.good(f"{transport.url} answers in {took:.0f} ms: TRUEEDGE {said['version']}, {said.get('store')}")
    if str(said["version"]).split(".")[:2] != __version__.split(".")[:2]:
        found.note(f"the server is {said['version']}, this client {__version__}", "Update the older of the two.")
    return answer


def _advice(error: str, url: str) -> str:
    if "refused" in error:
        return f"Start the server (python3 dev.py run), or give its address: --url or TRUEEDGE_URL. It is {url} now."
    if "certificate" in error:
        return "Correct the certificate or this machine's clock; for a certificate of your own set SSL_CERT_FILE."
    if "TLS" in error:
        return "The server speaks plain http there: give an http:// address, or the port of its proxy."
    if "no answer within" in error:
        return "Something drops the packets: look at the firewall, the port and whether the server is overloaded."
    return "Look at the name and at the network of this machine."


def _clock(found: Findings, health: Answer) -> None:
    try:
        skew = time.time() - parsedate_to_datetime(health.headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        found.note("the server does not say what time it is")
        return
    if abs(skew) <= CLOCK_SECONDS:
        found.good(f"the clocks agree to within {max(1, round(abs(skew)))} s")
    else:
        which = "ahead of" if skew > 0 else "behind"
        advice = "Set this machine's clock by NTP: times of trades made with it are wrong; over 24 h ahead are refused."
        found.bad(f"this machine's clock is {abs(skew):,.0f} s {which} the server's", advice)


def _key(found: Findings, transport: Transport) -> None:
    """By two requests that store nothing: an empty batch, and one figure."""
    may = []
    refused: ServerRefused | None = None
    for what, method, path in (("post", "POST", "/trade_events"), ("read", "GET", "/metrics/overall")):
        try:
            answer = transport.request(method, path, body=b"" if method == "POST" else None)
        except Unreachable as error:
            found.bad(str(error), "It answered a moment ago: run this again.")
            return
        if answer.status in (401, 403):
            refused = refusal(answer)
        else:
            may.append(what)
    if transport.key is None and len(may) == 2:
        found.good("no key is needed there")
    elif may:
        found.good(f"the key may {' and '.join(may)}")
    else:
        advice = "Make one: python3 dev.py keys create --scope ingest; give it as --key or in TRUEEDGE_KEY."
        found.bad(f"{'no key is given' if transport.key is None else 'the key is not good'}: {refused}", advice)


def _outbox(found: Findings, folder: Path, url: str) -> None:
    folders = {folder}
    root = default_root()
    if root.is_dir():
        folders.update(one for one in root.iterdir() if one.is_dir())
    found.good(f"outbox {folder}" + ("" if folder.is_dir() else " (not there yet: nothing was recorded)"))
    for one in sorted(folders):
        try:
            waiting = look(one)
        except OSError as error:
            found.bad(f"{one}: {error.strerror}", "Give this user the right to read and write there.")
            continue
        for what in waiting:
            if what.server == url and one == folder:
                found.note(
                    f"{what.events:,} trades ({what.size:,} bytes) wait in it",
                    f"A running bot sends them; if none runs: trueedge send --outbox {one}",
                )
            else:
                found.note(
                    f"{what.events:,} trades for {what.server} wait in {one}",
                    f"If they belong to this server: trueedge send --outbox {one} --url {url}",
                )
        refused = count_refused(one)
        if refused:
            found.note(
                f"{refused:,} trades were refused, see {one / 'refused.ndjson'}",
                "Each line says why. Correct what it names, record the trade again, and remove the file.",
            )
    if folder.is_dir() and not os.access(folder, os.W_OK):
        found.bad(f"{folder} cannot be written", "Give this user the right to write there, or name another folder.")
