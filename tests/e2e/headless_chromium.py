"""Drives Debian's Chromium over its debugging pipe: nothing but the standard library, no port, no socket."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio",
    "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip

INSIDE = ("file:", "data:", "blob:", "about:", "chrome:")


def find() -> str | None:
    """Return the program's path, or None."""
    return next((path for path in map(shutil.which, ("chromium", "chromium-browser")) if path), None)


class Page:
    """One page, with what it asked for and what it complained about."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self.browser, self.target, self.session = browser, target, session
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.allowed: list[str] = []
        self.fulfil: bytes | None = None

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, session=self.session, **params)

    def open(self, path: Path, *, width: int = 1280, height: int = 800) -> None:
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Log.enable")
        self.call("Network.enable")
        self.call("Fetch.enable", patterns=[{"urlPattern": "http*"}])
        self.resize(width, height)
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("document.readyState === 'complete'")

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            detail = answer["exceptionDetails"]
            raise AssertionError(detail.get("exception", {}).get("description") or detail["text"])
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, seconds: float = 60.0) -> None:
        limit = time.monotonic() + seconds
        while not self.run(f"Boolean({expression})"):
            if time.monotonic() > limit:
                raise AssertionError(f"{expression} did not come true in {seconds:g} s; page said {self.complaints}")
            time.sleep(0.02)

    def settle(self) -> None:
        """Wait until the page has drawn twice."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)
        self.settle()

    def screenshot(self, *, whole: bool = False) -> bytes:
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def close(self) -> None:
        self.browser.call("Target.closeTarget", targetId=self.target)

    def outside(self) -> list[str]:
        """Return what the page asked the network for."""
        return [url for url in self.requests if not url.startswith(INSIDE)]

    def hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:2000])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])
        elif method == "Fetch.requestPaused":
            self._answer(params["requestId"])

    def _answer(self, request: str) -> None:
        """Let nothing out: give the test's own picture, or fail."""
        if self.fulfil is None:
            self.browser.send("Fetch.failRequest", self.session, requestId=request, errorReason="InternetDisconnected")
            return
        body = base64.b64encode(self.fulfil).decode()
        headers = [
            {"name": "Content-Type", "value": "image/png"},
            {"name": "Access-Control-Allow-Origin", "value": "*"},
        ]
        self.browser.send(
            "Fetch.fulfillRequest",
            self.session,
            requestId=request,
            responseCode=200,
            responseHeaders=headers,
            body=body,
        )


class Chromium:
    """One browser process with a profile of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_browser, from_browser)]
        self._buffer = b""
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._pages: dict[str, Page] = {}
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command,
            pass_fds=(3, 4),
            preexec_fn=lambda: (os.dup2(ends[0], 3), os.dup2(ends[1], 4)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (to_browser, from_browser, *ends):
            os.close(end)

    def page(self) -> Page:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._pages[session] = Page(self, target, session)
        return self._pages[session]

    def send(self, method: str, session: str | None, **params: Any) -> int:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        return number

    def call(self, method: str, *, session: str | None = None, seconds: float = 90.0, **params: Any) -> dict[str, Any]:
        number = self.send(method, session, **params)
        limit = time.monotonic() + seconds
        while number not in self._answers:
            self._listen(limit - time.monotonic(), method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _listen(self, seconds: float, method: str) -> None:
        if seconds <= 0 or not select.select([self._read], [], [], seconds)[0]:
            raise AssertionError(f"{method}: Chromium gave no answer")
        chunk = os.read(self._read, 1 << 20)
        if not chunk:
            raise AssertionError(f"{method}: Chromium ended with code {self._process.wait(10)}")
        *messages, self._buffer = (self._buffer + chunk).split(b"\0")
        for raw in messages:
            message = json.loads(raw)
            if "id" in message:
                self._answers[message["id"]] = message
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].hear(message["method"], message.get("params", {}))

    def close(self) -> None:
        try:
            self.send("Browser.close", None)
            self._process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait(20)
        finally:
            os.close(self._write)
            os.close(self._read)
