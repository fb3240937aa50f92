//! What logs promise, in memory and in Redis: the same tests for both. Those of Redis need
//! `redis-server`, and are run by `.ci/redis`.

mod common;

use std::{collections::HashSet, future::Future, time::Duration};

use chat::store::{Log, State, Store, StoreError};
use common::RedisServer;
use futures_util::{
    StreamExt,
    future::join_all,
    stream::{self, BoxStream},
};
use sse_wire::{After, Encoded, Event, EventLog};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(60);

/// Runs each test with a store whose logs hold four events.
macro_rules! of_both {
    ($($test:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::limited(super::$test(super::Store::new(None, 4).await.unwrap())).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            #[ignore = "needs redis-server: .ci/redis"]
            async fn $test() {
                let redis = super::RedisServer::start().await;
                let store = super::Store::new(Some(&redis.url()), 4).await.unwrap();
                super::limited(super::$test(store)).await;
            })*
        }
    };
}

of_both! {
    a_follower_gets_what_there_is_and_what_comes_until_the_end
    a_follower_that_is_too_slow_is_told_and_ends
    whoever_is_cut_off_anywhere_misses_nothing
    what_is_dropped_is_a_gap_and_what_is_next_to_it_is_none
    whatever_a_client_sends_is_a_gap_at_most
    whatever_a_log_is_called_it_is_apart_from_others
    an_event_that_is_too_large_is_a_gap
    events_come_as_they_were_pushed
    a_state_is_that_of_the_last_event_when_it_was_saved
    what_was_asked_to_stop_knows_it_then_and_later
    who_listens_is_known_for_so_long
    lists_and_logs_are_found_again
    a_list_has_an_end
    what_no_list_has_any_more_goes_when_it_has_ended
    a_thousand_followers_get_every_event_once
}

async fn limited<T>(test: impl Future<Output = T>) -> T {
    timeout(LIMIT, test).await.expect("the test ends in time")
}

type Follower = BoxStream<'static, Result<Encoded, StoreError>>;

fn text(event: &Encoded) -> String {
    String::from_utf8(event.as_bytes().to_vec()).unwrap()
}

fn field(event: &Encoded, name: &str) -> String {
    let text = text(event);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {text:?}")).to_owned()
}

async fn next(follower: &mut Follower) -> Option<Encoded> {
    follower.next().await.map(Result::unwrap)
}

/// The data of the next events, until the log or the connection ends.
async fn rest(follower: Follower) -> Vec<String> {
    follower.map(|event| field(&event.unwrap(), "data")).collect().await
}

async fn after(log: &Log, id: &str) -> Option<Vec<String>> {
    match log.after(id).await.unwrap() {
        After::Events(events) => Some(events.map(|event| field(&event, "data")).collect()),
        After::Gap(_) => None,
    }
}

async fn push(log: &Log, numbers: std::ops::Range<u32>) -> Vec<String> {
    let pushed = numbers.map(|n| async move { log.push(&Event::new(n.to_string())).await });
    stream::iter(pushed).then(|id| async { id.await.unwrap() }).collect().await
}

async fn a_follower_gets_what_there_is_and_what_comes_until_the_end(store: Store) {
    let log = store.create("a").await.unwrap();
    let first = log.push(&Event::new("1")).await.unwrap();
    let mut follower = log.follow(None);
    let late = log.follow(Some(&first));
    let event = next(&mut follower).await.unwrap();
    assert_eq!(text(&event), format!("id: {first}\ndata: 1\n\n"));
    log.push(&Event::new("2")).await.unwrap();
    log.end(&Event::new("3"), "all".into()).await.unwrap();
    assert_eq!(rest(follower).await, ["2", "3"]);
    assert_eq!(rest(late).await, ["2", "3"]);
    assert_eq!(rest(log.follow(None)).await, ["1", "2", "3"]);

    let State { json, last_event_id } = log.state().await.unwrap();
    assert_eq!(json, "all");
    assert!(log.is_over_after(&last_event_id).await.unwrap());
    assert!(!log.is_over_after(&first).await.unwrap());
    assert!(!log.is_over_after("").await.unwrap());
    assert!(rest(log.follow(Some(&last_event_id))).await.is_empty());
}

async fn a_follower_that_is_too_slow_is_told_and_ends(store: Store) {
    let log = store.create("a").await.unwrap();
    let mut follower = log.follow(None);
    push(&log, 0..5).await;
    assert_eq!(field(&next(&mut follower).await.unwrap(), "event"), "gap");
    assert_eq!(next(&mut follower).await, None);
}

/// Cut off after each event, while the job goes on.
async fn whoever_is_cut_off_anywhere_misses_nothing(store: Store) {
    let log = store.create("a").await.unwrap();
    let mut last = None;
    for n in 0..100 {
        push(&log, n..n + 1).await;
        let mut follower = log.follow(last.as_deref());
        let event = next(&mut follower).await.unwrap();
        assert_eq!(field(&event, "data"), n.to_string());
        last = Some(field(&event, "id"));
    }
}

async fn what_is_dropped_is_a_gap_and_what_is_next_to_it_is_none(store: Store) {
    let log = store.create("a").await.unwrap();
    let start = log.events().await.unwrap().1;
    assert_eq!(after(&log, &start).await.unwrap().len(), 0);
    let ids = push(&log, 1..7).await;
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 6);
    assert_eq!(after(&log, &start).await, None);
    assert_eq!(after(&log, &ids[0]).await, None);
    // The last that is not there any more: nothing is missing after it.
    assert_eq!(after(&log, &ids[1]).await.unwrap(), ["3", "4", "5", "6"]);
    assert_eq!(after(&log, &ids[4]).await.unwrap(), ["6"]);
    assert_eq!(after(&log, &ids[5]).await.unwrap().len(), 0);
    let (events, last) = log.events().await.unwrap();
    assert_eq!((events.len(), last), (4, ids[5].clone()));
}

async fn whatever_a_client_sends_is_a_gap_at_most(store: Store) {
    let log = store.create("a").await.unwrap();
    let id = push(&log, 1..2).await.remove(0);
    let (epoch, number) = id.split_once('-').unwrap();
    let max = u64::MAX;
    let hostile = [
        String::new(),
        "-".into(),
        "+".into(),
        "$".into(),
        "*".into(),
        "0".into(),
        "(".to_owned() + &id,
        format!("{id} "),
        format!("+{id}"),
        format!("0{id}"),
        format!("{epoch}-0{number}"),
        format!("{epoch}-{number}-0"),
        format!("{epoch}-{max}"),
        format!("{max}-{number}"),
        format!("{max}-{max}"),
        "18446744073709551616-0".into(),
        "1-0".into(),
        "\0\r\nFLUSHALL\r\n".into(),
        "\u{661}-\u{661}".into(),
        "9".repeat(100_000),
    ];
    for hostile in hostile {
        assert_eq!(after(&log, &hostile).await, None, "{hostile}");
        assert!(!log.is_over_after(&hostile).await.unwrap(), "{hostile}");
        let told: Vec<_> = log.follow(Some(&hostile)).collect().await;
        let told: Vec<_> = told.into_iter().map(|event| field(&event.unwrap(), "event")).collect();
        assert_eq!(told, ["gap"], "{hostile}");
    }
    assert_eq!(after(&log, &id).await.unwrap().len(), 0);
}

async fn whatever_a_log_is_called_it_is_apart_from_others(store: Store) {
    let names = ["", "a", "a:b", "a b", "*", "\r\nFLUSHALL\r\n", "{a}", "\0"];
    for name in names {
        store.create(name).await.unwrap().push(&Event::new(format!("{name:?}"))).await.unwrap();
        store.add(name, name).await.unwrap();
    }
    for name in names {
        let (mut events, _) = store.open(name).await.unwrap().unwrap().events().await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(field(&events.next().unwrap(), "data"), format!("{name:?}"));
        assert_eq!(store.list(name).await.unwrap(), [name]);
    }
}

async fn an_event_that_is_too_large_is_a_gap(store: Store) {
    let log = store.create("a").await.unwrap();
    let small = push(&log, 1..2).await.remove(0);
    let large = log.push(&Event::new("x".repeat(1024 * 1024))).await.unwrap();
    assert_eq!(after(&log, &small).await, None);
    assert_eq!(after(&log, &large).await.unwrap().len(), 0);
    push(&log, 3..4).await;
    assert_eq!(after(&log, &small).await, None);
    assert_eq!(after(&log, &large).await.unwrap(), ["3"]);
}

async fn events_come_as_they_were_pushed(store: Store) {
    let log = store.create("a").await.unwrap();
    let build = |event_type: &str, data: &str| {
        Event::builder().event_type(event_type).id("mine").data(data).build().unwrap()
    };
    let (types, datas) = (["", "token", "été"], ["", "a\nb\n", "{\"text\": \"\u{1f980}\0\"}"]);
    for (event_type, data) in types.iter().flat_map(|kind| datas.map(|data| (kind, data))) {
        let event = build(event_type, data);
        let id = log.push(&event).await.unwrap();
        let expected = Event::builder().event_type(*event_type).id(id).data(data).build().unwrap();
        let (mut events, _) = log.events().await.unwrap();
        assert_eq!(text(&events.next_back().unwrap()), text(&expected.into()));
    }
}

async fn a_state_is_that_of_the_last_event_when_it_was_saved(store: Store) {
    let log = store.create("a").await.unwrap();
    let start = log.state().await.unwrap();
    assert_eq!(start.json, "");
    assert_eq!(after(&log, &start.last_event_id).await.unwrap().len(), 0);
    let ids = push(&log, 1..3).await;
    log.save("two".into()).await.unwrap();
    push(&log, 3..4).await;
    let opened = store.open("a").await.unwrap().unwrap();
    let expected = State { json: "two".into(), last_event_id: ids[1].clone() };
    assert_eq!(opened.state().await.unwrap(), expected);
    assert_eq!(after(&opened, &ids[1]).await.unwrap(), ["3"]);
}

async fn what_was_asked_to_stop_knows_it_then_and_later(store: Store) {
    let log = store.create("a").await.unwrap();
    let other = store.create("b").await.unwrap();
    let asked = store.open("a").await.unwrap().unwrap();
    tokio::join!(log.stopped(), async { asked.stop().await.unwrap() });
    log.stopped().await;
    assert!(timeout(Duration::from_millis(100), other.stopped()).await.is_err());
}

async fn who_listens_is_known_for_so_long(store: Store) {
    let log = store.create("a").await.unwrap();
    assert!(!log.is_listened_to().await.unwrap());
    log.listened(Duration::from_secs(3600)).await.unwrap();
    assert!(log.is_listened_to().await.unwrap());
    log.listened(Duration::ZERO).await.unwrap();
    while log.is_listened_to().await.unwrap() {}
}

async fn lists_and_logs_are_found_again(store: Store) {
    push(&store.create("a").await.unwrap(), 1..2).await;
    store.add("all", "a").await.unwrap();
    store.add("all", "b").await.unwrap();
    assert_eq!(store.list("all").await.unwrap(), ["a", "b"]);
    assert_eq!(store.open("a").await.unwrap().unwrap().events().await.unwrap().0.len(), 1);
    assert!(store.open("c").await.unwrap().is_none());
    store.clear("all").await.unwrap();
    assert!(store.list("all").await.unwrap().is_empty());
}

async fn a_list_has_an_end(store: Store) {
    for n in 0..101 {
        store.add("all", &n.to_string()).await.unwrap();
    }
    let names = store.list("all").await.unwrap();
    assert_eq!((names.len(), &*names[0], &*names[99]), (100, "1", "100"));
}

async fn what_no_list_has_any_more_goes_when_it_has_ended(store: Store) {
    let running = store.create("running").await.unwrap();
    store.add("all", "running").await.unwrap();
    for n in 0..101 {
        let name = n.to_string();
        let log = store.create(&name).await.unwrap();
        log.end(&Event::new("end"), String::new()).await.unwrap();
        store.add("all", &name).await.unwrap();
    }
    let is_there = async |name: &str| store.open(name).await.unwrap().is_some();
    assert!(!is_there("0").await);
    assert!(is_there("1").await && is_there("running").await);
    store.clear("all").await.unwrap();
    assert!(!is_there("1").await && !is_there("100").await);
    // Whoever follows it gets the end.
    let follower = running.follow(None);
    running.end(&Event::new("end"), String::new()).await.unwrap();
    assert_eq!(rest(follower).await, ["end"]);
}

/// Each takes an event before the next comes, or it could be too slow.
async fn a_thousand_followers_get_every_event_once(store: Store) {
    let log = store.create("a").await.unwrap();
    let mut followers: Vec<_> = (0..1000).map(|_| log.follow(None)).collect();
    for n in 0..10 {
        let (ids, events) =
            tokio::join!(push(&log, n..n + 1), join_all(followers.iter_mut().map(next)));
        for event in events {
            let event = text(&event.unwrap());
            assert_eq!(event, format!("id: {}\ndata: {n}\n\n", ids[0]));
        }
    }
    log.end(&Event::new("end"), String::new()).await.unwrap();
    for rest in join_all(followers.into_iter().map(rest)).await {
        assert_eq!(rest, ["end"]);
    }
}
