"""A browser's visit to the running server, and everything that a page complained about."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, Request, ViewportSize

from tests.e2e.harness import Server

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONES = (320, 360, 390)
DESKTOP = 1280


@dataclass
class Visit:
    """A page that was opened, and everything it complained about or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the reader has gone on to another page: no failure of ours
            self.complaints.append(f"{request.url}: {request.failure}")


class Visitor:
    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[Any] = []

    def visit(self, server: Server, width: int = DESKTOP, scheme: str = "light", **asked: str) -> Visit:
        """Open the report; its fonts are there when this returns."""
        return self.open(server, f"/report?{urlencode(asked)}", width, scheme)

    def open(
        self, server: Server, target: str, width: int = DESKTOP, scheme: str = "light", scripts: bool = True
    ) -> Visit:
        visit = self.blank(server, width, scheme, scripts)
        answer = visit.page.goto(target)
        assert answer is not None
        assert answer.status == 200
        return visit

    def blank(self, server: Server, width: int = DESKTOP, scheme: str = "light", scripts: bool = True) -> Visit:
        """A visit that has not begun: its page is still empty."""
        return self.blank_at(f"http://127.0.0.1:{server.port}", width, scheme, scripts)

    def blank_at(self, base_url: str, width: int = DESKTOP, scheme: str = "light", scripts: bool = True) -> Visit:
        """The same, for what no server of ours serves."""
        size = ViewportSize(width=width, height=900)
        context = self.browser.new_context(
            viewport=size, color_scheme=scheme, base_url=base_url, java_script_enabled=scripts
        )
        self.contexts.append(context)
        visit = Visit(context.new_page())
        visit.page.on("console", lambda message: visit.complaints.append(message.text))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("requestfailed", visit.failed)
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        return visit


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
