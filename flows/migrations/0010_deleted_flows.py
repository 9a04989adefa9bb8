"""A flow that was removed is in no room any more; no column changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flows", "0009_usage")]

    operations = [
        migrations.AlterField(
            model_name="flow",
            name="room",
            field=models.CharField(
                choices=[
                    ("designer", "Designer"),
                    ("playground", "Playground"),
                    ("batch", "Batch"),
                    ("deleted", "Deleted"),
                ],
                default="designer",
                max_length=20,
            ),
        )
    ]
