"""People beyond what Django's own `User` says of them, and those who are invited."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from foundryflow.roles import Role

THEMES = [("system", "System"), ("light", "Light"), ("dark", "Dark")]


class Account(models.Model):
    """The role of a person, and what they have set for themselves."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="account"
    )
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.READER)
    role_given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )  # None: the server, a command or a group of the identity provider
    role_given_at = models.DateTimeField(auto_now_add=True)
    password_changed_at = models.DateTimeField(null=True)
    deactivated_at = models.DateTimeField(null=True)
    theme = models.CharField(max_length=10, choices=THEMES, blank=True)  # empty: what the browser remembers
    seen_at = models.DateTimeField(null=True)  # to the minute

    def __str__(self) -> str:
        return f"{self.user_id}: {self.role}"


class Invitation(models.Model):
    """A link that lets one person in, once. The link itself is not stored."""

    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role.choices)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the secret of the link, which has 256 bits
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.email
