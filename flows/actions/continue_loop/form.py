from flows.actions.properties import PropertyForm


class Form(PropertyForm):
    """It has no properties."""
