"""`make pictures`: the pictures of the documentation, taken in a real browser of a real run and of the built site.

The marks of freshness in them are those of the last `make drill`.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.conftest import ROOT, Page, browsing, running_lab, served_site, working_at
from tests.browser.lab import Lab, slow_restart, start
from tests.notebooks.conftest import Project

ASSETS = ROOT / "docs/assets"
SIZE = {"width": 1240, "height": 800}
PAGES = {"site-home": "", "site-freshness": "runbooks/#by-freshness", "site-runbook": "runbooks/rollback/"}
GOOD = re.compile(r"v1\.4\.2  known good")

# Chromium makes them small: WebP at a quality at which text stays sharp.
_SMALL = """
async picture => {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.7).split(",")[1];
}
"""


def main() -> int:
    # Whoever takes them is not in them.
    os.environ["RUNBOOK_ACTOR"] = "on-call"
    # Its name is in the commands of a plan.
    folder = Path(tempfile.gettempdir()) / "shop"
    folder.mkdir()
    try:
        with browsing() as browser:
            with served_site(folder / "site") as address:
                of_the_site(browser, address)
            with running_lab(folder) as address, working_at(folder / "runbooks", address) as project:
                of_the_desk(browser, address, project)
    finally:
        shutil.rmtree(folder)
    return 0


def of_the_site(browser: Any, address: str) -> None:
    """Home, all runbooks by freshness, and one runbook."""
    with opened(browser) as page:
        for name, path in PAGES.items():
            page.page.goto(f"{address}/{path}", wait_until="networkidle")
            keep(page.page, name)


def of_the_desk(browser: Any, address: str, project: Project) -> None:
    """Where one stands with the form, the plan, the gate, the progress with its button, and what a stop offers."""
    start(project, "confirm")
    slow_restart(project, 8)
    with opened(browser) as page:
        lab = Lab(page, address, project, "rollback.ipynb")
        lab.page.keyboard.press("Control+b")
        lab.run_above("rollback.releases()")
        stand = lab.sees("PRACTICE: shop/production")
        lab.choose("tag", GOOD)
        top(stand)
        keep(lab.page, "desk")
        lab.run_from("decision =")
        asked = lab.asked()
        top(lab.sees("Roll back shop"))
        keep(lab.page, "desk-plan")
        top(lab.cell("rollback.gate()"))
        keep(lab.page, "desk-gate")
        asked.fill("v1.4.2")
        asked.press("Enter")
        lab.sees(re.compile(r"production.*restart.*started", re.DOTALL))
        top(lab.cell("rollback.switch()"))
        keep(lab.page, "desk-progress")


@contextmanager
def opened(browser: Any) -> Iterator[Page]:
    """A page of its own."""
    context = browser.new_context(viewport=SIZE)
    yield Page(context)
    context.close()


def top(part: Any) -> None:
    """Scroll until it stands at the top."""
    part.evaluate("part => part.scrollIntoView({block: 'start'})")


def keep(page: Any, name: str) -> None:
    """Write a picture of the page, as it is seen, for the documentation."""
    page.mouse.move(0, 0)
    taken = page.screenshot()
    blank = page.context.new_page()
    small = base64.b64decode(blank.evaluate(_SMALL, base64.b64encode(taken).decode()))
    blank.close()
    (ASSETS / f"{name}.webp").write_bytes(small)
    print(f"{name}.webp  {len(small) / 1000:.0f} KB")


if __name__ == "__main__":
    sys.exit(main())
