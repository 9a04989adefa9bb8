from flows.actions.properties import NewVariable, PropertyForm, Value


class Form(PropertyForm):
    ports = ("items",)

    items = Value("Items", star=True, hint="A list, such as {{ parts }} or {{ question | lines }}.")
    item_variable_name = NewVariable("Item variable name", hint="The current item; item when empty.")
    index_variable_name = NewVariable("Index variable name", hint="Counts from 0; index when empty.")
