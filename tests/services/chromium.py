"""Debian's Chromium without a screen, driven by its own chromedriver; it reaches nothing but this machine."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.file_detector import UselessFileDetector
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.services.process import HOST, Service, find_program, free_port

PATIENCE = 20.0
# Nothing of the browser's own calls home: the network of a test is this machine.
SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync"),
    *("--disable-domain-reliability", "--disable-client-side-phishing-detection", "--metrics-recording-only"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication,InterestFeedContentSuggestions",
)


class Chromium(Service):
    """chromedriver under a keeper: the browsers that it starts end with it."""

    name = "chromium"

    def __init__(self) -> None:
        self.program = find_program("chromium", "chromium")
        self.driver_program = find_program("chromedriver", "chromium-driver")
        super().__init__()
        self.port = free_port()

    def command(self) -> tuple[list[str], dict[str, str]]:
        """chromedriver on a port of its own."""
        environment = {**self.base_environment(), "TMPDIR": str(self.folder)}
        return [self.driver_program, f"--port={self.port}", "--log-level=WARNING"], environment

    def ready(self) -> bool:
        """Whether chromedriver takes sessions."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/status", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def file(self, name: str, content: bytes) -> Path:
        """A file that the browser may read."""
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(0o644)
        return path

    def open(self, *, size: tuple[int, int] = (1280, 900), dark: bool = False, language: str = "ru") -> Window:
        """A new window with a profile of its own."""
        options = webdriver.ChromeOptions()
        options.binary_location = self.program
        for switch in (*SWITCHES, f"--window-size={size[0]},{size[1]}", f"--lang={language}"):
            options.add_argument(switch)
        if dark:
            options.add_argument("--force-dark-mode")
        options.add_experimental_option("prefs", {"intl.accept_languages": language})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        address = f"http://{HOST}:{self.port}"
        driver = webdriver.Remote(address, options=options)
        driver.file_detector = UselessFileDetector()
        driver.set_page_load_timeout(PATIENCE)
        return Window(driver, address)


class Window:
    """A window: the few words in which the tests speak."""

    def __init__(self, driver: WebDriver, address: str) -> None:
        self.driver = driver
        self.address = address

    def go(self, url: str) -> None:
        self.driver.get(url)

    def one(self, selector: str) -> Any:
        """The element of a CSS selector, waited for."""
        return WebDriverWait(self.driver, PATIENCE).until(lambda driver: driver.find_element(By.CSS_SELECTOR, selector))

    def all(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def write(self, selector: str, words: str) -> None:
        field = self.one(selector)
        field.clear()
        field.send_keys(words)

    def press(self, selector: str) -> None:
        """Press a button or a link, wherever on the page it is."""
        script = "arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()"
        self.driver.execute_script(script, self.one(selector))

    def keys(self, *keys: str) -> None:
        """Press keys where the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def text(self, selector: str) -> str:
        return str(self.one(selector).text)

    def wait(self, condition: Any, seconds: float = PATIENCE) -> Any:
        """What `condition(window)` gives, once it gives something."""
        return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(lambda _: condition(self))

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def complaints(self) -> list[str]:
        """What the browser said on its console: refused by the policy, not found, errors of scripts."""
        entries = self._ask("se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def command(self, name: str, **parameters: Any) -> None:
        """A command of the DevTools protocol."""
        self._ask("goog/cdp/execute", {"cmd": name, "params": parameters})

    def before_every_page(self, script: str) -> None:
        """Run a script before a page's own: to take away what an older browser does not have."""
        self.command("Page.addScriptToEvaluateOnNewDocument", source=script)

    def _ask(self, path: str, question: Any) -> Any:
        """Chromedriver's own calls, which selenium offers only for drivers that it started itself."""
        request = urllib.request.Request(
            f"{self.address}/session/{self.driver.session_id}/{path}",
            json.dumps(question).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]

    def close(self) -> None:
        self.driver.quit()
