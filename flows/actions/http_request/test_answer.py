"""What an answer becomes: the variable, or an error that says what to do."""

import pytest

from connections.foundry.masking import masker_of
from connections.http.messages import ReceivedAnswer
from connections.secret import Secret
from flows.actions.http_request.answer import LONGEST_RAW, as_variable, headers_of, json_of, refuse_error_status
from flows.language.errors import ActionError

SENT = "planted-sent-0a1b2c"
MASKER = masker_of(SENT)


def answer(body="", status=200, **headers):
    return ReceivedAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body.encode())


def error_of(status, body="", paths=(), **headers):
    with pytest.raises(ActionError) as refused:
        refuse_error_status(answer(body, status, **headers), MASKER, paths)
    return refused.value


@pytest.mark.parametrize("status", [200, 204, 304, 399])
def test_a_status_below_400_that_leads_nowhere_is_no_error(status):
    refuse_error_status(answer(status=status), MASKER, ())


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, "http_status", "The answer says what is wrong with it."),
        (401, "unauthorized", "Check Authentication, and whether the token or key is still valid."),
        (403, "forbidden", "The token or key is known, but may not do this."),
        (404, "not_found", "Check the path of the URL."),
        (408, "timeout", "The answer says what is wrong with it."),
        (429, "rate_limit", "Try again later; Retry in the property panel does."),
        (499, "http_status", "The answer says what is wrong with it."),
        (500, "server", "Try again."),
        (503, "server", "Try again."),
    ],
)
def test_an_error_status_has_a_kind_and_says_what_to_do(status, kind, hint):
    error = error_of(status, "no")
    assert (error.kind, error.hint, error.status, error.raw) == (kind, hint, status, "no")
    assert error.message == f"The service answered with status {status}."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_names_where_it_leads(status):
    error = error_of(status, location="https://other.example/a?key=planted-key-0123456789")
    assert (error.kind, error.status) == ("redirect", status)
    assert error.message.startswith("The service leads to https://other.example/a")
    assert "planted" not in error.message
    assert error_of(status).message == "The service leads to another address, which is not followed."


def test_the_body_of_an_error_is_kept_short_and_without_secrets():
    assert error_of(400, f"{SENT} {'x' * 30_000}").raw == f"•••• {'x' * 30_000}"[:LONGEST_RAW]
    assert error_of(400, '{"key": "planted-other", "who": "Zoë"}', ["key"]).raw == '{"key": "••••", "who": "Zoë"}'
    assert error_of(400, "no json", ["key"]).raw == "no json"


def test_an_answer_is_status_headers_and_json_or_text():
    response = answer('{"a": 1}', 201, x_trace=SENT, set_cookie="sid=1")
    headers = {"x-trace": "••••", "set-cookie": Secret("sid=1")}
    assert as_variable('{"a": 1}', response, MASKER, (), True) == {
        "status": 201,
        "headers": headers,
        "json": {"a": 1},
        "text": "",
    }
    assert as_variable(f"a {SENT}", response, MASKER, (), False) == {
        "status": 201, "headers": headers, "json": None, "text": "a ••••",
    }  # fmt: skip
    assert as_variable("", response, MASKER, (), True)["json"] is None


def test_secret_parts_of_an_answer_are_secrets_though_they_were_sent():
    text = f'{{"key": "{SENT}", "echo": "{SENT}"}}'
    assert as_variable(text, answer(text), MASKER, ["key"], True)["json"] == {"key": Secret(SENT), "echo": "••••"}


@pytest.mark.parametrize("name", ["set-cookie", "authorization", "proxy-authorization"])
def test_headers_that_carry_credentials_are_secrets(name):
    assert headers_of(answer(**{name: "planted"}), MASKER) == {name: Secret("planted")}


def test_what_is_no_json_is_said_and_shown_unless_it_has_secret_parts():
    with pytest.raises(ActionError) as refused:
        json_of("no", 200, "x" * 30_000)
    assert (refused.value.kind, refused.value.status, refused.value.raw) == ("invalid_json", 200, "x" * LONGEST_RAW)
    assert refused.value.message.startswith("The answer is not JSON (")
    for paths, raw in (((), "no"), (["key"], "")):
        with pytest.raises(ActionError) as refused:
            as_variable("no", answer("no"), MASKER, paths, True)
        assert refused.value.raw == raw
