"""Style, script and icons: in memory, compressed, and under names that say what is in them.

Nothing is collected beforehand and nothing is written. Each process makes the same names of the same files.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast
from wsgiref.headers import Headers

import brotli
from django.conf import STATICFILES_STORAGE_ALIAS, settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.contrib.staticfiles.utils import matches_patterns
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, storages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from whitenoise.compress import Compressor
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import MissingFileError

from foundryflow.middleware.compression import accepts

WORTH_WHILE = 0.95  # of its size is what a compressed file has at most
LARGE = 100_000  # bytes from which on the best compression would keep whoever asks first waiting
STATIC_IMPORT = re.compile(
    r"""^(?:import|export)\b(?:[^'"(;=]*\bfrom)?\s*["'](\.\.?/[^"']+)["']""", re.M
)  # not import(), which is lazy
BEST, QUICK = 11, 9  # qualities of Brotli: the second takes a tenth of the time, and gives a tenth more


class HashedFiles(HashedFilesMixin, InMemoryStorage):
    """Every file by its name and by its hashed name, to which style sheets and scripts that import it refer, too.

    Raises ValueError for a reference to a file that is not there.
    """

    support_js_module_import_aggregation = True
    keep_intermediate_files = False

    def __init__(self) -> None:
        super().__init__(location="/", base_url=settings.STATIC_URL)
        self.modified: dict[str, int] = {}
        self.addresses: dict[str | None, str] = {}
        for finder in get_finders():
            for path, storage in finder.list(None):
                if path not in self.modified:
                    self.modified[path] = int(storage.get_modified_time(path).timestamp())
                    with storage.open(path) as file:
                        self.save(path, ContentFile(file.read()))
        self._begun: set[str] = set()
        for path in self.modified:
            self._stored_name(path, self.hashed_files)

    def _stored_name(self, name: str, hashed_files: dict[str, str]) -> str:
        """The hashed name. What a file refers to gets its own first, as the hash of the file depends on it: each is
        read once, where Django reads all of them as often as references are deep."""
        name = posixpath.normpath(name)
        if name not in hashed_files:
            if name in self._begun:
                raise ValueError(f"{name} refers to itself by way of the files that it refers to")
            if name not in self.modified:
                raise ValueError(f"The file {name} is referred to, and not there")
            self._begun.add(name)
            found = self._post_process({name: (self, name)}, self._adjustable, hashed_files)  # type: ignore[attr-defined]
            for _, _, processed, _ in found:
                if isinstance(processed, Exception):
                    raise processed
        return hashed_files[name]

    @cached_property
    def _adjustable(self) -> list[str]:
        return [path for path in self.modified if matches_patterns(path, self._patterns)]  # type: ignore[attr-defined]

    def url(self, name: str | None, force: bool = False) -> str:
        """Looked up once: a page names a dozen of them."""
        if name not in self.addresses:
            self.addresses[name] = super().url(name or "", force)
        return self.addresses[name]

    def imports_of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The scripts that these import, directly or through others, in the order in which they are found."""
        found = dict.fromkeys(names)
        for name in (waiting := list(names)):
            with self.open(name) as file:
                imports = STATIC_IMPORT.findall(file.read().decode())
            new = dict.fromkeys(posixpath.normpath(posixpath.join(posixpath.dirname(name), each)) for each in imports)
            waiting.extend(new.keys() - found.keys())
            found |= new
        return tuple(found)[len(names) :]

    def read_all(self) -> Iterator[tuple[str, bytes, int]]:
        """Name, content and time of change of each file, under both of its names."""
        for name, modified in self.modified.items():
            for each in (name, self.hashed_files[name]):
                with self.open(each) as file:
                    yield each, file.read(), modified


@dataclass(frozen=True)
class StaticFile:
    content: bytes
    modified: int
    headers: tuple[tuple[str, str], ...]

    @cached_property
    def codings(self) -> dict[str, bytes]:
        """Compressed when it is first asked for; the smaller first. Nothing where that saves nothing."""
        quality = BEST if len(self.content) < LARGE else QUICK
        made = {"br": brotli.compress(self.content, quality=quality), "gzip": Compressor.compress_gzip(self.content)}
        return {name: made[name] for name in made if len(made[name]) <= WORTH_WHILE * len(self.content)}

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:16]

    def response(self, request: HttpRequest) -> HttpResponse:
        """Compressed as the request allows. Who asks for a range gets the whole file."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        coding = next((each for each in self.codings if accepts(request, each)), "")
        content, etag = self.codings.get(coding, self.content), f'"{self.digest}{coding}"'
        response = HttpResponse(b"" if request.method == "HEAD" else content, headers=dict(self.headers))
        response["Content-Length"] = str(len(content))
        response["ETag"] = etag
        if coding:
            response["Content-Encoding"] = coding
        if self.codings:
            response["Vary"] = "Accept-Encoding"
        return get_conditional_response(request, etag, self.modified, response) or response


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # without types
    """Answers with files before any other middleware is asked.

    A hashed name that is not there, of a newer or older server, is a page that is not there: 404, kept by nobody.
    """

    FOREVER = 31_536_000

    def add_files_from_finders(self) -> None:
        hashed = cast(HashedFiles, storages[STATICFILES_STORAGE_ALIAS])
        for name, content, modified in hashed.read_all():
            self.files[self.static_prefix + name] = self.file_of(self.static_prefix + name, content, modified)

    def get_static_file(self, path: str, url: str, stat_cache: object = None) -> StaticFile:
        """As it is on the disk at the moment, while somebody works on it."""
        file = Path(path)
        if not file.is_file():
            raise MissingFileError(path)
        return self.file_of(url, file.read_bytes(), int(file.stat().st_mtime))

    def file_of(self, url: str, content: bytes, modified: int) -> StaticFile:
        headers = Headers([("Last-Modified", http_date(modified))])
        self.add_mime_headers(headers, url, url)
        self.add_cache_headers(headers, url, url)
        return StaticFile(content, modified, tuple(headers.items()))

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        return static_file.response(request)
