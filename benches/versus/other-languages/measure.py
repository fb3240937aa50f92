"""The parser for Python: see `run`.

What is measured is what the Rust program measures: the chunks are there, and each
event is looked at. httpx-sse reads the body of a response, so it gets one that
consists of these chunks; httpx decodes its text.
"""

import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import httpx
import httpx_sse

FEWEST_RUNS = 3
SECONDS = 0.25


def read(chunks, see):
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    response = httpx.Response(200, headers=headers, content=iter(chunks))
    for event in httpx_sse.EventSource(response).iter_sse():
        see(event)


class Summary:
    """FNV-1a, 32 bits, of type, data and ID, with 0xFF after each."""

    def __init__(self):
        self.events = 0
        self.checksum = 0x811C9DC5

    def see(self, event):
        # It also yields blocks without data.
        if event.data == "":
            return
        self.events += 1
        for part in (event.event or "message", event.data, event.id or ""):
            for byte in part.encode() + b"\xff":
                self.checksum = (self.checksum ^ byte) * 0x01000193 & 0xFFFFFFFF


class Glance:
    def __init__(self):
        self.length = 0

    def see(self, event):
        self.length += len(event.data)


def least_time(chunks):
    """Of some runs, in nanoseconds."""
    least = float("inf")
    end = time.perf_counter() + SECONDS
    run = 0
    while run < FEWEST_RUNS or time.perf_counter() < end:
        glance = Glance()
        start = time.perf_counter_ns()
        read(chunks, glance.see)
        least = min(least, time.perf_counter_ns() - start)
        run += 1
    return least


def chunked(stream, size):
    start = 0
    while start < len(stream):
        end = start + size if size else block_end(stream, start)
        yield stream[start:end]
        start = end


def block_end(stream, start):
    blank = b"\r\n\r\n" if b"\r" in stream else b"\n\n"
    return stream.index(blank, start) + len(blank)


def main(folder):
    language = f"Python {platform.python_version()}"
    for cell in (folder / "corpora.csv").read_text().splitlines():
        corpus, file, chunking, size = cell.split(";")
        chunks = list(chunked((folder / file).read_bytes(), int(size)))
        summary = Summary()
        read(chunks, summary.see)
        result = (least_time(chunks), summary.events, summary.checksum)
        cells = (language, "httpx-sse", version("httpx-sse"), corpus, chunking, *result)
        print(*cells, sep=";", flush=True)


main(Path(sys.argv[1]))
