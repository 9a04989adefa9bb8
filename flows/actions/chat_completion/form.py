from flows.actions.properties import (
    Choice,
    ConnectionName,
    DynamicConnection,
    Line,
    NewVariable,
    Number,
    PropertyForm,
    Template,
    Value,
)

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


class Form(PropertyForm):
    ports = (
        "connection",
        "model",
        "system_prompt",
        "user_prompt",
        "history",
        "context",
        "temperature",
        "max_completion_tokens",
    )
    advanced = (
        "images",
        "history",
        "context",
        "prompt_template",
        "temperature",
        "top_p",
        "max_completion_tokens",
        "frequency_penalty",
        "presence_penalty",
        "reasoning_effort",
        "verbosity",
        "response_format",
        "stop",
        "seed",
        "user",
    )
    output = "result_variable_name"

    connection = ConnectionName("Connection", star=True)
    dynamic_connection = DynamicConnection(
        "Enable dynamic connection", hint="A connection from a variable, used instead at run time."
    )
    model = Line("Model", star=True, hint="Deployment name, not the model id.")
    system_prompt = Template("System prompt")
    user_prompt = Template("User prompt", star=True)
    images = Value("Images", hint="A list of https addresses or data URIs, such as {{ images }}.")
    history = Value("History", hint="A list of messages with role and content, such as {{ history }}.")
    context = Value("Context", hint="Knowledge for the answer: text, a list or an object.")
    prompt_template = Template(
        "Prompt template", rows=4, hint="@@context and @@userPrompt are replaced by the two above."
    )
    temperature = Number("Temperature", minimum=0, maximum=2)
    top_p = Number("Top P", minimum=0, maximum=1)
    max_completion_tokens = Number("Max completion tokens", short="Max tokens", minimum=1, whole=True)
    frequency_penalty = Number("Frequency penalty", minimum=-2, maximum=2)
    presence_penalty = Number("Presence penalty", minimum=-2, maximum=2)
    reasoning_effort = Choice(
        "Reasoning effort", choices=[("", "provider default"), *((effort, effort) for effort in EFFORTS)]
    )
    verbosity = Choice(
        "Verbosity", choices=[("", "provider default"), ("low", "low"), ("medium", "medium"), ("high", "high")]
    )
    response_format = Value("Response format", hint="text, json_object, or a JSON schema.")
    stop = Value("Stop", hint="A text, or a JSON list of up to four.")
    seed = Number("Seed", whole=True)
    user = Line("User", hint="Passed on for abuse monitoring.")
    result_variable_name = NewVariable("Result variable name")
