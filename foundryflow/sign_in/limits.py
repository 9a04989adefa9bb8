"""How often signing in may go wrong. Axes leads every attempt through `SignInLimits`.

Wrong ones are counted for the name and address together, for the address, for its network, and for the name. A
browser in which the person has signed in before is counted by itself: so a stranger who keeps on guessing a name keeps
nobody out.
"""

from __future__ import annotations

import ipaddress
import logging
import math
from datetime import datetime
from typing import Any

from axes.handlers.base import AxesHandler
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from foundryflow.models import Attempt
from foundryflow.proxies import address_of, caller_address
from foundryflow.regions import page
from foundryflow.sign_in.attempts import Limit, PendingAttempt, TooMany, begin_attempt
from foundryflow.sign_in.audit_entries import STRANGER, record_refused_sign_in
from foundryflow.sign_in.devices import device_of, name_digest
from foundryflow.sign_in.logged_names import LOGGER, caller_of, loggable_name, printable
from foundryflow.sign_in.methods import method_of

log = logging.getLogger(LOGGER)

QUARTER, HOUR = 900, 3_600  # seconds
MOST_TOGETHER = 8  # wrong ones in a quarter of an hour: of a name from an address, or from a known browser
MOST_OF_ADDRESS, MOST_OF_NETWORK = 20, 40  # the same, of whatever names
MOST_OF_NAME = 20  # an hour, from wherever
MOST_CODES, MOST_CODES_AN_HOUR = 5, 10  # wrong codes of one person, whose password was right


class SignInLimits(AxesHandler):  # type: ignore[misc]  # without types
    """What Axes asks and tells about attempts to sign in."""

    def is_allowed(self, request: Any, credentials: Any = None) -> bool:
        name = (credentials or {}).get("username") or ""
        try:
            request.attempt = begin_attempt(limits_of(request, name))
        except TooMany as refused:
            request.axes_locked_out, request.locked_until = True, refused.until
            return False
        return True

    def user_login_failed(self, sender: Any, credentials: Any, request: Any = None, **kwargs: Any) -> None:
        attempt: PendingAttempt | None = getattr(request, "attempt", None)
        name = (credentials or {}).get("username") or ""
        who = f"{loggable_name(name)} from {caller_of(request)}"
        if attempt is None:
            log.info("Sign-in refused, too many attempts: %s", who)
            known = User.objects.filter(username=name).exists()
            record_refused_sign_in(request, name if known else STRANGER, "too many attempts")
            return
        request.attempt = None
        log.warning("Sign-in failed: %s", who)
        record_refused_sign_in(request, name, "wrong password")
        if until := attempt.fail():
            request.axes_locked_out, request.locked_until = True, until
            record_lock(request, name, "Sign-in", until, who)

    def user_logged_in(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        withdraw_attempt(request)
        who, how = f"{printable(user.get_username())} from {caller_of(request)}", method_of(request, user)
        log.info("Signed in%s: %s", f" with {how}" if how else "", who)

    def get_failures(self, request: Any, credentials: Any = None) -> int:
        return 0  # Axes does not count

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """What `manage.py axes_reset`, `axes_reset_ip` and `axes_reset_username` open again."""
        found = Attempt.objects.all()
        if username:
            found = found.filter(key__contains=name_digest(username))
        if ip_address:
            host, network = host_and_network(ip_address)
            found = found.filter(key__regex=rf"^(address|network|together:\w+):({alternatives(host, network)})$")
        return found.delete()[0]


def limits_of(request: HttpRequest, name: str) -> list[Limit]:
    """What an attempt with this name is counted as."""
    who = name_digest(name)
    if (device := device_of(request)) and device["name"] == who:
        return [Limit(f"browser:{who}:{device['number']}", MOST_TOGETHER, QUARTER)]
    host, network = host_and_network(caller_address(request))
    return [
        Limit(f"together:{who}:{host}", MOST_TOGETHER, QUARTER),
        Limit(f"address:{host}", MOST_OF_ADDRESS, QUARTER),
        Limit(f"network:{network}", MOST_OF_NETWORK, QUARTER),
        Limit(f"name:{who}", MOST_OF_NAME, HOUR),
    ]


def code_limits(name: str) -> list[Limit]:
    """What a code of this person is counted as, from wherever: it takes the password to try one."""
    who = name_digest(name)
    return [Limit(f"code:{who}", MOST_CODES, QUARTER), Limit(f"codes:{who}", MOST_CODES_AN_HOUR, HOUR)]


def withdraw_attempt(request: Any) -> None:
    """The password of this request was right."""
    if attempt := getattr(request, "attempt", None):
        attempt.withdraw()
    request.attempt = None


def log_code_failure(request: HttpRequest, name: str, until: datetime | None) -> None:
    who = f"{printable(name)} from {caller_of(request)}"
    log.warning("Code refused: %s", who)
    record_refused_sign_in(request, name, "wrong code")
    if until:
        record_lock(request, name, "Codes", until, who)


def record_lock(request: HttpRequest, name: str, what: str, until: datetime, who: str) -> None:
    log.warning("%s locked until %s: %s", what, until.isoformat(timespec="seconds"), who)
    record_refused_sign_in(request, name, f"until {until:%H:%M:%S} UTC", verb="was locked out")


def host_and_network(text: str) -> tuple[str, str]:
    """The host and its network. One host of IPv6 has a whole /64 to call from, and a site a /48."""
    found = address_of(text)
    if found is None:
        return "unknown", "unknown"
    if found.version == 4:
        return str(found), str(ipaddress.ip_network((found, 24), strict=False))
    wide = [str(ipaddress.ip_network((found, length), strict=False)) for length in (64, 48)]
    return wide[0], wide[1]


def alternatives(*texts: str) -> str:
    return "|".join(text.replace(".", r"\.") for text in texts)


def lockout_page(request: Any, response: Any = None, credentials: Any = None) -> HttpResponse:
    """What Axes shows."""
    return locked_page(request, getattr(request, "locked_until", None) or timezone.now())


def locked_page(request: HttpRequest, until: datetime) -> HttpResponse:
    """The page of somebody who has to wait."""
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    context = {"until": until, "minutes": math.ceil(seconds / 60), "seconds": seconds}
    answer = page(request, "sign_in/locked_out.html", context, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return answer
