#!/usr/bin/env python
"""Commands for operators: `python manage.py help`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "foundryflow.settings")
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError, InterfaceError

    from foundryflow.env import SettingError

    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.exit(str(error))
    except (DatabaseError, InterfaceError) as error:
        from foundryflow.database.errors import is_expected, sentence_for_operators

        if not is_expected(error):
            raise
        sys.exit(sentence_for_operators(error))


if __name__ == "__main__":
    main()
