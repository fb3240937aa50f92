//! `ssecat`: prints the events of a stream, from a file or a pipe, as they
//! arrive. Without an argument it prints a built-in transcript.
//!
//! This file has the loop over the items, and what to do about each way that a
//! stream can fail. `args` is the command line, `input` is where the bytes come
//! from, and `print` is what an item looks like.
//!
//! Wherever an `io::Result` is returned, its error is that of the *output*.
//! Errors of the input are reported where they occur, after everything that was
//! parsed before them.

mod args;
mod input;
mod print;

use std::{
    cell::RefCell,
    env,
    fmt::Display,
    io::{self, BufWriter, ErrorKind, Write},
    process::ExitCode,
};

use sse_wire::{Ending, EventReader, ItemRef, StreamError};

use self::{
    args::{HELP, Options, Request},
    input::{Input, Source},
    print::{Printer, Tally},
};

fn main() -> ExitCode {
    let done = match Request::parse(env::args_os().skip(1)) {
        Ok(Request::Help) => help(),
        Ok(Request::Cat(options)) => cat(&options),
        Err(problem) => {
            complain(format_args!("{problem}\nTry `cargo run --example ssecat -- --help`."));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(code) => code,
        // The reader of the output has seen enough, as in `ssecat | head -1`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("cannot write: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn help() -> io::Result<ExitCode> {
    io::stdout().write_all(HELP.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a stream and a summary. Succeeds if the stream was whole.
fn cat(options: &Options) -> io::Result<ExitCode> {
    let source = &options.source;
    let bytes = match source.open() {
        Ok(bytes) => bytes,
        Err(error) => {
            complain(format_args!("{source}: cannot open: {error}"));
            return Ok(ExitCode::FAILURE);
        }
    };

    if *source == Source::Transcript {
        complain("no FILE, so here is a built-in transcript; `-` is stdin, `--help` tells more");
    }

    // Shared with the input, which flushes it before each read.
    let output = RefCell::new(BufWriter::new(io::stdout().lock()));
    let mut events = EventReader::new(Input::new(bytes, options.chunk, &output));
    let printer = Printer::new(options.format);
    let tally = print_items(options, &mut events, &printer, &output)?;

    let mut output = output.borrow_mut();
    printer.summary(&mut *output, &tally, events.bytes_read(), events.ending())?;
    output.flush()?;

    if events.ending() == Some(Ending::Cut) {
        complain(format_args!("{source}: the stream was cut within a block, which is dropped"));
    }
    if tally.is_empty() && events.bytes_read() > 0 {
        complain(format_args!("{source}: nothing found; is it an event stream?"));
    }
    let whole = events.ending() == Some(Ending::Complete) && tally.errors == 0;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints each item as it arrives, until the stream ends or cannot be read.
fn print_items<W: Write>(
    options: &Options,
    events: &mut EventReader<Input<'_, W>>,
    printer: &Printer,
    output: &RefCell<W>,
) -> io::Result<Tally> {
    let source = &options.source;
    let mut tally = Tally::default();
    loop {
        match events.next_item() {
            Ok(Some(item)) => {
                tally.count(item);
                if options.all || matches!(item, ItemRef::Event(_)) {
                    printer.item(&mut *output.borrow_mut(), item)?;
                }
            }
            Ok(None) => return Ok(tally),
            Err(error) => {
                tally.errors += 1;
                // If it was the output that failed, it fails here again.
                output.borrow_mut().flush()?;
                complain(format_args!("{source}: {}", reason(&error)));
                // After a block that was dropped, the next call continues.
                if !matches!(error, StreamError::Parse(_)) {
                    return Ok(tally);
                }
            }
        }
    }
}

fn reason(error: &StreamError<io::Error>) -> String {
    match error {
        StreamError::Transport(cause) => format!("cannot read: {cause}"),
        other => other.to_string(),
    }
}

/// Says on stderr what is wrong or may surprise. If that fails too, nobody is
/// listening.
fn complain(problem: impl Display) {
    let _ = writeln!(io::stderr(), "ssecat: {problem}");
}
