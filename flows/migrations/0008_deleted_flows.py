"""A flow that was removed is in no room any more; no column changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flows", "0007_secrets_leave_documents")]

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
