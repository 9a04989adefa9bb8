from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    name = "flows.playground"
    label = "playground"
