import django.db.models.deletion
from django.db import migrations, models

NAME = {
    "sqlite": "json_extract(action.facts, '$.connection')",
    "postgresql": "action.facts ->> 'connection'",
}


def note_recorded(apps, schema_editor):
    """Runs from before: by what is recorded of their calls."""
    name = NAME[schema_editor.connection.vendor]
    schema_editor.execute(
        "INSERT INTO flows_runconnection (run_id, name, created_at)"
        f" SELECT DISTINCT run.id, SUBSTR({name}, 1, 255), run.created_at FROM flows_actionrun action"
        " JOIN flows_run run ON run.id = action.run_id WHERE action.type = 'chat_completion'"
        f" AND action.state IN ('succeeded', 'failed') AND COALESCE({name}, '') <> ''"
    )


class Migration(migrations.Migration):
    dependencies = [("flows", "0014_takes_back")]

    operations = [
        migrations.CreateModel(
            name="RunConnection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="connections",
                        to="flows.run",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["name", "created_at", "run"], name="runs_by_connection")],
                "constraints": [models.UniqueConstraint(fields=("run", "name"), name="one_connection_a_run")],
            },
        ),
        migrations.RunPython(note_recorded, migrations.RunPython.noop, elidable=True),
    ]
