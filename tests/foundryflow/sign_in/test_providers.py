"""Settings of identity providers, and what is refused at the start."""

import pytest

from foundryflow.env import Environment, SettingError
from foundryflow.roles import Role
from foundryflow.sign_in.providers import Signup, password_sign_in, read_providers

OIDC = {"OIDC_ISSUER": "https://id.contoso.example/realm", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "hidden"}
TENANT = "11111111-2222-3333-4444-555555555555"
ENTRA = {"ENTRA_TENANT": TENANT, "ENTRA_CLIENT_ID": "b", "ENTRA_CLIENT_SECRET": "hidden"}


def environment(*parts, **more):
    given = {name: value for part in parts for name, value in part.items()} | more
    return Environment(None, {f"FOUNDRYFLOW_{name}": value for name, value in given.items()})


def test_without_settings_there_is_none():
    assert read_providers(environment()) == []


def test_both_may_be_set():
    oidc, entra = read_providers(environment(OIDC, ENTRA))
    assert (oidc.id, oidc.name, oidc.scopes) == ("oidc", "id.contoso.example", ("openid", "profile", "email"))
    assert (entra.id, entra.name) == ("entra", "Microsoft Entra ID")
    assert entra.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert (oidc.signup, oidc.groups, oidc.links_by_email) == (Signup.INVITED, {}, True)
    assert "hidden" not in repr(oidc)


@pytest.mark.parametrize("authority", ["https://login.microsoftonline.us", "http://127.0.0.1:9000/"])
def test_another_cloud_has_another_authority(authority):
    (entra,) = read_providers(environment(ENTRA, ENTRA_AUTHORITY=authority, ENTRA_NAME="Contoso"))
    assert (entra.issuer, entra.name) == (f"{authority.rstrip('/')}/{TENANT}/v2.0", "Contoso")


def test_a_secret_may_be_in_a_file_and_an_issuer_may_be_the_address_of_its_configuration(tmp_path):
    (tmp_path / "secret").write_text("from a file\n")
    given = {**OIDC, "OIDC_CLIENT_SECRET": "", "OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    given["OIDC_ISSUER"] += "/.well-known/openid-configuration"
    (provider,) = read_providers(environment(given))
    assert (provider.client_secret, provider.issuer) == ("from a file", "https://id.contoso.example/realm")


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("admins = Administrator, staff=reader", {"admins": Role.ADMINISTRATOR, "staff": Role.READER}),
        ("cn=a,ou=b=editor; x=runner", {"cn=a,ou=b": Role.EDITOR, "x": Role.RUNNER}),
    ],
)
def test_groups_mean_roles(text, groups):
    (provider,) = read_providers(environment(OIDC, OIDC_GROUPS=text, OIDC_SIGNUP="groups"))
    assert provider.groups == groups


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"OIDC_CLIENT_ID": "a"}, "FOUNDRYFLOW_OIDC_ISSUER is not"),
        ({"ENTRA_GROUPS": "a=reader"}, "FOUNDRYFLOW_ENTRA_TENANT is not"),
        ({**OIDC, "OIDC_CLIENT_ID": ""}, "FOUNDRYFLOW_OIDC_CLIENT_ID is not set"),
        ({**OIDC, "OIDC_CLIENT_SECRET": ""}, "FOUNDRYFLOW_OIDC_CLIENT_SECRET is not set"),
        ({**OIDC, "OIDC_ISSUER": "http://id.contoso.example"}, "begins with https://"),
        ({**OIDC, "OIDC_ISSUER": "id.contoso.example"}, "begins with https://"),
        ({**OIDC, "OIDC_ISSUER": "https://[x"}, "begins with https://"),
        ({**OIDC, "OIDC_ISSUER": "https://a:b@id.contoso.example"}, "begins with https://"),
        ({**OIDC, "OIDC_SIGNUP": "everybody"}, "write invited or groups or anyone"),
        ({**OIDC, "OIDC_SIGNUP": "groups"}, "nobody would get in"),
        ({**OIDC, "OIDC_GROUPS": "admins=king"}, "write group=role"),
        ({**OIDC, "OIDC_GROUPS": "admins"}, "write group=role"),
        ({**ENTRA, "ENTRA_TENANT": "common"}, "people of every tenant"),
        ({**ENTRA, "ENTRA_TENANT": "Organizations"}, "people of every tenant"),
        ({**ENTRA, "ENTRA_TENANT": "a/b"}, "write the ID of your tenant"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(given, sentence):
    with pytest.raises(SettingError, match=sentence):
        read_providers(environment(given))


def test_passwords_are_only_switched_off_where_something_else_lets_people_in():
    off = environment(OIDC, PASSWORD_SIGN_IN="false")
    assert password_sign_in(off, read_providers(off)) is False
    assert password_sign_in(environment(), []) is True
    with pytest.raises(SettingError, match="nothing else lets anybody in"):
        password_sign_in(environment(PASSWORD_SIGN_IN="false"), [])
