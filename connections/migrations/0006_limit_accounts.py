from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def give_accounts(apps: Any, schema_editor: Any) -> None:
    """What was counted by the connection is counted by its account."""
    accounts = apps.get_model("connections", "LimitAccount").objects
    for model in (apps.get_model("connections", "ConnectionCall"), apps.get_model("connections", "ConnectionDay")):
        for connection in list(model.objects.values_list("connection_id", flat=True).distinct()):
            account, _ = accounts.get_or_create(name=f"connection {connection}")
            model.objects.filter(connection_id=connection).update(account=account)


class Migration(migrations.Migration):
    dependencies = [("connections", "0005_kinds")]

    operations = [
        migrations.CreateModel(
            name="LimitAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=400, unique=True)),
            ],
        ),
        *[
            migrations.AddField(
                model_name=name,
                name="account",
                field=models.ForeignKey(
                    null=True,
                    on_delete=django.db.models.deletion.CASCADE,
                    related_name=related_name,
                    to="connections.limitaccount",
                ),
            )
            for name, related_name in (("connectioncall", "calls"), ("connectionday", "days"))
        ],
        migrations.RunPython(give_accounts, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="connectionday", name="one_count_a_day"),
        migrations.RemoveIndex(model_name="connectioncall", name="connections_connect_d67c0d_idx"),
        *[
            operation
            for name, related_name in (("connectioncall", "calls"), ("connectionday", "days"))
            for operation in (
                migrations.RemoveField(model_name=name, name="connection"),
                migrations.AlterField(
                    model_name=name,
                    name="account",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name=related_name,
                        to="connections.limitaccount",
                    ),
                ),
            )
        ],
        migrations.AddIndex(
            model_name="connectioncall",
            index=models.Index(fields=["account", "began"], name="connections_account_422a7a_idx"),
        ),
        migrations.AddConstraint(
            model_name="connectionday",
            constraint=models.UniqueConstraint(fields=["account", "day"], name="one_count_a_day"),
        ),
    ]
