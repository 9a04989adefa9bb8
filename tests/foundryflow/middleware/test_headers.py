"""What every answer says to the browser."""

import pytest
from django.test import Client

from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db


def test_nothing_with_data_is_kept_and_every_page_says_what_it_may_use(client_alice):
    flow = make_flow()
    run = make_run(flow, question="x")
    for address in (
        "/flows/", f"/flows/{flow.slug}/", f"/flows/{flow.slug}/export/", "/runs/", f"/runs/{run.pk}/", "/connections/",
        "/batches/", "/playground/sessions/", "/api/docs", "/api/openapi.json", "/account/password/", "/nothing/here/",
    ):  # fmt: skip
        headers = client_alice.get(address).headers
        assert "no-store" in headers["Cache-Control"], address
        assert "camera=()" in headers["Permissions-Policy"], address


def test_parts_of_pages_are_not_kept_either(client_alice):
    flow = make_flow()
    address = f"/flows/{flow.slug}/actions/{flow.current.document['actions'][0]['id']}/"
    response = client_alice.get(address, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


def test_pages_before_the_log_in_say_it_too():
    for address in ("/login/", "/healthz"):
        response = Client().get(address)
        assert "no-store" in response.headers["Cache-Control"]
        assert "geolocation=()" in response.headers["Permissions-Policy"]


def test_style_and_script_are_kept():
    response = Client().get("/static/css/base.css")
    assert response.status_code == 200
    assert "no-store" not in response.headers.get("Cache-Control", "")
