"""What the large editor offers in code is there in the sandbox."""

import pytest
from pydantic_monty import Monty

from flows.designer.code_fields import CodePropertyField
from flows.designer.completions import COMPLETIONS

CALLS = {  # what can only be called
    "datetime.date.today": "()",
    "datetime.datetime.now": "()",
    "datetime.datetime.fromisoformat": "('2027-01-31T09:00')",
}


@pytest.fixture(scope="module")
def monty():
    with Monty(max_processes=1) as pool:
        yield pool


@pytest.mark.parametrize("label", [completion.label for completion in COMPLETIONS])
def test_what_is_offered_is_there(monty, label):
    with monty.checkout() as session:
        session.feed_run(f"import {label.partition('.')[0]}\n{label}{CALLS.get(label, '')}\nNone")


def test_the_editor_gets_it_as_codemirror_takes_it():
    assert '{"label": "json.loads", "detail": "(text)", "info": "The value in JSON.", "type": "function"}' in (
        CodePropertyField.completions
    )
