from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connections", "0010_token_scope")]

    operations = [
        migrations.CreateModel(
            name="SeenLimits",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("endpoint", models.CharField(max_length=2048)),
                ("model", models.CharField(blank=True, max_length=200)),
                ("told", models.JSONField()),
                ("seen_at", models.DateTimeField()),
            ],
            options={"ordering": ["model"]},
        ),
        migrations.AddIndex(
            model_name="seenlimits",
            index=models.Index(fields=["-seen_at"], name="limits_by_age"),
        ),
        migrations.AddConstraint(
            model_name="seenlimits",
            constraint=models.UniqueConstraint(fields=("endpoint", "model"), name="limits_of_a_deployment"),
        ),
    ]
