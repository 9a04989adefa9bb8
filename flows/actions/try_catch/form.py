from flows.actions.properties import NewVariable, PropertyForm


class Form(PropertyForm):
    exception_variable_name = NewVariable(
        "Exception variable name", hint="What failed, inside Catch; exception when empty."
    )
