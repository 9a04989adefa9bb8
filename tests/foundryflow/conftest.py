"""What asks nothing of the database is not run a second time on PostgreSQL."""

from django.conf import settings

if settings.POSTGRESQL:
    collect_ignore = [
        "test_durations.py",
        "test_highlight.py",
        "test_keys_of_installations.py",
        "test_markdown.py",
        "test_proxies.py",
        "test_served.py",
    ]
