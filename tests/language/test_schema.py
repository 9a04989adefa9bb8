"""The limits of what a flow may be: each is reached, and not passed."""

from typing import Any

import pytest

from flows.language.schema import LARGEST, shape_problems


def flow(**more: Any) -> dict[str, Any]:
    return {"format": "foundryflow/1", "name": "A", "actions": [], **more}


def log(**more: Any) -> dict[str, Any]:
    return {"id": "a", "type": "log", **more}


@pytest.mark.parametrize(
    "data",
    [
        flow(name="x" * 200),
        flow(settings={"deadline": 1, "concurrency": 1}),
        flow(settings={"deadline": 30 * 86_400, "concurrency": 1_000}),
        flow(actions=[log(id="x" * 80, timeout=0.1)]),
        flow(actions=[log(timeout=86_400)]),
        flow(actions=[log(retry={"attempts": 1, "delay": 0, "backoff": 1, "on": ["timeout"]})]),
        flow(actions=[log(retry={"attempts": 10, "delay": 3_600, "backoff": 10})]),
        flow(inputs=[{"name": "a", "secret_parts": [f"p{number}" for number in range(50)]}]),
    ],
)
def test_a_flow_may_be_as_its_limits_say(data: dict[str, Any]) -> None:
    assert list(shape_problems(data)) == []


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (flow(name="x" * 201), "name is missing or longer than 200 characters. Give the flow a name."),
        (flow(name=" "), "name is missing or longer than 200 characters. Give the flow a name."),
        (flow(settings=[]), "settings is not a JSON object."),
        (flow(settings={"deadline": 0.9}), "settings.deadline 0.9 is not a number from 1 to 2.592e+06."),
        (
            flow(settings={"deadline": 30 * 86_400 + 1}),
            "settings.deadline 2592001 is not a number from 1 to 2.592e+06.",
        ),
        (flow(settings={"concurrency": 0}), "settings.concurrency 0 is not a number from 1 to 1000."),
        (flow(settings={"concurrency": 1_001}), "settings.concurrency 1001 is not a number from 1 to 1000."),
        (flow(inputs={}), "inputs is not a list."),
        (flow(actions=[log(timeout=0.09)]), "actions[0]: timeout 0.09 is not a number from 0.1 to 86400."),
        (flow(actions=[log(timeout=86_401)]), "actions[0]: timeout 86401 is not a number from 0.1 to 86400."),
        (flow(actions=[log(timeout=True)]), "actions[0]: timeout True is not a number from 0.1 to 86400."),
        (flow(actions=[log(retry={"attempts": 11})]), "actions[0]: retry.attempts 11 is not a number from 1 to 10."),
        (flow(actions=[log(retry={"delay": 3_601})]), "actions[0]: retry.delay 3601 is not a number from 0 to 3600."),
        (flow(actions=[log(retry={"backoff": 11})]), "actions[0]: retry.backoff 11 is not a number from 1 to 10."),
        (flow(actions=[log(retry={"backoff": 0.9})]), "actions[0]: retry.backoff 0.9 is not a number from 1 to 10."),
    ],
)
def test_what_passes_a_limit_is_said(data: dict[str, Any], problem: str) -> None:
    assert list(shape_problems(data)) == [problem]


def test_what_is_no_object_hides_no_other_problem() -> None:
    data = flow(actions=[3, log(branches=[3, {"id": "?"}]), log(id="?")])
    said = list(shape_problems(data))
    assert [problem.split(" ")[0] for problem in said] == [
        "actions[0]", "actions[1].branches[0]", "actions[1].branches[1]:", "actions[2]:",
    ]  # fmt: skip


def test_a_flow_may_have_five_megabytes_of_json() -> None:
    room = LARGEST - len('{"format": "foundryflow/1", "name": "A", "actions": [], "x": ""}')
    assert list(shape_problems(flow(x="x" * room))) == []
    (problem,) = shape_problems(flow(x="x" * (room + 1)))
    assert problem == "The document is larger than 5 MB. Split it into several flows."
