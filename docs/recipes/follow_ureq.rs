// [dependencies]
// sse-wire = { version = "0.1", features = ["client"] }
// ureq = "3.5"
use std::{
    error::Error,
    hash::{BuildHasher, RandomState},
    io,
    iter::successors,
    thread,
    time::{Duration, Instant},
};

use sse_wire::{
    Ending, Event, EventReader, Parser, Reconnect, ReconnectBuilder, Step, Stop, StreamError,
};
use ureq::{Agent, Body, http::Response};

pub fn follow(
    url: &str,
    policy: &ReconnectBuilder,
    idle_timeout: Duration,
    mut on_event: impl FnMut(Event),
) -> Option<Stop> {
    let agent = Agent::config_builder()
        .http_status_as_error(false)
        // How long there may be no byte, before and within a body. Comments of the
        // server count.
        .timeout_per_read(Some(idle_timeout))
        .build()
        .new_agent();
    let start = Instant::now();
    let random = || RandomState::new().hash_one(());

    let mut parser = Parser::new();
    let mut reconnect = policy.build();
    let mut step = reconnect.start();
    while let Step::Connect { wait, last_event_id } = step {
        thread::sleep(wait);
        let response = match get(&agent, url, last_event_id) {
            Ok(response) => response,
            Err(error) => {
                eprintln!("{}", explain(&error));
                step = reconnect.transport_error(start.elapsed(), random());
                continue;
            }
        };
        step = reconnect.http_response(&response, start.elapsed(), random());
        if step != Step::Open {
            eprintln!("the server answered {}", response.status());
            continue;
        }

        let mut reader = EventReader::with_parser(response.into_body().into_reader(), parser);
        while let Some(event) = next_event(&mut reader) {
            reconnect.event();
            on_event(event);
        }
        let ending = reader.ending();
        (_, parser, _) = reader.into_parts();
        reconnect.learn(parser.last_event_id(), parser.reconnection_time());
        parser.reset();
        step = match ending {
            Some(Ending::Complete) => reconnect.end(start.elapsed(), random()),
            _ => reconnect.transport_error(start.elapsed(), random()),
        };
    }
    reconnect.stopped()
}

fn get(
    agent: &Agent,
    url: &str,
    last_event_id: Option<&str>,
) -> Result<Response<Body>, ureq::Error> {
    let mut request = agent.get(url).header("accept", "text/event-stream");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id.as_bytes());
    }
    request.call()
}

fn next_event(reader: &mut EventReader<impl io::Read>) -> Option<Event> {
    loop {
        match reader.next()? {
            Ok(event) => return Some(event),
            // One block was dropped; the next event is from after it.
            Err(StreamError::Parse(error)) => eprintln!("{}", explain(&error)),
            Err(error) => {
                eprintln!("{}", explain(&error));
                return None;
            }
        }
    }
}

/// An error with what has caused it, which its own text does not repeat.
fn explain(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn main() {
    let idle_timeout = Duration::from_secs(45);
    let stopped =
        follow("http://127.0.0.1:3000/events", &Reconnect::builder(), idle_timeout, |event| {
            println!("{}", event.data())
        });
    eprintln!("stopped: {stopped:?}");
}
