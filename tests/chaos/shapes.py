"""Flows of every shape, each with what it must return. The counting model answers <prompt>."""

from __future__ import annotations

from typing import Any

from tests.engine.test_durable import chat, document, returns

Json = dict[str, Any]
PAUSE = 0.2  # seconds that the model thinks


def says(text: str) -> str:
    return f"sleep {PAUSE} {text}"


def ask(id: str, text: str) -> Json:
    return chat(id, says(text))


def heard(text: str) -> str:
    return f"<{says(text)}>"


def action(id: str, type: str, *branches: Json, **properties: Any) -> Json:
    made: Json = {"id": id, "type": type, "properties": properties}
    return {**made, "branches": list(branches)} if branches else made


def branch(id: str, *actions: Json, **more: Any) -> Json:
    return {"id": id, "title": "", "actions": list(actions), **more}


def note(id: str, text: str) -> Json:
    return action(id, "set_variable", variable="said", value="{{ said }}" + text)


SAID = action("v", "declare_variables", variables=[{"name": "said", "type": "text", "value": ""}])


def sequence(n: str) -> tuple[list[Json], str]:
    return [ask(f"c{at}", f"{n} {at}") for at in range(4)] + [returns("{{ c0 }}{{ c3 }}")], heard(f"{n} 0") + heard(
        f"{n} 3"
    )


def loop(n: str) -> tuple[list[Json], str]:
    body = branch("body", ask("c", f"{n} {{{{ item }}}}"), note("s", "{{ c }}"))
    return [SAID, action("e", "for_each", body, items=[1, 2, 3, 4]), returns("{{ said }}")], "".join(
        heard(f"{n} {item}") for item in (1, 2, 3, 4)
    )


def parallel(n: str) -> tuple[list[Json], str]:
    body = branch("body", ask("c", f"{n} {{{{ item }}}}"), ask("d", f"{n} d{{{{ item }}}}"))
    each = action(
        "e", "for_each", body, items=[1, 2, 3, 4, 5, 6], parallelism=3, result="{{ d }}", results_variable_name="found"
    )
    return [each, returns("{{ found | join('') }}")], "".join(heard(f"{n} d{item}") for item in range(1, 7))


def branches(n: str) -> tuple[list[Json], str]:
    choice = action(
        "i", "if_else",
        branch("even", ask("c", f"{n} even {{{{ item }}}}"), note("s", "{{ c }}"), condition="item == 2"),
        branch("odd", note("t", "odd")),
    )  # fmt: skip
    each = action("e", "for_each", branch("body", choice), items=[1, 2, 3])
    return [SAID, each, returns("{{ said }}")], f"odd{heard(f'{n} even 2')}odd"


def guarded(n: str) -> tuple[list[Json], str]:
    lanes = (
        branch("try", ask("a", f"{n} try"), action("t", "throw", message="no", kind="no_stock")),
        branch("catch", ask("b", f"{n} {{{{ exception.kind }}}}"), note("s", "{{ b }}")),
        branch("finally", ask("c", f"{n} finally"), note("f", "{{ c }}")),
    )
    return [SAID, action("g", "try_catch", *lanes), returns("{{ said }}")], heard(f"{n} no_stock") + heard(
        f"{n} finally"
    )


def repeated(n: str) -> tuple[list[Json], str]:
    body = branch("body", ask("c", f"{n} {{{{ index }}}}"), note("s", "{{ c }}"))
    return [SAID, action("w", "while", body, condition="index < 3"), returns("{{ said }}")], "".join(
        heard(f"{n} {index}") for index in range(3)
    )


def nested(n: str) -> tuple[list[Json], str]:
    call = action("r", "run_flow", flow="inner", inputs={"word": f"{n}"}, result_variable_name="got")
    return [ask("a", f"{n} before"), call, ask("b", f"{n} after"), returns("{{ got }}{{ b }}")], heard(
        f"{n} inner 2"
    ) + heard(f"{n} after")


def waiting(n: str) -> tuple[list[Json], str]:
    return [ask("a", f"{n} 1"), action("p", "wait", seconds=0.4), ask("b", f"{n} 2"), returns("{{ a }}{{ b }}")], heard(
        f"{n} 1"
    ) + heard(f"{n} 2")


def dynamic(n: str) -> tuple[list[Json], str]:
    """`{{ endpoint }}` is an input, so that the address of the model needs not be known here."""
    key = action("k", "declare_variables", variables=[{"name": "key", "type": "secret", "value": "counting"}])
    made = action(
        "conn", "create_azure_ai_connection", api_key="{{ key }}", endpoint="{{ endpoint }}",
        connection_variable_name="mine",
    )  # fmt: skip
    use = chat("b", says(f"{n} 2"), dynamic_connection="mine")
    return [key, made, ask("a", f"{n} 1"), use, returns("{{ b }}")], heard(f"{n} 2")


SHAPES = (sequence, loop, parallel, branches, guarded, repeated, nested, waiting, dynamic)
INNER = {
    **document(ask("x", "{{ word }} inner 1"), ask("y", "{{ word }} inner 2"), returns("{{ y }}")),
    "name": "inner",
    "inputs": [{"name": "word", "type": "text", "required": True}],
}


def flow(number: int) -> tuple[Json, str]:
    """The document of this number and what it returns."""
    shape = SHAPES[number % len(SHAPES)]
    actions, expected = shape(f"f{number}")
    inputs = [{"name": "endpoint", "type": "text"}]
    return {**document(*actions), "name": f"{shape.__name__} {number}", "inputs": inputs}, expected


def killer(number: int, prompt: str) -> Json:
    """A flow whose second action is never answered: whoever plays chaos kills the process that executes it."""
    inputs = [{"name": "endpoint", "type": "text"}]
    return {**document(ask("a", f"k{number} 1"), chat("b", prompt)), "name": f"killer {number}", "inputs": inputs}
