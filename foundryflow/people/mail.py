"""Sends a link by mail, where a mail server is set. Whoever made it is shown the link in any case."""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.utils import timezone

from foundryflow.models import Invitation
from foundryflow.names import name_of

log = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, link: str) -> str:
    """What became of it, as a sentence."""
    inviter = name_of(invitation.created_by) or "An administrator"
    text = (
        f"{inviter} invites you to FoundryFlow as {invitation.role}.\n\n{link}\n\n"
        f"The link lets you in once, until {moment_words(invitation.expires_at)}."
    )
    return send_mail(invitation.email, "Your invitation to FoundryFlow", text)


def send_password_link(person: User, link: str, until: datetime, by: str) -> str:
    """What became of it, as a sentence."""
    text = (
        f"{by or 'An administrator'} lets you choose another password for FoundryFlow.\n\n{link}\n\n"
        f"The link works once, until {moment_words(until)}, and no more once you have logged in."
    )
    return send_mail(person.email, "Your password for FoundryFlow", text)


def send_mail(email: str, subject: str, text: str) -> str:
    if not settings.EMAIL_HOST:
        return "No mail server is set, so send it yourself."
    if not email:
        return "There is no email address to send it to, so hand it over yourself."
    try:
        EmailMessage(subject, f"{text} Who did not expect it may delete this mail.\n", to=[email]).send()
    except (OSError, smtplib.SMTPException) as error:
        # What a server answers may repeat the mail, and so the link.
        log.warning("The mail server did not take a link: %s", type(error).__name__)
        return f"The mail server did not take it ({reason_of(error)}), so send it yourself."
    return f"It was sent to {email}, too."


def moment_words(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%d %b %Y %H:%M %Z}"


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
