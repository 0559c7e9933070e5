"""Pictures of every page of the console, on the demo's data, in `var/screenshots`; `make screenshots` runs it.

The demo is started in a folder of its own, furnished a little more over the API, and visited with Debian's Chromium.
The two that the README shows are put into `docs/images`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import urllib.request
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.async_api import BrowserContext, async_playwright

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "var" / "screenshots"
SHOWN = {"home-light": "console-home.png", "contacts-one-light": "console-contact.png"}
"""Of the README: the picture, and its name in `docs/images`."""
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 375, "height": 800}, "color_scheme": "light"},
}
_ID = re.compile(r"[0-9A-Z]{26}")
_LEFT_OUT = ("/sign-out", "/static/", "/v1/", "/addresses/", "/mailboxes/consent")
_FILES = re.compile(r"/(raw|page|headers|attachments/\d+)(\?|$)")
_MOST_HIGH = 2_400


class Demo:
    """The demo, served from a folder of its own. said: what it has printed so far."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-u", "-c", "from gateway.cli import main; main()", "demo", "--folder", str(folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.said = ""
        for line in self._process.stdout or ():
            self.said += line
            if line.startswith("Serving"):
                break
        self.link = re.findall(r"http://\S+/sign-in/\S+", self.said)[-1]
        self.url = self.link.partition("/sign-in/")[0]
        self.token = re.findall(r"Bearer (sga_\S+?)'", self.said)[-1]
        self.smtp = int(re.findall(r"mail\s+127\.0\.0\.1:(\d+)", self.said)[0])

    def api(self, method: str, path: str, body: object) -> Any:
        """What the API answers."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(f"{self.url}/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(asked) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def furnish(self) -> None:
        """What the demo's mails leave empty: mail that is held, a customer, a template, a webhook."""
        contact = self.api("GET", "/contacts", None)["data"][0]["id"]
        self.api("POST", "/customers", {"name": "Kaya Hotels", "contacts": [contact]})
        text = "Dear {{contact.first_name}},\n\nthank you for your interest in {{lead.name}}.\n\n{{user.name}}"
        self.api("POST", "/templates", {"name": "First answer", "subject": "Your machine", "body": text, "html": False})
        self.api("POST", "/endpoints", {"url": "https://93.184.215.14/hook"})
        self.api("PATCH", "/account", {"strangers": "hold"})
        mail = EmailMessage()
        mail["From"], mail["To"] = "Growth <growth@reachly.example>", "Ana Lima <ana@acme.example>"
        mail["Cc"], mail["Subject"] = "acme+lead@mail.kommo.com", "A partnership proposal"
        mail.set_content("We would like to tell you about our platform.\n")
        with smtplib.SMTP("127.0.0.1", self.smtp) as client:
            client.send_message(mail, "growth@reachly.example", ["acme+lead@mail.kommo.com"])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


async def pages(context: BrowserContext, url: str) -> dict[str, str]:
    """A page of each kind that links lead to, by the name of its picture."""
    page = context.pages[0]
    found: dict[str, str] = {}
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop(0)
        bare = _ID.sub("", path.partition("?")[0]).strip("/").replace("//", "/")
        name = bare.replace("/", "-") or "home"
        name = f"{name}-one" if _ID.search(path) and not name.startswith("why") else name
        if name in found:
            continue
        answer = await context.request.get(url + path)
        if answer.status != 200 or not answer.headers["content-type"].startswith("text/html"):
            continue
        found[name] = path
        await page.goto(url + path, wait_until="domcontentloaded")
        for link in await page.eval_on_selector_all(
            "a[href]", "links => links.map((link) => link.getAttribute('href'))"
        ):
            target = urlsplit(urljoin(url + path, link))
            local = target.path + (f"?{target.query}" if target.query else "")
            ours = f"{target.scheme}://{target.netloc}" == url
            if ours and local not in seen and not local.startswith(_LEFT_OUT) and not _FILES.search(local):
                seen.add(local)
                waiting.append(local)
    return {**found, "sign-in": "/sign-in"}


async def take(demo: Demo) -> int:
    """Takes the pictures; how many."""
    taken = 0
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        state, found = None, {}
        for look, given in LOOKS.items():
            context = await browser.new_context(**given, storage_state=state, reduced_motion="reduce")
            page = await context.new_page()
            if state is None:
                await page.goto(demo.link)
                found, state = await pages(context, demo.url), await context.storage_state()
            for name, path in found.items():
                await page.goto(demo.url + path, wait_until="load")
                high = int(await page.evaluate("document.documentElement.scrollHeight"))
                clip = {"x": 0, "y": 0, "width": given["viewport"]["width"], "height": min(high, _MOST_HIGH)}
                await page.screenshot(path=PICTURES / f"{name}-{look}.png", full_page=True, clip=clip)  # type: ignore[arg-type]
                taken += 1
                print(f"\r{taken} of {len(found) * len(LOOKS)}: {name}-{look}".ljust(70), end="", flush=True)
            await context.close()
        await browser.close()
    print()
    return taken


def main() -> None:
    """Starts the demo, takes the pictures, ends it."""
    if PICTURES.exists():
        shutil.rmtree(PICTURES)
    PICTURES.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder))
        try:
            demo.furnish()
            print(f"{asyncio.run(take(demo))} pictures in {PICTURES.relative_to(ROOT)}")
            for taken, name in SHOWN.items():
                shutil.copy(PICTURES / f"{taken}.png", ROOT / "docs" / "images" / name)
        finally:
            demo.stop()


if __name__ == "__main__":
    main()
