"""A curl command becomes the properties of a request, and what of it cannot is said."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.actions.http_request.action import HttpRequestAction
from flows.actions.http_request.curl import DECIDED, CurlError, read_curl
from flows.actions.http_request.curl_request import CurlRequest, leave_out, looks_secret, short


def taken(command):
    """What is set by it."""
    return {name: value for name, value in read_curl(command).properties.items() if value is not None}


def notes(command):
    return list(read_curl(command).notes)


URL = "https://api.contoso.com/v1/customers"
DEEP = "[" * 100_000
BASIC = {"authentication": "basic", "user_name": "ann", "credential": "pass"}


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (f"curl {URL}", {"method": "GET", "url": URL}),
        (f"curl -sSL -X DELETE {URL}/7", {"method": "DELETE", "url": f"{URL}/7"}),
        (f"curl -I '{URL}?page=2&page=3'", {"method": "HEAD", "url": f"{URL}?page=2&page=3"}),
        ("curl.exe api.contoso.com/a", {"method": "GET", "url": "https://api.contoso.com/a"}),
        ("$ curl localhost:8000/a#part", {"method": "GET", "url": "http://localhost:8000/a"}),
        (f"curl --request=put --url {URL} -m 5", {"method": "PUT", "url": URL, "timeout": 5.0}),
        (
            f"curl {URL} -Haccept:text/csv -A 'Contoso 1' -e https://contoso.com",
            {
                "method": "GET",
                "url": URL,
                "headers": {"accept": "text/csv", "User-Agent": "Contoso 1", "Referer": "https://contoso.com"},
            },
        ),
        (
            f"curl {URL} -H 'X-Many: 1' -H 'X-Many: 2' -H 'Host: x' -H 'Empty;'",
            {"method": "GET", "url": URL, "headers": {"X-Many": ["1", "2"]}},
        ),
    ],
)
def test_method_address_and_headers(command, found):
    assert taken(command) == found


@pytest.mark.parametrize(
    ("options", "body", "format", "headers"),
    [
        ("""-H 'Content-Type: application/json' -d '{"a": [1, 2.5, null]}'""", {"a": [1, 2.5, None]}, None, None),
        ("""-d '{"a": "ü"}'""", {"a": "ü"}, None, None),
        ("""--json '{"a": 1}'""", {"a": 1}, None, {"Accept": "application/json"}),
        ("""--json '{"a":' --json '1}'""", {"a": 1}, None, {"Accept": "application/json"}),
        (
            """-H 'Content-Type: application/json' -d 'no json'""",
            "no json",
            "text",
            {"Content-Type": "application/json"},
        ),
        (
            """-H 'Content-Type: application/vnd.x+json' -d '{"a": 1}'""",
            {"a": 1},
            None,
            {"Content-Type": "application/vnd.x+json"},
        ),
        (
            "-d a=1 -d 'b=2 3' --data-urlencode 'c=ü & x' --data-urlencode '=d e' --data-urlencode f",
            {"a": "1", "b": "2 3", "c": "ü & x", "d e": "", "f": ""},
            "form",
            None,
        ),
        ("-d a=1 -d a=2", {"a": ["1", "2"]}, "form", None),
        ("-H 'Content-Type: text/xml' --data-raw '@<a/>'", "@<a/>", "text", {"Content-Type": "text/xml"}),
        ("""-d '{"a": "{{ x }} {% y %} {z}"}'""", {"a": "{{ '{' }}{ x }} {{ '{' }}% y %} {z}"}, None, None),
    ],
)
def test_bodies(options, body, format, headers):
    found = taken(f"curl {URL} {options}")
    assert (found["method"], found["body"], found.get("body_format"), found.get("headers")) == (
        "POST",
        body,
        format,
        headers,
    )


def test_data_may_go_into_the_address():
    assert taken(f"curl -G {URL}?a=1 -d b=2 --data-urlencode 'c=x y' --url-query d=4") == {
        "method": "GET",
        "url": f"{URL}?a=1&d=4&b=2&c=x+y",
    }


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("-H 'Authorization: Bearer s3cret-t0ken'", {"authentication": "bearer token", "credential": "s3cret-t0ken"}),
        ("--oauth2-bearer s3cret-t0ken", {"authentication": "bearer token", "credential": "s3cret-t0ken"}),
        ("-u ann:pass:word", {"authentication": "basic", "user_name": "ann", "credential": "pass:word"}),
        (
            "-H 'authorization: Basic YW5uOnBhc3M='",
            {"authentication": "basic", "user_name": "ann", "credential": "pass"},
        ),
        (
            "-H 'Ocp-Apim-Subscription-Key: s3cret-key'",
            {"authentication": "API key", "key_header": "Ocp-Apim-Subscription-Key", "credential": "s3cret-key"},
        ),
        ("-H 'Authorization: Token s3cret'", {"headers": {"Authorization": "Token s3cret"}}),
        (
            "-u ann:pass -H 'X-Api-Key: s3cret-key'",
            {**BASIC, "headers": {"X-Api-Key": "s3cret-key"}},
        ),
        ("-b sid=1 -b theme=dark", {"headers": {"Cookie": "sid=1; theme=dark"}}),
    ],
)
def test_credentials_go_where_secrets_are_kept(options, found):
    assert taken(f"curl {URL} {options}") == {"method": "GET", "url": URL, **found}


def test_secrets_of_an_address_leave_it():
    assert taken("curl 'https://ann:p%20w@api.contoso.com/a?api_key=s3cret-key&page=2'") == {
        "method": "GET",
        "url": "https://api.contoso.com/a",
        "query": {"api_key": "s3cret-key", "page": "2"},
        "authentication": "basic",
        "user_name": "ann",
        "credential": "p w",
    }


def test_what_only_looks_like_a_secret_is_left_out_and_named():
    headers = "-H 'X-Contoso-Key: 0123456789' -H 'X-Trace: 0123456789'"
    command = f"curl '{URL}?session_key=0123456789' -u ann:pass {headers}"
    found = taken(command)

    assert found["query"] == {"session_key": "{{ session_key }}"}
    assert found["headers"] == {"X-Contoso-Key": "{{ X_Contoso_Key }}", "X-Trace": "0123456789"}
    assert notes(command) == [
        "session_key of the query is a secret, and is not taken over: declare session_key as a secret.",
        "X-Contoso-Key of the header is a secret, and is not taken over: declare X_Contoso_Key as a secret.",
    ]
    assert taken(f"curl {URL} -H 'X-Contoso-Key: 0123456789'")["key_header"] == "X-Contoso-Key"
    assert "url" not in taken("curl https://api.contoso.com/api-key/0123456789abcdef")


def test_secrets_of_a_body_are_left_out_and_named():
    body = {"client_secret": "s3cret", "user": {"password": "x", "name": "Ann"}, "code": "DE", "key": "s3cret-key-9"}
    command = f"curl {URL} -d '{json.dumps(body)}'"

    assert taken(command)["body"] == {
        "client_secret": "{{ client_secret }}",
        "user": {"password": "{{ password }}", "name": "Ann"},
        "code": "DE",
        "key": "{{ key }}",
    }
    assert notes(command) == [
        f"{name} of the body is a secret, and is not taken over: declare {name} as a secret."
        for name in ("client_secret", "password", "key")
    ]
    assert taken(f"curl {URL} -d 'grant_type=password&password=x'")["body"] == {
        "grant_type": "password",
        "password": "{{ password }}",
    }


def test_variables_of_the_shell_become_variables_of_the_flow():
    command = """curl "$BASE/v1?q=${QUERY}" -H "Authorization: Bearer $TOKEN" -d '{"price": "$5", "who": "'"$WHO"'"}'"""

    assert taken(command) == {
        "method": "POST",
        "url": "{{ BASE }}/v1?q={{ QUERY }}",
        "authentication": "bearer token",
        "credential": "{{ TOKEN }}",
        "body": {"price": "$5", "who": "{{ WHO }}"},
    }
    assert notes(command) == [
        "Variables of the shell became variables of the flow: BASE, QUERY, TOKEN, WHO. Declare them."
    ]


def test_text_and_variable_are_not_mixed_in_a_secret():
    command = f'curl {URL} -H "Cookie: sid=$SID" -H "X-Api-Key: a-$KEY"'
    assert taken(command) == {"method": "GET", "url": URL, "authentication": "API key", "key_header": "X-Api-Key"}
    assert notes(command)[-2:] == [
        "The credential is left out: text and a variable cannot be mixed in a secret.",
        "Cookie is left out: text and a variable cannot be mixed in a secret.",
    ]


@pytest.mark.parametrize(
    "command",
    [
        f"curl '{URL}' \\\n  -X POST \\\n  -H 'X-A: 1' \\\n  -s --data-raw $'{{\"a\": \"it\\'s \\u00fc\"}}'",
        f'curl ^"{URL}^" ^\n  -X POST ^\n  -H ^"X-A: 1^" ^\n  --data-raw ^"^{{^\\^"a^\\^": ^\\^"it\'s ü^\\^"^}}^"',
        f'curl "{URL}" `\n  -X POST `\n  -H "X-A: 1" `\n  --data-raw "{{\\"a\\": \\"it\'s ü\\"}}"',
    ],
    ids=["bash", "cmd", "powershell"],
)
def test_what_browsers_copy_is_read_in_each_shell(command):
    assert taken(command) == {"method": "POST", "url": URL, "headers": {"X-A": "1"}, "body": {"a": "it's ü"}}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            f"curl -kL {URL}",
            [
                "-k is left out: certificates are always checked.",
                "-L is left out: no redirect is followed. Give the address where it leads.",
            ],
        ),
        (f"curl {URL} -F file=@x.png", ["-F sends files or parts: a request of a flow cannot. Body stays empty."]),
        (
            f"curl {URL} -d @body.json",
            ["The file body.json is left out: there are no files. Paste its text into Body."],
        ),
        (f"curl {URL} -H @h.txt", ["Headers of the file h.txt are left out: there are no files."]),
        (f"curl {URL} -b jar.txt", ["Cookies of the file jar.txt are left out: there are no files."]),
        (f"curl {URL} -u ann", ["The password is not in the command. Type it, or take it from a variable."]),
        (f"curl {URL} | jq .", ["What follows the command is left out: | jq ."]),
        (f"curl {URL} -s\ncurl {URL}/2", [f"What follows the command is left out: curl {URL}/2"]),
        (f"curl {URL} {URL}/2", ["Only the first address is taken over: a request of a flow asks one."]),
        (f"curl -X PROPFIND {URL}", ["The method PROPFIND cannot be sent; choose another one."]),
        (f"curl --frobnicate {URL}", ["--frobnicate is not known here, and is left out."]),
        (f"curl {URL} -H 'a b: c'", ["The header a b is left out: that is no name of one."]),
        (f"curl -sSfvigN --compressed -o out {URL}", []),
    ],
)
def test_what_cannot_be_taken_over_is_said(command, said):
    assert notes(command) == said
    assert taken(command)["url"] == URL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "This is no curl command."),
        ("wget https://x.com", "This is no curl command."),
        ("curl -X POST", "This is no curl command."),
        ("curling https://x.com", "This is no curl command."),
        ("curl 'https://x.com", "A quotation mark is not closed. Copy the whole command."),
        ("curl https://[x", "https://[x is no address."),
        ("curl https://x.com -d " + "a" * 200_000, "The text is longer than 200,000 characters."),
    ],
)
def test_what_is_no_command_is_refused_with_a_sentence(text, words):
    with pytest.raises(CurlError) as refused:
        read_curl(text)
    assert str(refused.value).startswith(words)


def test_a_paste_decides_all_of_the_request():
    found = HttpRequestAction().read_paste(f"curl {URL}").properties
    assert set(found) == set(DECIDED)


@given(st.text(st.sampled_from("curl -dHX'\"$\\{}^\n @=&:;|äa1"), max_size=60))
def test_any_text_is_read_or_refused(text):
    with suppress(CurlError):
        json.dumps(dict(read_curl(f"curl {text}").properties))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("-m 0.1", {"timeout": 0.1}),
        ("-m 600", {"timeout": 600.0}),
        ("-m 0.05", {}),
        ("-m 601", {}),
        ("-m soon", {}),
        ("-H 'Host: x' -H 'X-A: 1' -H ': 2'", {"headers": {"X-A": "1"}}),
        ("-u ann:pass -H 'X-Api-Key: s3cret-one' -H 'X-Api-Key: s3cret-two'",
         {**BASIC, "headers": {"X-Api-Key": "s3cret-one, s3cret-two"}}),
        ("-H 'X-Api-Key: a{{b}}c-0123'", {"authentication": "API key", "key_header": "X-Api-Key"}),
        ("-H 'X-Api-Key: a{%b%}c-0123'", {"authentication": "API key", "key_header": "X-Api-Key"}),
        ("-H 'Authorization: Bearer   t0ken '", {"authentication": "bearer token", "credential": "t0ken"}),
        ("-H 'Authorization: Bearer'", {"headers": {"Authorization": "Bearer"}}),
        ("-H 'X-Scheme: Bearer t0ken'", {"headers": {"X-Scheme": "Bearer t0ken"}}),
        ("-u ann:pass -H 'Authorization: Bearer t0ken'",
         {**BASIC, "headers": {"Authorization": "Bearer t0ken"}}),
        ("-u ann:pass -H 'Authorization: Basic Ym9iOngx'",
         {**BASIC, "headers": {"Authorization": "Basic Ym9iOngx"}}),
        ("-H 'Authorization: Basic  Ym9iOngx '", {"authentication": "basic", "user_name": "bob", "credential": "x1"}),
        ("-H 'Authorization: Basic Ym9i'", {"headers": {"Authorization": "Basic Ym9i"}}),
        ("-H 'Authorization: Basic !!!!'", {"headers": {"Authorization": "Basic !!!!"}}),
        ("-H 'Authorization: Basic YTpiAA=='", {"headers": {"Authorization": "Basic YTpiAA=="}}),
        ("-H 'X-Scheme: Basic Ym9iOngx'", {"headers": {"X-Scheme": "Basic Ym9iOngx"}}),
    ],
)  # fmt: skip
def test_headers_and_limits_at_their_edges(options, found):
    assert taken(f"curl {URL} {options}") == {"method": "GET", "url": URL, **found}


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:8000/a", "http://127.0.0.1:8000/a"),
        ("localhost/a", "http://localhost/a"),
        ("api.contoso.com/?back=http://x", "https://api.contoso.com/?back=http://x"),
        ("https://api.contoso.com/a?b=&c", "https://api.contoso.com/a?b=&c"),
    ],
)
def test_an_address_without_a_scheme_is_one_of_https_unless_it_is_here(address, url):
    assert taken(f"curl '{address}'")["url"] == url


def test_parameters_without_a_value_stay_beside_a_secret():
    assert taken("curl 'https://a.example/?a=&api_key=s3cret-key'")["query"] == {"a": "", "api_key": "s3cret-key"}


@pytest.mark.parametrize(
    ("command", "method", "note"),
    [
        (f"curl -X PROPFIND {URL} -d a=1", "POST", "The method PROPFIND cannot be sent; choose another one."),
        (f"curl -X PROPFIND {URL}", "GET", "The method PROPFIND cannot be sent; choose another one."),
        (f"curl {URL} -F a=@x", "POST", "-F sends files or parts: a request of a flow cannot. Body stays empty."),
        (f"curl {URL} -u ann:", "GET", "The password is not in the command. Type it, or take it from a variable."),
        ("curl https://a.example/api-key/0123456789abcdef", "GET",
         "The URL is left out. A secret stands in its path, where it can be read."),
    ],
)  # fmt: skip
def test_what_is_sent_in_place_of_what_cannot_be(command, method, note):
    assert (taken(command)["method"], notes(command)) == (method, [note])


@pytest.mark.parametrize(
    ("options", "body", "format", "headers"),
    [
        ("""--json '{"a": 1}' -H 'ACCEPT: text/csv'""", {"a": 1}, None, {"ACCEPT": "text/csv"}),
        ("--json 'no json'", "no json", "text", {"Accept": "application/json", "Content-Type": "application/json"}),
        (f"--json '{DEEP}'", DEEP, "text", {"Accept": "application/json", "Content-Type": "application/json"}),
        ("-H 'content-type: Application/X-WWW-Form-Urlencoded' -d a=1", {"a": "1"}, "form", None),
        ("-H 'Content-Type: application/json ; charset=utf-8' -d '[1]'", [1], None, None),
        ("-d ' [1]'", [1], None, None),
        ("-d ' {\"a\": 1}'", {"a": 1}, None, None),
        ('--data-urlencode "q=a $X b $Y"', {"q": "a {{ X }} b {{ Y }}"}, "form", None),
        ("--data-urlencode name@list.txt -d a=1", {"a": "1"}, "form", None),
        ("--data-urlencode @list.txt -d a=1", {"a": "1"}, "form", None),
    ],
)
def test_bodies_at_their_edges(options, body, format, headers):
    found = taken(f"curl {URL} {options}")
    assert (found["body"], found.get("body_format"), found.get("headers")) == (body, format, headers)


def test_files_of_encoded_data_are_named():
    assert notes(f"curl {URL} --data-urlencode name@list.txt --data-urlencode @other.txt") == [
        f"The file {name} is left out: there are no files. Paste its text into Body."
        for name in ("list.txt", "other.txt")
    ]


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("password", "x", True),
        ("password", "", False),
        ("password", "\ue000X\ue001", False),
        ("x-key", "01234567", True),
        ("x-key", "0123456", False),
        ("x-key", "0123 4567", False),
        ("trace", "0123456789", False),
    ],
)
def test_a_secret_is_known_by_its_name_and_length(name, value, is_secret):
    assert looks_secret(name, value) is is_secret


def test_a_secret_that_is_left_out_is_named_as_a_variable():
    request = CurlRequest()
    assert [leave_out(request, name, "body") for name in ("a-b.c", "2fa")] == ["\ue000a_b_c\ue001", "\ue000_2fa\ue001"]
    assert request.unsaid == {"a_b_c", "_2fa"}


def test_long_words_are_shown_short():
    assert [short("x" * 60), short("x" * 61), short("a\n \ue000B\ue001")] == ["x" * 60, f"{'x' * 59}…", "a $B"]
