"""Makes the pictures of the README from the product's own demo data:

    python -m tests.browser.pictures

Needs Chromium. Writes docs/images/report-{light,dark,phone,days}.png.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.visiting import FLAGS
from tests.conftest import chromium_binary
from tests.e2e.harness import CHECKOUT, Server, store_url
from trueedge_core.storage import open_ledger
from trueedge_local import demo

IMAGES = CHECKOUT / "docs" / "images"
OVERALL = "/report?starting_balance=100000"
# name, width, height, scale, colour scheme, page
PICTURES = (
    ("report-light", 1280, 1540, 1, "light", OVERALL),
    ("report-dark", 1280, 1540, 1, "dark", OVERALL),
    ("report-phone", 390, 844, 2, "light", OVERALL),
)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "demo.db"
        ledger = open_ledger(store_url(store))
        demo.load(ledger)
        ledger.close()
        with Server(store, workers=1) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_binary(), args=FLAGS)
            for name, width, height, scale, scheme, path in PICTURES:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, device_scale_factor=scale, color_scheme=scheme
                )
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{server.port}{path}", wait_until="networkidle")
                page.wait_for_selector("figure[data-drawn=yes]")
                page.screenshot(path=str(IMAGES / f"{name}.png"))
                print(f"docs/images/{name}.png  {(IMAGES / f'{name}.png').stat().st_size:,} bytes")
                context.close()
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(f"http://127.0.0.1:{server.port}{OVERALL}")
            page.wait_for_selector(".heats[data-ready]")
            page.locator(".calendar").screenshot(path=str(IMAGES / "report-days.png"))
            browser.close()


if __name__ == "__main__":
    main()
