from django.apps import AppConfig


class BatchConfig(AppConfig):
    name = "flows.batch"
    label = "batch"

    def ready(self) -> None:
        from flows.batch.starting import refill
        from flows.engine.queue_feed import run_sources

        run_sources.append(refill)
