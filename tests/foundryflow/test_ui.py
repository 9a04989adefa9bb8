"""Icons, form fields and figures are the same on every page."""

import pytest
from django import forms
from django.contrib.auth.models import User
from django.template import Context, Template

from foundryflow.models import Account
from foundryflow.names import may_change, name_of
from foundryflow.roles import Role
from foundryflow.templatetags.ui import begins, icon, initials, pretty, thousands


class Sample(forms.Form):
    name = forms.CharField(label="Name", help_text="As others read it.")
    agreed = forms.BooleanField(required=False)


def render(name, data=None):
    return Template("{% load ui %}{% field bound %}").render(Context({"bound": Sample(data)[name]}))


def test_a_field_names_its_hint():
    html = render("name")
    assert '<label class="field-label" for="id_name">Name' in html
    assert 'class="star"' in html
    assert 'aria-describedby="id_name-hint"' in html
    assert 'id="id_name-hint">As others read it.' in html
    assert "aria-invalid" not in html


def test_a_wrong_field_names_its_error_first():
    html = render("name", {})
    assert 'aria-describedby="id_name-error id_name-hint"' in html
    assert 'aria-invalid="true"' in html
    assert 'class="field-error" id="id_name-error"' in html


def test_a_tick_box_is_a_toggle_and_no_star_stands_at_what_may_be_left_out():
    html = render("agreed")
    assert 'class="toggle"' in html
    assert 'class="star"' not in html
    assert "aria-describedby" not in html


def test_an_icon_is_decoration_of_the_sprite():
    assert 'aria-hidden="true"' in icon("x")
    assert 'width="16"' in icon("x")
    assert 'width="14" height="14"' in icon("x", 14)
    assert icon("x").count("#x") == 1
    assert "&lt;" in icon("<")


@pytest.mark.parametrize(("number", "text"), [(1234567, "1,234,567"), (0, "0"), (None, ""), ("", "")])
def test_thousands_are_told_apart(number, text):
    assert thousands(number) == text


def test_json_is_shown_for_people_and_text_as_it_is():
    assert pretty({"a": "é"}) == '{\n  "a": "é"\n}'
    assert pretty('{"a": 1}') == '{"a": 1}'
    assert begins("/flows/x/", "/flows/") is True
    assert begins("/runs/", "/flows/") is False


@pytest.mark.parametrize(
    ("user", "letters", "name"),
    [
        (User(username="ada", first_name="Ada", last_name="Nilsen"), "AN", "Ada Nilsen"),
        (User(username="ada@contoso.example"), "AC", "ada@contoso.example"),
        (User(username="ada"), "A", "ada"),
        (User(username="x", first_name="Ada Maria", last_name="Nilsen"), "AM", "Ada Maria Nilsen"),
    ],
)
def test_people_have_names_and_initials(user, letters, name):
    assert initials(user) == letters
    assert name_of(user) == name


def test_nobody_has_no_name():
    assert name_of(None) == ""


@pytest.mark.parametrize(
    ("pk", "role", "may"), [(1, Role.EDITOR, True), (1, Role.RUNNER, False), (2, Role.ADMINISTRATOR, False)]
)
def test_what_somebody_owns_is_theirs_to_change_while_they_may_change_anything(pk, role, may):
    class Owned:
        owner_id = 1

    assert may_change(User(pk=pk, account=Account(role=role)), Owned()) is may
