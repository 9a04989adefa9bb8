from flows.actions.properties import Address, NewVariable, PropertyForm, SecretText


class Form(PropertyForm):
    ports = ("api_key", "endpoint")
    output = "connection_variable_name"

    api_key = SecretText(
        "API key",
        star=True,
        hint="A variable such as {{ api_key }}, or a key, which is stored encrypted and never shown.",
    )
    endpoint = Address("Endpoint", star=True, hint="Anything the portal shows, or a variable such as {{ endpoint }}.")
    connection_variable_name = NewVariable(
        "Connection variable name", hint="Actions below choose it as their dynamic connection."
    )
