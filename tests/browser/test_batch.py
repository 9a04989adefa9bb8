"""A batch in a real browser: filled in, watched while it goes, stopped, gone on with."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

MAKE = """
from django.contrib.auth.models import User
from connections.models import Connection
from connections.secret import Secret
from flows.playground.models import Session
Connection.objects.create(name="simulator", endpoint="{simulator}/openai/v1", key=Secret("simulator"))
Session.objects.create(name="Questions", owner=User.objects.get(), comparing=True, columns=[dict(model=m) for m in {models}],
    setup=dict(connection="simulator", instructions="Be {{{{ tone }}}}."), variables=dict(tone="brief"), draft="Say: {{{{ question }}}}")
"""


def new_batch(installation, ada, *models):
    """The page of a new batch, from a session with these deployments."""
    made = installation.manage("shell", "-c", MAKE.format(simulator=installation.simulator, models=list(models)))
    assert made.returncode == 0, made.stderr
    page = ada.page
    page.goto(f"{installation.url}/batches/")
    page.get_by_role("button", name="New batch").click()
    page.get_by_role("heading", name="New batch").wait_for()
    return page


def add_check(page, kind, **fields):
    page.get_by_role("button", name="Add check").click()
    check = page.get_by_role("group", name="Check").last
    check.get_by_label("The answer").select_option(kind)
    for label, value in fields.items():
        check.get_by_label(label.replace("_", " ")).fill(value)


def test_a_file_becomes_a_grid_of_answers_that_fills_by_itself(installation, ada, tmp_path):
    page = new_batch(installation, ada, "gpt-4o-mini", "content-filter")
    file = tmp_path / "rows.csv"
    file.write_text("question,expected\n" + "".join(f"Why {n}?,Why {n}\n" for n in range(1, 31)))
    page.get_by_label("CSV or JSONL file").set_input_files(file)
    expect(page.get_by_text("30 rows, 60 answers to come.")).to_be_visible()
    expect(page.get_by_label("Variables")).to_contain_text("question from its column")
    add_check(page, "contains", Or_the_column_that_holds_it="nowhere")
    assert ada.axe_in_both_themes() == []

    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("Check 1: the table has no column nowhere.")
    page.get_by_label("Or the column that holds it").fill("expected")
    page.get_by_role("button", name="Start").click()

    # The file was still chosen; from here the page renews itself.
    page.wait_for_url(re.compile(r"/batches/\d+/$"))
    expect(page.locator("[data-phase=ended]")).to_be_visible(timeout=60_000)
    figures = page.get_by_role("group", name="Figures")
    expect(figures).to_contain_text("100 % 30 of 30")
    expect(page.locator(".batch-count")).to_contain_text("60 of 60 30 succeeded 30 failed")
    rows = page.get_by_role("group", name="Rows and answers")
    expect(rows.get_by_text("You said: Say: Why 7?")).to_be_visible()
    expect(rows.get_by_text("filtered")).to_have_count(30)
    assert ada.axe_in_both_themes() == []
    complaints = [each for each in ada.complaints if "422" not in each]
    assert complaints == []


def test_an_answer_opens_beside_the_grid_and_closes_where_it_was_opened(installation, ada):
    page = new_batch(installation, ada, "long-30")
    page.get_by_label("Or type one").fill("question\nOne?\nTwo?\n")
    expect(page.get_by_text("2 rows, 2 answers to come.")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-phase=ended]")).to_be_visible(timeout=30_000)

    opener = page.get_by_role("link", name="answer A to row 1")
    opener.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Answer")
    expect(panel).to_contain_text("Say: One?")
    expect(panel.get_by_role("heading", name="Row 1")).to_be_focused()
    panel.get_by_role("link", name="Next row").click()
    expect(panel).to_contain_text("Say: Two?")
    assert ada.axe_in_both_themes() == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("link", name="answer A to row 2")).to_be_focused()
    assert ada.complaints == []


def test_stop_reaches_calls_that_hang_and_resume_asks_again(installation, ada):
    page = new_batch(installation, ada, "hang")
    page.get_by_label("Or type one").fill("question\n" + "".join(f"{n}?\n" for n in range(30)))
    page.get_by_label("Calls at the same time").fill("4")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".batch-count")).to_contain_text("4 running")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-phase=stopped]")).to_be_visible()
    expect(page.locator(".batch-count")).to_contain_text("0 of 30 30 cancelled")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".batch-count")).to_contain_text("4 running")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-phase=stopped]")).to_be_visible()
    for width in (900, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert ada.axe_in_both_themes() == []
    assert ada.complaints == []
