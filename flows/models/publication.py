"""Publishing: which revision of a flow others run, since when, by whom. Races end in a conditional update."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction

from flows.models.flow import Flow, Revision

LONGEST_NOTE = 200  # characters


class PublishedMeanwhile(Exception):
    """Somebody else has published a revision since the one that this one was compared with."""


class PublicationManager(models.Manager["Publication"]):
    @transaction.atomic
    def publish(self, revision: Revision, *, instead_of: int | None, by: User | None, note: str = "") -> Publication:
        """Makes the revision what others run, in place of the one with the key `instead_of` (None: of none yet).

        Raises PublishedMeanwhile when that is not the published one any more, and DocumentError.
        """
        flow = revision.flow
        changed = Flow.objects.filter(pk=flow.pk, published=instead_of).update(
            published=revision, concurrency=revision.parsed().concurrency
        )
        if not changed:
            raise PublishedMeanwhile
        flow.published = revision
        return self.create(flow=flow, revision=revision, note=note[:LONGEST_NOTE], published_by=by)

    def newest_of(self, flow: Flow) -> Publication | None:
        """The one that is in effect."""
        return self.filter(flow=flow).select_related("revision", "published_by").defer("revision__document").first()


class Publication(models.Model):
    """That a revision was made the one that others run. One that is published again has another of these."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="publications")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="publications")
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)

    objects = PublicationManager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.revision} published"
