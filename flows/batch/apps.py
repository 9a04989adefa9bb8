from django.apps import AppConfig


class BatchConfig(AppConfig):
    name = "flows.batch"
    label = "batch"

    def ready(self) -> None:
        from flows.batch.audit import batch_addresses
        from flows.batch.lifecycle import create_next_runs
        from flows.engine.queue_feed import run_sources
        from foundryflow.audit.kinds import register_kind

        register_kind("batch", "Batches", batch_addresses)
        run_sources.append(create_next_runs)
