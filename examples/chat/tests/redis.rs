//! What several servers have of logs in Redis, and what happens when one of them, or Redis,
//! is gone. Needs `redis-server`, and is run by `.ci/redis`.

mod common;

use std::{future::Future, time::Duration};

use chat::store::{Log, Store, StoreError};
use common::RedisServer;
use futures_util::{StreamExt, TryStreamExt, future::join_all, stream::BoxStream};
use sse_wire::{After, Encoded, Event, EventLog};
use tokio::time::{sleep, timeout};

type Follower = BoxStream<'static, Result<Encoded, StoreError>>;

async fn limited<T>(test: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), test).await.expect("the test ends in time")
}

/// Two servers, as it were.
async fn two_stores(server: &RedisServer) -> (Store, Store) {
    let url = server.url();
    let store = || async { Store::new(Some(&url), 1024).await.unwrap() };
    (store().await, store().await)
}

async fn open(store: &Store, name: &str) -> Log {
    store.open(name).await.unwrap().unwrap()
}

fn field(event: &Encoded, name: &str) -> String {
    let text = std::str::from_utf8(event.as_bytes()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {text:?}")).to_owned()
}

async fn next_data(follower: &mut Follower) -> String {
    field(&follower.next().await.unwrap().unwrap(), "data")
}

async fn push(log: &Log, data: &str) -> String {
    log.push(&Event::new(data)).await.unwrap()
}

/// Tries until Redis is there again, as a browser does.
async fn until_ok<T, F: Future<Output = Result<T, StoreError>>>(what: impl Fn() -> F) -> T {
    loop {
        match what().await {
            Ok(value) => return value,
            Err(StoreError::Redis(_)) => sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A client is cut off again and again, and goes on at the other server each time, while
/// the job writes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: .ci/redis"]
async fn who_goes_to_the_other_server_misses_nothing_and_gets_nothing_twice() {
    let server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let log = here.create("a").await.unwrap();
    let job = tokio::spawn(async move {
        for n in 0..500 {
            push(&log, &n.to_string()).await;
        }
        log.end(&Event::new("end"), "state".into()).await.unwrap();
    });
    let mut last: Option<String> = None;
    let mut all = Vec::new();
    let servers = [open(&here, "a").await, open(&there, "a").await];
    limited(async {
        for log in servers.iter().cycle() {
            // Cut off after a few of them.
            let events: Vec<_> = log.follow(last.as_deref()).take(7).try_collect().await.unwrap();
            if events.is_empty() {
                break;
            }
            last = events.last().map(|event| field(event, "id"));
            all.extend(events.iter().map(|event| field(event, "data")));
        }
    })
    .await;
    let expected: Vec<_> = (0..500).map(|n| n.to_string()).chain(["end".into()]).collect();
    assert_eq!(all, expected);
    job.await.unwrap();
    for log in servers {
        assert!(log.is_over_after(last.as_deref().unwrap()).await.unwrap());
        assert_eq!(log.state().await.unwrap().json, "state");
    }
}

/// By the news: to look again takes longer.
#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn what_one_server_writes_comes_from_the_other_at_once() {
    let server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let log = here.create("a").await.unwrap();
    let mut follower = open(&there, "a").await.follow(None);
    for data in ["1", "2", "3"] {
        let write = async {
            // By then the follower waits.
            sleep(Duration::from_millis(100)).await;
            push(&log, data).await
        };
        let both = async { tokio::join!(next_data(&mut follower), write) };
        assert_eq!(timeout(Duration::from_secs(2), both).await.unwrap().0, data);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn a_job_is_stopped_from_another_server_within_a_second() {
    let server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let log = here.create("a").await.unwrap();
    let other = open(&there, "a").await;
    let stop = async {
        // So that it is the news, and not the first look, that stops it.
        sleep(Duration::from_millis(200)).await;
        other.stop().await.unwrap();
    };
    timeout(Duration::from_millis(1200), async { tokio::join!(log.stopped(), stop) })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: .ci/redis"]
async fn followers_need_no_connections() {
    let server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let mut logs = Vec::new();
    for n in 0..100 {
        logs.push(here.create(&n.to_string()).await.unwrap());
    }
    let mut followers: Vec<_> =
        logs.iter().flat_map(|log| (0..10).map(|_| log.follow(None))).collect();
    for n in 0..100 {
        followers.push(open(&there, &n.to_string()).await.follow(None));
    }
    let all = join_all(followers.iter_mut().map(next_data));
    let write = async {
        // By then all wait.
        sleep(Duration::from_millis(500)).await;
        let clients: String = server.ask("CLIENT LIST").await;
        join_all(logs.iter().map(|log| push(log, "x"))).await;
        clients.lines().count()
    };
    let (all, clients) = limited(async { tokio::join!(all, write) }).await;
    assert_eq!(all, vec!["x"; 1100]);
    // One for each server, and the one that asks.
    assert_eq!(clients, 3);
}

/// The job is dropped, as in a panic; the end of its server is in `two_servers.rs`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: .ci/redis"]
async fn the_log_of_a_job_that_is_gone_is_ended_once() {
    let server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let gone = here.create("gone").await.unwrap();
    let lives = here.create("lives").await.unwrap();
    gone.save(r#"{"text":"a","end":null}"#.into()).await.unwrap();
    push(&gone, "1").await;
    push(&lives, "1").await;
    let mut followers = Vec::new();
    for store in [&here, &there] {
        let log = open(store, "gone").await;
        followers.extend((0..100).map(|_| log.follow(None)));
    }
    let paused = open(&here, "gone").await;
    drop(gone);
    let all = followers.into_iter().map(Follower::try_collect::<Vec<_>>);
    for events in limited(join_all(all)).await {
        let events = events.unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!(field(&events[1], "event"), "failed");
        assert!(field(&events[1], "data").starts_with(r#"{"kind":"gone","#));
    }
    // Nor can anything come after the end.
    let late = Event::new("late");
    assert!(matches!(paused.push(&late).await, Err(StoreError::Closed)));
    assert!(matches!(paused.save("late".into()).await, Err(StoreError::Closed)));
    assert!(matches!(paused.end(&late, "late".into()).await, Err(StoreError::Closed)));
    assert_eq!(paused.events().await.unwrap().0.len(), 2);
    let state = paused.state().await.unwrap();
    let end = r#""end":{"event":"failed","data":{"kind":"gone","message":"#;
    assert!(state.json.starts_with(&format!(r#"{{"text":"a",{end}"#)), "{}", state.json);
    serde_json::from_str::<serde_json::Value>(&state.json).unwrap();
    // What it did not know yet is found after it.
    let After::Events(events) = paused.after(&state.last_event_id).await.unwrap() else {
        panic!("a gap");
    };
    assert_eq!(events.len(), 2);

    assert_eq!(push(&lives, "2").await, open(&there, "lives").await.events().await.unwrap().1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: .ci/redis"]
async fn all_goes_on_when_redis_is_back() {
    let mut server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let log = here.create("a").await.unwrap();
    let first = push(&log, "1").await;
    let mut follower = open(&there, "a").await.follow(None);
    assert_eq!(next_data(&mut follower).await, "1");

    // As if it were away for so long that the lease expires.
    server.ask::<()>("DEL chat:lease:a").await;
    server.kill();
    let broken = limited(follower.next()).await.unwrap();
    assert!(matches!(broken, Err(StoreError::Redis(_))));
    assert!(limited(follower.next()).await.is_none());
    let error = limited(log.push(&Event::new("lost"))).await.unwrap_err();
    assert!(std::error::Error::source(&error).is_some());

    server.start_again().await;
    let mut again = limited(until_ok(|| async {
        let mut again = there.open("a").await?.unwrap().follow(Some(&first));
        // It waits, or fails.
        match timeout(Duration::from_millis(100), again.next()).await {
            Err(_) => Ok(again),
            Ok(event) => Err(event.unwrap().unwrap_err()),
        }
    }))
    .await;
    let event = Event::new("2");
    limited(until_ok(|| log.push(&event))).await;
    assert_eq!(limited(next_data(&mut again)).await, "2");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: .ci/redis"]
async fn a_redis_that_has_lost_all_is_a_new_one() {
    let server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let log = here.create("a").await.unwrap();
    let first = push(&log, "1").await;
    let mut follower = open(&there, "a").await.follow(Some(&first));
    server.ask::<()>("FLUSHALL").await;
    let told = limited(follower.next()).await.unwrap().unwrap();
    assert_eq!(field(&told, "event"), "gap");
    assert!(limited(follower.next()).await.is_none());
    assert!(there.open("a").await.unwrap().is_none());
    assert!(matches!(log.after(&first).await, Ok(After::Gap(_))));
    assert!(matches!(log.push(&Event::new("2")).await, Err(StoreError::Closed)));
    push(&here.create("b").await.unwrap(), "1").await;
    assert_eq!(next_data(&mut open(&there, "b").await.follow(None)).await, "1");
}

/// News that were not heard are no event that is missed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server: .ci/redis"]
async fn a_connection_to_redis_that_is_cut_loses_nothing() {
    let server = RedisServer::start().await;
    let (here, there) = two_stores(&server).await;
    let log = here.create("a").await.unwrap();
    let job = tokio::spawn(async move {
        let event = Event::new("x");
        for n in 0..200 {
            until_ok(|| log.push(&event)).await;
            if n % 20 == 0 {
                sleep(Duration::from_millis(20)).await;
            }
        }
        until_ok(|| log.end(&event, String::new())).await;
        log
    });
    let cut = async {
        for _ in 0..5 {
            server.ask::<()>("CLIENT KILL TYPE normal").await;
            server.ask::<()>("CLIENT KILL TYPE pubsub").await;
            sleep(Duration::from_millis(30)).await;
        }
    };
    let follow = async {
        let (mut ids, mut last): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let log = until_ok(|| there.open("a")).await.unwrap();
            let mut follower = log.follow(last.as_deref());
            loop {
                match follower.next().await {
                    Some(Ok(event)) => {
                        last = Some(field(&event, "id"));
                        ids.extend(last.clone());
                    }
                    Some(Err(StoreError::Redis(_))) => break,
                    Some(Err(error)) => panic!("{error}"),
                    None => return ids,
                }
            }
        }
    };
    let (followed, ()) = limited(async { tokio::join!(follow, cut) }).await;
    let log = limited(job).await.unwrap();
    let (events, _) = until_ok(|| log.events()).await;
    assert_eq!(followed, events.map(|event| field(&event, "id")).collect::<Vec<_>>());
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn all_that_is_in_redis_expires() {
    let server = RedisServer::start().await;
    let (here, _) = two_stores(&server).await;
    let log = here.create("a").await.unwrap();
    push(&log, "1").await;
    log.save("state".into()).await.unwrap();
    log.stop().await.unwrap();
    log.listened(Duration::from_secs(30)).await.unwrap();
    here.add("all", "a").await.unwrap();
    let mut keys: Vec<String> = server.ask("KEYS *").await;
    keys.sort();
    let kinds = ["created", "events:a", "lease:a", "list:all", "listened:a", "log:a", "stop:a"];
    assert_eq!(keys, kinds.map(|kind| format!("chat:{kind}")));
    for key in keys {
        let left: i64 = server.ask(&format!("TTL {key}")).await;
        assert!((1..=3600).contains(&left), "{key}: {left}");
    }

    // Those that are used are kept.
    for key in ["chat:log:a", "chat:events:a", "chat:list:all"] {
        server.ask::<()>(&format!("EXPIRE {key} 100")).await;
    }
    here.open("a").await.unwrap().unwrap();
    here.list("all").await.unwrap();
    for key in ["chat:log:a", "chat:events:a", "chat:list:all"] {
        assert!(server.ask::<i64>(&format!("TTL {key}")).await > 3500);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn there_are_only_so_many_logs() {
    let server = RedisServer::start().await;
    let (here, _) = two_stores(&server).await;
    let others = redis::Script::new(
        "for n = 1, 9999 do redis.call('ZADD', KEYS[1], redis.call('TIME')[1], n) end",
    );
    let mut connection = server.connect().await;
    others.key("chat:created").invoke_async::<()>(&mut connection).await.unwrap();
    let last = here.create("last").await.unwrap();
    assert!(matches!(here.create("more").await, Err(StoreError::Full)));
    // What has ended makes room.
    last.end(&Event::new("end"), String::new()).await.unwrap();
    here.create("more").await.unwrap();
    assert!(here.open("last").await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs redis-server: .ci/redis"]
async fn without_redis_a_server_does_not_start() {
    let mut server = RedisServer::start().await;
    server.kill();
    let error = limited(Store::new(Some(&server.url()), 4)).await.unwrap_err();
    assert!(matches!(error, StoreError::Redis(_)));
    assert!(matches!(Store::new(Some("nonsense"), 4).await, Err(StoreError::Redis(_))));
}
