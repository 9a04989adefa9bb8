"""Names that nobody uses: vulture over the packages, with the names that templates use counted as used.

python scripts/check_dead.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("flows", "connections", "foundryflow")
READ_ONLY = ("manage.py", "benchmarks")  # what they use is used; what is in them is not judged
# What libraries find by its name.
BY_NAME = [
    # Django: models, forms, fields, views, commands, checks, handlers
    *("Meta", "Command", "*Config", "app_name", "app_label", "urlpatterns", "handler*", "ordering", "constraints"),
    *("clean_*", "value_from_datadict", "value_omitted_from_data", "bound_data", "error_messages", "form_class"),
    *("from_db_value", "to_python", "get_prep_value", "value_to_string", "obj", "as_postgresql", "output_field"),
    *("*_verb", "add_arguments", "help", "requires_system_checks", "regex", "to_url", "_has_been_logged"),
    *("load_middleware", "is_async", "_view_middleware", "_template_response_middleware", "_exception_middleware"),
    *("_middleware_chain", "authentication_form", "redirect_authenticated_user", "success_url"),
    *("handle_no_permission", "aget_user", "form_valid"),
    # axes, whitenoise
    *("is_allowed", "user_login_failed", "get_failures", "reset_attempts", "axes_locked_out", "ip_or_username"),
    *("FOREVER", "add_files_from_finders", "get_static_file", "stat_cache", "support_js_module_import_aggregation"),
    *("keep_intermediate_files", "async_capable"),
    # allauth
    *("get_login_stages", "is_open_for_signup", "respond_user_inactive", "add_message", "get_client_ip", "abort"),
    *("openid_config", "get_access_token_data", "complete_login", "get_oauth2_adapter", "extract_*"),
    *("pre_social_login", "on_authentication_error", "_get_state"),
    # ninja, pydantic
    *("model_config", "parse_body", "get_openapi_operation_id"),
    # pickle, logging, uvicorn, aiohttp, markdown-it, re2, typing
    *("persistent_id", "persistent_load", "find_class", "exc_text", "disconnected", "capture_signals", "should_exit"),
    *("update_cookies_from_headers", "response_url", "validateLink", "case_sensitive", "max_mem", "log_errors"),
    *("never_capture", "spec"),
    # PyYAML
    *("ignore_aliases", "indentless"),
    # python-tds, sqlite3
    *("recv_into", "OPENSSL_AVAILABLE", "create_context", "text_factory", "in_cancel"),
    # columns that only statements of our own write, fields that are read by the name of what they stand for
    *("slot", "trying_since", "killed_by", "check_status", "retry_on", "email", "model_requested", "field_order"),
    *("template_name", "used_at", "used_by"),
    # what the client can do beyond what actions ask of it, and what tests need
    *("embed", "parallel_tool_calls", "dimensions", "encoding_format", "vectors", "revoke", "forget_keys"),
]
BY_DECORATOR = ["@api.*", "@starts", "@changes", "@field_for", "@register.*", "@app.*", "@*validator*"]


def main() -> int:
    searched = Vulture(ignore_names=BY_NAME, ignore_decorators=BY_DECORATOR)
    searched.scavenge([str(ROOT / path) for path in (*PACKAGES, *READ_ONLY)], exclude=["*/test_*", "*/static/*"])
    # Settings name classes and functions by their dotted paths; actions are found by their folders.
    for path in (ROOT / "foundryflow").glob("*.py"):
        for dotted in re.findall(r"[\"'](?:flows|connections|foundryflow)\.([\w.]+)[\"']", path.read_text()):
            searched.used_names.update(dotted.split("."))
    for template in (ROOT / "templates").rglob("*.html"):
        for tag in re.findall(r"\{[{%].*?[}%]\}", template.read_text(), re.DOTALL):
            searched.used_names.update(re.findall(r"[A-Za-z_]\w*", tag))
    found = [
        item
        for item in searched.get_unused_code(min_confidence=60)
        # An unreachable yield is what makes a generator of a function.
        if is_judged(item.filename.relative_to(ROOT)) and item.typ != "unreachable_code"
    ]
    for item in found:
        print(f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: {item.typ} {item.name} is not used")
    return 1 if found else 0


def is_judged(path: Path) -> bool:
    """Not the settings, which Django reads, nor the classes of actions, which are found by their folders."""
    return (
        path.parts[0] in PACKAGES and "migrations" not in path.parts and path.name not in ("settings.py", "action.py")
    )


if __name__ == "__main__":
    sys.exit(main())
