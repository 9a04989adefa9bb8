"""Server time of the designer with 100 actions, beside a page that does nothing; and what pages weigh on the wire.

python -m benchmarks.pages
"""

from __future__ import annotations

import gzip
import re
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

from benchmarks.stage import set_up

TIMES = 30
AS_BROWSERS = {"Host": "localhost", "Accept-Encoding": "gzip, deflate, br"}
STATIC = re.compile(r'\b(?:href|src)="(/static/[^"#]+)')
IMPORT = re.compile(r"""\b(?:from|import)\s*["'](\.[^"']+)["']""")


def median_ms(get: Callable[[], Any]) -> float:
    get()
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        assert get().status_code == 200
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def document_of(actions: int) -> dict[str, object]:
    def chat(n: int) -> dict[str, object]:
        properties = {
            "connection": "contoso",
            "model": "m",
            "user_prompt": "{{ question }}",
            "result_variable_name": f"r{n}",
        }
        return {"id": f"chat{n}", "type": "chat_completion", "title": f"Chat {n}", "properties": properties}

    inputs = [{"name": "question", "type": "text", "required": True}]
    chats = [chat(n) for n in range(actions)]
    return {"format": "foundryflow/1", "name": f"flow-{actions}", "inputs": inputs, "actions": chats}


def weights(client: Any, address: str) -> tuple[int, int]:
    """Bytes of a first visit with all that the page loads, and of the next one, which has that."""
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    page = len(response.content)
    return page + sum(len(client.get(each).content) for each in set(loaded_by(client, address))), page


def loaded_by(client: Any, address: str) -> Iterator[str]:
    """Addresses of the style, scripts and icons of a page, and of the modules that those import."""
    text = text_of(client.get(address))
    found = STATIC.findall(text) if not address.endswith(".js") else []
    found += [urljoin(address, each) for each in IMPORT.findall(text)] if address.endswith(".js") else []
    for each in dict.fromkeys(found):
        yield each
        yield from loaded_by(client, each) if each.endswith(".js") else ()


def text_of(response: Any) -> str:
    content: bytes = response.content
    coding = response.headers.get("Content-Encoding")
    if coding == "br":
        import brotli

        content = brotli.decompress(content)
    return (gzip.decompress(content) if coding == "gzip" else content).decode()


def main() -> None:
    set_up()
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    from connections.models import Connection
    from connections.secret import Secret
    from flows.language.document import parse
    from flows.models import Flow, Run

    Flow.objects.create_flow(parse(document_of(100)), by=None)
    small = Flow.objects.create_flow(parse(document_of(3)), by=None)
    contoso = Connection.objects.create(
        name="contoso", endpoint="https://contoso.openai.azure.com/openai/v1", key=Secret("key")
    )
    ada = User.objects.create_superuser("bench", password="benchmark")
    client, plain = Client(headers=AS_BROWSERS), Client(headers={"Host": "localhost"})
    client.force_login(ada)
    plain.force_login(ada)
    run = Run.objects.start(flow=small, inputs={"question": "Why?"}, by=ada, via="run page")

    bare = median_ms(lambda: client.get("/healthz"))
    print(f"health check {bare:.1f} ms (bare)")
    for label, address in (
        ("list of flows", "/flows/"),
        ("designer with 100 actions", "/flows/flow-100/"),
        ("property panel", "/flows/flow-100/actions/chat50/"),
        ("style sheet", "/static/css/components.css"),
    ):
        headers = {"HX-Request": "true"} if "/actions/" in address else {}
        took, as_it_is = (
            median_ms(lambda by=by, address=address, headers=headers: by.get(address, headers=headers))
            for by in (client, plain)
        )
        print(f"{label} {took:.1f} ms, ratio {took / bare:.1f}; without compression {as_it_is:.1f} ms")
    client.get("/playground/")  # makes a session
    for label, address in (
        ("designer", f"/flows/{small.slug}/"),
        ("designer with 100 actions", "/flows/flow-100/"),
        ("flows", "/flows/"),
        ("runs", "/runs/"),
        ("run", f"/runs/{run.pk}/"),
        ("playground", client.get("/playground/").headers["Location"]),
        ("connection", reverse("connections:edit", args=[contoso.pk])),
    ):
        (first, again), (first_plain, again_plain) = (weights(each, address) for each in (client, plain))
        print(
            f"{label}: {first / 1000:.1f} kB at first, {again / 1000:.1f} kB again"
            f" ({first_plain / 1000:.1f} and {again_plain / 1000:.1f} kB without compression)"
        )


if __name__ == "__main__":
    main()
