from flows.actions.properties import Choice, PropertyForm, Template

LEVELS = ("debug", "info", "warning", "error")


class Form(PropertyForm):
    ports = ("message",)

    message = Template("Message", star=True)
    level = Choice("Level", choices=[("", "info"), *((level, level) for level in LEVELS)])
