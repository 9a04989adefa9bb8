from flows.actions.properties import Line, PropertyForm, Template


class Form(PropertyForm):
    ports = ("message",)

    message = Template("Message", star=True, hint="What happened, for people.")
    kind = Line("Kind", hint="For Try and catch to tell errors apart, such as no_stock; thrown when empty.")
    hint = Line("Hint", hint="What to do about it.")
