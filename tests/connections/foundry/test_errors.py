"""What an error holds, and which id of an answer is quoted to support."""

import pytest

from connections.foundry.errors import LONGEST_RAW, ErrorKind, FoundryError, request_id, request_ids


def test_an_error_holds_only_what_is_known():
    assert vars(FoundryError(ErrorKind.SERVER, "It failed.")) == {
        "kind": ErrorKind.SERVER, "message": "It failed.", "hint": "", "status": None, "request_id": None, "raw": "",
        "code": "", "params": (), "filters": (), "details": {},
    }  # fmt: skip
    error = FoundryError(ErrorKind.SERVER, "It failed.", raw="x" * (LONGEST_RAW + 1), details={"a": 1})
    assert (str(error), len(error.raw), error.details) == ("It failed.", LONGEST_RAW, {"a": 1})


NAMES = [
    *("apim-request-id", "x-request-id", "request-id", "x-ms-request-id", "x-ms-client-request-id"),
    "azureml-model-session",
]


@pytest.mark.parametrize("first", range(len(NAMES)))
def test_the_first_id_of_an_answer_is_quoted_and_all_are_kept(first):
    headers = {"content-type": "x", **{name: f"{name} {'x' * 300}" for name in reversed(NAMES[first:])}}
    assert request_ids(headers) == {name: headers[name][:200] for name in NAMES[first:]}
    assert request_id(headers) == headers[NAMES[first]][:200]
    assert request_id({"content-type": "x", "request-id": ""}) is None
