"""The files of runs, encrypted, until their run ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.conf import settings
from django.db import models
from django.db.models import ExpressionWrapper, F

from connections.fields import SealedText, SecretField, seal, unseal
from flows.language.files import FileLimits, GivenFile
from flows.models.raw_sql import insert
from flows.models.states import ENDED


class RunFileManager(models.Manager["RunFile"]):
    def store_files(self, run_id: int, files: Iterable[GivenFile]) -> None:
        """Each content once, under however many names it was given."""
        different = {file.sha256: file for file in files}
        seal_files(different.values())
        insert(
            [
                RunFile(run_id=run_id, sha256=sha256, part=number, content=SealedText(sealed))
                for sha256, file in different.items()
                for number, sealed in enumerate(file.sealed)
            ]
        )
        for file in different.values():
            file.sealed.clear()  # whoever started the run may hold it for long

    def sealed_parts(self, run_id: int, sha256: str) -> list[str]:
        """Of a file of the run, in their order, still encrypted; none when it keeps no such file."""
        raw = ExpressionWrapper(F("content"), output_field=models.TextField())  # decrypted it would hold up the writer
        parts = self.filter(run_id=run_id, sha256=sha256).order_by("part")
        return list(parts.annotate(sealed=raw).values_list("sealed", flat=True))

    def erase(self, run_ids: Collection[int]) -> None:
        self.filter(run_id__in=run_ids).delete()

    def erase_left_over(self) -> bool:
        """Of runs that ended in whatever way, without their files. Whether there were any."""
        return bool(self.filter(run__state__in=ENDED).delete()[0])


class RunFile(models.Model):
    """A part of a file, as base64: a row stays small, whatever the size of the file."""

    run = models.ForeignKey("flows.Run", on_delete=models.CASCADE, related_name="files", db_index=False)
    sha256 = models.CharField(max_length=64)
    part = models.PositiveIntegerField()
    content = SecretField()

    objects = RunFileManager()
    secrets_known_by = "run__flow__name"

    class Meta:
        verbose_name = "file of runs"
        verbose_name_plural = "files of runs"
        constraints = [models.UniqueConstraint(fields=["run", "sha256", "part"], name="one_part_of_a_file")]

    def __str__(self) -> str:
        return f"Part {self.part} of a file of run {self.run_id}"


def file_limits() -> FileLimits:
    """Those of this server."""
    return FileLimits(settings.FILE_BYTES, settings.RUN_FILES_BYTES)


def seal_files(files: Iterable[GivenFile]) -> None:
    """Encrypts them, which takes a while: before a transaction, and beside the loop."""
    for file in files:
        if not file.sealed:
            file.sealed.extend(map(seal, file.parts()))


def open_parts(sealed: Sequence[str]) -> str:
    """The bytes of a file as base64. Raises KeyUnreadable."""
    return "".join(map(unseal, sealed))
