"""What `deploy/nginx` promises, tried: https, names, addresses below a path, streams piece by piece, sentences."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.deploying.conftest import STRANGER, deployed
from tests.processes import ROOT

SAID_IN = 1.5  # seconds in which the simulator says its hundred words to the flow "Slow"
ADDRESSES = {
    "href", "src", "action", "formaction", "poster", "hx-get", "hx-post", "hx-put", "hx-patch", "hx-delete", "hx-push-url",
    "hx-replace-url", "hx-sse:connect",
}  # fmt: skip
FOLLOWED = {"href", "src", "hx-get", "hx-sse:connect"}


class Links(HTMLParser):
    """Every address that a page names: (attribute, value), also in the attributes that scripts read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            name = name.removesuffix(":inherited")
            for_scripts = name.startswith("data-") and re.match(r"/[\w-]+/", value or "")
            if value and not value.startswith("data:") and (name in ADDRESSES or for_scripts):
                self.found.add((name, value))


def shape(address: str) -> str:
    """Addresses of one shape lead to pages of one kind."""
    return re.sub(r"\d+", "1", address.partition("?")[0])


def test_every_address_of_every_page_is_below_the_path_and_leads_somewhere(every_site):
    prefix, seen, troubles, pages = every_site.prefix, set(), [], 0
    waiting = [(f"{prefix}/", "the beginning")]
    with every_site.client() as client:
        while waiting:
            address, origin = waiting.pop(0)
            if shape(address) in seen:
                continue
            seen.add(shape(address))
            with client.stream("GET", address) as response:
                if response.is_redirect:
                    waiting.append((response.headers["Location"], address))
                    if not response.headers["Location"].startswith(f"{prefix}/"):
                        troubles.append((address, response.headers["Location"]))
                    continue
                if response.status_code != 200:
                    troubles.append((origin, address, response.status_code))
                    continue
                kind = response.headers["Content-Type"].partition(";")[0]
                if kind not in ("text/html", "text/css", "text/javascript"):
                    continue
                text = response.read().decode()
            pages += kind == "text/html"
            for name, value in references(kind, text):
                target = urljoin(address, value)
                if urlsplit(target).scheme:  # another server
                    continue
                if not target.startswith(f"{prefix}/"):
                    troubles.append((address, name, value))
                elif name in FOLLOWED and "/logout" not in target:
                    waiting.append((target.partition("#")[0], address))
    assert troubles == []
    assert pages > 40
    assert {f"{prefix}/api/docs", f"{prefix}/runs/1/", f"{prefix}/batches/1/", f"{prefix}/playground/1/"} <= seen


def references(kind: str, text: str) -> set[tuple[str, str]]:
    if kind == "text/html":
        return Links(text).found
    named = r"""url\(["']?([./][^"')\s]+)""" if kind == "text/css" else r"""\b(?:from|import)\s*["']([./][^"']+)["']"""
    return {("src", found) for found in re.findall(named, text)}


def test_no_script_knows_an_address():
    for file in (ROOT / "static" / "js").rglob("*.js"):
        # What an address ends with is the same everywhere.
        assert re.findall(r"""(?<!endsWith\()["'`]/[a-z][\w/-]*["'`$]""", file.read_text()) == [], file


def test_forms_and_calls_work_below_the_path(every_site):
    prefix = every_site.prefix
    with every_site.client() as client:
        page = client.get(f"{prefix}/connections/new/").text
        token = token_of(page)
        headers = {"Origin": every_site.origin, "Referer": f"{every_site.origin}{prefix}/connections/new/"}
        form = {"csrfmiddlewaretoken": token, "name": "new", "endpoint": "https://x.openai.azure.com", "key": "k" * 32}
        answer = client.post(f"{prefix}/connections/new/", data=form, headers=headers)
        assert (answer.status_code, answer.headers["Location"].startswith(f"{prefix}/connections/")) == (302, True)
        foreign = client.post(f"{prefix}/connections/new/", data=form, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
    with every_site.client(signed_in=False) as client:
        call = {"Authorization": f"Bearer {every_site.key}"}
        accepted = client.post(f"{prefix}/api/flows/slow/submit", headers=call, json={})
        assert accepted.status_code == 202
        assert accepted.json()["url"].startswith(f"{prefix}/api/runs/")
        assert client.get(accepted.json()["url"], headers=call).json()["id"] == accepted.json()["run"]
        asked = client.get(f"{prefix}/flows/")
        assert asked.headers["Location"] == f"{prefix}/login/?next={prefix}/flows/"


def test_signing_in_and_out_stays_below_the_path(every_site):
    prefix, origin = every_site.prefix, {"Origin": every_site.origin}
    with every_site.client(signed_in=False) as client:
        page = client.get(f"{prefix}/login/?next={prefix}/runs/").text
        form = {"username": "ada@contoso.example", "password": "correct horse staple", "next": f"{prefix}/runs/"}
        signed = client.post(f"{prefix}/login/", data={**form, "csrfmiddlewaretoken": token_of(page)}, headers=origin)
        assert (signed.status_code, signed.headers["Location"]) == (302, f"{prefix}/runs/")
        assert all(f"Path={prefix}/" in cookie for cookie in signed.headers.get_list("Set-Cookie"))
        cookies = {cookie.partition("=")[0]: cookie.split(";")[0] for cookie in signed.headers.get_list("Set-Cookie")}
        headers = {**origin, "Cookie": "; ".join(cookies.values())}
        token = client.get(f"{prefix}/account/session/", headers=headers).json()["token"]
        left = client.post(f"{prefix}/logout/", data={"csrfmiddlewaretoken": token}, headers=headers)
        assert (left.status_code, left.headers["Location"]) == (302, f"{prefix}/login/")


def token_of(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found, page
    return found[1]


def arrivals(response: httpx.Response, wanted: str) -> list[float]:
    """When each piece came that holds the text, until the stream ends."""
    times = []
    for piece in response.iter_text():
        times += [time.monotonic()] * (wanted in piece)
    return times


def assert_piece_by_piece(times: list[float]) -> None:
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) > 10, times
    assert sum(gaps) > SAID_IN / 2, "all came at once"
    assert max(gaps) < sum(gaps) / 2, gaps


def test_a_call_that_streams_gets_its_answer_piece_by_piece(every_site):
    with every_site.client(signed_in=False) as client:
        headers = {"Authorization": f"Bearer {every_site.key}"}
        address = f"{every_site.prefix}/api/flows/slow/stream"
        with client.stream("POST", address, headers=headers, json={}) as response:
            assert response.status_code == 200
            assert_piece_by_piece(arrivals(response, "event: text"))


def test_the_page_of_a_run_is_told_piece_by_piece(every_site):
    prefix = every_site.prefix
    with every_site.client() as client:
        headers = {"Authorization": f"Bearer {every_site.key}"}
        run = client.post(f"{prefix}/api/flows/slow/submit", headers=headers, json={}).json()["run"]
        page = client.get(f"{prefix}/runs/{run}/").text
        address = next(value for name, value in Links(page).found if name == "hx-sse:connect")
        with client.stream("GET", address, headers={"Accept": "text/event-stream"}) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream")
            assert_piece_by_piece(arrivals(response, "hx-partial"))


def test_http_is_led_to_https_and_what_was_sent_goes_along(site):
    with site.client(signed_in=False, host=site.host, port=site.plain) as client:
        for method in ("GET", "POST"):
            answer = client.request(method, "/flows/?x=1")
            assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{site.host}/flows/?x=1")


def test_cookies_are_secure_and_browsers_stay_with_https(site):
    with site.client(signed_in=False) as client:
        answer = client.get("/login/")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "; Secure" in answer.headers["Set-Cookie"]
        token = token_of(answer.text)
        form = {"username": "ada@contoso.example", "password": "correct horse staple", "csrfmiddlewaretoken": token}
        signed = client.post("/login/", data=form, headers={"Origin": site.origin})
        assert signed.status_code == 302
        cookie = next(each for each in signed.headers.get_list("Set-Cookie") if each.startswith("sessionid="))
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize("host", ["evil.example", "flows.contoso.com.evil.example", "127.0.0.1"])
def test_a_name_that_is_not_ours_is_refused_on_pages_and_calls(site, host):
    with site.client(host=host) as client:
        page = client.get("/flows/")
        assert page.status_code == 400
        assert host not in page.text
        call = client.get("/api/flows", headers={"Authorization": f"Bearer {site.key}"})
        assert (call.status_code, call.json()["status"]) == (400, 400)


def test_nobody_makes_up_where_a_call_comes_from(site):
    """Whoever guesses passwords is counted by the address that nginx sees, whatever the caller writes."""
    statuses = []
    for number in range(8):
        with site.client(signed_in=False, caller=STRANGER) as client:
            forged = {f"X-Forwarded-{name}": f"9.9.9.{number}" for name in ("For", "Host")}
            page = client.get("/login/", headers={**forged, "Forwarded": f"for=9.9.9.{number};proto=http"})
            token = token_of(page.text)
            form = {"username": "eve@contoso.example", "password": "wrong", "csrfmiddlewaretoken": token}
            statuses.append(client.post("/login/", data=form, headers={**forged, "Origin": site.origin}).status_code)
    assert statuses[0] == 422
    assert statuses[-1] == 429, statuses


def test_nobody_makes_up_that_http_was_https(site):
    with site.client(signed_in=False, host=site.host, port=site.plain) as client:
        assert client.get("/flows/", headers={"X-Forwarded-Proto": "https"}).status_code == 308


def test_what_is_too_large_gets_a_sentence_from_whoever_says_it(site):
    with site.client() as client:
        token = client.get("/account/session/").json()["token"]
        headers = {"Origin": site.origin, "X-CSRFToken": token}
        by_the_server = client.post("/flows/import/", headers=headers, files={"file": ("x.json", b"x" * 12_000_000)})
        assert "is larger than 5 MB" in by_the_server.text
        by_nginx = client.post("/flows/import/", headers=headers, files={"file": ("x.json", b"x" * 26_000_000)})
        assert (by_nginx.status_code, "larger than 24 MB" in by_nginx.text) == (413, True)
        call = {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"}
        body = json.dumps({"inputs": {"x": "x" * 12_000_000}})
        answer = client.post("/api/flows/slow/submit", headers=call, content=body)
        assert (answer.status_code, "longer than 10 MiB" in answer.json()["detail"]) == (413, True)


def test_while_the_server_is_away_nginx_says_so_and_the_page_tries_again(tmp_path, migrated):
    with deployed(tmp_path, migrated) as site, site.client() as client:
        away = client.get("/flows/")
        assert (away.status_code, away.headers["Retry-After"], away.headers["Cache-Control"]) == (503, "5", "no-store")
        assert "The server does not answer" in away.text
        assert '<meta http-equiv="refresh" content="5">' in away.text
        with site.serving():
            assert client.get("/flows/").status_code == 200
        assert client.get("/flows/").status_code == 503
