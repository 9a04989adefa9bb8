"""Our templates without what only indents them: it is half of a large page, and browsers parse each blank."""

from __future__ import annotations

import re

from django.template import Origin
from django.template.loaders.filesystem import Loader

INDENTATION = re.compile(r"(?<=\n)[ \t]+")  # one blank stays of it, and each line: errors name the right one


class CompactTemplates(Loader):
    """Reads templates from the directories of the settings."""

    def get_contents(self, origin: Origin) -> str:
        return INDENTATION.sub(" ", super().get_contents(origin))
