from flows.actions.properties import PropertyForm, Value, VariableName


class Form(PropertyForm):
    ports = ("variable", "value")

    variable = VariableName("Variable", star=True, hint="Its type stays as declared.")
    value = Value("Value", star=True, hint="Text, a number, JSON, or {{ an expression }}, which keeps its type.")
