// The parsers for JavaScript: see `run`.
//
// What is measured is what the Rust program measures: the chunks are there, and
// each event is looked at. Text has to be decoded before eventsource-parser gets
// it, so that is in the time. undici's parser is not public without a connection;
// it is the stream inside of its `EventSource`, which here pushes its events to
// us.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { createParser } from "eventsource-parser";

const require = createRequire(import.meta.url);
const { EventSourceStream } = require("undici/lib/web/eventsource/eventsource-stream.js");

const FEWEST_RUNS = 5;
const MILLISECONDS = 400;

const LIBRARIES = [
    { name: "eventsource-parser", read: readWithEventsourceParser },
    { name: "undici", read: readWithUndici },
];

function readWithEventsourceParser(chunks, see) {
    const decoder = new TextDecoder();
    let lastEventId = "";
    const parser = createParser({
        onEvent(event) {
            lastEventId = event.id ?? lastEventId;
            see(event.event ?? "", event.data, lastEventId);
        },
    });
    for (const chunk of chunks) {
        parser.feed(decoder.decode(chunk, { stream: true }));
    }
}

function readWithUndici(chunks, see) {
    const stream = new EventSourceStream({
        push(event) {
            if (event !== null) {
                see(event.type, event.options.data, event.options.lastEventId ?? "");
            }
            return true;
        },
    });
    for (const chunk of chunks) {
        stream.write(chunk);
    }
}

// FNV-1a, 32 bits, of type, data and ID, with 0xFF after each.
class Summary {
    events = 0;
    checksum = 0x811c9dc5;

    see = (type, data, id) => {
        this.events += 1;
        for (const part of [type || "message", data, id]) {
            for (const byte of Buffer.from(part)) {
                this.add(byte);
            }
            this.add(0xff);
        }
    };

    add(byte) {
        this.checksum = Math.imul(this.checksum ^ byte, 0x01000193) >>> 0;
    }
}

function check(read, chunks) {
    const summary = new Summary();
    read(chunks, summary.see);
    return summary;
}

// The least time of some runs, in nanoseconds.
function time(read, chunks) {
    let length = 0;
    const glance = (type, data) => {
        length += data.length;
    };
    let least = Infinity;
    const end = performance.now() + MILLISECONDS;
    for (let run = 0; run < FEWEST_RUNS || performance.now() < end; run += 1) {
        const start = process.hrtime.bigint();
        read(chunks, glance);
        least = Math.min(least, Number(process.hrtime.bigint() - start));
    }
    return length > 0 ? least : NaN;
}

function chunked(bytes, size) {
    const chunks = [];
    let start = 0;
    while (start < bytes.length) {
        const end = size > 0 ? start + size : blockEnd(bytes, start);
        chunks.push(bytes.subarray(start, end));
        start = end;
    }
    return chunks;
}

function blockEnd(bytes, start) {
    const blank = bytes.includes("\r") ? "\r\n\r\n" : "\n\n";
    return bytes.indexOf(blank, start) + blank.length;
}

function version(library) {
    return require(join(import.meta.dirname, "node_modules", library, "package.json")).version;
}

const folder = process.argv[2];
const cells = readFileSync(join(folder, "corpora.csv"), "utf8").trim().split("\n");
for (const { name, read } of LIBRARIES) {
    for (const cell of cells) {
        const [corpus, file, chunking, size] = cell.split(";");
        const chunks = chunked(readFileSync(join(folder, file)), Number(size));
        const { events, checksum } = check(read, chunks);
        const node = `Node.js ${process.versions.node}`;
        const result = [time(read, chunks), events, checksum];
        console.log([node, name, version(name), corpus, chunking, ...result].join(";"));
    }
}
