from flows.actions.properties import Condition, NewVariable, Number, PropertyForm
from flows.actions.while_loop.action import MOST


class Form(PropertyForm):
    ports = ("condition",)
    advanced = ("max_iterations", "index_variable_name")

    condition = Condition("Condition", star=True, hint="An expression such as score < 3 and index < 5.")
    max_iterations = Number(
        "Max iterations", minimum=1, maximum=MOST, whole=True, hint="10,000 when empty; then the action fails."
    )
    index_variable_name = NewVariable("Index variable name", hint="Counts from 0; index when empty.")
