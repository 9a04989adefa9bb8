"""What a person types about a session or a version."""

from __future__ import annotations

from django import forms

from flows.playground.versions import LONGEST_NOTE

LONGEST_NAME = 200


class SessionNameForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        error_messages={"required": "A session needs a name.", "max_length": f"At most {LONGEST_NAME} characters."},
    )


class SessionImportForm(forms.Form):
    file = forms.FileField(
        label="Session file",
        error_messages={"required": "Choose a file: a session exported as JSON.", "empty": "The file is empty."},
    )


class VersionNoteForm(forms.Form):
    note = forms.CharField(
        label="Note for a version of what is set now",
        max_length=LONGEST_NOTE,
        error_messages={
            "required": "Say in a few words what this version is.",
            "max_length": f"At most {LONGEST_NOTE} characters.",
        },
    )
