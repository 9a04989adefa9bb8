"""What a vault says when it gives no secret becomes a sentence."""

import json

import pytest

from connections.key_vault.refusals import NO_VAULT, UNAUTHORIZED, vault_refusal


def body(code=None, message=None, inner=None):
    return json.dumps({"error": {"code": code, "message": message, "innererror": inner and {"code": inner}}})


@pytest.mark.parametrize(
    ("status", "said", "kind", "message", "hint"),
    [
        (401, "", "sign_in", "v does not accept the token of the connection.", UNAUTHORIZED),
        (403, body("Forbidden", inner="SecretDisabled"), "disabled_secret", "The secret s in v is disabled.", "Enable it in the vault."),
        (403, body("SecretDisabled"), "disabled_secret", "The secret s in v is disabled.", "Enable it in the vault."),
        *(
            (403, body("Forbidden", inner=code), "network_rule", "The firewall of v keeps this server out.", "Add its address there.")
            for code in ("ForbiddenByFirewall", "ForbiddenByConnection")
        ),
        (403, body("Forbidden"), "permission", "The identity of the connection may not read the secret s in v.", "A role."),
        (404, "", "secret_not_found", "There is no secret s in v.", "Check name and version; deleted ones are gone."),
        (400, body("x", "No. " * 100), "input", "v cannot read the name or version of the secret s in v.", ("No. " * 100)[:300]),
        (400, "[]", "input", "v cannot read the name or version of the secret s in v.", ""),
        (400, '{"error": 7}', "input", "v cannot read the name or version of the secret s in v.", ""),
        (400, "{half", "input", "v cannot read the name or version of the secret s in v.", ""),
        (400, "[" * 200_000, "input", "v cannot read the name or version of the secret s in v.", ""),
        (400, body(), "input", "v cannot read the name or version of the secret s in v.", ""),
        (429, "", "rate_limit", "v answers no more for now: too many requests.", "Try again."),
        (500, "", "server", "v failed with status 500.", "Try again."),
        (418, "", "protocol", "v answered with status 418.", NO_VAULT),
    ],
)  # fmt: skip
def test_a_refusal_says_what_can_be_done(status, said, kind, message, hint):
    error = vault_refusal(status, said, "s", "v", "A role.")
    assert (error.kind, error.message, error.hint) == (kind, message, hint)
    assert error.raw == said[: len(error.raw)]
    assert bool(error.raw) == bool(said)
