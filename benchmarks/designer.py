"""The designer with 300 actions in a real Chromium, by the clock of the page: from an input to the frame that shows it.

python -m benchmarks.designer               opening, panels, edits, scrolling, and 1,000 iterations live
python -m benchmarks.designer --actions 100 --rounds 5 --iterations 0

"Work" is what the main thread of the page is busy with, in processor time: it says something on a busy machine, too.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from benchmarks.api import installation
from benchmarks.pages import document_of
from benchmarks.runs import stub
from benchmarks.stage import set_up
from tests.chromium import ARGUMENTS, find_chromium

PROBE = Path(__file__).with_name("probe.js").read_text()
SCROLLED, WHEEL = 120, 100  # turns of the wheel, and px of each
FRAME = 1000 / 60  # ms
PATIENCE = 900.0  # seconds that a run may take
EVERY = 1.0  # seconds between two looks at a live page
REMOVED = 10  # actions, at most
REVISION = "Number(document.getElementById('base').value)"
GOES = "[data-stop-url]"  # the button Stop, while a run goes
IN_DESIGNER = f"!document.querySelector('{GOES}')"
ON_RUN_PAGE = "!/Running|Queued|Waiting/.test(document.getElementById('run-status').innerText)"


@dataclass(frozen=True)
class Flows:
    """Addresses, and the cookie of somebody who is signed in."""

    large: str
    loop: str
    cookie: str


def create_flows(actions: int, iterations: int, service: str) -> Flows:
    from django.contrib.auth.models import User
    from django.test import Client

    from connections.models import Connection
    from connections.secret import Secret
    from flows.language.document import parse
    from flows.models import Flow

    Connection.objects.create(name="contoso", endpoint=f"{service}/openai/v1", key=Secret("key"))
    ada = User.objects.create_superuser("bench", password="benchmark")
    client = Client()
    client.force_login(ada)
    large: Any = Flow.objects.create_flow(parse(document_of(actions)), by=ada)
    loop: Any = Flow.objects.create_flow(parse(document_of_loop(iterations)), by=ada)
    return Flows(f"/flows/{large.slug}/", f"/flows/{loop.slug}/", client.cookies["sessionid"].value)


def document_of_loop(iterations: int) -> dict[str, object]:
    properties = {"connection": "contoso", "model": "m", "user_prompt": "{{ item }}", "result_variable_name": "answer"}
    chat = {"id": "chat", "type": "chat_completion", "title": "Answer", "properties": properties}
    items = {"items": f"{{{{ range({iterations}) }}}}"}
    body = [{"id": "body", "title": "", "actions": [chat]}]
    loop = {"id": "each", "type": "for_each", "title": "Each", "properties": items, "branches": body}
    return {"format": "foundryflow/1", "name": "loop", "actions": [loop]}


def say_heading(words: str) -> None:
    print(f"{words} (load of the machine {os.getloadavg()[0]:.1f})", flush=True)


def say(label: str, times: Sequence[float], *more: str, goal: str = "") -> None:
    found = f"median {statistics.median(times):.0f}, least {min(times):.0f}, most {max(times):.0f} ms"
    print("; ".join([f"  {label}: {found}", *more]) + (f" (goal {goal})" if goal else ""))


class Watched:
    """A page with the probe in it."""

    def __init__(self, page: Page, client: CDPSession) -> None:
        self.page, self._client = page, client

    async def metrics(self) -> dict[str, float]:
        found = await self._client.send("Performance.getMetrics")
        return {each["name"]: each["value"] for each in found["metrics"]}

    async def work(self) -> float:
        """Milliseconds of the main thread since the page was opened."""
        return (await self.metrics())["TaskDuration"] * 1000

    async def choose(self, action_id: str) -> None:
        await self.page.locator(f"[data-card={action_id}]").click()
        await self.page.locator(f"[data-panel={action_id}]").wait_for()

    async def order(self, action_id: str) -> int:
        found = await self.page.evaluate(order_of(action_id))
        return int(found)


@asynccontextmanager
async def opened(browser: Browser, base: str, cookie: str) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.add_cookies([{"name": "sessionid", "value": cookie, "url": base}])
    yield context
    await context.close()


async def watch_page(context: BrowserContext) -> Watched:
    page = await context.new_page()
    await page.add_init_script(PROBE)
    client = await context.new_cdp_session(page)
    await client.send("Performance.enable", {"timeDomain": "threadTicks"})
    return Watched(page, client)


@dataclass
class Loads:
    usable: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    size: int = 0

    async def measure(self, page: Watched, address: str) -> None:
        await page.page.goto(address, wait_until="load")
        self.usable.append(await page.page.evaluate("probe.usable"))
        found = await page.page.evaluate("probe.navigation()")
        self.server.append(found["server"])
        self.size = found["encoded"]
        self.work.append(await page.work())


async def open_page(browser: Browser, base: str, flows: Flows, rounds: int) -> None:
    """From the start of the navigation until the page answers and is painted."""
    first, again = Loads(), Loads()
    for _ in range(rounds):
        async with opened(browser, base, flows.cookie) as context:
            for loads in (first, again, again):
                page = await watch_page(context)  # each in a renderer's clock of its own
                await loads.measure(page, base + flows.large)
                await page.page.close()
    for label, loads in (("for the first time", first), ("again", again)):
        work = f"work {statistics.median(loads.work):.0f} ms"
        server = f"its last byte after {statistics.median(loads.server):.0f} ms"
        say(f"opened {label}", loads.usable, work, server, f"{loads.size / 1000:.1f} kB", goal="500 ms")


Deed = Callable[[Page, int], Awaitable[None]]


@dataclass(frozen=True)
class Step:
    """Something that people do. `shows` is an expression that holds once the page shows what became of it."""

    label: str
    goal: str
    do: Deed
    shows: Callable[[int], str]


async def measure_step(page: Watched, rounds: int, step: Step) -> None:
    times, requests, works, sizes, plain = [list[float]() for _ in range(5)]
    for at in range(rounds):
        await page.page.evaluate(f"probe.watch(() => {step.shows(at)})")
        before = await page.work()
        await step.do(page.page, at)
        found = await page.page.evaluate("probe.watched")
        works.append(await page.work() - before)
        times.append(found["took"])
        requests.append(found["request"])
        sizes.append(found["encoded"] / 1000)
        plain.append(found["decoded"] / 1000)
        await page.page.wait_for_timeout(200)  # what the page does afterwards is over
    more = [f"request {statistics.median(requests):.0f} ms", f"work {statistics.median(works):.0f} ms"]
    size = f"{max(sizes):.1f} kB, {max(plain):.1f} kB without compression"
    say(step.label, times, *more, size, goal=step.goal)


def order_of(action_id: str) -> str:
    return f"[...document.querySelectorAll('[data-card]')].findIndex((each) => each.dataset.card === '{action_id}')"


async def press_card(page: Page, at: int) -> None:
    await page.locator(f"[data-card=chat{at + 2}]").click()


async def save_prompt(page: Page, at: int) -> None:
    await page.locator("#property-user_prompt").fill(f"{{{{ question }}}} {at}")
    await page.evaluate("probe.begin(); document.activeElement.blur()")


def press(keys: str) -> Deed:
    async def do(page: Page, _: int) -> None:
        await page.keyboard.press(keys)

    return do


async def edit(page: Watched, rounds: int) -> None:
    edited, cards = "100 ms, 20 kB", "document.querySelectorAll('[data-card]').length"
    await page.page.evaluate("probe.scroll(0)")
    shows_panel = lambda at: f"document.getElementById('panel').dataset.panel === 'chat{at + 2}'"  # noqa: E731
    await measure_step(page, rounds, Step("from a press on a card to its panel", "100 ms", press_card, shows_panel))

    last = int(await page.page.evaluate(cards))
    moved = f"chat{last // 4}"
    await page.choose(moved)
    place = await page.order(moved)
    shows_place = lambda at: f"{order_of(moved)} === {place + at + 1}"  # noqa: E731
    await measure_step(page, rounds, Step("a move", edited, press("Alt+ArrowDown"), shows_place))

    await page.choose(f"chat{last // 10}")
    number = await page.page.evaluate(REVISION)
    await measure_step(
        page, rounds, Step("a prompt saved", edited, save_prompt, lambda at: f"{REVISION} === {number + at + 1}")
    )

    await page.choose(f"chat{last - 5}")
    await page.page.locator(f"[data-card=chat{last // 5}]").focus()
    shows_removal = lambda at: f"{cards} === {last - at - 1}"  # noqa: E731
    removal = Step("a removal that changes what the open panel offers", edited, press("Delete"), shows_removal)
    await measure_step(page, min(rounds, REMOVED), removal)


async def scroll(page: Watched) -> None:
    """By the wheel, through a good part of it: how far frames are apart."""
    await page.page.evaluate("probe.scroll(0)")
    await page.page.mouse.move(720, 400)
    before = await page.work()
    await page.page.evaluate("probe.frames()")
    for _ in range(SCROLLED):
        await page.page.mouse.wheel(0, WHEEL)
        await page.page.wait_for_timeout(FRAME)
    gaps = await page.page.evaluate("probe.frames()")
    late = sum(gap > FRAME * 1.5 for gap in gaps)
    work = (await page.work() - before) / len(gaps)
    say("between two frames", gaps, f"{late} of {len(gaps)} late", f"work {work:.1f} ms a frame")


async def watch_live(page: Watched, label: str, has_ended: str) -> None:
    """Looks at the page until its run has ended, and tells its first quarter beside its last one."""
    looks = list[dict[str, float]]()
    await page.page.evaluate("probe.longTasks()")
    async with asyncio.timeout(PATIENCE):
        while True:
            look = await page.metrics()
            look["longest"] = max([0, *await page.page.evaluate("probe.longTasks()")])
            look["swaps"] = await page.page.evaluate("probe.swaps")
            looks.append(look)
            if await page.page.evaluate(has_ended):
                break
            await asyncio.sleep(EVERY)
    quarter = max(len(looks) // 4, 1)
    print(f"  {label}: {looks[-1]['Timestamp'] - looks[0]['Timestamp']:.0f} s")
    for name, part in (("first", looks[: quarter + 1]), ("last", looks[-quarter - 1 :])):
        wall, work, swaps = (part[-1][each] - part[0][each] for each in ("Timestamp", "TaskDuration", "swaps"))
        print(
            f"    {name} quarter: {work / max(swaps, 1) * 1000:.1f} ms of work a swap, {work / max(wall, 0.001):.0%}"
            f" of the time; longest task {max(each['longest'] for each in part):.0f} ms;"
            f" {part[-1]['JSHeapUsedSize'] / 1e6:.1f} MB, {part[-1]['Nodes']:.0f} nodes"
        )


async def run_live(browser: Browser, base: str, flows: Flows) -> None:
    """One run, watched in the designer and on its page at once; each iteration streams for a tenth of a second."""
    async with opened(browser, base, flows.cookie) as context:
        page = await watch_page(context)
        await page.page.goto(base + flows.loop, wait_until="load")
        await page.page.locator("[data-run]").click()
        await page.page.locator(GOES).wait_for(state="attached")
        run = await page.page.locator("#run-bar").get_attribute("data-shown")
        other = await watch_page(context)
        await other.page.goto(f"{base}/runs/{run}/", wait_until="load")
        await asyncio.gather(
            watch_live(page, "in the designer", IN_DESIGNER), watch_live(other, "on the page of the run", ON_RUN_PAGE)
        )


async def measure(base: str, flows: Flows, actions: int, rounds: int, iterations: int) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        say_heading(f"The designer with {actions} actions")
        await open_page(browser, base, flows, rounds)
        async with opened(browser, base, flows.cookie) as context:
            page = await watch_page(context)
            await page.page.goto(base + flows.large, wait_until="load")
            say_heading("Scrolling")
            await scroll(page)
            say_heading("Panels and edits")
            await edit(page, rounds)
        if iterations:
            say_heading(f"{iterations:,} iterations live")
            await run_live(browser, base, flows)
        await browser.close()


async def serve_and_measure(flows: Flows, service: str, given: Any) -> None:
    async with installation(1, 0, service.removeprefix("http://")) as (base, _):
        await measure(base, flows, given.actions, given.rounds, given.iterations)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=1_000)
    given = parser.parse_args()
    set_up()
    with stub() as service:
        flows = create_flows(given.actions, given.iterations, service)
        asyncio.run(serve_and_measure(flows, service, given))


if __name__ == "__main__":
    main()
