"""Figures and indexes for a million runs. `flows/models/triggers.py` installs the triggers and counts what is stored."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Coalesce

# Their own indexes: others begin with the same column, or (`started_by`) serve the same search.
NEEDLESS = [("run", "flow"), ("run", "parent"), ("run", "started_by"), ("actionrun", "run"), ("logentry", "run")]


def drop_needless(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for model, name in NEEDLESS:
            table = apps.get_model("flows", model)._meta.db_table
            found = schema_editor.connection.introspection.get_constraints(cursor, table)
            for index, about in found.items():
                if about["index"] and about["columns"] == [f"{name}_id"] and not about["unique"]:
                    cursor.execute(f"DROP INDEX {schema_editor.quote_name(index)}")


def make_needless(apps, schema_editor):
    for model, name in NEEDLESS:
        found = apps.get_model("flows", model)
        schema_editor.execute(schema_editor._create_index_sql(found, fields=[found._meta.get_field(name)]))


def remove_triggers(apps, schema_editor):
    from flows.models.triggers import uninstall

    uninstall()


def unindexed(related_name, to):
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name=related_name, to=to
    )


def counted_flow():
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to="flows.flow",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("flows", "0005_suspects_go_alone"),
    ]

    operations = [
        migrations.CreateModel(
            name="HourlyFigures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.IntegerField()),
                ("slot", models.IntegerField()),
                ("succeeded", models.BigIntegerField()),
                ("failed", models.BigIntegerField()),
                ("cancelled", models.BigIntegerField()),
                ("prompt_tokens", models.BigIntegerField()),
                ("completion_tokens", models.BigIntegerField()),
                ("flow", counted_flow()),
            ],
            options={
                "indexes": [models.Index(fields=["hour", "flow"], name="figures_by_hour")],
                "constraints": [models.UniqueConstraint(fields=("flow", "hour", "slot"), name="one_figure_an_hour")],
            },
        ),
        migrations.CreateModel(
            name="RunGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_by", models.BigIntegerField()),
                ("via", models.CharField(max_length=40)),
                ("flow", counted_flow()),
            ],
            options={
                "indexes": [models.Index(fields=["flow", "started_by", "via"], name="groups_of_runs")],
            },
        ),
        migrations.AddIndex("run", models.Index(fields=["created_at", "id"], name="runs_by_time")),
        migrations.AddIndex(
            "run",
            models.Index(
                "flow", "state", Coalesce("started_by", 0), "via", "created_at", "id", name="runs_by_group"
            ),
        ),
        migrations.AddIndex("actionrun", models.Index(fields=["run", "order"], name="steps_in_order")),
        migrations.AddIndex("logentry", models.Index(fields=["run", "event"], name="lines_in_order")),
        # Not by AlterField, for which SQLite would copy the tables.
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(drop_needless, make_needless)],
            [
                migrations.AlterField("run", "flow", unindexed("runs", "flows.flow")),
                migrations.AlterField(
                    "run",
                    "parent",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="children",
                        to="flows.run",
                    ),
                ),
                migrations.AlterField(
                    "run",
                    "started_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField("actionrun", "run", unindexed("actions", "flows.run")),
                migrations.AlterField("logentry", "run", unindexed("log", "flows.run")),
            ],
        ),
        migrations.RunPython(migrations.RunPython.noop, remove_triggers),
    ]
