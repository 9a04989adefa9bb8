"""Settings are read strictly: from the process, else from the file; what cannot be read names itself."""

import base64

import pytest

from foundryflow.env import Environment, MailServer, SettingError, is_fernet_key, read_file
from tests.processes import installed_on, ran

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


def environment(**values):
    return Environment(None, {f"FOUNDRYFLOW_{name}": value for name, value in values.items()})


def test_the_process_comes_before_the_file(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nFOUNDRYFLOW_A=file\nFOUNDRYFLOW_B = 'quoted'\nDATABASE_URL=\"x=y\"\nnothing\n")
    found = Environment(file, {"FOUNDRYFLOW_A": "process"})
    assert (found.text("A"), found.text("B"), found.text("C", "none")) == ("process", "quoted", "none")
    assert found.plain("DATABASE_URL") == "x=y"
    assert found.plain("OTHER", "none") == "none"


def test_a_file_that_is_not_there_says_nothing(tmp_path):
    assert read_file(tmp_path / "missing") == {}


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("YES", True), ("False", False), ("0", False), ("no", False)])  # fmt: skip
def test_a_flag_is_read(text, value):
    assert environment(A=text).flag("A", default=not value) is value


def test_a_flag_that_is_not_set_has_its_default():
    assert environment(A="").flag("A", default=True) is True
    assert environment().flag("A", default=False) is False


def test_a_flag_that_is_neither_names_itself():
    with pytest.raises(SettingError, match="FOUNDRYFLOW_A is 'on'; write true or false"):
        environment(A="on").flag("A", default=True)


def test_a_number_is_read_from_its_least_on():
    assert environment(A="5").number("A", 1) == 5
    assert environment(A="5").number("A", 1, least=5) == 5
    assert environment(A="0").number("A", 1) == 0
    assert environment().number("A", 7) == 7


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "4"])
def test_a_number_that_will_not_do_names_itself_and_its_least(text):
    with pytest.raises(SettingError, match=r"FOUNDRYFLOW_A .* whole number of at least 5"):
        environment(A=text).number("A", 1, least=5)


def test_names_are_separated_by_commas():
    assert environment(A=" a, ,b ").names("A") == ["a", "b"]
    assert environment().names("A", "x,y") == ["x", "y"]


@pytest.mark.parametrize(("text", "prefix"), [("", ""), ("/", ""), ("/a/", "/a"), ("/a/b.c~d", "/a/b.c~d")])
def test_a_prefix_is_a_path(text, prefix):
    assert environment(A=text).path_prefix("A") == prefix


@pytest.mark.parametrize("text", ["a", "/a b", "//a", "/a?b", "https://x/a"])
def test_what_is_no_path_is_no_prefix(text):
    with pytest.raises(SettingError, match="write a path such as /foundryflow"):
        environment(A=text).path_prefix("A")


def test_a_secret_is_read_from_a_file_before_the_variable(tmp_path):
    file = tmp_path / "key"
    file.write_text(" from the file \n")
    assert environment(A="variable", A_FILE=str(file)).secret("A") == "from the file"
    assert environment(A="variable").secret("A") == "variable"
    with pytest.raises(SettingError, match="FOUNDRYFLOW_A is not set"):
        environment().secret("A")


def test_a_signing_key_is_long_and_not_regular():
    good = "abcdefghijklmnopqrstuvwxyz012345"
    assert environment(A=good).signing_key("A") == good
    for poor in (good[:-1], "ab" * 40, "abcdefghi" * 5):
        with pytest.raises(SettingError, match="too short or too regular"):
            environment(A=poor).signing_key("A")
    assert environment(A="abcdefghij" * 4).signing_key("A")


def test_a_ring_holds_keys_in_their_order():
    other = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()
    assert environment(A=f"{KEY}, {other},").key_ring("A") == [KEY, other]


def test_a_ring_names_the_key_that_is_none():
    with pytest.raises(SettingError, match=r"^FOUNDRYFLOW_A is no encryption key"):
        environment(A="x").key_ring("A")
    with pytest.raises(SettingError, match=r"^Key 2 of FOUNDRYFLOW_A is no encryption key"):
        environment(A=f"{KEY},x").key_ring("A")
    with pytest.raises(SettingError, match="holds no key"):
        environment(A=" , ").key_ring("A")


def test_a_key_has_thirty_two_bytes_of_many_kinds():
    assert is_fernet_key(KEY)
    assert not is_fernet_key(base64.urlsafe_b64encode(bytes(range(31))).decode())
    assert not is_fernet_key(base64.urlsafe_b64encode(bytes(32)).decode())
    assert not is_fernet_key(base64.urlsafe_b64encode(bytes([*range(9)] * 4)[:32]).decode())
    assert is_fernet_key(base64.urlsafe_b64encode(bytes([*range(10)] * 4)[:32]).decode())


def test_an_address_may_be_in_a_file_and_is_never_repeated(tmp_path):
    file = tmp_path / "hook"
    file.write_text("https://hooks.example/secret\n")
    assert environment(HOOK_FILE=str(file)).web_address("HOOK") == "https://hooks.example/secret"
    assert environment().web_address("HOOK") == ""
    with pytest.raises(SettingError) as refused:
        environment(HOOK="hooks.example/secret").web_address("HOOK")
    assert "FOUNDRYFLOW_HOOK" in str(refused.value)
    assert "hooks.example" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", MailServer()),
        ("smtps://mail.contoso.example", MailServer("mail.contoso.example", 465, tls=True)),
        ("smtp+tls://me:s%40y@mail.example:2525", MailServer("mail.example", 2525, "me", "s@y", starttls=True)),
        ("smtp://127.0.0.1", MailServer("127.0.0.1", 25)),
    ],
)
def test_a_mail_server_is_an_address(address, expected):
    assert Environment(None, {"FOUNDRYFLOW_EMAIL_URL": address}).mail_server("EMAIL_URL") == expected


@pytest.mark.parametrize(
    "address", ["mail.example", "https://mail.example", "smtp://", "smtp://h:port", "smtps://me:secret@"]
)
def test_what_is_no_mail_server_is_refused_without_repeating_it(address):
    with pytest.raises(SettingError, match="EMAIL_URL is no mail server") as refused:
        Environment(None, {"FOUNDRYFLOW_EMAIL_URL": address}).mail_server("EMAIL_URL")
    assert "secret" not in str(refused.value)


def test_a_mail_server_may_stand_in_a_file_and_its_password_is_not_shown(tmp_path):
    (tmp_path / "mail").write_text("smtps://me:secret@mail.example\n")
    found = Environment(None, {"FOUNDRYFLOW_EMAIL_URL_FILE": str(tmp_path / "mail")}).mail_server("EMAIL_URL")
    assert found.password == "secret"
    assert "secret" not in repr(found)


@pytest.mark.parametrize("name", ["secret", "web_address", "file"])
def test_a_file_that_cannot_be_read_names_itself_and_its_setting(name, tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for path, why in (
        (tmp_path / "missing", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "binary", "cannot be read: it is no text"),
        (tmp_path / "empty", "which is empty"),
    ):
        with pytest.raises(SettingError, match=f"FOUNDRYFLOW_A_FILE names {path}, .*{why}"):
            getattr(environment(A_FILE=str(path)), name)("A")


def test_the_password_of_the_database_may_be_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("p@ss/word:1\n")
    read = "from foundryflow import settings; print(settings.DATABASES['default']['PASSWORD'])"
    given = {**installed_on("postgres://foundryflow@db/foundryflow"), "FOUNDRYFLOW_DATABASE_PASSWORD_FILE": str(file)}
    assert ran(["-c", read], 60, given) == (0, "p@ss/word:1\n")
