from flows.actions.properties import PropertyForm


class Form(PropertyForm):
    """Its branches carry the conditions; the panel edits them as such."""
