from flows.actions.for_each.action import WIDEST
from flows.actions.properties import Later, NewVariable, Number, PropertyForm, Value


class Form(PropertyForm):
    ports = ("items",)
    advanced = ("parallelism", "result", "results_variable_name")

    items = Value("Items", star=True, hint="A list, such as {{ parts }} or {{ question | lines }}.")
    item_variable_name = NewVariable("Item variable name", hint="The current item; item when empty.")
    index_variable_name = NewVariable("Index variable name", hint="Counts from 0; index when empty.")
    parallelism = Number("At the same time", minimum=1, maximum=WIDEST, whole=True, hint="Iterations; 1 when empty.")
    result = Later("Result of an iteration", hint="Collected at its end, such as {{ response }}.")
    results_variable_name = NewVariable(
        "Results variable name", hint="A list of the results, in the order of the items."
    )
