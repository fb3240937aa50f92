//! Target `connection`: whatever a server answers and a client asks for, `Reconnect`
//! keeps its bounds, and only what can be a last event ID is taken for one.
//!
//! An input is a list of parts separated by FF: the policy, and then what happens. The
//! policy is numbers separated by spaces: shortest and longest wait, reconnection time,
//! longest `Retry-After` and stable time, in milliseconds, the maximum of attempts, and
//! 1 for `once`, 2 for content types that are missing, 4 for all statuses to be retried,
//! added up. What is no number is as by default. The first byte of each other part
//! says what happens, and what comes after it is its argument; see [`Play::happen`].

mod ids;

use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, header};
use sse_wire::{ContentTypePolicy, Reconnect, ReconnectBuilder, Step, Stop};

/// Panics unless all that happens is answered within bounds.
pub fn connection(input: &[u8]) {
    let mut parts = input.split(|byte| *byte == 0xFF);
    let mut play = Play::new(parts.next().unwrap_or_default());
    for part in parts {
        if let Some((what, argument)) = part.split_first() {
            play.happen(*what, argument);
            play.check_state();
        }
    }
}

/// What may be set, as it is expected to count.
struct Policy {
    shortest: Duration,
    longest: Duration,
    longest_retry_after: Duration,
    stable_after: Duration,
    max_attempts: Option<u32>,
    is_once: bool,
    allows_missing: bool,
    retries_all: bool,
}

impl Policy {
    fn new(text: &[u8]) -> (Self, ReconnectBuilder) {
        let text = String::from_utf8_lossy(text);
        let mut words = text.split(' ');
        let mut time = |default| words.next().and_then(milliseconds).unwrap_or(default);
        let shortest = time(Duration::from_millis(100));
        let longest = time(Duration::from_secs(30));
        let reconnection_time = time(Duration::from_secs(1));
        let longest_retry_after = time(Duration::from_secs(3600));
        let stable_after = time(Duration::from_secs(30));
        let max_attempts = words.next().and_then(|word| word.parse().ok());
        let flags: u8 = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);

        let mut builder = Reconnect::builder()
            .min_wait(shortest)
            .max_wait(longest)
            .reconnection_time(reconnection_time)
            .max_retry_after(longest_retry_after)
            .stable_after(stable_after);
        if let Some(attempts) = max_attempts {
            builder = builder.max_attempts(attempts);
        }
        let (is_once, allows_missing, retries_all) =
            (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        if is_once {
            builder = builder.once();
        }
        if allows_missing {
            builder = builder.content_type(ContentTypePolicy::AllowMissing);
        }
        if retries_all {
            builder = builder.retry_status(|_| true);
        }
        let shortest = shortest.max(Duration::from_millis(1));
        let longest = longest.max(shortest);
        let longest_retry_after = longest_retry_after.max(longest);
        let policy = Self {
            shortest,
            longest,
            longest_retry_after,
            stable_after,
            max_attempts,
            is_once,
            allows_missing,
            retries_all,
        };
        (policy, builder)
    }

    fn opens(&self, status: u16, content_type: Option<&[u8]>) -> bool {
        status == 200 && content_type.map_or(self.allows_missing, is_event_stream)
    }

    fn retries(&self, status: u16) -> bool {
        !matches!(status, 200 | 204)
            && (self.retries_all || matches!(status, 408 | 429 | 500..=599))
    }
}

/// A `Retry-After` that the next wait has to obey.
#[derive(Clone, Copy)]
enum Asked {
    Nothing,
    Time(Duration),
    /// A date, or what is none.
    Unknown,
}

/// The machine, and what is known of it from what it was told and has answered.
struct Play {
    machine: Reconnect,
    policy: Policy,
    now: Duration,
    asked: Asked,
    reconnection_time: Option<Duration>,
    id: String,
    attempts: u32,
    opened: Option<Duration>,
    stopped: Option<Stop>,
    randoms: u64,
}

impl Play {
    fn new(policy: &[u8]) -> Self {
        let (policy, builder) = Policy::new(policy);
        Self {
            machine: builder.build(),
            policy,
            now: Duration::ZERO,
            asked: Asked::Nothing,
            reconnection_time: None,
            id: String::new(),
            attempts: 0,
            opened: None,
            stopped: None,
            randoms: 0,
        }
    }

    fn happen(&mut self, what: u8, argument: &[u8]) {
        match what {
            b's' => self.start(),
            // A status, and, after a space, a content type.
            b'r' => self.response(argument),
            // A status, and headers, each on a line.
            b'h' => self.http_response(argument),
            // Milliseconds.
            b'a' => self.retry_after(argument),
            b'e' => self.event(),
            // An ID.
            b'i' => self.learn_id(argument),
            // Milliseconds.
            b't' => self.learn_time(argument),
            b'd' => self.end(),
            b'x' => self.transport_error(),
            // Milliseconds since the beginning; it may be earlier than before.
            b'n' => self.now = milliseconds(&String::from_utf8_lossy(argument)).unwrap_or(self.now),
            // Values of the header `Last-Event-ID`, each on a line.
            b'l' => ids::request_headers(argument),
            // A query string.
            b'q' => ids::query(&String::from_utf8_lossy(argument)),
            _ => {}
        }
    }

    fn start(&mut self) {
        (self.asked, self.attempts, self.opened, self.stopped) = (Asked::Nothing, 0, None, None);
        let step = owned(self.machine.start());
        if self.policy.max_attempts == Some(0) {
            return self.stop(step, Stop::MaxAttempts);
        }
        self.attempts = 1;
        assert_eq!(step, Answer::Connect(Duration::ZERO));
    }

    fn response(&mut self, argument: &[u8]) {
        let text = String::from_utf8_lossy(argument);
        let (status, content_type) = match text.split_once(' ') {
            Some((status, content_type)) => (status, Some(content_type)),
            None => (&*text, None),
        };
        let status = status.parse().unwrap_or(200);
        let random = self.random();
        let step = owned(self.machine.response(status, content_type, self.now, random));
        self.answered(status, content_type.map(str::as_bytes), step);
    }

    fn http_response(&mut self, argument: &[u8]) {
        let mut lines = argument.split(|byte| *byte == b'\n');
        let status = std::str::from_utf8(lines.next().unwrap_or_default()).ok();
        let status = status.and_then(|status| status.parse().ok());
        let mut response = Response::new(());
        *response.status_mut() = status.unwrap_or_default();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let value = line[colon..].strip_prefix(b":").unwrap_or_default().trim_ascii();
            let name = HeaderName::from_bytes(&line[..colon]);
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        if let Some(value) = response.headers().get(header::RETRY_AFTER) {
            self.asked = match value.to_str().ok().and_then(seconds) {
                Some(time) => Asked::Time(time),
                None => Asked::Unknown,
            };
        }
        let random = self.random();
        let step = owned(self.machine.http_response(&response, self.now, random));
        let content_type = response.headers().get(header::CONTENT_TYPE);
        self.answered(response.status().as_u16(), content_type.map(HeaderValue::as_bytes), step);
    }

    fn answered(&mut self, status: u16, content_type: Option<&[u8]>, step: Answer) {
        self.opened = None;
        if self.stopped.is_some() {
            self.again(step);
        } else if self.policy.opens(status, content_type) {
            assert_eq!(step, Answer::Open, "{status}, {content_type:?}");
            (self.asked, self.opened) = (Asked::Nothing, Some(self.now));
        } else if self.policy.retries(status) {
            self.again(step);
        } else {
            let why = match status {
                200 => Stop::ContentType,
                204 => Stop::NoContent,
                _ => Stop::Status(status),
            };
            self.stop(step, why);
        }
    }

    fn retry_after(&mut self, argument: &[u8]) {
        if let Some(time) = milliseconds(&String::from_utf8_lossy(argument)) {
            self.machine.retry_after(time);
            self.asked = Asked::Time(time);
        }
    }

    fn event(&mut self) {
        self.machine.event();
        self.attempts = 0;
    }

    fn learn_id(&mut self, argument: &[u8]) {
        let id = String::from_utf8_lossy(argument);
        self.machine.learn(&id, self.reconnection_time);
        self.id = if ids::can_be_sent(&id) { id.into_owned() } else { String::new() };
    }

    fn learn_time(&mut self, argument: &[u8]) {
        self.reconnection_time = milliseconds(&String::from_utf8_lossy(argument));
        self.machine.learn(&self.id, self.reconnection_time);
    }

    fn end(&mut self) {
        let random = self.random();
        let step = owned(self.machine.end(self.now, random));
        self.lost(step);
    }

    fn transport_error(&mut self) {
        let random = self.random();
        let step = owned(self.machine.transport_error(self.now, random));
        self.lost(step);
    }

    fn lost(&mut self, step: Answer) {
        let opened = self.opened.take();
        if opened.is_some_and(|at| self.now.saturating_sub(at) >= self.policy.stable_after) {
            self.attempts = 0;
        }
        self.again(step);
    }

    /// The answer to what may pass.
    fn again(&mut self, step: Answer) {
        if let Some(why) = self.stopped {
            return assert_eq!(step, Answer::Stop(why), "it has stopped");
        }
        if self.policy.is_once {
            return self.stop(step, Stop::Once);
        }
        if self.policy.max_attempts.is_some_and(|max| self.attempts >= max) {
            return self.stop(step, Stop::MaxAttempts);
        }
        self.attempts += 1;
        let (shortest, longest) = self.bounds();
        match step {
            Answer::Connect(wait) => {
                assert!(shortest <= wait && wait <= longest, "{shortest:?} {wait:?} {longest:?}");
            }
            step => panic!("{step:?}"),
        }
        self.asked = Asked::Nothing;
    }

    /// Between what and what the next wait has to be.
    fn bounds(&self) -> (Duration, Duration) {
        let Policy { shortest, longest, longest_retry_after, .. } = self.policy;
        let shortest = self.reconnection_time.unwrap_or_default().clamp(shortest, longest);
        match self.asked {
            Asked::Nothing => (shortest, longest),
            Asked::Time(time) => (time.clamp(shortest, longest_retry_after), longest_retry_after),
            Asked::Unknown => (shortest, longest_retry_after),
        }
    }

    fn stop(&mut self, step: Answer, why: Stop) {
        assert_eq!(step, Answer::Stop(why));
        self.opened = None;
        self.stopped = Some(why);
    }

    fn check_state(&self) {
        assert_eq!(self.machine.attempts(), self.attempts);
        assert!(self.policy.max_attempts.is_none_or(|max| self.attempts <= max));
        assert_eq!(self.machine.stopped(), self.stopped);
        assert_eq!(self.machine.last_event_id().unwrap_or_default(), self.id);
        if let Some(id) = self.machine.last_event_id() {
            ids::check_sent(id);
        }
    }

    /// The least, the greatest, and others.
    fn random(&mut self) -> u64 {
        self.randoms += 1;
        match self.randoms % 3 {
            0 => 0,
            1 => u64::MAX,
            _ => self.randoms.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }
}

/// A step without the ID, which `check_state` looks at.
#[derive(Debug, PartialEq)]
enum Answer {
    Open,
    Connect(Duration),
    Stop(Stop),
}

fn owned(step: Step<'_>) -> Answer {
    match step {
        Step::Open => Answer::Open,
        Step::Connect { wait, .. } => Answer::Connect(wait),
        Step::Stop(why) => Answer::Stop(why),
        step => panic!("a step of a new kind: {step:?}"),
    }
}

fn is_event_stream(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    // All that HTTP takes for a space (MIME Sniffing §4.4).
    let essence = String::from_utf8_lossy(essence);
    essence.trim_matches([' ', '\t', '\r', '\n']).eq_ignore_ascii_case("text/event-stream")
}

/// Digits, however many.
fn milliseconds(text: &str) -> Option<Duration> {
    is_number(text).then(|| text.parse().map_or(Duration::MAX, Duration::from_millis))
}

fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    is_number(text).then(|| text.parse().map_or(Duration::MAX, Duration::from_secs))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
