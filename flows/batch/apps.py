from django.apps import AppConfig


class BatchConfig(AppConfig):
    name = "flows.batch"
    label = "batch"
