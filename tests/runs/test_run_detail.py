"""What is shown beside the steps of one execution of one action."""

import pytest
from django.urls import reverse
from django.utils import timezone

from flows.engine.live import hub
from flows.models import ActionRun, State
from flows.runs.action_detail import ActionDetail, selected_record
from flows.runs.sent_request import sent_request
from foundryflow.regions import element_id
from tests.factories import make_connection, make_run
from tests.markup import one_line
from tests.runs.conftest import record


def open_detail(client, run, path, part=""):
    page = client.get(reverse("runs:show", args=[run.pk]), {"action": path, "part": part}).content.decode()
    return page[page.index('<aside class="run-detail"') :]


def test_a_call_shows_its_answer_its_figures_and_where_it_went(client_alice, client_bob, run):
    assert "Open in playground" not in open_detail(client_bob, run, "chat")  # a reader's
    shown = open_detail(client_alice, run, "chat")
    assert 'aria-label="Response" id="text-chat">Because.</div>' in one_line(shown)
    for words in (
        "1,200",
        "34",
        "contoso.openai.azure.com",
        "chosen in the flow",
        "f00d",
        "gpt-4o-mini-2024",
        "1.50 s",
        "0.25 s",
    ):
        assert words in shown
    assert "Open in playground" in shown
    assert "Why &lt;b&gt;not&lt;/b&gt;?" not in shown  # of another tab
    assert "Why &lt;b&gt;not&lt;/b&gt;?" in open_detail(client_bob, run, "chat", "prompt")


def test_tokens_that_nobody_counted_are_marked(client_bob, run):
    run.actions.filter(path="chat").update(
        usage={"prompt_tokens": 10, "completion_tokens": 11, "total_tokens": 21, "estimated_tokens": 21}
    )
    shown = one_line(open_detail(client_bob, run, "chat"))
    assert "≈ 10" in shown
    assert "the service counted none" in shown
    steps = one_line(client_bob.get(reverse("runs:show", args=[run.pk])).content.decode())
    assert '<td class="is-tokens num">≈ 21</td>' in steps


def test_an_answer_that_was_corrected_says_so_and_shows_the_first(client_bob, run):
    call = run.actions.get(path="chat")
    used = {"prompt_tokens": 1_100, "completion_tokens": 4, "total_tokens": 1_104}
    repair = {"answer": '{"city": <3}', "problems": ["At city: 3 is not of type 'string'."], "usage": used}
    call.facts = {**call.facts, "repair": {**repair, "corrected_usage": {**used, "estimated_tokens": 1_104}}}
    call.save()
    shown = one_line(open_detail(client_bob, run, "chat"))
    assert "Corrected: the first answer did not fit" in shown
    assert "At city: 3 is not of type &#x27;string&#x27;." in shown
    assert '<div class="value-text">{&quot;city&quot;: &lt;3}</div>' in shown
    assert "1,100 in · 4 out" in shown
    assert "≈ 1,100 in · ≈ 4 out" in shown
    call.error = {"kind": "schema_mismatch", "message": "The answer does not fit the schema."}
    call.state, call.output = State.FAILED, None
    call.save()
    assert "Asked to correct its answer" in one_line(open_detail(client_bob, run, "chat"))


@pytest.mark.parametrize(
    ("path", "part", "open", "words"),
    [("chat", "input", "Input", "user_prompt"), ("chat", "odd", "Response", "Because."),
     ("chat", "request", "Request", "•••• (fingerprint f00d)"), ("each[0]/note", "prompt", "Output", "No output."),
     ("each[0]/note", "input", "Input", "This action has no inputs.")],
)  # fmt: skip
def test_each_tab_is_read_when_it_is_opened(client_bob, run, path, part, open, words):
    page = one_line(open_detail(client_bob, run, path, part))
    assert f'aria-current="true" >{open}</a>' in page or f'aria-current="true">{open}</a>' in page
    assert words in page
    alone = client_bob.get(
        reverse("runs:detail", args=[run.pk]), {"action": path, "part": part}, headers={"HX-Request": "true"}
    ).content.decode()
    assert 'hx-target="#run-detail"' in alone
    assert words in alone
    assert "run-outline" not in alone


def test_tabs_keep_the_rest_of_the_address(client_bob, run):
    address = reverse("runs:show", args=[run.pk])
    page = client_bob.get(address, {"tab": "log", "action": "chat", "find": "x"}).content.decode()
    assert 'href="?find=x&amp;tab=log&amp;action=chat&amp;part=prompt#run-detail"' in page


def test_a_request_is_put_together_as_the_client_sends_it(run):
    chat = run.actions.get(path="chat")
    make_connection("contoso")
    chat.inputs = {"model": "gpt-4o", "user_prompt": "Why <b>not</b>?", "temperature": 0.2}
    chat.facts = {**chat.facts, "deployment": "gpt-4o"}
    sent = sent_request(chat)
    assert sent.url == "https://contoso.openai.azure.com/openai/v1/chat/completions"
    assert sent.headers[0] == ("api-key", "•••• (fingerprint f00d)")
    assert sent.body["messages"] == [{"role": "user", "content": "Why <b>not</b>?"}]
    assert (sent.body["model"], sent.body["temperature"]) == ("gpt-4o", 0.2)
    chat.facts = {"prompt": chat.facts["prompt"]}
    assert sent_request(chat) is None  # it never came to a call


def test_a_request_to_claude_is_one_of_its_own_api(run):
    chat, host = run.actions.get(path="chat"), "contoso.services.ai.azure.com"
    chat.inputs = {"model": "claude-opus-4-6", "user_prompt": "Why?"}
    chat.facts = {**chat.facts, "host": host, "url": f"https://{host}/anthropic/v1/messages"}
    sent = sent_request(chat)
    assert sent.url == f"https://{host}/anthropic/v1/messages"
    assert "anthropic-version" in dict(sent.headers)
    assert sent.body["max_tokens"] > 0


@pytest.mark.parametrize("inputs", [{"temperature": "warm"}, {"history": "x"}, {"stop": {"a": 1}}, {"odd": 1}])
def test_whatever_a_record_holds_its_page_opens(client_bob, run, inputs):
    run.actions.filter(path="chat").update(inputs=inputs)
    for part in ("input", "request"):
        assert open_detail(client_bob, run, "chat", part)


def test_another_action_shows_inputs_output_and_variables(client_alice, client_bob, run):
    ActionRun.objects.filter(path="each[0]/note").update(inputs={"message": "Hi"}, output=[1, 2], variables={"n": True})
    again = f"?again={run.pk}&amp;from=each%5B0%5D/note"
    assert again not in open_detail(client_bob, run, "each[0]/note")  # a reader's
    shown = open_detail(client_alice, run, "each[0]/note")
    assert '<dt class="mono" title="message">message</dt>' in one_line(
        open_detail(client_bob, run, "each[0]/note", "input")
    )
    assert "<h3>Output</h3>" in shown
    assert '<div class="value-text">true</div>' in shown
    assert '<dt class="mono" title="n">n</dt><dd><div class="value-text">true</div>' in one_line(shown)
    assert "Open in playground" not in shown
    assert again in shown


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": State.FAILED, "error": {"message": "No.", "hint": "Do.", "kind": "server", "status": 500, "request_id": "r1", "raw": "{<}"}},
         ["<b>No.</b> Do.", "<code>server</code> · status 500", "r1", ">Raw</a>"]),
        ({"state": State.SKIPPED, "reason": "disabled"}, ["Not run: disabled."]),
        ({"state": State.WAITING, "reason": "rate limit: later"}, ["Waits.", "rate limit: later"]),
        ({"state": State.WAITING, "reason": "429", "waits_until": timezone.now()}, ["Waits until", "data-until="]),
        ({"warning": "Odd <thing>"}, ["Odd &lt;thing&gt;"]),
        ({"reason": "taken over from run 3"}, ["Taken over from run 3."]),
        ({"facts": {"run": 7, "flow": "other"}}, ['href="/runs/7/">Run 7 of other']),
    ],
)  # fmt: skip
def test_what_happened_is_said(client_bob, run, fields, words):
    ActionRun.objects.filter(path="each[0]/note").update(**fields)
    shown = one_line(open_detail(client_bob, run, "each[0]/note"))
    for each in words:
        assert each in shown


def test_without_an_action_there_is_a_word_for_it(client_bob, run):
    assert "Nothing was run." in open_detail(client_bob, run, "gone")


def test_the_action_that_matters_most_is_open(run):
    assert selected_record(run, "").path == "chat"
    assert selected_record(run, "each[0]/note").path == "each[0]/note"
    assert selected_record(run, "gone") is None
    run.actions.filter(path="each[1]/note").update(state=State.FAILED)
    assert selected_record(run, "").path == "chat"  # it was caught
    run.state = State.RUNNING
    for path, state in (("each", State.WAITING), ("each[0]/note", State.RUNNING)):
        run.actions.filter(path=path).update(state=state)
        assert selected_record(run, "").path == path
    run.state = State.FAILED
    assert selected_record(run, "").path == "each[1]/note"
    run.error = {"path": "each"}
    assert selected_record(run, "").path == "each"
    run.state = State.CANCELLED
    run.actions.filter(path="each[0]/note").update(state=State.CANCELLED)
    assert selected_record(run, "").path == "each[0]/note"


def test_of_a_run_without_calls_the_last_action_is_open(run):
    run.actions.filter(path="chat").update(state=State.SKIPPED)
    assert selected_record(run, "").path == "each[1]/note"
    assert selected_record(make_run(run.flow), "") is None


def test_paths_have_ids_of_their_own():
    paths = ["a/b", "a_b", "a-b", "a[1]/b", "a[11]/b", "ä b"]
    assert len({element_id(path) for path in paths}) == len(paths)
    assert element_id("each[0]/chat") == "each_5b_0_5d__2f_chat"


def test_a_step_that_has_not_begun_is_shown(client_bob, run):
    record(run, 9, "later", None, type="log", title="Later", state=State.WAITING, waits_until=timezone.now())
    assert "Later" in open_detail(client_bob, run, "later")


def test_tries_that_were_refused_are_listed(client_bob, run):
    refused = {
        "number": 1,
        "most": 3,
        "status": 429,
        "kind": "rate_limit",
        "message": "Busy <now>.",
        "at": 0,
        "until": 2,
    }
    run.actions.filter(path="chat").update(
        refused=[refused, {**refused, "number": 2, "status": None, "kind": "connect"}]
    )
    shown = one_line(open_detail(client_bob, run, "chat"))
    assert "429, throttled, 1 of 3" in shown
    assert "Unreachable, 2 of 3" in shown
    assert "waited 2.00 s" in shown
    assert "Busy &lt;now&gt;." in shown


def test_of_a_long_answer_that_streams_the_end_is_shown_and_goes_on_where_it_was(client_bob, run, monkeypatch):
    monkeypatch.setattr(hub, "_text", {})
    run.state = State.RUNNING
    run.actions.filter(path="chat").update(state=State.RUNNING, ended_at=None, output=None)
    hub.publish_text(run.pk, "chat", "a" * 150_000 + "end")
    detail = ActionDetail(run, run.actions.get(path="chat"))
    assert (len(detail.text), detail.length, detail.streams) == (100_001, 150_003, True)
    assert detail.text.endswith("end")


def test_thoughts_and_log_probabilities_are_shown_where_the_model_told_them(client_bob, run):
    assert "Thoughts" not in open_detail(client_bob, run, "chat")
    told = [{"token": "Be", "logprob": -0.25, "top_logprobs": []}]
    answer = {"text": "Because.", "reasoning": "It is asked why.", "logprobs": told}
    run.actions.filter(path="chat").update(output=answer)
    shown = one_line(open_detail(client_bob, run, "chat"))
    assert "<summary>Thoughts</summary>" in shown
    assert "It is asked why." in shown
    assert "<summary>Log probabilities</summary>" in shown
    assert "-0.25" in shown
    query = {"of": "part", "action": "chat", "name": "reasoning"}
    assert client_bob.get(reverse("runs:value", args=[run.pk]), query).content.decode() == "It is asked why."
