"""Figures where many processes end runs at the same time."""

from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from flows.models import Run, triggers
from tests.factories import make_flow


@pytest.mark.django_db(transaction=True)
def test_processes_that_end_runs_of_the_same_flows_do_not_wait_for_each_other():
    flows = [make_flow({"format": "foundryflow/1", "name": name, "actions": []}) for name in ("one", "other")]
    wrong, met = [], Barrier(2, timeout=10)

    def end(order):
        try:
            with transaction.atomic():
                for flow in order:
                    Run.objects.bulk_create([Run(flow=flow, revision=flow.current, via="x", state="succeeded")])
                    met.wait()  # both have counted, and neither has committed
        except Exception as error:
            wrong.append(error)
        finally:
            connection.close()

    threads = [Thread(target=end, args=(order,)) for order in (flows, flows[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not wrong
    assert triggers.kept_figures() == triggers.recount_figures()
