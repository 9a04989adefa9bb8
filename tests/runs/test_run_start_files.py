"""Files in the forms that start runs: the page, the panel beside the chart, and runs made from other runs."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from flows.models import LastInputs, Run, RunFile, SavedInputs, State
from tests.designer.test_designer_regions import HTMX, regions_of
from tests.factories import make_flow
from tests.markup import one_line

DOCUMENT = {
    "format": "foundryflow/1",
    "name": "Bills",
    "inputs": [{"name": "bill", "type": "file", "required": True}, {"name": "question", "default": "Paid?"}],
    "actions": [{"id": "log", "type": "log", "properties": {"message": "{{ bill.name }}"}}],
}
PDF = b"%PDF-1.7 bill"


@pytest.fixture
def flow(alice):
    return make_flow(DOCUMENT, by=alice)


def upload(content=PDF, name="bill.pdf"):
    return SimpleUploadedFile(name, content, content_type="text/plain")  # what a browser says of it is not believed


def start(client, flow, query="", **data):
    return client.post(f"{reverse('runs:start', args=[flow.slug])}{query}", {"asked": "1", **data})


def start_beside(client, flow, **data):
    return client.post(reverse("designer:run_in_place", args=[flow.slug]), {"asked": "1", **data}, headers=HTMX)


def test_the_page_asks_for_a_file_and_starts_the_run_with_it(client_alice, flow):
    page = one_line(client_alice.get(reverse("runs:start", args=[flow.slug])).content.decode())
    assert 'enctype="multipart/form-data"' in page
    assert 'type="file" name="input-bill" accept="image/png,image/jpeg,image/webp,image/gif,application/pdf"' in page
    assert "at most 10 MB. Kept until the run ends." in page
    assert start(client_alice, flow, **{"input-bill": upload()}).status_code == 302
    run = Run.objects.get()
    assert (run.inputs["bill"]["name"], run.inputs["bill"]["media_type"]) == ("bill.pdf", "application/pdf")
    assert RunFile.objects.get().run == run


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "bill is required."),
        ({"input-bill": upload(b"")}, "bill is an empty file."),
        ({"input-bill": upload(b"Hello")}, "bill.pdf is neither an image"),
        ({"input-bill": upload(PDF + b"x" * 1_000_000)}, "bill.pdf is larger than 1 MB"),
    ],
)
def test_a_file_that_no_run_takes_is_refused_in_a_sentence(client_alice, flow, settings, sent, said):
    settings.FILE_BYTES = 1_000_000
    answer = start(client_alice, flow, **sent, **{"input-question": "kept"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "kept</textarea>" in page
    assert not Run.objects.exists()


def test_files_are_bounded_together(client_alice, alice, settings):
    settings.FILE_BYTES, settings.RUN_FILES_BYTES = 1_000_000, 1_200_000
    inputs = [{"name": name, "type": "file"} for name in ("front", "back")]
    flow = make_flow({**DOCUMENT, "inputs": inputs, "actions": []}, by=alice)
    files = {f"input-{name}": upload(PDF + name.encode() * 150_000, name) for name in ("front", "back")}
    answer = start(client_alice, flow, **files)
    assert "The files are larger than 1.2 MB together" in answer.content.decode()
    assert answer.status_code == 422


def test_the_page_says_that_a_chosen_file_is_gone_when_something_else_is_wrong(client_alice, alice):
    inputs = [*DOCUMENT["inputs"], {"name": "count", "type": "number"}]
    flow = make_flow({**DOCUMENT, "inputs": inputs}, by=alice)
    answer = start(client_alice, flow, **{"input-bill": upload(), "input-count": "many"})
    assert answer.status_code == 422
    assert "Choose bill.pdf again: a browser keeps no file" in one_line(answer.content.decode())


def test_what_is_wrong_comes_into_the_page_so_that_chosen_files_stay(client_alice, alice):
    inputs = [*DOCUMENT["inputs"], {"name": "count", "type": "number"}]
    flow = make_flow({**DOCUMENT, "inputs": inputs}, by=alice)
    address, data = reverse("runs:start", args=[flow.slug]), {"asked": "1", "input-count": "many"}
    answer = client_alice.post(address, {**data, "input-bill": upload()}, headers=HTMX)
    assert answer.status_code == 422
    assert set(regions_of(answer)) == {"start-form"}
    assert "Choose bill.pdf again" not in answer.content.decode()
    data["input-count"] = "2"
    begun = client_alice.post(address, {**data, "input-bill": upload()}, headers=HTMX)
    assert begun.headers["HX-Redirect"] == reverse("runs:show", args=[Run.objects.get().pk])


@pytest.mark.parametrize("query", ["", "&fork", "&from="])
def test_a_run_made_from_another_one_asks_for_the_file_again(client_alice, flow, query):
    start(client_alice, flow, **{"input-bill": upload(), "input-question": "How much?"})
    run = Run.objects.get()
    run.finish(State.FAILED, error={"kind": "internal", "message": "", "hint": "", "path": "log"})
    address = f"?again={run.pk}{query}"
    page = client_alice.get(reverse("runs:start", args=[flow.slug]) + address).content.decode()
    assert f"Run {run.pk} had bill.pdf; files are kept until a run ends, choose it again." in page
    assert "How much?" in page
    assert start(client_alice, flow, address).status_code == 422
    assert start(client_alice, flow, address, **{"input-bill": upload(name="other.pdf")}).status_code == 302
    again = Run.objects.exclude(pk=run.pk).get()
    assert again.inputs["bill"]["name"] == "other.pdf"
    assert RunFile.objects.get().run == again


def test_a_retry_asks_for_the_file_first(client_alice, flow):
    start(client_alice, flow, **{"input-bill": upload()})
    run = Run.objects.get()
    run.finish(State.FAILED, error={"kind": "internal", "message": "", "hint": "", "path": "log"})
    answer = client_alice.post(reverse("runs:retry", args=[run.pk]))
    assert answer.url.startswith(reverse("runs:start", args=[flow.slug]))
    assert Run.objects.count() == 1


def test_a_file_is_chosen_beside_the_chart_and_not_remembered(client_alice, alice, flow):
    panel = regions_of(start_beside(client_alice, flow))["panel"]
    assert "bill is required." in panel
    begun = start_beside(client_alice, flow, **{"input-bill": upload(), "input-question": "Paid?"})
    assert begun.status_code == 200
    run = Run.objects.get()
    assert run.inputs["bill"]["name"] == "bill.pdf"
    assert LastInputs.objects.get().inputs == {"question": "Paid?"}


def test_test_inputs_are_kept_without_their_files(client_alice, flow):
    data = {"asked": "1", "input-bill": upload(), "input-question": "Due?", "inputs_name": "Due"}
    answer = client_alice.post(reverse("designer:save_inputs_as", args=[flow.slug]), data, headers=HTMX)
    assert "Saved as Due. Files are not kept with them." in one_line(regions_of(answer)["panel"])
    assert SavedInputs.objects.get().inputs == {"question": "Due?"}
    assert not RunFile.objects.exists()
