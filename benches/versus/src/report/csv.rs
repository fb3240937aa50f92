//! Everything that was measured, a line each, for whoever wants to draw or count
//! something else.

use super::Report;
use crate::{
    cells::Outcome,
    input::SEGMENT,
    special::{FLEETS, LINE_LENGTHS},
};

const HEAD: &str = "measurement,contender,corpus,chunking,least,median,runs,unit\n";

pub fn write(report: &Report) -> String {
    let mut csv = HEAD.to_owned();
    let mut add = |measurement: &str, name: &str, corpus: &str, chunking: &str, rest: String| {
        // Chunkings have commas in their names.
        let chunking = chunking.replace(',', "");
        csv += &format!("{measurement},{name},{corpus},{chunking},{rest}\n");
    };
    for cell in report.cells.iter().chain([&report.latency]) {
        for (contender, outcome) in report.contenders.iter().zip(&cell.results) {
            let rest = match outcome {
                Outcome::Time(time) => {
                    let (least, median) = (time.least.as_nanos(), time.median.as_nanos());
                    format!("{least},{median},{},ns", time.runs)
                }
                Outcome::Wrong => "wrong,,,".to_owned(),
                Outcome::None => continue,
            };
            add("parse", &contender.name(), cell.corpus, cell.chunking.name, rest);
        }
    }
    for (contender, curve) in report.contenders.iter().zip(&report.long_line) {
        for (length, time) in LINE_LENGTHS.iter().zip(curve) {
            let Some(time) = time else { continue };
            let rest = format!("{},,,ns", time.as_nanos());
            add("long line", &contender.name(), &format!("{length}"), "256 B", rest);
        }
    }
    for (contender, costs) in report.contenders.iter().zip(&report.fleets) {
        for (parsers, cost) in FLEETS.iter().zip(costs) {
            let Some(cost) = cost else { continue };
            let rest = format!("{cost:.4},,,ns per byte");
            add(
                &format!("{parsers} parsers"),
                &contender.name(),
                "openai_chat",
                SEGMENT.name,
                rest,
            );
        }
    }
    for cell in &report.encode_cells {
        for (encoder, time) in report.encoders.iter().zip(&cell.times) {
            let rest = time.map_or("wrong,,,".to_owned(), |time| {
                let (least, median) = (time.least.as_nanos(), time.median.as_nanos());
                format!("{least},{median},{},ns", time.runs)
            });
            add("encode", &encoder.name(), cell.corpus, "", rest);
        }
    }
    for count in &report.memory {
        let units = match &*count.kind {
            "idle" => ["bytes", "bytes in itself"],
            _ => ["allocations per event", "bytes at most"],
        };
        for (value, unit) in count.values.iter().zip(units) {
            add(
                &format!("memory {}", count.kind),
                &count.name,
                &count.with,
                "",
                format!("{value},,,{unit}"),
            );
        }
    }
    for row in &report.other_languages {
        let rest = row.time.map_or("wrong,,,".to_owned(), |time| format!("{time},,,ns"));
        let name = format!("{} {} {}", row.language, row.library, row.version);
        add("parse", &name, &row.corpus, &row.chunking, rest);
    }
    csv
}
