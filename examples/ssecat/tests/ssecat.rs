//! The example `ssecat` as its users run it: as a process of its own, through
//! files and pipes. What it has to print is asked of the library.
//!
//! No test depends on how long something takes. One that hangs waits for
//! output that should have come.

use std::{
    env, fs,
    io::{BufRead, BufReader, ErrorKind, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};
use sse_wire::{EventRef, ItemRef, Parser};

/// The root of the repository, to which file names are relative.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const TRANSCRIPT: &str = "examples/ssecat/transcript.sse";
const PRIMING_EVENT: &str = "tests/transcripts/09_mcp_streamable_http_lf.sse";
const MULTI_LINE: &str = "tests/transcripts/14_datastar_multiline.sse";

const MODES: [&[&str]; 5] = [&[], &["--all"], &["--json"], &["--json", "--all"], &["--data"]];

#[test]
fn without_a_file_it_prints_its_own_transcript() {
    let printed = run(&[], b"");
    assert_eq!(printed.status, Some(0));
    assert!(printed.stderr.contains("built-in transcript"), "{}", printed.stderr);
    assert_eq!(printed.stdout, run(&[TRANSCRIPT], b"").stdout);

    let transcript = read(TRANSCRIPT);
    let (events, others): (Vec<_>, _) = objects(&transcript).into_iter().partition(is_event);
    assert!((30..=40).contains(&events.len()), "{} events", events.len());
    for event in &events {
        let data = event["data"].as_str().unwrap();
        assert!(data.lines().all(|line| printed.stdout.contains(line)), "{data}");
    }
    let summary = printed.stdout.lines().last().unwrap();
    let comments = others.iter().filter(|item| item["item"] == "comment").count();
    assert_eq!(
        summary,
        format!(
            "events: {}, comments: {comments}, lone ids: 1, lone retries: 1, errors: 0, bytes: {}, \
             ending: complete",
            events.len(),
            transcript.len(),
        )
    );
}

#[test]
fn text_shows_type_id_retry_and_every_line_of_data() {
    let input = b"event: a\nid: 7\nretry: 20\ndata: 1\ndata: 2\ndata:\ndata: 4\n\n\
        : hello\n\ndata: x\n\nid: 8\nretry: 30\n\n";
    let event = [
        "a                    [id 7] [retry 20 ms] 1",
        "                     2",
        "                     ",
        "                     4",
    ];
    let message = "message              x";
    let comment = ": comment            hello";
    let id = ": id                 8";
    let retry = ": retry              30 ms";
    let summary = "events: 2, comments: 1, lone ids: 1, lone retries: 1, errors: 0, bytes: 91, \
        ending: complete";

    let printed = run(&["-"], input);
    assert_eq!(printed.lines(), [&event[..], &[message, summary]].concat());
    let printed = run(&["--all", "-"], input);
    assert_eq!(printed.lines(), [&event[..], &[comment, message, id, retry, summary]].concat());
}

#[test]
fn text_shows_control_characters_and_data_keeps_them() {
    let input =
        "event: a\x07\nid: \x1b]0;title\ndata: \x1b[2J\u{9b}31m\u{202e}\tcafé 👩🏽‍🍳\n\n: \x08\n\n";
    let printed = run(&["--all", "-"], input.as_bytes());
    assert_eq!(
        printed.lines()[..2],
        [
            "a\\u{7}               [id \\u{1b}]0;title] \\u{1b}[2J\\u{9b}31m\\u{202e}\tcafé 👩🏽‍🍳",
            ": comment            \\u{8}",
        ]
    );
    let printed = run(&["--data", "-"], input.as_bytes());
    assert_eq!(printed.stdout, "\x1b[2J\u{9b}31m\u{202e}\tcafé 👩🏽‍🍳\n");
}

#[test]
fn text_has_no_colours_in_a_pipe() {
    assert!(!run(&["--all"], b"").stdout.contains('\x1b'));
}

#[test]
fn json_is_what_the_library_says() {
    for file in [TRANSCRIPT, MULTI_LINE, PRIMING_EVENT] {
        let (events, items) = (run(&["--json", file], b""), run(&["--all", "--json", file], b""));
        events.assert_success();
        items.assert_success();
        let mut expected = objects(&read(file));
        assert_eq!(items.objects(), expected, "{file}");
        expected.retain(is_event);
        assert_eq!(events.objects(), expected, "{file}");
    }
}

#[test]
fn data_is_the_data_and_a_line_end() {
    let expected = |file| -> String {
        let events = objects(&read(file)).into_iter().filter(is_event);
        events.map(|event| event["data"].as_str().unwrap().to_owned() + "\n").collect()
    };
    for file in [TRANSCRIPT, MULTI_LINE, PRIMING_EVENT] {
        let printed = run(&["--data", file], b"");
        printed.assert_success();
        assert_eq!(printed.stdout, expected(file), "{file}");
    }
}

#[test]
fn a_file_and_standard_input_give_the_same() {
    for mode in MODES {
        let from_file = run(&[mode, &[MULTI_LINE]].concat(), b"");
        let from_input = run(&[mode, &["-"]].concat(), &read(MULTI_LINE));
        from_file.assert_success();
        assert_eq!(from_file, from_input, "{mode:?}");
    }
}

#[test]
fn the_size_of_the_chunks_changes_nothing() {
    for mode in MODES {
        for file in [TRANSCRIPT, MULTI_LINE] {
            let whole = run(&[mode, &[file]].concat(), b"");
            for size in ["1", "7", "99999999"] {
                let cut = run(&[mode, &["--chunk", size, file]].concat(), b"");
                assert_eq!(cut, whole, "{mode:?} {file} --chunk {size}");
            }
        }
    }
}

#[test]
fn help_names_every_option() {
    let printed = run(&["--help"], b"");
    printed.assert_success();
    for name in ["cargo run --example ssecat", "--all", "--json", "--data", "--chunk N", "FILE"] {
        assert!(printed.stdout.contains(name), "{name}");
    }
}

#[test]
fn wrong_arguments_are_named_and_help_is_offered() {
    let cases: [(&[&str], &str); 10] = [
        (&["--jsn"], "unknown option `--jsn`"),
        (&["-x", TRANSCRIPT], "unknown option `-x`"),
        (&["--chunk"], "`--chunk` needs a value"),
        (&["--chunk", "0"], "`--chunk 0`"),
        (&["--chunk", "-1"], "`--chunk -1`"),
        (&["--chunk", "many", TRANSCRIPT], "`--chunk many`"),
        (&["--json", "--data"], "`--json` and `--data`"),
        (&["--data", "--json", "-"], "`--json` and `--data`"),
        (&["--data", "--all"], "`--all` and `--data`"),
        (&[TRANSCRIPT, "-"], "both `examples/ssecat/transcript.sse` and `stdin`"),
    ];
    for (args, problem) in cases {
        let printed = run(args, b"");
        assert_eq!((printed.status, printed.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(printed.stderr.contains(problem), "{args:?}: {}", printed.stderr);
        assert!(printed.stderr.contains("--help"), "{args:?}: {}", printed.stderr);
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let printed = run(&["no/such/file.sse"], b"");
    assert_eq!((printed.status, printed.stdout.as_str()), (Some(1), ""));
    assert!(printed.stderr.contains("no/such/file.sse: cannot open: "), "{}", printed.stderr);
}

#[test]
fn text_that_is_not_an_event_stream_gets_a_hint() {
    let printed = run(&["-"], b"{\"error\": \"no such model\"}\n");
    assert_eq!(printed.status, Some(0));
    assert!(printed.stderr.contains("is it an event stream?"), "{}", printed.stderr);
    run(&["-"], b"").assert_success();
    run(&["-"], b": keep-alive\n").assert_success();
}

#[test]
fn what_follows_two_hyphens_is_a_file() {
    run(&["--json", "--", TRANSCRIPT], b"").assert_success();
    let printed = run(&["--", "--json"], b"");
    assert_eq!(printed.status, Some(1));
    assert!(printed.stderr.contains("--json: cannot open: "), "{}", printed.stderr);
}

#[test]
fn a_directory_is_named() {
    let printed = run(&["tests"], b"");
    assert_eq!(printed.status, Some(1));
    assert!(printed.stderr.contains("tests: cannot "), "{}", printed.stderr);
}

#[test]
fn a_cut_stream_is_an_error_after_its_events() {
    let input = b"data: 1\n\ndata: 2\n\ndata: 3\n";
    for mode in MODES {
        let printed = run(&[mode, &["-"]].concat(), input);
        let whole = run(&[mode, &["-"]].concat(), &input[..18]);
        whole.assert_success();
        assert_eq!(printed.status, Some(1), "{mode:?}");
        assert!(printed.stderr.contains("stdin: the stream was cut"), "{}", printed.stderr);
        assert_eq!(printed.without_summary(), whole.without_summary(), "{mode:?}");
    }
    let printed = run(&["-"], input);
    assert!(printed.stdout.ends_with("bytes: 26, ending: cut within a block\n"));
}

#[test]
fn an_event_beyond_the_limit_is_an_error_between_its_neighbours() {
    let too_large = "x".repeat(16 * 1024 * 1024 + 1);
    let input = format!("data: 1\n\ndata: {too_large}\n\ndata: 3\n\n");
    let printed = run(&["--data", "-"], input.as_bytes());
    assert_eq!((printed.status, printed.stdout.as_str()), (Some(1), "1\n3\n"));
    assert!(printed.stderr.starts_with("ssecat: stdin: "), "{}", printed.stderr);
    assert!(printed.stderr.contains("exceeds the limit of 16777216 bytes"), "{}", printed.stderr);
}

/// The other end of the socket is closed before it has read everything, which
/// makes Linux fail the next read at this end.
#[cfg(target_os = "linux")]
#[test]
fn a_read_that_fails_is_an_error_after_its_events() {
    use std::os::{fd::OwnedFd, unix::net::UnixStream};

    let (mut peer, mut input) = UnixStream::pair().unwrap();
    input.write_all(b"never read").unwrap();
    let mut ssecat = command(&["-"])
        .stdin(OwnedFd::from(input))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    peer.write_all(b"data: 1\n\ndata: 2").unwrap();
    let mut stdout = BufReader::new(ssecat.stdout.take().unwrap()).lines();
    assert_eq!(stdout.next().unwrap().unwrap(), "message              1");
    drop(peer);

    assert!(stdout.next().unwrap().unwrap().ends_with("ending: broken off by an error"));
    let printed = ssecat.wait_with_output().unwrap();
    assert_eq!(printed.status.code(), Some(1));
    let stderr = String::from_utf8(printed.stderr).unwrap();
    assert!(stderr.starts_with("ssecat: stdin: cannot read: "), "{stderr}");
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    // Far more than any pipe holds.
    let input = b": comment\n\ndata: 1\n\n".repeat(100_000);
    for mode in MODES {
        let (mut ssecat, stdin) = spawn(&[mode, &["-"]].concat());
        let writer = write_in_background(stdin, input.clone());
        let mut stdout = BufReader::new(ssecat.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        drop(stdout);

        let printed = ssecat.wait_with_output().unwrap();
        assert!(printed.status.success(), "{mode:?}: {}", printed.status);
        assert_eq!(String::from_utf8_lossy(&printed.stderr), "", "{mode:?}");
        writer.join().unwrap();
    }
}

#[test]
fn an_event_is_printed_while_the_input_is_still_open() {
    for mode in MODES {
        let (mut ssecat, mut stdin) = spawn(&[mode, &["-"]].concat());
        let mut stdout = BufReader::new(ssecat.stdout.take().unwrap());
        for number in ["1001", "1002", "1003"] {
            // The next event has begun, and its end has not come.
            write!(stdin, "data: {number}\n\ndata").unwrap();
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            assert!(line.contains(number), "{mode:?}: {line}");
            stdin.write_all(b": a line more\n").unwrap();
            stdin.write_all(b"\n").unwrap();
            line.clear();
            stdout.read_line(&mut line).unwrap();
            assert!(line.contains("a line more"), "{mode:?}: {line}");
        }
        drop(stdin);
        assert!(ssecat.wait().unwrap().success());
    }
}

/// What a run of `ssecat` has come to.
#[derive(Debug, PartialEq)]
struct Printed {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Printed {
    fn assert_success(&self) {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""));
    }

    fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    fn without_summary(&self) -> Vec<&str> {
        self.stdout.lines().filter(|line| !line.starts_with("events: ")).collect()
    }

    fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// Runs `ssecat` to its end, with `input` as its standard input.
fn run(args: &[&str], input: &[u8]) -> Printed {
    let (ssecat, stdin) = spawn(args);
    let writer = write_in_background(stdin, input.to_vec());
    let output = ssecat.wait_with_output().unwrap();
    writer.join().unwrap();
    Printed {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn spawn(args: &[&str]) -> (Child, ChildStdin) {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

/// `ssecat` in the root of the repository.
fn command(args: &[&str]) -> Command {
    let binary = binary();
    assert!(
        binary.exists(),
        "{} is missing; `cargo build --example ssecat` makes it, and so does `cargo test` \
         unless it is told to build some targets only",
        binary.display(),
    );
    let mut command = Command::new(binary);
    command.args(args).current_dir(ROOT);
    command
}

/// The example lies beside the directory of the tests: `examples` and `deps`.
fn binary() -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    profile.join("examples").join("ssecat").with_extension(env::consts::EXE_EXTENSION)
}

/// Closes `stdin` after the input. `ssecat` may close it before.
fn write_in_background(mut stdin: ChildStdin, input: Vec<u8>) -> JoinHandle<()> {
    thread::spawn(move || match stdin.write_all(&input) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("{error}"),
        _ => {}
    })
}

fn read(file: &str) -> Vec<u8> {
    fs::read(PathBuf::from(ROOT).join(file)).unwrap()
}

/// The objects that `--all --json` has to print.
fn objects(stream: &[u8]) -> Vec<Value> {
    let mut parser = Parser::new();
    let mut feed = parser.feed(stream);
    let mut objects = Vec::new();
    while let Some(item) = feed.next_item().unwrap() {
        objects.push(match item {
            ItemRef::Event(event) => event_object(event),
            ItemRef::Comment(text) => json!({ "item": "comment", "text": text }),
            ItemRef::LastEventId(id) => json!({ "item": "last_event_id", "id": id }),
            ItemRef::Retry(time) => json!({ "item": "retry", "ms": millis(time) }),
            other => panic!("an item of a new kind: {other:?}"),
        });
    }
    objects
}

fn event_object(event: EventRef<'_>) -> Value {
    let mut object = json!({
        "item": "event",
        "type": event.event_type(),
        "last_event_id": event.last_event_id(),
        "data": event.data(),
    });
    if let Some(id) = event.id() {
        object["id"] = id.into();
    }
    if let Some(time) = event.retry() {
        object["retry"] = millis(time).into();
    }
    object
}

fn is_event(object: &Value) -> bool {
    object["item"] == "event"
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap()
}
