from django.apps import AppConfig


class BatchConfig(AppConfig):
    name = "flows.batch"
    label = "batch"

    def ready(self) -> None:
        from flows.batch.lifecycle import create_next_runs
        from flows.engine.queue_feed import run_sources

        run_sources.append(create_next_runs)
