from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flows", "0015_run_connections")]

    operations = [
        migrations.AddField(
            model_name="iteration",
            name="output_path",
            field=models.CharField(blank=True, max_length=500),
        ),
    ]
