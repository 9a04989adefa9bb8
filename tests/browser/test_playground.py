"""The playground in a real Chromium: by keyboard and by mouse, with everything that goes wrong counted."""

import base64

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def installation(connected):
    with connected.served() as installation:
        yield installation


@pytest.fixture
def playground(installation, ada):
    """An empty session with two connections to choose from."""
    page = ada.page
    page.goto(f"{installation.url}/playground/")
    expect(page.get_by_role("heading", name="Nothing asked yet")).to_be_visible()
    page.get_by_label("Connection", exact=True).select_option("contoso")
    return ada


def choose(page, deployment):
    page.get_by_label("Deployment", exact=True).fill(deployment)


def ask(page, question):
    page.locator("#draft").fill(question)
    page.get_by_role("button", name="Send", exact=True).click()


def test_a_conversation_by_mouse_with_stop_reload_and_another_try(playground):
    page = playground.page
    choose(page, "long-4000")
    ask(page, "Tell me everything")
    expect(page.locator("[role=log]")).to_contain_text("word5")
    expect(page.locator("[data-state=running]")).to_contain_text("Streaming")
    page.reload()
    expect(page.locator("[role=log]")).to_contain_text("word30")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".answer-note")).to_contain_text("Stopped after")
    expect(page.locator(".answer-text.markdown")).to_contain_text("word5")
    choose(page, "long-20")
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".tries-said")).to_have_text("2 of 2")
    expect(page.locator(".metrics")).to_contain_text("First token")
    expect(page.locator(".answer-text.markdown")).to_contain_text("word19")
    page.get_by_role("button", name="Previous try").click()
    expect(page.locator(".tries-said")).to_have_text("1 of 2")
    expect(page.locator(".answer-note")).to_contain_text("Stopped after")
    assert playground.complaints == []


def test_a_conversation_by_keyboard_alone(playground):
    page, keys = playground.page, playground.page.keyboard
    page.get_by_label("Deployment", exact=True).focus()
    keys.type("long-5")
    page.locator("#draft").focus()
    keys.type("Customer {{ customer_id }} asks")
    page.locator("#variable-customer_id").focus()
    keys.type("C-20418")
    page.locator("#draft").focus()
    keys.press("Control+Enter")
    expect(page.locator(".answer-text.markdown")).to_contain_text("You said: Customer C-20418 asks word0")
    expect(page.locator("#draft")).to_have_value("")
    expect(page.locator("#draft")).to_be_focused()
    expect(page.locator("#session-name")).to_have_text("Customer C-20418 asks")
    expect(page.locator("#history-said")).to_contain_text("2 messages, about")
    page.get_by_role("button", name="Edit the question").focus()
    keys.press("Enter")
    expect(page.locator("[data-edit]")).to_be_focused()
    keys.type(" twice")
    keys.press("Control+Enter")
    expect(page.locator(".tries-said")).to_have_text("branch 2 of 2")
    expect(page.locator(".answer-text.markdown")).to_contain_text("asks twice")
    page.get_by_label("Deployment", exact=True).fill("hang")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    page.locator("#draft").focus()
    keys.type("Wait")
    keys.press("Control+Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    keys.press("Control+.")
    expect(page.locator(".answer-note")).to_contain_text("Stopped after")
    assert playground.complaints == []


def test_what_is_typed_is_saved_and_what_is_wrong_is_said_beside_it(playground):
    page = playground.page
    page.get_by_label("Instructions").fill("For {{ who }}.")
    expect(page.locator("#variable-who")).to_be_visible()
    page.locator("#variable-who").fill("Ada")
    page.get_by_label("Temperature").fill("9")
    expect(page.locator("#message-temperature")).to_contain_text("less than or equal to 2")
    page.get_by_label("Temperature").fill("0.2")
    expect(page.locator("#message-temperature")).to_be_empty()
    expect(page.locator("#parameters-set")).to_have_text("1 set")
    page.get_by_label("Response format").select_option("json_schema")
    expect(page.get_by_label("Schema")).to_be_visible()
    expect(page.locator("#message-schema")).to_contain_text("Type a JSON schema")
    page.get_by_label("Response format").select_option("")
    expect(page.get_by_label("Schema")).to_be_hidden()
    page.locator("#draft").fill("not sent yet")
    page.get_by_text("Examples", exact=False).first.click()
    page.get_by_role("button", name="Add an example").click()
    page.locator("#example-0-user").fill("Hi")
    page.locator("#example-0-assistant").fill("Hello")
    page.locator("#example-0-assistant").blur()
    expect(page.locator("#saved")).to_contain_text("Saved")
    ask(page, "{{ open")
    expect(page.locator("#message-prompt")).not_to_be_empty()
    expect(page.locator("#draft")).to_have_value("{{ open")
    with page.expect_response("**/save/"):
        page.locator("#draft").fill("not sent yet")
    page.reload()
    expect(page.get_by_label("Instructions")).to_have_value("For {{ who }}.")
    expect(page.locator("#variable-who")).to_have_value("Ada")
    expect(page.get_by_label("Temperature")).to_have_value("0.2")
    expect(page.locator("#draft")).to_have_value("not sent yet")
    expect(page.locator("#example-0-user")).to_have_value("Hi")
    assert [complaint for complaint in playground.complaints if "422" not in complaint] == []


def test_an_empty_variable_is_asked_for_and_a_refused_parameter_is_marked_on_a_small_screen(playground):
    page, keys = playground.page, playground.page.keyboard
    choose(page, "reasoning-1")
    page.get_by_label("Top P").fill("0.5")
    page.get_by_text("Variables", exact=True).click()
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("#draft").fill("Why {{ city }}?")
    keys.press("Control+Enter")
    city = page.locator("#variable-city")
    expect(city).to_be_focused()
    expect(city).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#message-variable-city")).to_contain_text("Type a value first.")
    expect(page.locator("#draft")).to_have_value("Why {{ city }}?")
    expect(page.locator("#session-name")).to_have_text("New session")
    assert playground.axe() == []
    keys.type("Oslo")
    expect(page.locator("#message-variable-city")).to_be_empty()
    expect(page.get_by_label("Send it empty")).to_be_hidden()
    keys.press("Control+Enter")
    expect(page.locator(".answer-text.markdown")).to_contain_text("You said: Why Oslo?")
    expect(page.locator("#session-name")).to_have_text("Why Oslo?")
    expect(page.locator("#refusals-setup-top_p")).to_contain_text("reasoning-1 refuses it")
    expect(page.get_by_label("Top P")).to_have_value("0.5")
    assert playground.axe() == []
    assert [complaint for complaint in playground.complaints if "422" not in complaint] == []


def test_nothing_typed_is_lost_by_leaving_the_page_at_once(playground):
    page = playground.page
    choose(page, "long-30")
    page.get_by_label("Instructions").fill("Be brief, {{ who }}.")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_label("Deployment of A")).to_have_value("long-30")
    expect(page.get_by_label("Instructions")).to_have_value("Be brief, {{ who }}.")
    page.get_by_label("Deployment of B").fill("long-60")
    page.locator("#draft").fill("Who pays {{ amount }}?")
    page.get_by_role("button", name="Add column").click()
    expect(page.get_by_label("Deployment of C")).to_be_visible()
    expect(page.get_by_label("Deployment of B")).to_have_value("long-60")
    expect(page.locator("#draft")).to_have_value("Who pays {{ amount }}?")
    page.locator("#variable-who").fill("Ada")
    page.get_by_role("link", name="Batch").click()
    expect(page.get_by_role("heading", name="New batch")).to_be_visible()
    page.go_back()
    expect(page.locator("#variable-who")).to_have_value("Ada")
    page.locator("#variable-who").fill("Grace")
    here = page.url
    page.goto("about:blank")  # as a closed tab: what is unsaved is sent while nobody waits
    for _ in range(20):
        page.goto(here)
        if page.locator("#variable-who").input_value() == "Grace":
            break
    expect(page.locator("#variable-who")).to_have_value("Grace")
    assert playground.complaints == []


def test_images_are_attached_pasted_removed_and_sent(playground, tmp_path):
    page = playground.page
    choose(page, "gpt-4o")
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    page.locator("[data-images]").set_input_files([picture])
    expect(page.locator(".thumb img")).to_have_count(1)
    page.evaluate(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
          const pasted = new DataTransfer();
          pasted.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
          const draft = document.getElementById("draft");
          draft.dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(PNG).decode(),
    )
    expect(page.locator(".thumb img")).to_have_count(2)
    page.get_by_role("button", name="Remove pasted.png").click()
    expect(page.locator(".thumb img")).to_have_count(1)
    ask(page, "What is it?")
    expect(page.locator(".answer-text.markdown")).to_contain_text("You sent 1 image.")
    expect(page.locator(".question-images img")).to_have_js_property("complete", True)
    assert page.locator(".question-images img").evaluate("image => image.naturalWidth") == 1
    expect(page.locator(".thumb")).to_have_count(0)
    assert playground.complaints == []


def test_a_cut_answer_and_a_filtered_one_say_so_with_the_way_out(playground):
    page = playground.page
    choose(page, "long-60")
    page.get_by_label("Max completion tokens").fill("20")
    ask(page, "Tell me")
    expect(page.locator(".answer-note")).to_contain_text("Cut at 20 tokens. The answer reached Max completion tokens.")
    page.get_by_role("button", name="Raise to 600 and try again").click()
    expect(page.locator(".answer-text.markdown")).to_contain_text("word59")
    expect(page.get_by_label("Max completion tokens")).to_have_value("600")
    choose(page, "content-filter")
    ask(page, "Bad words")
    expect(page.get_by_role("alert")).to_contain_text("The content filter blocked the prompt: violence")
    assert playground.complaints == []


def test_a_field_offers_the_deployments_of_its_connection(playground):
    page = playground.page
    page.get_by_label("Deployment", exact=True).focus()
    expect(page.locator("#setup-deployments option[value='gpt-4o-mini']")).to_have_count(1)
    page.get_by_role("button", name="Compare").click()
    page.get_by_label("Deployment of B").focus()
    expect(page.locator("#column-1-deployments option[value='gpt-4o-mini']")).to_have_count(1)
    assert playground.complaints == []


def test_columns_stream_side_by_side_and_one_wins(playground):
    page = playground.page
    choose(page, "long-30")
    page.get_by_label("Instructions").fill("Be brief.")
    page.get_by_label("Instructions").blur()
    expect(page.locator("#saved")).to_contain_text("Saved")
    page.get_by_role("button", name="Compare").click()
    page.get_by_label("Connection of B").select_option("contoso-west")
    page.get_by_label("Deployment of B").fill("long-60")
    page.get_by_label("Deployment of B").blur()
    page.get_by_role("button", name="Add column").click()
    page.get_by_label("Deployment of C").fill("fast")
    page.get_by_role("button", name="Follow the settings on the left").last.click()
    page.get_by_text("Own settings", exact=True).click()
    page.locator("#column-2-temperature").fill("0.2")
    page.locator("#column-2-temperature").blur()
    expect(page.locator("#column-said-2")).to_contain_text("Temperature: 0.2")
    ask(page, "Who pays?")
    expect(page.locator("[role=log]").first).to_contain_text("Simulated")
    expect(page.locator(".column-body .answer-text.markdown")).to_have_count(3)
    expect(page.locator("#figures tbody tr")).to_have_count(3)
    expect(page.locator("#figures tbody")).to_contain_text("stop")
    page.get_by_role("switch", name="Show differences").click()
    expect(page.locator("#differences ins").first).to_be_visible()
    page.get_by_label("Best answer").nth(1).check()
    expect(page.locator(".answer.is-winner")).to_have_count(1)
    page.get_by_role("button", name="Run 5 times").click()
    expect(page.locator(".spread-table tbody tr")).to_have_count(3)
    expect(page.locator(".spread-table tbody")).to_contain_text("6 of 6")
    assert playground.axe() == []
    assert playground.complaints == []


def test_the_playground_passes_axe_and_reflows(playground):
    page = playground.page
    choose(page, "length")
    page.locator("#draft").fill("Show **bold** {{ name }}")
    page.locator("#variable-name").fill("text")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".answer-note")).to_be_visible()
    choose(page, "bad-key")
    ask(page, "Again")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Edit the question").first.click()
    expect(page.locator("[data-edit]")).to_be_visible()
    assert playground.axe_in_both_themes() == []
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("tab", name="Code").click()
    expect(page.locator("#code-view")).not_to_be_empty()
    assert playground.axe_in_both_themes() == []
    page.get_by_role("tab", name="Chat").click()
    page.set_viewport_size({"width": 320, "height": 720})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert playground.axe_in_both_themes() == []
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_label("Connection", exact=True)).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert playground.axe_in_both_themes() == []
    assert playground.complaints == []
