"""Deployments that always refuse, and what they say. `faults.py` describes them."""

from __future__ import annotations

from connections.simulator.refusals import SimulatedRefusal, error_refusal, invalid_parameter, status_code_refusal

NO_DEPLOYMENT = error_refusal(
    404,
    "DeploymentNotFound",
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again.",
)
BLOCKED_PROMPT = "The response was filtered due to the prompt triggering the content management policy."
FIREWALL = "Access denied due to Virtual Network/Firewall rules."
TOO_MANY = "Requests to the simulator have exceeded the rate limit of your tier."
ELSEWHERE = "https://elsewhere.invalid/openai/v1/chat/completions"

FIXED_REFUSALS: dict[str, SimulatedRefusal] = {
    "bad-key": error_refusal(401, "401", "Access denied due to invalid subscription key or wrong API endpoint."),
    "bad-token": status_code_refusal(
        401,
        "Unauthorized. Access token is missing, invalid, audience is incorrect (https://ai.azure.com), "
        "or have expired.",
    ),
    "no-role": error_refusal(401, "PermissionDenied", "Principal does not have access to API/Operation."),
    "no-data-action": error_refusal(
        401,
        "PermissionDenied",
        "The principal `simulated` lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/"
        "deployments/chat/completions/action` to perform `POST` operation.",
    ),
    "no-keys": error_refusal(
        403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource."
    ),
    "firewall": error_refusal(403, "AccessDenied", FIREWALL),
    "private-endpoint": error_refusal(
        403, "403", "Public access is disabled. Please configure private endpoint."
    ),
    "blocked": error_refusal(403, "Forbidden", "Your resource has been temporarily blocked because we detected abuse."),
    "not-found": NO_DEPLOYMENT,
    "not-found-empty": SimulatedRefusal(404, None),
    "too-long": invalid_parameter(
        "context_length_exceeded", "This model's maximum context length is 4096 tokens.", "messages"
    ),
    "content-filter": error_refusal(
        400,
        "content_filter",
        BLOCKED_PROMPT,
        param="prompt",
        innererror={
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "violence": {"filtered": True, "severity": "medium"},
                "hate": {"filtered": False, "severity": "safe"},
            },
        },
    ),
    "filtered-prompt-no-inner": error_refusal(400, "content_filter", BLOCKED_PROMPT, param="prompt"),
    "budget-spent": invalid_parameter(
        None,
        "Could not finish the message because max_tokens or model output limit was reached. "
        "Please try again with higher max_tokens.",
        None,
    ),
    "quota": SimulatedRefusal(
        429,
        error_refusal(429, "429", "Rate limit is exceeded. Try again in 86400 seconds.").body,
        {"retry-after": "86400"},
    ),
    "quota-text": error_refusal(429, "429", f"{TOO_MANY} Please retry after 86400 seconds."),
    "rate-limit-reached": error_refusal(429, "RateLimitReached", TOO_MANY),
    "rate-limit-exceeded": error_refusal(429, "rate_limit_exceeded", TOO_MANY),
    "too-many-requests": error_refusal(429, "too_many_requests", TOO_MANY),
    "no-capacity": error_refusal(429, "NoCapacity", "The system is experiencing high demand and has no capacity."),
    "insufficient-quota": error_refusal(
        429, "insufficient_quota", "You exceeded your current quota.", type="insufficient_quota", param=None
    ),
    "error-string": SimulatedRefusal(400, {"error": "The request is wrong (simulated)."}),
    "error-message": SimulatedRefusal(400, {"message": "The request is wrong (simulated)."}),
    "error-code": SimulatedRefusal(400, {"code": "BadRequest", "message": "The request is wrong (simulated)."}),
    "error-detail": SimulatedRefusal(422, {"detail": "The request is wrong (simulated)."}),
    "error-detail-list": SimulatedRefusal(
        422, {"detail": [{"type": "value_error", "loc": ["body", "seed"], "msg": "unsuitable (simulated)", "input": 1}]}
    ),
    "error-object": SimulatedRefusal(
        400, {"object": "error", "message": "The request is wrong (simulated).", "type": "BadRequestError", "code": 400}
    ),
    "error-empty": SimulatedRefusal(500, None),
    "no-backend": error_refusal(
        500,
        "invalid_model_endpoint_authentication",
        "Failed to authenticate to backend endpoint. RequestId = req_simulated",
    ),
    "redirect": SimulatedRefusal(307, None, {"location": ELSEWHERE}),
}  # fmt: skip

# (Deployment, operation) -> refusal: models that lack an API.
MISSING_API: dict[tuple[str, str], SimulatedRefusal] = {
    ("no-chat", "chat/completions"): error_refusal(
        400, "OperationNotSupported", "The chatCompletion operation does not work with the specified model, no-chat."
    ),
    ("no-responses", "responses"): error_refusal(
        400, "BadRequest", "The requested operation failed: model not supported."
    ),
}
NO_CHAT_MODEL = error_refusal(
    400, "OperationNotSupported", "The chatCompletion operation does not work with the specified model."
)

NO_EMBEDDINGS_MODEL = error_refusal(
    400, "OperationNotSupported", "The embeddings operation does not work with the specified model."
)

# Status -> code and message of what fails for a while.
TEMPORARY: dict[int, tuple[str, str]] = {
    408: ("Timeout", "The operation was timeout."),
    409: ("Conflict", "The request conflicts with another one."),
    413: ("413", "The request is too large."),
    424: ("FailedDependency", "The model behind the endpoint failed."),
    429: ("429", f"{TOO_MANY} Please retry after 1 second."),
    431: ("431", "Request Header Fields Too Large."),
    500: ("InternalServerError", "The server had an error while processing your request. Sorry about that!"),
    502: ("BadGateway", "The model did not answer."),
    503: ("ServiceUnavailable", "The system is experiencing high demand and cannot process your request."),
    504: ("GatewayTimeout", "The gateway timed out."),
    529: ("Overloaded", "Overloaded"),
}

# Deployment -> an answer that is no JSON of the service: status, type, text.
NOT_JSON: dict[str, tuple[int, str, str]] = {
    "bad-json": (200, "application/json", '{"choices": [simulated'),
    "html": (502, "text/html", "<html><body>502 Bad Gateway (simulated)</body></html>"),
    "html-ok": (200, "text/html", "<html><body>Sign in (simulated)</body></html>"),
}
