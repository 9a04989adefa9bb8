"""A function of people is called where it can reach nothing, and ends whatever it does."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flows.language.python_failures import FunctionFailed, FunctionLimits
from flows.language.python_sandbox import FunctionJob, FunctionSandbox, FunctionStopped

ENDLESS = "def main():\n    while True:\n        pass"
BRIEF = FunctionLimits(seconds=0.3)


@pytest.fixture(scope="module")
def sandbox():
    return FunctionSandbox(2)


def call(sandbox, code, limits=None, **arguments):
    return sandbox.submit(FunctionJob(code, arguments, limits or FunctionLimits())).result(20)


def failure(sandbox, code, limits=None, **arguments):
    with pytest.raises(FunctionFailed) as failed:
        call(sandbox, code, limits, **arguments)
    return failed.value


@pytest.mark.parametrize(
    "value", ["ü€😀\n{{ x }}", 1, 2.5, True, None, [1, [2]], {"a": {"b": []}}, 12345678901234567890, ""]
)
def test_values_keep_their_types(sandbox, value):
    assert call(sandbox, "def main(x):\n    return x", x=value).value == value


def test_a_function_has_helpers_modules_and_defaults(sandbox):
    code = "import re\n\ndef twice(x): return x * 2\n\ndef main(text, most: int = 2):\n    return twice(re.findall(r'\\w+', text)[:most])"
    assert call(sandbox, code, text="a b c").value == ["a", "b", "a", "b"]


def test_what_it_prints_is_kept(sandbox):
    outcome = call(sandbox, "def main():\n    print('a', 1)\n    print('b')")
    assert (outcome.value, outcome.printed) == (None, "a 1\nb\n")

    long = call(sandbox, "def main():\n    for n in range(30): print('x' * 1000)")
    assert long.printed.endswith("x\n… and more")
    assert len(long.printed) < 21_000
    assert failure(sandbox, "def main():\n    print('so far')\n    1 / 0").printed == "so far\n"


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (ENDLESS, "function_time", "Line 2: The function did not end within 0.3 s."),
        ("def main():\n    return sum(range(10**12))", "function_time", "Line 1: The function did not end within 0.3 s."),
        ("import time\ndef main():\n    time.sleep(100)", "function_time", "Line 3: The function did not end within"),
        (
            "def main():\n    try:\n        while True: pass\n    except BaseException:\n        while True: pass",
            "function_time",
            "Line 3: The function did not end",
        ),
        ("def main():\n    x = []\n    while True:\n        x.append('a' * 1000)", "function_memory", "Line 4: The function needs more than 64 MB."),
        ("def main():\n    return 'a' * 10**9", "function_memory", "Line 2: The function needs more than 64 MB."),
        ("def main():\n    return 2 ** 10**9", "function_memory", "Line 2: The function needs more than 64 MB."),
        ("def f(n): return f(n + 1)\ndef main():\n    return f(0)", "function_recursion", "Line 1: More than 200 calls inside each other."),
        ("def main():\n    while True:\n        print('x' * 100)", "function_output", "Line 3: The function printed more than 1,000,000 characters"),
        ("def main():\n    return {1, 2}", "function_result", "What the function returns is not JSON: Object of type set"),
        ("def main():\n    return float('nan')", "function_result", "What the function returns has NaN"),
        ("def main():\n    x = []\n    x.append(x)\n    return x", "function_result", "What the function returns is not JSON: Circular"),
        ("def main():\n    x = []\n    for n in range(100000): x = [x]\n    return x", "function_result", "What the function returns is not JSON: it is nested too deeply."),
        ("def main():\n    return 'x' * 3_000_000", "too_large", "What the function returns is larger than 2,000,000 characters."),
        ("def main():\n    return [1][5]", "function_error", "Line 2: IndexError: list index out of range"),
        ("def main():\n    raise ValueError('no such customer')", "function_error", "Line 2: ValueError: no such customer"),
        ("def main():\n    raise TimeoutError('mine')", "function_error", "Line 2: TimeoutError: mine"),
        ("def main(:", "code", "Line 1: "),
        ("def main(a): pass", "input", "main needs a value for a."),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_a_sentence_with_its_line(sandbox, code, kind, words):
    failed = failure(sandbox, code, BRIEF if kind == "function_time" else None)

    assert failed.kind == kind
    assert failed.message.startswith(words)
    assert call(sandbox, "def main(): return 1").value == 1


def test_it_says_through_which_lines_an_exception_came(sandbox):
    failed = failure(
        sandbox, "def part(x):\n    for y in x:\n        return y / 0\n\ndef main(x):\n    return part(x)", x=[1]
    )

    assert failed.message == "Line 3: ZeroDivisionError: division by zero"
    assert failed.raw == "Line 6, in main: return part(x)\nLine 3, in part: return y / 0"


def test_what_is_handed_over_has_a_limit(sandbox):
    failed = failure(sandbox, "def main(x): return 1", x="a" * 5_000_001)
    assert (failed.kind, failed.message) == (
        "too_large",
        "What is handed to the function is larger than 5,000,000 characters.",
    )


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/passwd').read()",
        "__import__('os').environ",
        "(lambda: [].__class__.__base__.__subclasses__())()",
        "__builtins__['open']('/etc/passwd').read()",
    ],
)
def test_it_reaches_nothing_of_the_server(sandbox, code):
    assert failure(sandbox, f"def main():\n    return {code}").kind == "function_error"


@pytest.mark.parametrize(
    "use",
    [
        "os.environ['PATH']",
        "os.getenv('PATH')",
        "os.listdir('/')",
        "os.system('true')",
        "pathlib.Path('/etc/passwd').read_text()",
        "os.path.exists('/etc')",
    ],
)
def test_modules_that_know_a_server_know_none(sandbox, use):
    failed = failure(sandbox, f"import os, pathlib\ndef main():\n    return {use}")
    assert failed.kind == "function_error"
    assert failed.message.startswith("Line 3: ")


class ObservedJob(FunctionJob):
    """Notes the environment of the process that it is called in."""

    environment = b"not seen"

    def within(self, process):
        self.environment = Path(f"/proc/{process}/environ").read_bytes()
        return super().within(process)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_its_processes_have_nothing_of_the_environment_of_the_server(monkeypatch):
    monkeypatch.setenv("FOUNDRYFLOW_ENCRYPTION_KEY", "planted-key-5f2c9a7d1e")
    sandbox = FunctionSandbox(1)
    first, after_a_death = ObservedJob("def main(): return 1", {}), ObservedJob("def main(): return 2", {})
    assert sandbox.submit(first).result(20).value == 1
    failure(sandbox, ENDLESS, BRIEF)
    assert sandbox.submit(after_a_death).result(20).value == 2
    assert first.environment == after_a_death.environment == b""


def test_calls_know_nothing_of_each_other(sandbox):
    call(sandbox, "import json\nseen = 5\ndef main():\n    global seen\n    seen = 6")
    assert failure(sandbox, "def main():\n    return seen").message == "Line 2: NameError: name 'seen' is not defined"


def test_names_of_people_do_not_disturb_the_call(sandbox):
    assert call(sandbox, "json = str = len = None\n__text__ = 5\ndef main(): return [1]").value == [1]


async def test_a_cancelled_call_ends_at_once_and_leaves_its_place(sandbox):
    task = asyncio.create_task(FunctionSandbox.run(sandbox, FunctionJob(ENDLESS, {}, FunctionLimits(seconds=30))))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    outcome = await asyncio.wait_for(sandbox.run(FunctionJob("def main(): return 1", {})), 5)

    assert outcome.value == 1
    assert time.monotonic() - began < 3


def test_one_that_is_stopped_before_it_begins_is_not_called(sandbox):
    job = FunctionJob(ENDLESS, {})
    job.stop()
    with pytest.raises(FunctionStopped):
        sandbox.submit(job).result(5)


def test_a_process_that_dies_takes_only_its_own_call_along():
    alone = FunctionSandbox(1)
    job = FunctionJob(ENDLESS, {}, FunctionLimits(seconds=20))
    future = alone.submit(job)
    deadline = time.monotonic() + 10
    while job._process is None and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    os.kill(job._process, signal.SIGKILL)

    with pytest.raises(FunctionFailed) as failed:
        future.result(10)
    assert (failed.value.kind, failed.value.message) == ("function_crash", "The process of the function died.")
    assert failed.value.may_repeat
    assert call(alone, "def main(): return 2").value == 2


async def test_the_loop_goes_on_while_functions_compute(sandbox):
    endless = [asyncio.create_task(sandbox.run(FunctionJob(ENDLESS, {}, BRIEF))) for _ in range(4)]
    slowest = 0.0
    while not all(task.done() for task in endless):
        began = time.monotonic()
        await asyncio.sleep(0.01)
        slowest = max(slowest, time.monotonic() - began)

    assert all(isinstance(task.exception(), FunctionFailed) for task in endless)
    assert slowest < 0.3


def test_a_program_that_has_called_functions_ends_in_order():
    program = (
        "from flows.language.python_sandbox import FunctionJob, sandbox\n"
        "print(sandbox.submit(FunctionJob('def main(): return 7', {})).result().value)"
    )
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, "7\n")
