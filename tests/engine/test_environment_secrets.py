"""Which environment variables flows may read, and from where."""

import pytest

from connections.secret import Secret
from flows.engine.environment_secrets import read_environment_secret
from flows.language.errors import ActionError
from foundryflow.env import Environment, SettingError

KEY = "planted-key-of-the-server"


@pytest.fixture(autouse=True)
def listed(settings):
    settings.ENVIRONMENT_SECRETS = ["CRM_KEY"]


def refusal_of(name="CRM_KEY"):
    with pytest.raises(ActionError) as refused:
        read_environment_secret(name)
    assert KEY not in f"{refused.value.message} {refused.value.hint}"
    return refused.value


def test_a_listed_variable_or_the_file_that_it_names(monkeypatch, tmp_path):
    monkeypatch.setenv("CRM_KEY", KEY)
    assert read_environment_secret("CRM_KEY") == Secret(KEY)

    (tmp_path / "key").write_text("from-a-file\n")
    monkeypatch.setenv("CRM_KEY_FILE", str(tmp_path / "key"))
    assert read_environment_secret("CRM_KEY") == Secret("from-a-file")
    (tmp_path / "key").write_text("replaced\n")
    assert read_environment_secret("CRM_KEY") == Secret("replaced")


def test_others_are_refused_whether_they_are_there_or_not(monkeypatch):
    monkeypatch.setenv("OTHER_KEY", KEY)
    there, not_there = refusal_of("OTHER_KEY"), refusal_of("NOWHERE_KEY")
    assert (there.kind, there.message) == (not_there.kind, not_there.message)
    assert there.kind == "not_listed"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"\xff\xfe", "no text"), (b"x" * 70_000, "too large"), (b"", "is empty")],
)
def test_a_file_that_is_of_no_use_is_named(monkeypatch, tmp_path, content, words):
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("CRM_KEY_FILE", str(tmp_path / "key"))
    error = refusal_of()
    assert (error.kind, words in error.message) == ("variable_missing", True), error.message


def test_a_variable_that_is_not_set_says_who_sets_it(monkeypatch):
    monkeypatch.delenv("CRM_KEY", raising=False)
    assert refusal_of().kind == "variable_missing"


@pytest.mark.parametrize(
    "name", ["FOUNDRYFLOW_ENCRYPTION_KEY", "foundryflow_x", "DATABASE_URL", "DATABASE_URL_FILE", "A B"]
)
def test_settings_of_the_server_cannot_be_listed(name):
    environment = Environment(None, {"FOUNDRYFLOW_ENVIRONMENT_SECRETS": f"CRM_KEY, {name}"})
    with pytest.raises(SettingError, match="FOUNDRYFLOW_ENVIRONMENT_SECRETS lists"):
        environment.variable_names("ENVIRONMENT_SECRETS")
