"""Backups: every row of ours in one file, and back into an empty database of either kind. `docs/backup.md` says how."""

from django.dispatch import Signal

# Sent in the transaction that restores, once every row is there: nothing that was going in another installation goes
# on by itself here.
restored = Signal()
