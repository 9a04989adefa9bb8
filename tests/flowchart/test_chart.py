"""The chart of a flow: cards in lanes, with their names, classes, inputs and where "+" inserts."""

import pytest

from flows.actions import registry
from flows.flowchart.card_runs import CardRun
from flows.flowchart.chart import START, Card, ChartLook, Flowchart, InsertPlace, Lane, PinView, Port, type_view
from flows.flowchart.states import state_view_of
from flows.language.document import parse
from flows.lint.linter import Problem


def action(id, type, /, *branches, **properties):
    made = {"id": id, "type": type, "properties": properties}
    return {**made, "branches": list(branches)} if branches else made


def branch(id, *actions, **more):
    return {"id": id, "actions": list(actions), **more}


def document(*actions, **more):
    return parse({"format": "foundryflow/1", "name": "x", "actions": list(actions), **more})


CHAT = action("chat", "chat_completion", connection="contoso", model="gpt-4o", user_prompt="{{ question }}")
ROUTE = action(
    "route",
    "if_else",
    branch("yes", action("say", "log", message="Yes"), condition="true"),
    branch("odd", condition="{{ x }}", title="Odd"),
    branch("no"),
)
FLOW = document(
    {**CHAT, "title": "Answer", "note": "Ask again."},
    {**ROUTE, "disabled": True},
    action("each", "for_each", branch("body", action("gone", "teleport")), items="{{ parts }}"),
    inputs=[{"name": "question"}, {"name": "key", "type": "secret"}],
    note="All of it.",
)


def test_every_card_is_named_by_its_place_and_what_is_to_be_said_of_it():
    problems = [Problem("chat", "user_prompt", "x"), Problem("chat", None, "y"), Problem("say", None, "z")]
    problems += [Problem("gone", None, "only a warning", severity="warning")]
    runs = {"each": CardRun(state_view_of("running"), "2 of 3", "each")}
    chart = Flowchart(FLOW, problems=problems, runs=runs)
    assert chart.crumbs == "Step 1 of 6, Start, Trigger"
    assert [chart.card(id).name for id in ("chat", "route", "say", "each", "gone")] == [
        "Step 2 of 6, Answer, Chat completion, 2 errors",
        "Step 3 of 6, If, disabled",
        "Step 4 of 6, Log, in If, 1 error",
        "Step 5 of 6, For each, 2 of 3",
        "Step 6 of 6, teleport, in For each",
    ]
    assert chart.card("nowhere") is None


def test_a_card_has_what_the_action_says():
    pin, run = PinView(7, 1, is_old=False), CardRun(state_view_of("failed"), "401", "chat")
    chart = Flowchart(
        FLOW, selected="chat", problems=[Problem("chat", "model", "x")], runs={"chat": run}, pins={"chat": pin}
    )
    assert chart.card("chat") == Card(
        id="chat",
        title="Answer",
        view=type_view("chat_completion"),
        ports=(
            Port("Connection", "contoso", "set"),
            Port("Model wrong", "", "error"),
            Port("System prompt"),
            Port("User prompt", "", "set"),
            *map(Port, ("History", "Context", "Temperature", "Max tokens")),
        ),
        output="response",
        step=2,
        total=6,
        words="Answer, Chat completion, 1 error",
        disabled=False,
        selected=True,
        problems=1,
        after=InsertPlace("", "", 1),
        run=run,
        note="Ask again.",
        pin=pin,
    )  # fmt: skip


def test_a_chart_has_what_the_flow_says():
    chart = Flowchart(FLOW, selected=START)
    assert chart.inputs == [Port("question", "text", "set"), Port("key", "secret", "set", secret=True)]
    assert (chart.note, chart.start_selected, chart.first, chart.lanes) == (
        "All of it.",
        True,
        InsertPlace("", "", 0),
        [],
    )
    assert not Flowchart(FLOW, selected="chat").start_selected
    assert chart.look == ChartLook(readonly=False, is_of_run=False, keep="", keep_run="")
    assert chart.css == "flowchart"
    chart.readonly = True
    assert chart.css == "flowchart is-readonly"
    assert Flowchart(FLOW, runs={"chat": CardRun(state_view_of("queued"), "", "chat")}).css == "flowchart is-run"


def test_lanes_are_called_by_their_titles_or_by_what_they_are():
    route, each = (Flowchart(FLOW).card(id) for id in ("route", "each"))
    assert [(lane.id, lane.label, lane.condition, lane.first) for lane in [*route.lanes, *each.lanes]] == [
        ("yes", "If", "true", InsertPlace("route", "yes", 0)),
        ("odd", "Odd", "{{ x }}", InsertPlace("route", "odd", 0)),
        ("no", "Otherwise", "", InsertPlace("route", "no", 0)),
        ("body", "", "", InsertPlace("each", "body", 0)),
    ]
    assert route.lanes[0].cards[0].after == InsertPlace("route", "yes", 1)
    assert InsertPlace("route", "yes", 1).key == "route-yes-1"


@pytest.mark.parametrize(
    ("states", "lanes"),
    [
        ({"route": "succeeded", "say": "succeeded"}, ["lane is-taken", "lane is-skipped", "lane is-skipped"]),
        ({"route": "succeeded", "say": "skipped"}, ["lane is-skipped", "lane", "lane"]),
        ({"say": "queued"}, ["lane", "lane", "lane"]),
        ({}, ["lane", "lane", "lane"]),
    ],
)
def test_lanes_show_the_way_of_a_run(states, lanes):
    runs = {id: CardRun(state_view_of(state), "", id) for id, state in states.items()}
    route = Flowchart(FLOW, runs=runs).card("route")
    assert [lane.css for lane in route.lanes] == lanes
    assert route.lanes_css == f"lanes lanes-3{' is-taken' * any('taken' in css for css in lanes)}"


def test_the_body_of_a_loop_without_cards_is_no_way_that_was_taken():
    loop = document(action("each", "for_each", branch("body"), items=[1]))
    runs = {"each": CardRun(state_view_of("succeeded"), "", "each")}
    assert [lane.css for lane in Flowchart(loop, runs=runs).card("each").lanes] == ["lane"]


def test_containers_that_stand_too_deep_are_folded_with_all_that_is_in_them():
    inner = action("d5", "log", message="x")
    for depth in (4, 3, 2, 1):
        inner = action(f"d{depth}", "for_each", branch(f"b{depth}", inner), items=[1])
    chart = Flowchart(document(inner, action("last", "log", message="x")))
    assert [(card.id, card.folded) for card in (chart.card(id) for id in ("d1", "d2", "d3", "d4"))] == [
        ("d1", False), ("d2", False), ("d3", False), ("d4", True),
    ]  # fmt: skip
    assert (chart.card("d4").lanes, [card.id for card in chart.card("d4").deep]) == ([], ["d5"])
    assert (chart.card("d5"), chart.card("last").name) == (None, "Step 7 of 7, Log")

    opened = Flowchart(document(inner), root="d2")
    assert (opened.opened.id, opened.cards, [lane.id for lane in opened.lanes]) == ("d2", [], ["b2"])
    assert [(card.id, card.folded) for card in (opened.card(id) for id in ("d3", "d4"))] == [
        ("d3", False),
        ("d4", False),
    ]
    assert opened.card("d3").name == "Step 2 of 6, For each"


def card(**more):
    made = {
        "id": "a",
        "title": "A",
        "view": type_view("log"),
        "ports": (),
        "output": "",
        "step": 2,
        "total": 2,
        "words": "",
    }
    return Card(
        **{**made, "disabled": False, "selected": False, "problems": 0, "after": InsertPlace("", "", 1), **more}
    )


RUNNING = CardRun(state_view_of("running"), "", "a")


@pytest.mark.parametrize(
    ("made", "css", "head", "is_still"),
    [
        (card(), "card", "card-head", True),
        (card(selected=True, disabled=True, problems=2), "card is-selected is-disabled has-error", "card-head", True),
        (card(lanes=[]), "container", "card-head", False),
        (card(run=RUNNING), "card", "card-head run-running", False),
    ],
)
def test_a_card_looks_as_it_stands(made, css, head, is_still):
    assert (made.css, made.head_css, made.is_still) == (css, head, is_still)


def test_only_a_short_input_that_is_alone_fits_into_the_head_of_a_container():
    one, two = Port("Items", "parts", "set"), Port("Until", "x", "set")
    cards = [card(lanes=[], ports=(one,)), card(lanes=[], ports=(one, two)), card(ports=(one,)), card(lanes=[])]
    assert [each.only_port for each in cards] == [one, None, None, None]
    assert card().lanes_css == "lanes lanes-0"


@pytest.mark.parametrize(
    ("port", "spoken", "may_be_cut"),
    [
        (Port("A"), "not set", False),
        (Port("A", "x" * 20, "set"), "set", False),
        (Port("A", "x" * 21, "set"), "set", True),
        (Port("A missing", "", "error"), "error", False),
    ],
)
def test_an_input_is_spoken_and_cut_where_it_is_long(port, spoken, may_be_cut):
    assert (port.spoken, port.may_be_cut, port.secret) == (spoken, may_be_cut, False)


@pytest.mark.parametrize(
    ("made", "ports", "output"),
    [
        (action("a", "log"), (Port("Message"),), ""),
        (action("a", "declare_variables", variables=[{"name": "x", "type": "text", "value": "1"}, {"name": "k", "type": "secret", "value": {"secret": "s"}}]),
         (Port("x", "text", "set"), Port("k", "secret", "set", secret=True)), ""),
        (action("a", "wait", seconds=5, until="{{ x }}"), (Port("Seconds", "5", "set"), Port("Until", "x", "set")), ""),
        (action("a", "parse_json", text="{}", result_variable_name="found"), (Port("Text", "", "set"),), "found"),
        (action("a", "teleport"), (), ""),
    ],
)  # fmt: skip
def test_the_inputs_of_a_card_and_what_comes_out_of_it(made, ports, output):
    found = Flowchart(document(made)).card("a")
    assert (found.ports, found.output) == (ports, output)


def test_an_input_shows_what_takes_its_place():
    chat = action("a", "chat_completion", connection="contoso", dynamic_connection="made")
    assert Flowchart(document(chat)).card("a").ports[0] == Port("Connection", "made", "set")


def test_a_container_has_lanes_though_it_has_no_branches_or_nobody_knows_its_type():
    inner = action("deep", "log", message="x")
    around = action("t", "teleport", branch("b", action("c", "for_each", branch("d", inner), items=[1])))
    chart = Flowchart(document(action("route", "if_else"), around))
    assert [chart.card(id).lanes for id in ("route", "deep")] == [[], None]
    assert [(lane.id, lane.label) for lane in chart.card("t").lanes] == [("b", "Otherwise")]
    assert chart.card("deep").name == "Step 5 of 5, Log, in For each"


def test_what_is_missing_is_said_at_its_input():
    chart = Flowchart(document(action("a", "log")), problems=[Problem("a", "message", "x")])
    assert chart.card("a").ports == (Port("Message missing", "", "error"),)


def test_a_type_looks_as_its_folder_says_and_one_that_is_not_there_says_so():
    for known in registry.all_types():
        view = type_view(known.type)
        assert (view.title, view.purpose, view.group, view.streams) == (
            known.title, known.purpose, known.group.value, known.calls_model,
        )  # fmt: skip
        assert view.icon.startswith("<svg")
    titles = {type_view(type).group_title for type in ("chat_completion", "log", "if_else", "return")}
    assert titles == {"Azure AI", "Built-in", "Control", "Output"}
    gone = type_view("teleport")
    assert (gone.title, gone.purpose) == ("teleport", "This action type is not installed here.")
    assert (gone.group, gone.group_title, gone.streams) == ("control", "Unknown", False)
    assert "#circle-help" in gone.icon


def test_a_lane_starts_as_neither_taken_nor_left_out():
    lane = Lane("a", "", "", [], InsertPlace("x", "a", 0))
    assert (lane.css, lane.taken, lane.skipped) == ("lane", False, False)
