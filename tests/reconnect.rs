//! When to connect again: the policy case by case, and then what holds whatever
//! happens, in whatever order.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};
use sse_wire::{ContentTypePolicy, Reconnect, ReconnectBuilder, Step, Stop};

const NOW: Duration = Duration::ZERO;
const EVENT_STREAM: Option<&str> = Some("text/event-stream");

fn started(policy: &ReconnectBuilder) -> Reconnect {
    let mut reconnect = policy.build();
    assert_eq!(reconnect.start(), Step::Connect { wait: Duration::ZERO, last_event_id: None });
    reconnect
}

#[track_caller]
fn opened(policy: &ReconnectBuilder) -> Reconnect {
    let mut reconnect = started(policy);
    assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Open);
    reconnect
}

#[track_caller]
fn wait(step: Step<'_>) -> Duration {
    match step {
        Step::Connect { wait, .. } => wait,
        _ => panic!("{step:?}"),
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Rounded, because the fraction of a wait is never quite all of it.
#[track_caller]
fn longest_waits(reconnect: &mut Reconnect, count: usize) -> Vec<u128> {
    let longest = |_| {
        let nanos = wait(reconnect.transport_error(NOW, u64::MAX)).as_nanos();
        (nanos + 500_000) / 1_000_000
    };
    (0..count).map(longest).collect()
}

// ---- How long it waits

#[test]
fn the_longest_wait_doubles_up_to_the_cap() {
    let mut reconnect = started(&Reconnect::builder());
    assert_eq!(
        longest_waits(&mut reconnect, 7),
        [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    );
}

#[test]
fn the_shortest_wait_is_the_floor() {
    let mut reconnect = started(&Reconnect::builder().min_wait(millis(70)));
    for _ in 0..100 {
        assert_eq!(wait(reconnect.transport_error(NOW, 0)), millis(70));
    }
}

#[test]
fn the_wait_is_evenly_distributed() {
    let mut reconnect = started(&Reconnect::builder().min_wait(seconds(1)));
    let mut quarter = |n: u64| wait(reconnect.transport_error(NOW, n << 62));
    // From 1 s to 2, 4 and 8 s.
    assert_eq!(quarter(1), millis(1_250));
    assert_eq!(quarter(2), millis(2_500));
    assert_eq!(quarter(3), millis(6_250));
}

#[test]
fn a_retry_of_zero_does_not_spin_and_backs_off_from_the_floor() {
    let mut reconnect = opened(&Reconnect::builder());
    reconnect.learn("", Some(Duration::ZERO));
    assert_eq!(wait(reconnect.end(NOW, 0)), millis(100));
    assert_eq!(longest_waits(&mut reconnect, 3), [400, 800, 1_600]);
}

#[test]
fn a_floor_of_zero_does_not_spin() {
    let mut reconnect = opened(&Reconnect::builder().min_wait(Duration::ZERO));
    reconnect.learn("", Some(Duration::ZERO));
    assert_eq!(wait(reconnect.end(NOW, 0)), millis(1));
}

#[test]
fn no_wait_is_shorter_than_the_server_asked_for() {
    let mut reconnect = opened(&Reconnect::builder());
    reconnect.learn("", Some(seconds(5)));
    assert_eq!(wait(reconnect.end(NOW, 0)), seconds(5));
    assert_eq!(longest_waits(&mut reconnect, 2), [20_000, 30_000]);
}

#[test]
fn a_retry_beyond_the_cap_is_the_cap() {
    let mut reconnect = opened(&Reconnect::builder());
    reconnect.learn("", Some(Duration::MAX));
    assert_eq!(wait(reconnect.end(NOW, 0)), seconds(30));
    assert_eq!(wait(reconnect.transport_error(NOW, u64::MAX)), seconds(30));
}

#[test]
fn a_cap_below_the_floor_is_the_floor() {
    let policy = Reconnect::builder().min_wait(seconds(9)).max_wait(seconds(1));
    assert_eq!(wait(started(&policy).transport_error(NOW, u64::MAX)), seconds(9));
}

#[test]
fn a_retry_after_is_obeyed_beyond_the_cap_and_once() {
    let mut reconnect = started(&Reconnect::builder());
    reconnect.retry_after(seconds(120));
    assert_eq!(wait(reconnect.response(429, None, NOW, 0)), seconds(120));
    assert_eq!(wait(reconnect.response(429, None, NOW, 0)), millis(100));
}

#[test]
fn clients_that_are_told_the_same_retry_after_do_not_all_come_at_once() {
    let mut reconnect = started(&Reconnect::builder());
    reconnect.retry_after(seconds(120));
    let wait = wait(reconnect.response(429, None, NOW, u64::MAX));
    assert!(wait > seconds(121), "{wait:?}");
}

#[test]
fn a_retry_after_is_bounded() {
    let policy = Reconnect::builder().max_retry_after(seconds(300));
    let mut reconnect = started(&policy);
    reconnect.retry_after(Duration::MAX);
    assert_eq!(wait(reconnect.response(503, None, NOW, u64::MAX)), seconds(300));
}

#[test]
fn a_retry_after_of_a_stream_that_is_opened_is_ignored() {
    let mut reconnect = started(&Reconnect::builder());
    reconnect.retry_after(seconds(120));
    assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Open);
    assert_eq!(wait(reconnect.end(NOW, 0)), millis(100));
}

#[test]
fn the_bounds_of_each_wait_are_those_of_the_documentation() {
    let bounds = |asked_for: Option<Duration>| {
        let policy = Reconnect::builder()
            .min_wait(millis(50))
            .reconnection_time(millis(400))
            .max_wait(millis(2_000));
        let mut reconnect = opened(&policy);
        reconnect.learn("", asked_for);
        [(); 4].map(|()| {
            let shortest = wait(reconnect.clone().transport_error(NOW, 0));
            (shortest.as_millis(), longest_waits(&mut reconnect, 1)[0])
        })
    };
    assert_eq!(bounds(None), [(50, 800), (50, 1_600), (50, 2_000), (50, 2_000)]);
    // Longer than the policy's, shorter, and shorter than the floor.
    let retry = |time| bounds(Some(millis(time)));
    assert_eq!(retry(900), [(900, 1_800), (900, 2_000), (900, 2_000), (900, 2_000)]);
    assert_eq!(retry(100), [(100, 200), (100, 400), (100, 800), (100, 1_600)]);
    assert_eq!(retry(10), [(50, 100), (50, 200), (50, 400), (50, 800)]);
}

// ---- When the backoff and the attempts begin anew

#[test]
fn a_connection_of_the_stable_time_resets_the_backoff() {
    let mut reconnect = started(&Reconnect::builder().stable_after(seconds(10)));
    longest_waits(&mut reconnect, 3);
    reconnect.response(200, EVENT_STREAM, seconds(100), 0);
    let wait_after = |reconnect: &Reconnect, open: Duration| {
        wait(reconnect.clone().transport_error(seconds(100) + open, u64::MAX))
    };
    assert!(wait_after(&reconnect, millis(9_999)) > seconds(15));
    assert!(wait_after(&reconnect, seconds(10)) < seconds(2));
}

#[test]
fn a_server_that_sends_one_event_and_breaks_down_is_backed_off_from() {
    let mut reconnect = started(&Reconnect::builder());
    for longest in [2, 4, 8, 16, 30] {
        assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Open);
        reconnect.event();
        let wait = wait(reconnect.transport_error(NOW, u64::MAX));
        assert!(wait <= seconds(longest) && wait > seconds(longest - 1), "{wait:?}");
    }
}

#[test]
fn a_server_that_ends_each_stream_after_an_event_is_asked_at_its_own_pace() {
    let mut reconnect = started(&Reconnect::builder());
    for _ in 0..100 {
        assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Open);
        reconnect.event();
        reconnect.learn("", Some(seconds(1)));
        assert_eq!(wait(reconnect.end(NOW, 0)), seconds(1));
    }
}

#[test]
fn an_end_in_order_resets_the_backoff_only_if_there_was_an_event() {
    let mut reconnect = started(&Reconnect::builder());
    longest_waits(&mut reconnect, 3);
    // An event of an earlier connection does not count for this one.
    reconnect.response(200, EVENT_STREAM, NOW, 0);
    reconnect.event();
    assert!(wait(reconnect.transport_error(NOW, u64::MAX)) > seconds(15));
    reconnect.response(200, EVENT_STREAM, NOW, 0);
    assert!(wait(reconnect.clone().end(NOW, u64::MAX)) > seconds(29));
    reconnect.event();
    assert!(wait(reconnect.end(NOW, u64::MAX)) < seconds(2));
}

#[test]
fn attempts_are_counted_from_the_first() {
    let mut reconnect = started(&Reconnect::builder().max_attempts(3));
    assert_eq!(reconnect.attempts(), 1);
    wait(reconnect.transport_error(NOW, 0));
    wait(reconnect.response(503, None, NOW, 0));
    assert_eq!(reconnect.attempts(), 3);
    assert_eq!(reconnect.transport_error(NOW, 0), Step::Stop(Stop::MaxAttempts));
    assert_eq!(reconnect.stopped(), Some(Stop::MaxAttempts));
}

#[test]
fn no_attempt_may_be_allowed() {
    let mut reconnect = Reconnect::builder().max_attempts(0).build();
    assert_eq!(reconnect.start(), Step::Stop(Stop::MaxAttempts));
}

#[test]
fn a_response_without_an_event_is_not_a_success() {
    let mut reconnect = started(&Reconnect::builder().max_attempts(2));
    assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Open);
    wait(reconnect.end(NOW, 0));
    assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Open);
    assert_eq!(reconnect.end(NOW, 0), Step::Stop(Stop::MaxAttempts));
}

#[test]
fn an_event_or_a_stable_time_counts_the_attempts_from_zero() {
    let policy = Reconnect::builder().max_attempts(1).stable_after(seconds(10));
    let mut reconnect = opened(&policy);
    reconnect.event();
    wait(reconnect.transport_error(NOW, 0));
    assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Open);
    wait(reconnect.transport_error(seconds(10), 0));
    assert_eq!(reconnect.attempts(), 1);
    assert_eq!(reconnect.transport_error(NOW, 0), Step::Stop(Stop::MaxAttempts));
}

#[test]
fn after_a_stop_there_is_no_more_until_it_is_started() {
    let mut reconnect = started(&Reconnect::builder());
    reconnect.learn("7", None);
    assert_eq!(reconnect.response(204, None, NOW, 0), Step::Stop(Stop::NoContent));
    assert_eq!(reconnect.response(200, EVENT_STREAM, NOW, 0), Step::Stop(Stop::NoContent));
    assert_eq!(reconnect.end(NOW, 0), Step::Stop(Stop::NoContent));
    assert_eq!(reconnect.transport_error(NOW, 0), Step::Stop(Stop::NoContent));
    let connect = Step::Connect { wait: Duration::ZERO, last_event_id: Some("7") };
    assert_eq!(reconnect.start(), connect);
    assert_eq!(reconnect.stopped(), None);
    assert_eq!(reconnect.attempts(), 1);
}

#[test]
fn what_is_to_be_sent_once_is_not_sent_again() {
    let once = Reconnect::builder().once();
    assert_eq!(started(&once).transport_error(NOW, 0), Step::Stop(Stop::Once));
    assert_eq!(started(&once).response(503, None, NOW, 0), Step::Stop(Stop::Once));
    assert_eq!(started(&once).response(404, None, NOW, 0), Step::Stop(Stop::Status(404)));
    assert_eq!(opened(&once).end(NOW, 0), Step::Stop(Stop::Once));
}

// ---- Which responses are opened, retried, refused

#[test]
fn the_default_retries_server_errors_and_two_others() {
    for status in 0..=999 {
        let step = match status {
            200 => Step::Stop(Stop::ContentType),
            204 => Step::Stop(Stop::NoContent),
            408 | 429 | 500..=599 => Step::Connect { wait: millis(100), last_event_id: None },
            _ => Step::Stop(Stop::Status(status)),
        };
        assert_eq!(started(&Reconnect::builder()).response(status, None, NOW, 0), step, "{status}");
    }
}

#[test]
fn which_statuses_are_retried_is_a_choice_but_for_two() {
    let all = Reconnect::builder().retry_status(|_| true);
    assert_eq!(started(&all).response(204, None, NOW, 0), Step::Stop(Stop::NoContent));
    assert_eq!(started(&all).response(200, None, NOW, 0), Step::Stop(Stop::ContentType));
    wait(started(&all).response(404, None, NOW, 0));
    let none = Reconnect::builder().retry_status(|_| false);
    assert_eq!(started(&none).response(503, None, NOW, 0), Step::Stop(Stop::Status(503)));
}

#[test]
fn the_content_type_is_matched_exactly_with_parameters_allowed() {
    let step = |content_type| {
        let mut reconnect = started(&Reconnect::builder());
        reconnect.response(200, Some(content_type), NOW, 0) == Step::Open
    };
    for accepted in [
        "text/event-stream",
        "TEXT/Event-Stream",
        "text/event-stream;charset=utf-8",
        "text/event-stream ; charset=\"utf-8\"; x=;",
        " text/event-stream\t",
        "text/event-stream;",
    ] {
        assert!(step(accepted), "{accepted:?}");
    }
    for refused in [
        "",
        ";",
        "text/event-stream2",
        "text/event-streams; charset=utf-8",
        "text/event",
        "application/json",
        "application/json; a=text/event-stream",
        "text/event-stream, text/html",
        "text /event-stream",
        "x-text/event-stream",
    ] {
        assert!(!step(refused), "{refused:?}");
    }
}

#[test]
fn a_missing_content_type_is_a_choice_but_a_wrong_one_is_not() {
    let policy = Reconnect::builder().content_type(ContentTypePolicy::AllowMissing);
    assert_eq!(started(&policy).response(200, None, NOW, 0), Step::Open);
    assert_eq!(started(&policy).response(200, Some(""), NOW, 0), Step::Stop(Stop::ContentType));
    assert_eq!(
        started(&policy).response(200, Some("text/html"), NOW, 0),
        Step::Stop(Stop::ContentType)
    );
}

// ---- The last event ID

#[test]
fn an_id_that_cannot_be_a_header_value_is_not_sent() {
    let mut reconnect = Reconnect::new();
    let longest = "x".repeat(4096);
    for id in ["7", "a b", "caf\u{e9} \u{1f980}", "a\tb", "\u{a0}", &longest] {
        reconnect.learn(id, None);
        assert_eq!(reconnect.last_event_id(), Some(id));
        assert!(
            matches!(reconnect.start(), Step::Connect { last_event_id: Some(sent), .. } if sent == id)
        );
    }
    let too_long = "x".repeat(4097);
    for id in ["", "\u{1}", "a\u{7f}b", "a\u{1b}[2J", " 7", "7 ", "\t7", " ", &too_long] {
        reconnect.learn("earlier", None);
        reconnect.learn(id, None);
        assert_eq!(reconnect.last_event_id(), None, "{id:?}");
    }
}

// ---- Whatever happens

#[derive(Clone, Debug)]
enum Input {
    Start,
    Response(u16, Option<&'static str>),
    RetryAfter(Duration),
    Event,
    Learn(String, Option<Duration>),
    End,
    TransportError,
}

fn input() -> impl Strategy<Value = Input> {
    let status = prop_oneof![Just(200), Just(204), Just(404), Just(429), Just(503), any::<u16>()];
    let content_type = prop_oneof![4 => Just(EVENT_STREAM), 1 => Just(None), 1 => Just(Some("x"))];
    prop_oneof![
        1 => Just(Input::Start),
        6 => (status, content_type).prop_map(|(status, r#type)| Input::Response(status, r#type)),
        1 => duration().prop_map(Input::RetryAfter),
        3 => Just(Input::Event),
        2 => (".{0,4}", option::of(duration())).prop_map(|(id, time)| Input::Learn(id, time)),
        3 => Just(Input::End),
        6 => Just(Input::TransportError),
    ]
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => (0..100_000_u64).prop_map(Duration::from_millis),
        1 => any::<u64>().prop_map(Duration::from_nanos),
        1 => any::<u64>().prop_map(Duration::from_secs),
    ]
}

proptest! {
    #[test]
    fn waits_and_attempts_stay_within_their_bounds(
        floor in duration(),
        cap in duration(),
        time in duration(),
        longest_retry_after in duration(),
        stable in duration(),
        max in 0..5_u32,
        inputs in vec((input(), duration(), any::<u64>()), 0..100),
    ) {
        let mut reconnect = Reconnect::builder()
            .min_wait(floor)
            .max_wait(cap)
            .reconnection_time(time)
            .max_retry_after(longest_retry_after)
            .stable_after(stable)
            .max_attempts(max)
            .build();
        let floor = floor.max(millis(1));
        let cap = cap.max(floor);

        // What a user sees from outside.
        let mut now = Duration::ZERO;
        let mut tried = 0;
        let mut opened = None;
        let mut retry_after = None;
        let mut asked_for = None;
        let mut id = String::new();
        let mut stopped = None;

        for (input, passed, random) in inputs {
            now = now.saturating_add(passed);
            let is_start = matches!(input, Input::Start);
            let was_stable = opened.is_some_and(|opened| now - opened >= stable);
            if matches!(input, Input::End | Input::TransportError) {
                if was_stable && stopped.is_none() {
                    tried = 0;
                }
                opened = None;
            }
            let step = match input {
                Input::Start => {
                    (tried, stopped, opened, retry_after) = (0, None, None, None);
                    reconnect.start()
                }
                Input::Response(status, content_type) => {
                    let step = reconnect.response(status, content_type, now, random);
                    opened = (step == Step::Open).then_some(now);
                    step
                }
                Input::RetryAfter(wait) => {
                    reconnect.retry_after(wait);
                    retry_after = Some(wait);
                    continue;
                }
                Input::Event => {
                    reconnect.event();
                    tried = 0;
                    continue;
                }
                Input::Learn(new, time) => {
                    reconnect.learn(&new, time);
                    (id, asked_for) = (new, time);
                    continue;
                }
                Input::End => reconnect.end(now, random),
                Input::TransportError => reconnect.transport_error(now, random),
            };
            match step {
                Step::Open => {
                    prop_assert_eq!(stopped, None);
                    retry_after = None;
                }
                Step::Connect { wait, last_event_id } => {
                    prop_assert_eq!(stopped, None);
                    tried += 1;
                    prop_assert!(tried <= max, "{tried} attempts of {max}");
                    prop_assert!(last_event_id.is_none_or(|sent| sent == id && !sent.is_empty()));
                    let is_sent = !id.is_empty() && id.trim() == id && !id.contains(char::is_control);
                    prop_assert!(last_event_id.is_some() || !is_sent, "{id:?} is not sent");
                    if is_start {
                        prop_assert_eq!(wait, Duration::ZERO);
                        continue;
                    }
                    let asked_for = asked_for.unwrap_or_default().min(cap);
                    prop_assert!(wait >= floor && wait >= asked_for, "{wait:?}");
                    match retry_after.take() {
                        Some(after) => {
                            prop_assert!(wait >= longest_retry_after.min(after), "{wait:?}");
                            prop_assert!(wait <= longest_retry_after.max(cap), "{wait:?}");
                        }
                        None => prop_assert!(wait <= cap, "{wait:?}"),
                    }
                }
                Step::Stop(why) => {
                    prop_assert!(stopped.is_none_or(|earlier| earlier == why));
                    stopped = Some(why);
                }
                _ => unreachable!(),
            }
            prop_assert_eq!(reconnect.stopped(), stopped);
            prop_assert_eq!(reconnect.attempts(), tried);
        }
    }
}
