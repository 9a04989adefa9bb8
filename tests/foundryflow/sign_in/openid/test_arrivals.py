"""Who may come in with an identity provider, as whom, and with which role."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from foundryflow.accounts import give_role
from foundryflow.audit.record import COMMAND
from foundryflow.invitations.invite import invite as send_invitation
from foundryflow.models import AuditEntry, Invitation
from foundryflow.roles import Role, role_of
from foundryflow.sign_in.providers import Signup
from tests.foundryflow.sign_in.openid.conftest import come_back, leave, said

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough password"


@pytest.fixture
def ada(alice):
    return User.objects.create_user("ada@contoso.example", "ada@contoso.example", PASSWORD)


def invite(email="ada@contoso.example", role=Role.RUNNER, hours=1, **more):
    expires = timezone.now() + timedelta(hours=hours)
    digest = f"{Invitation.objects.count():064}"
    return Invitation.objects.create(email=email, role=role, digest=digest, expires_at=expires, **more)


def who(client):
    return client.get("/account/session/").json()["person"]


def test_a_stranger_does_not_come_in(trip, alice):
    client = Client()
    assert "Contoso ID knows you, this server does not. An administrator can invite you." in said(client, trip(client))
    assert not User.objects.filter(email="ada@contoso.example").exists()
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.verb, entry.is_refused) == ("ada@contoso.example", "tried to sign in", True)


def test_an_email_that_is_not_verified_is_nobody_s(trip, ada, provider):
    provider.person["email_verified"] = False
    client = Client()
    assert "Contoso ID does not vouch for it" in said(client, trip(client))
    assert who(client) is None


@pytest.mark.parametrize("verified", ["false", None, "yes", [], {"a": 1}, 2])
def test_only_yes_is_yes(trip, ada, provider, verified):
    provider.person["email_verified"] = verified
    client = Client()
    assert "Contoso ID does not vouch for it" in said(client, trip(client))


def test_nobody_is_linked_by_email_where_settings_do_not_want_it(trip, configure, ada):
    configure(links_by_email=False)
    client = Client()
    assert "Contoso ID does not vouch for it" in said(client, trip(client))


def test_somebody_is_linked_once_they_show_their_password(trip, ada, provider):
    provider.person["email_verified"] = False
    client = Client()
    page = said(client, trip(client))
    uid = page.partition('name="link" value="')[2].partition('"')[0]
    assert len(uid) == 64
    client.post("/login/", {"username": ada.username, "password": PASSWORD, "link": uid})
    assert who(client) == ada.pk
    other = Client()
    assert trip(other).url == "/flows/"
    assert who(other) == ada.pk
    assert AuditEntry.objects.filter(verb="linked", by=ada).exists()


def test_nobody_is_linked_who_did_not_want_it_or_is_somebody_else(trip, ada, provider):
    provider.person["email_verified"] = False
    for form in ({"username": ada.username}, {"username": "alice", "link": "yes"}):
        client = Client()
        page = said(client, trip(client))
        uid = page.partition('name="link" value="')[2].partition('"')[0]
        sent = {"password": PASSWORD, **form} | ({"link": uid} if "link" in form else {})
        assert client.post("/login/", sent).status_code == 302
    assert not AuditEntry.objects.filter(verb="linked").exists()


def test_once_linked_the_person_is_found_by_their_subject_alone(trip, ada, provider):
    trip()
    provider.person |= {"email": "new-name@contoso.example", "email_verified": False}
    client = Client()
    assert trip(client).url == "/flows/"
    assert who(client) == ada.pk


def test_whoever_gets_the_email_of_somebody_later_does_not_get_their_account(trip, ada, provider):
    trip()
    provider.person["sub"] = "eve-2"
    client = Client()
    for verified in (True, False):
        provider.person["email_verified"] = verified
        assert "comes with another account of Contoso ID. An administrator has to mend" in said(client, trip(client))
        assert who(client) is None
        assert "identity_to_link" not in client.session


def test_whoever_has_no_password_is_not_told_to_use_it(trip, ada, provider):
    ada.set_unusable_password()
    ada.save()
    provider.person["email_verified"] = False
    client = Client()
    assert "can have it say that your email is verified" in said(client, trip(client))


def test_another_issuer_under_the_same_settings_knows_other_people(trip, configure, ada, provider):
    trip()
    User.objects.filter(pk=ada.pk).update(email="", username="ada")
    provider.issuer += "/other"
    provider.path = "/other"
    try:
        configure()
        client = Client()
        assert "this server does not" in said(client, trip(client))
    finally:
        provider.issuer, provider.path = provider.issuer.removesuffix("/other"), ""


def test_an_invitation_lets_in_whom_it_is_for(trip, alice, provider):
    invitation = invite("ADA@contoso.example", created_by=alice)
    client = Client()
    assert trip(client).url == "/flows/"
    ada = User.objects.get(email__iexact="ada@contoso.example")
    invitation.refresh_from_db()
    assert (invitation.used_by, role_of(ada), ada.first_name) == (ada, Role.RUNNER, "Ada Nilsen")
    assert not ada.has_usable_password()
    assert who(client) == ada.pk


@pytest.mark.parametrize(
    "over",
    [{"hours": -1}, {"used_at": timezone.now()}, {"withdrawn_at": timezone.now()}, {"email": "bo@contoso.example"}],
)
def test_an_invitation_that_is_over_lets_in_nobody(trip, alice, over):
    invite(**over)
    client = Client()
    assert "An administrator can invite you." in said(client, trip(client))


def test_an_invitation_for_an_email_that_is_not_verified_wants_its_link(trip, alice, provider):
    provider.person["email_verified"] = False
    invitation = invite()
    client = Client()
    assert "An administrator can invite you." in said(client, trip(client))
    address = leave(client)
    session = client.session
    session["invitation"] = invitation.pk  # as the page of the invitation leaves it
    session.save()
    assert come_back(client, address).url == "/flows/"
    assert User.objects.get(email="ada@contoso.example").account.role == Role.RUNNER


def test_anyone_whom_the_provider_knows_comes_in_as_a_reader_where_settings_say_so(trip, configure, alice):
    configure(signup=Signup.ANYONE)
    assert trip().url == "/flows/"
    assert role_of(User.objects.get(email="ada@contoso.example")) is Role.READER


def test_somebody_without_an_email_is_known_by_their_subject(trip, configure, alice, provider):
    configure(signup=Signup.ANYONE)
    provider.person = {"sub": "machine-7"}
    assert trip().url == "/flows/"
    assert User.objects.get(username="machine-7").email == ""


GROUPS = {"admins": Role.ADMINISTRATOR, "writers": Role.EDITOR, "staff": Role.READER}


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["staff", "writers", "x"], Role.EDITOR), (["admins", "staff"], Role.ADMINISTRATOR), ("staff", Role.READER)],
)
def test_the_highest_group_wins_at_each_sign_in(trip, configure, ada, provider, groups, role):
    configure(groups=GROUPS)
    give_role(ada, Role.RUNNER, None)
    provider.person["groups"] = groups
    trip()
    assert role_of(User.objects.get(pk=ada.pk)) is role
    provider.person["groups"] = ["writers"]
    trip()
    assert role_of(User.objects.get(pk=ada.pk)) is Role.EDITOR


def test_groups_may_stand_inside_of_another_claim(trip, configure, ada, provider):
    configure(groups=GROUPS, groups_claim="realm_access.roles")
    provider.person["realm_access"] = {"roles": ["writers", 5]}
    trip()
    assert role_of(User.objects.get(pk=ada.pk)) is Role.EDITOR


def test_nobody_without_a_group_comes_in_where_groups_decide(trip, configure, ada, provider):
    configure(groups=GROUPS, signup=Signup.GROUPS)
    client = Client()
    for groups in ([], ["others"], {"admins": True}, None, 5):
        provider.person["groups"] = groups
        assert "None of the groups that may log in here is yours" in said(client, trip(client))
    provider.person["groups"] = ["staff"]
    assert trip(client).url == "/flows/"
    provider.person = {"sub": "new-1", "email": "new@contoso.example", "groups": ["writers"]}
    assert trip().url == "/flows/"
    assert role_of(User.objects.get(email="new@contoso.example")) is Role.EDITOR


def test_the_last_administrator_is_never_taken_down(trip, configure, alice, provider, caplog):
    configure(groups=GROUPS)
    User.objects.filter(pk=alice.pk).update(email="ada@contoso.example")
    provider.person["groups"] = ["staff"]
    trip()
    assert role_of(User.objects.get(pk=alice.pk)) is Role.ADMINISTRATOR
    assert "alice stays administrator: nobody else is one." in caplog.text
    assert AuditEntry.objects.filter(is_refused=True, subject_id=alice.pk).exists()
    other = User.objects.create_superuser("carol")
    assert role_of(other) is Role.ADMINISTRATOR
    trip()
    assert role_of(User.objects.get(pk=alice.pk)) is Role.READER


def test_a_switched_off_person_stays_out(trip, ada):
    trip()
    User.objects.filter(pk=ada.pk).update(is_active=False)
    client = Client()
    assert "This account is switched off" in said(client, trip(client))
    assert who(client) is None


def test_a_password_that_somebody_else_may_know_ends_with_a_higher_role(trip, configure, ada, provider):
    configure(groups=GROUPS)
    provider.person["groups"] = ["writers"]
    trip()
    assert not User.objects.get(pk=ada.pk).has_usable_password()


def test_too_many_groups_are_told_in_a_sentence(trip, configure, ada, provider):
    configure(groups=GROUPS, signup=Signup.GROUPS)
    provider.person |= {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}}
    client = Client()
    assert "did not say which groups you are in: there are too many" in said(client, trip(client))
    configure(groups=GROUPS)
    assert trip(client).url == "/flows/"
    assert "did not say which groups you are in" in client.get("/flows/").content.decode()


TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def entra(configure, provider):
    """As Microsoft Entra ID answers: nothing says that an email is verified."""
    before, provider.issuer, provider.path = provider.issuer, f"{provider.issuer}/{TENANT}/v2.0", f"/{TENANT}/v2.0"
    configure(id="entra", name="Microsoft Entra ID", issuer=provider.issuer)
    provider.person = {
        "sub": "pairwise-1", "oid": "object-1", "tid": TENANT, "name": "Ada Nilsen",
        "preferred_username": "ada@contoso.example", "email": "ada@contoso.example",
    }  # fmt: skip
    yield provider
    provider.issuer, provider.path = before, ""


def test_entra_finds_people_by_their_object_and_never_by_an_email_that_anybody_may_write(entra, trip, ada):
    client = Client()
    assert "Microsoft Entra ID does not vouch for it" in said(client, trip(client, id="entra"))
    entra.person["email_verified"] = True  # which Entra never says
    assert "does not vouch for it" in said(client, trip(client, id="entra"))
    entra.person["xms_edov"] = True
    assert trip(client, id="entra").url == "/flows/"
    entra.person |= {"sub": "pairwise-2", "email": "x@contoso.example"}
    del entra.person["xms_edov"]
    assert trip(client := Client(), id="entra").url == "/flows/"
    assert who(client) == ada.pk
    assert "userinfo" not in entra.asked


def test_entra_without_an_object_is_told(entra, trip, ada):
    del entra.person["oid"]
    client = Client()
    assert "does not understand" in said(client, trip(client, id="entra"))


def test_a_tenant_known_by_its_domain_answers_with_its_number(entra, configure, trip, ada):
    base = entra.issuer.removesuffix(f"/{TENANT}/v2.0")
    entra.path = "/contoso.example/v2.0"
    entra.configuration = {
        name: f"{base}/contoso.example/v2.0/{place}"
        for name, place in {
            "authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys",
            "userinfo_endpoint": "userinfo",
        }.items()
    }  # fmt: skip
    configure(id="entra", name="Microsoft Entra ID", issuer=f"{base}/contoso.example/v2.0")
    entra.person["xms_edov"] = 1
    assert trip(id="entra").url == "/flows/"


def test_until_there_is_an_administrator_nobody_comes_in(configure, db):
    assert Client().get("/login/oidc/").url == "/setup/"


def test_the_link_of_an_invitation_lets_whoever_opened_it_in_with_a_provider(trip, alice, provider):
    """Also under another email than the one that was invited: the link is what lets in."""
    invitation, secret = send_invitation("hana@contoso.example", Role.RUNNER, COMMAND)
    provider.person["email"] = "hana.ito@contoso.example"
    client = Client()
    page = " ".join(client.get(f"/join/{secret}/").content.decode().split())
    assert "Join with Contoso ID" in page
    assert 'href="/login/oidc/"' in page
    trip(client)
    hana = User.objects.get(username="hana@contoso.example")
    assert (who(client), role_of(hana)) == (hana.pk, Role.RUNNER)
    invitation.refresh_from_db()
    assert invitation.used_by == hana
    assert Client().get(f"/join/{secret}/").status_code == 410
