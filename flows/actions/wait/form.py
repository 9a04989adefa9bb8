from flows.actions.properties import Line, Number, PropertyForm
from flows.actions.wait.action import LONGEST


class Form(PropertyForm):
    ports = ("seconds", "until")

    seconds = Number("Seconds", minimum=0, maximum=LONGEST, hint="At most 30 days.")
    until = Line(
        "Until", hint="Instead of seconds: a moment such as 2027-01-31T09:00+01:00. Without an offset it is UTC."
    )
