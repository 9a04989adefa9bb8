from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flows", "0013_run_page_records")]

    operations = [
        migrations.AddField(
            model_name="revision",
            name="takes_back",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="flows.revision"
            ),
        ),
    ]
