from flows.actions.properties import Line, NewVariable, PropertyForm, Value


class Form(PropertyForm):
    ports = ("flow", "inputs")
    output = "result_variable_name"

    flow = Line("Flow", star=True, hint="Its slug, as its address shows it.")
    inputs = Value("Inputs", hint='An object by input, such as {"question": "{{ question }}"}.')
    result_variable_name = NewVariable("Result variable name", hint="What the flow returns; result when empty.")
