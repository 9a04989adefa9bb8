"""Sends an invitation by mail, where a mail server is set. Whoever invites is shown the link in any case."""

from __future__ import annotations

import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from foundryflow.models import Invitation
from foundryflow.names import name_of

log = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, link: str) -> str:
    """What became of it, as a sentence."""
    if not settings.EMAIL_HOST:
        return "No mail server is set, so send it yourself."
    until = timezone.localtime(invitation.expires_at)
    inviter = name_of(invitation.created_by)
    text = (
        f"{inviter or 'An administrator'} invites you to FoundryFlow as {invitation.role}.\n\n{link}\n\n"
        f"The link lets you in once, until {until:%d %b %Y %H:%M %Z}. Who did not expect it may delete this mail.\n"
    )
    try:
        EmailMessage("Your invitation to FoundryFlow", text, to=[invitation.email]).send()
    except (OSError, smtplib.SMTPException) as error:
        # What a server answers may repeat the mail, and so the link.
        log.warning("The mail server did not take an invitation: %s", type(error).__name__)
        return f"The mail server did not take it ({reason_of(error)}), so send it yourself."
    return f"It was sent to {invitation.email}, too."


def reason_of(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it refused name or password"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "it refused the address"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code}"
    return "it cannot be reached"
