from django.db import migrations


def give_numbers(apps, schema_editor):
    """Entries of the audit log from before knew their connection by its name alone."""
    entries = apps.get_model('foundryflow', 'AuditEntry').objects.filter(kind='connection', subject_id=None)
    for pk, name in apps.get_model('connections', 'Connection').objects.values_list('pk', 'name'):
        entries.filter(subject=name).update(subject_id=pk)


class Migration(migrations.Migration):

    dependencies = [('connections', '0008_checks'), ('foundryflow', '0006_audit_log')]

    operations = [migrations.RunPython(give_numbers, migrations.RunPython.noop)]
