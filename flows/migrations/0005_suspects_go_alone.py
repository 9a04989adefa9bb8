import django.db.models.deletion
from django.db import migrations, models


def give_another_chance(apps, schema_editor):
    """Deaths that were counted in company prove nothing."""
    apps.get_model("flows", "Run").objects.filter(crashes__gte=2, ended_at=None).update(crashes=1)


class Migration(migrations.Migration):

    dependencies = [
        ('flows', '0004_flow_room'),
    ]

    operations = [
        migrations.RunPython(give_another_chance, migrations.RunPython.noop),
        migrations.RemoveIndex(
            model_name='run',
            name='suspects',
        ),
        migrations.AddField(
            model_name='worker',
            name='killed_by',
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='worker',
            name='trying_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name='Suspect',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='suspicion', serialize=False, to='flows.run')),
                ('company', models.PositiveIntegerField()),
                ('alone', models.PositiveSmallIntegerField(default=0)),
                ('proven', models.PositiveSmallIntegerField(default=0)),
                ('lived', models.FloatField(default=0)),
                ('died_at', models.DateTimeField()),
                ('not_before', models.DateTimeField()),
                ('tried_at', models.DateTimeField(null=True)),
                ('tried_with', models.PositiveIntegerField(null=True)),
            ],
        ),
    ]
