from flows.actions.properties import PropertyForm, Value


class Form(PropertyForm):
    ports = ("value",)

    value = Value("Value", hint="The output of the run. An expression such as {{ response }} keeps its type.")
