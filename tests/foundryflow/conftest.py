"""What asks nothing of the database is not run a second time on PostgreSQL."""

from django.conf import settings

if settings.POSTGRESQL:
    collect_ignore = [
        "test_durations.py",
        "test_env.py",
        "test_highlight.py",
        "test_keys_of_installations.py",
        "test_markdown.py",
        "test_proxies.py",
        "test_regions.py",
        "test_served.py",
        "test_static_files.py",
        "test_strict_json.py",
        "test_ui.py",
    ]
