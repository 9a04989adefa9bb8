"""What a browser calls itself, in words. Nothing depends on it: whoever is asked by a browser may say anything."""

from __future__ import annotations

import re

# In this order: most name those that they descend from, too.
BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|OPT/"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Vivaldi", r"Vivaldi/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Version/[\d.]+ .*Safari/"),
    ("curl", r"^curl/"),
    ("Python", r"^python"),
)
SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("ChromeOS", r"CrOS"),
    ("Mac", r"Macintosh|Mac OS X"),
    ("Linux", r"Linux|X11"),
)
HANDHELD = ("iPhone", "iPad", "Android")


def system_of(user_agent: str) -> str:
    """Empty where it is none that we know."""
    return next((name for name, pattern in SYSTEMS if re.search(pattern, user_agent)), "")


def browser_of(user_agent: str) -> str:
    """Browser and system, such as "Firefox on Linux"."""
    browser = next((name for name, pattern in BROWSERS if re.search(pattern, user_agent, re.IGNORECASE)), "")
    system = system_of(user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"Unknown browser on {system}" if system else "Unknown browser")


def is_handheld(user_agent: str) -> bool:
    return system_of(user_agent) in HANDHELD
