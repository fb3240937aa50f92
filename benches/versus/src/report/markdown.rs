//! The page: tables, and in words what they mean. No number here is written by
//! hand.

use std::fmt::Write;

use super::{Report, Rival, megabytes_per_second, reasons::reason};
use crate::{
    cells::{Cell, Outcome},
    contenders::{Contender, League},
    encoders::Start,
    environment::version,
    input::{CHUNKINGS, LLM_SHAPED, SEGMENT, title},
    special::{FLEETS, LINE_LENGTHS},
};

/// A ratio as near to 1 as this is a draw.
const DRAW: f64 = 1.05;

const WHAT_IS_TIMED: &str = "\
The clock runs while a parser that has just been created reads the first 256 KiB of one \
of the streams of `benches/corpora`, all chunks of which are there already. Each event is \
looked at: its parts have to be in memory, the length of its data is added up, and the last \
byte of its data is read. It is dropped before the next one, if there is something to drop. \
Not in the time: to create the parser, to prepare the chunks (a clone of each `Bytes`, for \
those that take these), to drop the parser.

Before, each one has read the same chunks and shown type, data and ID of all events: \
if their number or checksum are not those of a parser that does the steps of the standard \
and nothing else, or if it panics, it is *wrong* in that cell, and is not the fastest. \
Number, total length and last bytes are compared in each timed run, too.

All contenders of a cell run in turns, three runs a turn, each round begins with another \
one, and the least time of each counts. Streams are polled in a loop, with a waker that \
does nothing, over `futures::stream::iter`. Everything is compiled in one build, with the \
settings of the profile above: `release` is Cargo's own, and has debug information, which \
costs no time.";

/// `chart` is where the picture is, seen from the page.
pub fn write(report: &Report, chart: &str) -> String {
    let figures = chart.replace("chart.svg", "table.csv");
    let mut page = String::from("# sse-wire and other crates\n\n");
    write_head(&mut page, report, chart, &figures);
    write_input(&mut page, report);
    write_ratios(&mut page, report);
    write_losses(&mut page, report);
    write_speeds(&mut page, report);
    write_encoding(&mut page, report);
    write_memory(&mut page, report);
    write_long_line(&mut page, report);
    write_latency(&mut page, report);
    write_fleets(&mut page, report);
    write_other_languages(&mut page, report);
    write_contenders(&mut page, report);
    section(&mut page, "What is timed");
    page += WHAT_IS_TIMED;
    page += "\n";
    write_spread(&mut page, report);
    write_targets(&mut page, report);
    section(&mut page, "Run it again");
    page += "```sh\n\
             cargo run --release --manifest-path benches/versus/Cargo.toml             # 12 minutes\n\
             cargo run --release --manifest-path benches/versus/Cargo.toml -- --quick  # 2 minutes\n\
             ```\n\n\
             The first time, some minutes more, to download and compile all crates. It overwrites \
             `benches/versus/results`, which `--out` prevents. With `--other-languages`, Node.js and Python are asked, too. `--profile whole` instead of \
             `--release` compiles everything as one unit, to see whether the order changes.\n";
    page
}

fn section(page: &mut String, title: &str) {
    *page += &format!("\n## {title}\n\n");
}

/// A table; the first column is text, the others are numbers.
fn table(page: &mut String, head: &[String], rows: impl IntoIterator<Item = Vec<String>>) {
    *page += &format!("| {} |\n|---|{}\n", head.join(" | "), "--:|".repeat(head.len() - 1));
    for row in rows {
        *page += &format!("| {} |\n", row.join(" | "));
    }
}

fn text_table(page: &mut String, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    *page += &format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        *page += &format!("| {} |\n", row.join(" | "));
    }
}

fn head<'a>(first: &'a str, others: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    [first].into_iter().chain(others).map(str::to_owned).collect()
}

fn write_head(page: &mut String, report: &Report, chart: &str, figures: &str) {
    if report.is_quick {
        *page += "**A quick run: to see whether something has changed, not to be quoted.**\n\n";
    }
    *page += &format!("![How fast each parser is, and ours by corpus]({chart})\n\n");
    *page += &format!(
        "Everything on this page is printed by one command, below, and all times are in a \
         [table]({figures}) beside the chart.\n\n"
    );
    let rows =
        report.environment.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]);
    text_table(page, &["", ""], rows);
}

fn write_input(page: &mut String, report: &Report) {
    section(page, "What is read");
    *page += "Nine streams, generated, with words of varying length, each cut in five ways. A \
              stream cut in one way is a *cell*; what is compared is compared within a cell.\n\n";
    let cells = report.cells.iter().filter(|cell| cell.chunking == SEGMENT);
    let rows = cells.map(|cell| {
        let average = format!("{}", cell.length / cell.events);
        vec![cell.corpus.to_owned(), title(cell.corpus).to_owned(), average]
    });
    text_table(page, &["stream", "what it is", "bytes for an event"], rows);
    *page += "\n*Network chunks* are those of 16 KiB, as a large read returns, of 1,460 bytes, as \
              one TCP segment carries, and of one event (or comment), as a server flushes it. \
              *Tiny chunks*, of 64 and of 7 bytes, cut nearly every line: few networks do that, but \
              proxies and tests.\n";
}

/// How far apart two measurements of the same are: what a draw is.
fn write_spread(page: &mut String, report: &Report) {
    let lent = report.index(League::OwnLent);
    let spreads: Option<Vec<f64>> = report
        .cells
        .iter()
        .map(|cell| {
            let time = cell.time(lent)?;
            Some(time.median.as_secs_f64() / time.least.as_secs_f64())
        })
        .collect();
    let Some(mean) = spreads.as_deref().and_then(super::geometric_mean) else { return };
    *page += &format!(
        "\nThe median of `Parser`'s rounds is on average {:.0} % above the least of them, which \
         says how busy the machine was. The least times of the same code differ between two \
         builds by up to 5 %, because of where the code happens to lie: so a ratio as near to 1 as \
         that is called a draw.\n",
        (mean - 1.0) * 100.0
    );
}

fn write_targets(page: &mut String, report: &Report) {
    section(page, "Our own targets");
    *page += "What we had set ourselves before we measured. Ratios are to the fastest interface of \
              any other crate in the same cell, if nothing else is said; more is better, but for \
              costs. A *walk* is `memchr2_iter` going from line end to line end and doing nothing \
              there: no parser that searches for them so can be faster.\n\n";
    let rows = report.targets().into_iter().map(|target| {
        let sign = if target.is_cost { "≤" } else { "≥" };
        let aim = target.aim.map_or(String::new(), |aim| format!(", aim {aim}"));
        vec![
            target.text.clone(),
            format!("{sign} {}{aim}", target.bound),
            format!("**{:.2}**", target.measured),
            if target.is_met() { "met" } else { "not met" }.to_owned(),
            target.remark.clone(),
        ]
    });
    text_table(page, &["what", "target", "measured", "", ""], rows);
}

fn write_losses(page: &mut String, report: &Report) {
    section(page, "Where we lose or draw");
    for (league, name) in [(League::OwnLent, "Parser"), (League::OwnStream, "EventStream")] {
        let mut behind: Vec<(f64, &Cell)> = report
            .cells
            .iter()
            .filter_map(|cell| Some((report.ratio(cell, league, Rival::Any)?, cell)))
            .filter(|(ratio, _)| *ratio < DRAW)
            .collect();
        behind.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if behind.is_empty() {
            *page += &format!("`{name}`: in no cell.\n\n");
            continue;
        }
        let lost = behind.iter().filter(|(ratio, _)| *ratio < 1.0 / DRAW).count();
        let drawn = behind.len() - lost;
        let cells = report.cells.len();
        *page +=
            &format!("`{name}`, of {cells} cells: {lost} lost, {drawn} drawn (within 5 %).\n\n");
        let rows = behind.into_iter().map(|(ratio, cell)| {
            vec![
                cell.corpus.to_owned(),
                cell.chunking.name.to_owned(),
                format!("{ratio:.2}"),
                report.fastest_peer(cell),
                reason(cell, league).to_owned(),
            ]
        });
        text_table(page, &["stream", "chunks", "ratio", "the fastest", "why"], rows);
        *page += "\n";
    }
}

fn write_ratios(page: &mut String, report: &Report) {
    section(page, "How many times as fast as the fastest other crate");
    let tables = [
        (League::OwnLent, Rival::Any, "`Parser`, lent events, to the fastest of any kind"),
        (League::OwnStream, Rival::Any, "`EventStream`, owned events, to the fastest of any kind"),
        (
            League::OwnPushed,
            Rival::Pushed,
            "`Decoder`, owned events, to the fastest that chunks are pushed into, too",
        ),
        (League::OwnStream, Rival::Stream, "`EventStream`, to the fastest stream"),
    ];
    for (league, rival, title) in tables {
        *page += &format!("{title}:\n\n");
        let ratio =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
        let mut rows: Vec<Vec<String>> = Vec::new();
        for cells in report.cells.chunk_by(|a, b| a.corpus == b.corpus) {
            let ratios = cells.iter().map(|cell| ratio(report.ratio(cell, league, rival)));
            rows.push([cells[0].corpus.to_owned()].into_iter().chain(ratios).collect());
        }
        let means = CHUNKINGS.iter().map(|chunking| {
            let mean = report.mean_ratio(league, rival, |cell| cell.chunking == *chunking);
            format!("**{}**", ratio(mean))
        });
        rows.push(["**mean**".to_owned()].into_iter().chain(means).collect());
        table(page, &head("stream", CHUNKINGS.map(|chunking| chunking.name)), rows);
        let mean =
            |is_meant: &dyn Fn(&Cell) -> bool| ratio(report.mean_ratio(league, rival, is_meant));
        *page += &format!(
            "\nNetwork chunks: **{}**. Tiny chunks: **{}**. All 45 cells: **{}**.\n\n",
            mean(&|cell| cell.chunking.is_network),
            mean(&|cell| !cell.chunking.is_network),
            mean(&|_| true),
        );
    }
    *page += "Means are geometric. “One event” is a chunk for each event, or comment.\n";
}

fn write_speeds(page: &mut String, report: &Report) {
    section(page, "Speed");
    *page += "In megabytes (1,000,000 bytes) per second, by the least times.\n\n";
    for chunking in CHUNKINGS {
        let cells: Vec<&Cell> =
            report.cells.iter().filter(|cell| cell.chunking == chunking).collect();
        let rows = (0..report.contenders.len()).filter_map(|index| {
            let speeds: Vec<String> = cells.iter().map(|cell| speed(cell, index)).collect();
            let is_there = speeds.iter().any(|speed| speed != "–");
            let name = report.contenders[index].name();
            is_there.then(|| [name].into_iter().chain(speeds).collect())
        });
        let is_open = if chunking == SEGMENT { " open" } else { "" };
        *page += &format!("<details{is_open}><summary>Chunks: {}</summary>\n\n", chunking.name);
        table(page, &head("", cells.iter().map(|cell| cell.corpus)), rows);
        *page += "\n</details>\n\n";
    }
}

fn speed(cell: &Cell, index: usize) -> String {
    match cell.results[index] {
        Outcome::Time(time) => format!("{:.0}", megabytes_per_second(cell.length, time.least)),
        Outcome::Wrong => "wrong".to_owned(),
        Outcome::None => "–".to_owned(),
    }
}

fn write_encoding(page: &mut String, report: &Report) {
    section(page, "Encoding");
    *page += "Nanoseconds for an event, by the least times, and how many allocations it takes \
              on openai_chat. What each writes has been parsed and compared.\n\n";
    for (start, title) in [
        (Start::Built, "From events that were built before, each in its crate's type"),
        (Start::Parts, "From type, ID and data as text"),
    ] {
        *page += &format!("{title}:\n\n");
        let rows = (0..report.encoders.len())
            .filter(|&index| report.encoders[index].start == start)
            .map(|index| {
                let name = report.encoders[index].name();
                let times = report.encode_cells.iter().map(|cell| {
                    cell.times[index].map_or("wrong".to_owned(), |time| {
                        format!("{:.0}", time.least.as_nanos() as f64 / cell.events as f64)
                    })
                });
                let allocations = count(report, "encode", &name, "openai_chat", 0, 0);
                [name.clone()].into_iter().chain(times).chain([allocations]).collect()
            });
        let corpora = report.encode_cells.iter().map(|cell| cell.corpus);
        table(page, &head("", corpora.chain(["allocations"])), rows);
        *page += "\n";
    }
    let rows = report.encoders.iter().map(|encoder| vec![encoder.name(), encoder.how.to_owned()]);
    text_table(page, &["encoder", "how it is driven"], rows);
}

/// What was counted, as text with so many decimals.
fn count(
    report: &Report,
    kind: &str,
    name: &str,
    with: &str,
    value: usize,
    decimals: usize,
) -> String {
    let found = report
        .memory
        .iter()
        .find(|count| count.kind == kind && count.name == name && count.with == with);
    found.map_or("–".to_owned(), |count| format!("{:.decimals$}", count.values[value]))
}

fn write_memory(page: &mut String, report: &Report) {
    section(page, "Memory");
    *page += "Allocations for an event, and at most so many bytes on the heap beyond what was \
              there when reading began, in chunks of 1,460 bytes. The bytes include the event \
              that is looked at.\n\n";
    let mut names = head("", []);
    for corpus in LLM_SHAPED.iter().chain(&["three_lines", "large"]) {
        names.extend([format!("{corpus}: allocations"), "bytes".to_owned()]);
    }
    let parsers = || report.contenders.iter().filter(|contender| !contender.is_floor());
    let rows = parsers().map(|contender| {
        let name = contender.name();
        let mut row = vec![name.clone()];
        for corpus in LLM_SHAPED.iter().chain(&["three_lines", "large"]) {
            row.push(count(report, "read", &name, corpus, 0, 2));
            row.push(count(report, "read", &name, corpus, 1, 0));
        }
        row
    });
    table(page, &names, rows);
    *page += "\nWhat a parser holds while it waits, in bytes: itself and its heap, after 8 KiB \
              of openai_chat, between two events and within one.\n\n";
    let rows = parsers().filter(|contender| contender.fleet.is_some()).map(|contender| {
        let name = contender.name();
        vec![
            name.clone(),
            count(report, "idle", &name, "between", 1, 0),
            count(report, "idle", &name, "between", 0, 0),
            count(report, "idle", &name, "within", 0, 0),
        ]
    });
    table(page, &head("", ["itself", "with heap, between events", "within an event"]), rows);
}

fn write_long_line(page: &mut String, report: &Report) {
    section(page, "A line that does not end");
    *page += "One event of one line, in chunks of 256 bytes: nanoseconds for a byte. Where they \
              grow with the line, the time is quadratic; who takes too long for a line is not \
              asked for a longer one.\n\n";
    let rows = report.contenders.iter().zip(&report.long_line).map(|(contender, curve)| {
        let costs = LINE_LENGTHS.iter().zip(curve).map(|(&length, time)| {
            time.map_or("–".to_owned(), |time| {
                format!("{:.2}", time.as_nanos() as f64 / length as f64)
            })
        });
        [contender.name()].into_iter().chain(costs).collect()
    });
    let lengths: Vec<String> =
        LINE_LENGTHS.iter().map(|length| format!("{} KiB", length / 1024)).collect();
    table(page, &head("", lengths.iter().map(String::as_str)), rows);
}

fn write_latency(page: &mut String, report: &Report) {
    section(page, "One event in one segment");
    *page += "A chunk of 1,460 bytes that is an event: nanoseconds from its arrival to the \
              event, the average of 200.\n\n";
    let events = report.latency.events as f64;
    let rows =
        report.contenders.iter().zip(&report.latency.results).filter_map(|(contender, outcome)| {
            let time = outcome.time()?;
            let each =
                |time: std::time::Duration| format!("{:.0}", time.as_nanos() as f64 / events);
            Some(vec![contender.name(), each(time.least), each(time.median)])
        });
    table(page, &head("", ["least", "median"]), rows);
}

fn write_fleets(page: &mut String, report: &Report) {
    section(page, "Many connections");
    *page += "So many parsers, each of which gets a chunk of 1,460 bytes of openai_chat in its \
              turn: nanoseconds for a byte. All get the same chunk, so it is their own memory \
              that fills the caches. The time is from their first byte on, and so includes what \
              a new parser allocates once.\n\n";
    let rows = report.contenders.iter().zip(&report.fleets).filter_map(|(contender, costs)| {
        costs[0]?;
        let costs =
            costs.iter().map(|cost| cost.map_or("–".to_owned(), |cost| format!("{cost:.2}")));
        Some([contender.name()].into_iter().chain(costs).collect())
    });
    let sizes = FLEETS.map(|size| size.to_string());
    table(page, &head("parsers", sizes.iter().map(String::as_str)), rows);
}

fn write_other_languages(page: &mut String, report: &Report) {
    if report.other_languages.is_empty() {
        return;
    }
    section(page, "Other languages");
    *page += "The same bytes in the same chunks, on the same machine, in the same run: megabytes \
              per second in chunks of 1,460 bytes, by the least times, and how many times as fast \
              our `Parser` and `EventStream` are, in the geometric mean of all cells.\n\n";
    let mut rows = Vec::new();
    let is_same = |a: &&crate::other_languages::Row, b: &&crate::other_languages::Row| {
        (&a.language, &a.library) == (&b.language, &b.library)
    };
    let all: Vec<_> = report.other_languages.iter().collect();
    for results in all.chunk_by(is_same) {
        let first = results[0];
        let mut row = vec![format!("{} {} ({})", first.library, first.version, first.language)];
        for cell in report.cells.iter().filter(|cell| cell.chunking == SEGMENT) {
            let found = results.iter().find(|result| is_in(result, cell));
            row.push(found.map_or("–".to_owned(), |result| {
                result.time.map_or("wrong".to_owned(), |time| {
                    format!("{:.1}", cell.length as f64 * 1e3 / time)
                })
            }));
        }
        for league in [League::OwnLent, League::OwnStream] {
            let ratios: Vec<f64> = report
                .cells
                .iter()
                .filter_map(|cell| {
                    let other = results.iter().find(|result| is_in(result, cell))?.time?;
                    Some(other / cell.time(report.index(league))?.least.as_nanos() as f64)
                })
                .collect();
            let mean = super::geometric_mean(&ratios);
            row.push(mean.map_or("–".to_owned(), |mean| format!("{mean:.1}")));
        }
        rows.push(row);
    }
    let corpora =
        report.cells.iter().filter(|cell| cell.chunking == SEGMENT).map(|cell| cell.corpus);
    table(page, &head("", corpora.chain(["`Parser`", "`EventStream`"])), rows);
}

fn is_in(result: &crate::other_languages::Row, cell: &Cell) -> bool {
    result.corpus == cell.corpus && result.chunking == cell.chunking.name
}

fn write_contenders(page: &mut String, report: &Report) {
    section(page, "Who takes part, and how");
    let rows = report.contenders.iter().map(|contender: &Contender| {
        vec![
            contender.package.to_owned(),
            version(contender.package),
            format!("`{}`", contender.api),
            contender.how.to_owned(),
        ]
    });
    text_table(page, &["crate", "version", "interface", "how it is driven"], rows);
    let _ = write!(
        page,
        "\nEncoders: axum {}, russe {}, sse-stream {}. actix-web-lab encodes with russe.\n",
        version("axum"),
        version("russe"),
        version("sse-stream"),
    );
}
