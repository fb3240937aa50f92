//! Measures everything, prints the page, and writes it with its chart and all
//! figures to `results`.

use std::{env, fs, path::PathBuf, process::ExitCode, time::Duration};

use sse_wire_versus::{
    cells, contenders, encoders, environment,
    input::{self, Corpus},
    memory, other_languages,
    report::{Report, chart, csv, markdown},
    special,
};

const USAGE: &str = "\
usage: versus [--quick] [--other-languages] [--out DIR] [--compare FILE]
       versus --write-corpora DIR

--quick            about 2 minutes instead of 12
--other-languages  also run the scripts in `other-languages`
--out DIR          where to write table.md, table.csv and chart.svg, instead of `results`
--compare FILE     also write the page to FILE, with its chart in `results`
--write-corpora    only write what is read, for other programs";

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results");
/// Where the chart is, seen from the root of the repository.
const CHART_FROM_ROOT: &str = "benches/versus/results/chart.svg";

struct Options {
    is_quick: bool,
    with_other_languages: bool,
    out: PathBuf,
    compare: Option<PathBuf>,
    write_corpora: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Some(options) = options(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let corpora = input::corpora();
    if let Some(folder) = options.write_corpora {
        other_languages::write_corpora(&corpora, &folder);
        return ExitCode::SUCCESS;
    }
    // A panic of a contender is reported as a wrong result.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let report = measure(&options, &corpora);
    let page = markdown::write(&report, "chart.svg");
    println!("{page}");
    fs::create_dir_all(&options.out).expect("a folder for the results");
    fs::write(options.out.join("table.md"), page).expect("a file for the page");
    fs::write(options.out.join("table.csv"), csv::write(&report)).expect("a file for figures");
    fs::write(options.out.join("chart.svg"), chart::write(&report)).expect("a file for the chart");
    if let Some(file) = options.compare {
        fs::write(file, markdown::write(&report, CHART_FROM_ROOT)).expect("a file for the page");
    }
    ExitCode::SUCCESS
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options {
        is_quick: false,
        with_other_languages: false,
        out: RESULTS.into(),
        compare: None,
        write_corpora: None,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.is_quick = true,
            "--other-languages" => options.with_other_languages = true,
            "--out" => options.out = arguments.next()?.into(),
            "--compare" => options.compare = Some(arguments.next()?.into()),
            "--write-corpora" => options.write_corpora = Some(arguments.next()?.into()),
            _ => return None,
        }
    }
    Some(options)
}

fn measure(options: &Options, corpora: &[Corpus]) -> Report {
    // First, because it may have to be compiled, and nothing else should run then.
    let memory = memory::count();
    let contenders = contenders::all();
    let encoders = encoders::all();
    let budget = Duration::from_millis(if options.is_quick { 1300 } else { 12_000 });
    Report {
        is_quick: options.is_quick,
        environment: environment::describe(),
        memory,
        cells: cells::all(&contenders, corpora, budget),
        latency: special::latency(&contenders, budget),
        long_line: special::long_line(&contenders),
        fleets: special::fleets(&contenders, &corpora[0]),
        encode_cells: encoders::measure(&encoders, corpora, budget / 2),
        other_languages: if options.with_other_languages {
            other_languages::measure(corpora)
        } else {
            Vec::new()
        },
        contenders,
        encoders,
    }
}
