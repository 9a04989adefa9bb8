from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0004_no_secrets_in_endpoints'),
    ]

    operations = [
        migrations.AddField(
            model_name='connection',
            name='kind',
            field=models.CharField(default='foundry', max_length=20),
        ),
        migrations.AddField(
            model_name='connection',
            name='user_name',
            field=models.CharField(blank=True, max_length=200),
        ),
    ]
