//! The command line.

use std::{ffi::OsString, num::NonZeroUsize};

use crate::{input::Source, print::Format};

pub(crate) const HELP: &str = "\
Prints the events of a Server-Sent Events stream as they arrive.

Usage: ssecat [OPTIONS] [FILE]
       cargo run --example ssecat -- [OPTIONS] [FILE]

FILE is the stream; `-` means stdin. Without FILE, a built-in transcript of an
LLM API is printed.

Options:
  --all      Also print comments, and IDs and retries that come without an event
  --json     Print one JSON object per line, instead of text
  --data     Print only the data, unchanged, each event's followed by a line end
  --chunk N  Read at most N bytes at a time, to show that it changes nothing
  --help     Print this help
  --         Take what follows as FILE, even if it begins with `-`

Text ends with a line that counts what was read and says how the stream ended.
In text, control characters are escaped. It is coloured on a terminal, unless
NO_COLOR is set.

In JSON, \"item\" tells the objects apart. \"id\" is present if the event has its
own, and \"retry\" if it sets one, in milliseconds. All except events need --all:
  {\"item\":\"event\",\"type\":T,\"id\":ID,\"last_event_id\":ID,\"retry\":MS,\"data\":D}
  {\"item\":\"comment\",\"text\":TEXT}
  {\"item\":\"last_event_id\",\"id\":ID}
  {\"item\":\"retry\",\"ms\":MS}

Exit status: 0 if the stream was whole, or if the output was closed early; 1 if
the stream was cut off, or could not be read or parsed, or the output not
written; 2 if the arguments are wrong.
";

/// What the user asks for.
pub(crate) enum Request {
    Help,
    Cat(Options),
}

/// Which stream to print, and how.
pub(crate) struct Options {
    pub(crate) source: Source,
    pub(crate) format: Format,
    /// Also print the items that are not events.
    pub(crate) all: bool,
    /// How many bytes to read at a time.
    pub(crate) chunk: NonZeroUsize,
}

impl Request {
    /// Parses the arguments. The error is a sentence about the wrong one.
    pub(crate) fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut options = Options {
            source: Source::Transcript,
            format: Format::Text,
            all: false,
            chunk: NonZeroUsize::MAX,
        };
        let mut only_files = false;
        while let Some(arg) = args.next() {
            match arg.to_str() {
                _ if only_files => options.set_source(Source::File(arg.into()))?,
                Some("--") => only_files = true,
                Some("--help" | "-h") => return Ok(Self::Help),
                Some("--all") => options.all = true,
                Some("--json") => options.set_format(Format::Json)?,
                Some("--data") => options.set_format(Format::Data)?,
                Some("--chunk") => options.chunk = chunk(args.next())?,
                Some("-") => options.set_source(Source::Stdin)?,
                Some(option) if option.starts_with('-') => {
                    return Err(format!("unknown option `{option}`"));
                }
                _ => options.set_source(Source::File(arg.into()))?,
            }
        }
        if options.all && options.format == Format::Data {
            return Err("`--all` and `--data` exclude each other".into());
        }
        Ok(Self::Cat(options))
    }
}

impl Options {
    fn set_source(&mut self, source: Source) -> Result<(), String> {
        if self.source != Source::Transcript {
            return Err(format!("one file at a time: both `{}` and `{source}`", self.source));
        }
        self.source = source;
        Ok(())
    }

    fn set_format(&mut self, format: Format) -> Result<(), String> {
        if self.format != Format::Text && self.format != format {
            return Err("`--json` and `--data` exclude each other".into());
        }
        self.format = format;
        Ok(())
    }
}

/// The value of `--chunk`.
fn chunk(value: Option<OsString>) -> Result<NonZeroUsize, String> {
    let value = value.ok_or("`--chunk` needs a value: how many bytes, 1 or more")?;
    let value = value.to_string_lossy();
    value.parse().map_err(|_| format!("`--chunk {value}` is not a number of bytes, 1 or more"))
}
