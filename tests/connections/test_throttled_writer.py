"""What changes often is written now and then, and nothing of it is lost or overtaken."""

import asyncio

from connections.throttled_writer import ThrottledWriter


class Book:
    """Writes slowly; says what was written in which order."""

    def __init__(self) -> None:
        self.written, self.go = [], asyncio.Event()

    async def write(self, key, value):
        await self.go.wait()
        self.written.append((key, value))


async def test_the_first_is_written_at_once_and_of_those_behind_it_the_last():
    book = Book()
    writer = ThrottledWriter(0.01, book.write)
    book.go.set()
    for value in range(100):
        writer.put("a", value)
        await asyncio.sleep(0)
    while len(book.written) < 2:
        await asyncio.sleep(0.001)
    await writer.aclose()
    assert book.written[0] == ("a", 0)
    assert book.written[-1] == ("a", 99)
    assert len(book.written) < 20


async def test_a_write_that_has_begun_ends_before_what_waits_is_written_at_the_close():
    book = Book()
    writer = ThrottledWriter(60, book.write)
    writer.put("a", 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writer.put("a", 2)
    writer.put("b", 3)
    closing = asyncio.create_task(writer.aclose())
    await asyncio.sleep(0)
    book.go.set()
    await closing
    assert sorted(book.written) == [("a", 1), ("a", 2), ("b", 3)]
    assert [value for key, value in book.written if key == "a"] == [1, 2]


async def test_a_quiet_key_is_written_at_once_again():
    book = Book()
    book.go.set()
    writer = ThrottledWriter(0.001, book.write)
    for value in (1, 2):
        writer.put("a", value)
        while len(book.written) < value or writer._tasks:
            await asyncio.sleep(0.001)
    await writer.aclose()
    assert book.written == [("a", 1), ("a", 2)]
