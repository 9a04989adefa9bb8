"""A model that counts: it answers every prompt with itself, and knows what it was asked and when."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from typing import Any


class Counting:
    """ASGI. The prompt `strange` is answered with characters that databases refuse. A prompt `hold …` is answered once `release()` was called; `sleep 0.3 …` after that many seconds, `speak 0.3` says
    something first."""

    def __init__(self) -> None:
        self.calls: dict[str, list[float]] = defaultdict(list)  # prompt -> when it came, seconds since the epoch
        self.left: list[str] = []  # prompts whose caller hung up
        self._open = False

    def release(self) -> None:
        self._open = True

    def count(self, prompt: str) -> int:
        return len(self.calls[prompt])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        prompt = json.loads(body)["messages"][-1]["content"]
        self.calls[prompt].append(time.time())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        speaks = prompt.startswith("speak")
        if speaks:
            first = {"choices": [{"index": 0, "delta": {"content": "Well, "}, "finish_reason": None}]}
            await send(
                {"type": "http.response.body", "body": b"data: %s\n\n" % json.dumps(first).encode(), "more_body": True}
            )
        if not await self._waited(prompt, receive):
            self.left.append(prompt)
            return
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        said = "nul \0, half a pair \ud800" if prompt == "strange" else f"<{prompt}>"
        delta = {"choices": [{"index": 0, "delta": {"content": said}, "finish_reason": None}]}
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}
        lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in (delta, end)) + "data: [DONE]\n\n"
        await send({"type": "http.response.body", "body": lines.encode()})

    async def _waited(self, prompt: str, receive: Any) -> bool:
        """Whether the caller was still there when it was time to answer."""
        words = prompt.split()
        until = time.monotonic() + float(words[1]) if words[0] in ("sleep", "speak") else None
        gone = asyncio.ensure_future(receive())
        while (until and time.monotonic() < until) or (words[:1] == ["hold"] and not self._open):
            done, _ = await asyncio.wait([gone], timeout=0.01)
            if done:
                return False
        gone.cancel()
        return True
