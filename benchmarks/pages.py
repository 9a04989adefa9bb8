"""Server time of the designer with 100 actions: the page and a panel, beside a page that does nothing.

python -m benchmarks.pages
"""

from __future__ import annotations

import statistics
import time

from benchmarks.stage import set_up

TIMES = 30


def median_ms(get) -> float:  # type: ignore[no-untyped-def]
    get()
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        assert get().status_code == 200
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def main() -> None:
    set_up()
    from django.contrib.auth.models import User
    from django.test import Client

    from flows.language.document import parse
    from flows.models import Flow

    def chat(n: int) -> dict[str, object]:
        properties = {
            "connection": "simulator",
            "model": "m",
            "user_prompt": "{{ question }}",
            "result_variable_name": f"r{n}",
        }
        return {"id": f"chat{n}", "type": "chat_completion", "title": f"Chat {n}", "properties": properties}

    inputs = [{"name": "question", "type": "text", "required": True}]
    document = {
        "format": "foundryflow/1",
        "name": "hundred",
        "inputs": inputs,
        "actions": [chat(n) for n in range(100)],
    }
    Flow.objects.create_flow(parse(document), by=None)
    client = Client(headers={"Host": "localhost"})
    client.force_login(User.objects.create_superuser("bench", password="benchmark"))
    bare = median_ms(lambda: client.get("/healthz"))
    page = median_ms(lambda: client.get("/flows/hundred/"))
    panel = median_ms(lambda: client.get("/flows/hundred/actions/chat50/", headers={"HX-Request": "true"}))
    print(f"health check {bare:.1f} ms (bare)")
    print(f"designer with 100 actions {page:.1f} ms, ratio {page / bare:.1f}")
    print(f"property panel {panel:.1f} ms, ratio {panel / bare:.1f}")


if __name__ == "__main__":
    main()
