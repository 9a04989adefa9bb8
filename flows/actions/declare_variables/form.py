from flows.actions.properties import PropertyForm, Variables


class Form(PropertyForm):
    ports = ("variables",)

    variables = Variables(
        "Variables", star=True, hint="Live in this block and the blocks inside. Global lifts one to the flow."
    )
