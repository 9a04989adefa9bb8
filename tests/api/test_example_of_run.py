"""The programs that start a run like another one do start it."""

import shutil
import sys

import pytest

from flows.api.examples import example_of_run
from flows.models import Run
from flows.runs.start_code import without_secrets
from tests.api.test_api import server
from tests.api.test_reference import execute
from tests.engine.conftest import counting
from tests.runs.test_run_code import asked

__all__ = ["asked", "counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)


def example(run, base):
    inputs = {name: without_secrets(value, name) for name, value in run.inputs.items()}
    return example_of_run(base, run.flow.slug, inputs, run.customer)


@pytest.mark.parametrize("language", ["curl", "python"])
def test_it_starts_a_run_with_the_same_inputs(server, asked, language, monkeypatch):
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("There is no curl here (scripts/get-curl): the example of it was not run.")
    monkeypatch.setenv("WHO_KEY", "kept-in-the-environment")
    program = getattr(example(asked, server.url), language)
    command = ("bash", "-c") if language == "curl" else (sys.executable, "-c")
    assert "succeeded" in execute(*command, program)
    made = Run.objects.latest("pk")
    assert made.pk != asked.pk
    assert made.inputs == asked.inputs
    assert made.customer == asked.customer
