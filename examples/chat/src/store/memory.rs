//! Logs in the memory of this process.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use sse_wire::{After, Encoded, Event, Events, Replay};
use tokio::sync::watch;

use super::{KEPT, MAX_LIST, MAX_LOGS, State, StoreError, gap_event};

#[derive(Clone, Debug)]
pub struct Store {
    all: Arc<Mutex<All>>,
    /// How many events each log holds.
    max_events: usize,
}

#[derive(Debug, Default)]
struct All {
    logs: HashMap<String, Log>,
    lists: HashMap<String, VecDeque<String>>,
}

impl Store {
    pub fn new(max_events: usize) -> Self {
        Self { all: Arc::default(), max_events }
    }

    pub fn create(&self, name: &str) -> Result<Log, StoreError> {
        let mut all = self.all();
        let All { logs, lists } = &mut *all;
        logs.retain(|_, log| !log.may_go());
        if logs.len() >= MAX_LOGS {
            let ended = logs.iter().filter_map(|(name, log)| Some((log.ended()?, name)));
            let (_, oldest) = ended.min().ok_or(StoreError::Full)?;
            let oldest = oldest.clone();
            logs.remove(&oldest);
        }
        lists.retain(|_, names| names.iter().any(|name| logs.contains_key(name)));
        let log = Log::new(self.max_events);
        logs.insert(name.to_owned(), log.clone());
        Ok(log)
    }

    pub fn open(&self, name: &str) -> Option<Log> {
        let log = self.all().logs.get(name).cloned()?;
        log.0.send_if_modified(|inner| {
            inner.used = Instant::now();
            false
        });
        Some(log)
    }

    pub fn add(&self, list: &str, name: &str) {
        let mut all = self.all();
        let names = all.lists.entry(list.to_owned()).or_default();
        names.push_back(name.to_owned());
        if names.len() > MAX_LIST {
            let fallen = names.pop_front();
            all.forget(fallen);
        }
    }

    pub fn list(&self, list: &str) -> Vec<String> {
        self.all().lists.get(list).into_iter().flatten().cloned().collect()
    }

    pub fn clear(&self, list: &str) {
        let mut all = self.all();
        let names = all.lists.remove(list);
        all.forget(names.into_iter().flatten());
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// No list has them any more: they go as soon as they have ended, or one user could
    /// fill the store. Whoever follows one has it still.
    fn forget(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            let Some(log) = self.logs.get(&name) else { continue };
            log.0.send_if_modified(|inner| {
                inner.is_forgotten = true;
                false
            });
            if log.may_go() {
                self.logs.remove(&name);
            }
        }
    }
}

/// The lock and the news are one: who follows is told of each change, and looks for itself.
#[derive(Clone, Debug)]
pub struct Log(Arc<watch::Sender<Inner>>);

#[derive(Debug)]
struct Inner {
    replay: Replay,
    first: String,
    state: State,
    has_ended: bool,
    /// It was in a list, and is not any more.
    is_forgotten: bool,
    is_to_stop: bool,
    listened_until: Instant,
    used: Instant,
}

impl Log {
    fn new(max_events: usize) -> Self {
        // In nanoseconds, so that no two logs have the same, not even after a restart.
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let replay = Replay::new(now.try_into().unwrap_or_default()).max_events(max_events);
        let first = replay.last_id().to_string();
        let state = State { json: String::new(), last_event_id: first.clone() };
        let now = Instant::now();
        Self(Arc::new(watch::Sender::new(Inner {
            replay,
            first,
            state,
            has_ended: false,
            is_forgotten: false,
            is_to_stop: false,
            listened_until: now,
            used: now,
        })))
    }

    pub fn push(&self, event: &Event) -> String {
        let mut id = String::new();
        self.0.send_modify(|inner| id = inner.replay.push(event).to_string());
        id
    }

    pub fn after(&self, id: &str) -> After {
        self.0.borrow().replay.after(id)
    }

    pub fn events(&self) -> (Events, String) {
        let inner = self.0.borrow();
        (inner.replay.events(), inner.replay.last_id().to_string())
    }

    pub fn save(&self, json: String) {
        self.0.send_modify(|inner| inner.save(json));
    }

    pub fn state(&self) -> State {
        self.0.borrow().state.clone()
    }

    pub fn end(&self, last: &Event, json: String) {
        self.0.send_modify(|inner| {
            inner.replay.push(last);
            inner.save(json);
            inner.has_ended = true;
        });
    }

    pub fn is_over_after(&self, id: &str) -> bool {
        let inner = self.0.borrow();
        inner.has_ended && inner.replay.last_id().to_string() == id
    }

    pub fn follow(&self, last: Option<&str>) -> BoxStream<'static, Result<Encoded, StoreError>> {
        let log = self.0.subscribe();
        let last = last.unwrap_or(&log.borrow().first).to_owned();
        let batches = stream::unfold((log, Some(last)), async |(mut log, last)| {
            let last = last?;
            loop {
                let (after, now, has_ended) = {
                    let inner = log.borrow_and_update();
                    (inner.replay.after(&last), inner.replay.last_id(), inner.has_ended)
                };
                let events = match after {
                    After::Events(events) => events,
                    After::Gap(gap) => return Some((vec![gap_event(gap)].into(), (log, None))),
                };
                if events.len() > 0 || has_ended {
                    let next = (!has_ended).then(|| now.to_string());
                    return Some((events, (log, next)));
                }
                log.changed().await.ok()?;
            }
        });
        batches.flat_map(stream::iter).map(Ok).boxed()
    }

    pub fn listened(&self, time: Duration) {
        self.0.send_if_modified(|inner| {
            inner.listened_until = Instant::now() + time;
            // Nobody has to be told.
            false
        });
    }

    pub fn is_listened_to(&self) -> bool {
        Instant::now() < self.0.borrow().listened_until
    }

    pub fn stop(&self) {
        self.0.send_modify(|inner| inner.is_to_stop = true);
    }

    pub async fn stopped(&self) {
        // Cannot fail: the sender is here.
        _ = self.0.subscribe().wait_for(|inner| inner.is_to_stop).await;
    }

    fn may_go(&self) -> bool {
        let inner = self.0.borrow();
        inner.has_ended && (inner.is_forgotten || inner.used.elapsed() > KEPT)
    }

    /// When it was last used, if it has ended.
    fn ended(&self) -> Option<Instant> {
        let inner = self.0.borrow();
        inner.has_ended.then_some(inner.used)
    }
}

impl Inner {
    fn save(&mut self, json: String) {
        let last_event_id = self.replay.last_id().to_string();
        self.state = State { json, last_event_id };
        self.used = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(event: Encoded) -> String {
        String::from_utf8(event.into_bytes().into()).unwrap()
    }

    async fn next(
        follower: &mut BoxStream<'static, Result<Encoded, StoreError>>,
    ) -> Option<String> {
        follower.next().await.map(|event| text(event.unwrap()))
    }

    #[tokio::test]
    async fn a_follower_gets_what_there_is_and_what_comes_until_the_end() {
        let log = Log::new(10);
        let first = log.push(&Event::new("a"));
        let mut follower = log.follow(None);
        let mut late = log.follow(Some(&first));
        assert!(next(&mut follower).await.unwrap().ends_with("data: a\n\n"));
        log.push(&Event::new("b"));
        log.end(&Event::new("c"), "all".into());
        for follower in [&mut follower, &mut late] {
            assert!(next(follower).await.unwrap().ends_with("data: b\n\n"));
            assert!(next(follower).await.unwrap().ends_with("data: c\n\n"));
            assert_eq!(next(follower).await, None);
        }
        let State { json, last_event_id } = log.state();
        assert_eq!(json, "all");
        assert!(log.is_over_after(&last_event_id));
        assert!(!log.is_over_after(&first));
    }

    #[tokio::test]
    async fn a_follower_that_is_too_slow_is_told_and_ends() {
        let log = Log::new(2);
        let mut follower = log.follow(None);
        (0..3).for_each(|n| _ = log.push(&Event::new(n.to_string())));
        assert!(next(&mut follower).await.unwrap().starts_with("event: gap\n"));
        assert_eq!(next(&mut follower).await, None);
    }

    #[tokio::test]
    async fn what_was_asked_to_stop_knows_it_then_and_later() {
        let log = Log::new(2);
        let (stopped, ()) = tokio::join!(log.stopped(), async { log.stop() });
        assert_eq!((stopped, log.stopped().await), ((), ()));
    }

    #[test]
    fn who_listens_is_known_for_so_long() {
        let log = Log::new(2);
        assert!(!log.is_listened_to());
        log.listened(Duration::from_secs(3600));
        assert!(log.is_listened_to());
        log.listened(Duration::ZERO);
        assert!(!log.is_listened_to());
    }

    #[test]
    fn lists_and_logs_are_found_again() {
        let store = Store::new(2);
        store.create("a").unwrap().push(&Event::new("1"));
        store.add("all", "a");
        store.create("b").unwrap();
        assert_eq!(store.list("all"), ["a"]);
        assert_eq!(store.open("a").unwrap().events().0.len(), 1);
        assert!(store.open("c").is_none());
        store.clear("all");
        assert!(store.list("all").is_empty());
    }

    #[test]
    fn a_full_store_drops_what_has_ended_and_refuses_only_if_all_run() {
        let store = Store::new(1);
        let logs: Vec<_> = (0..MAX_LOGS).map(|n| store.create(&n.to_string()).unwrap()).collect();
        assert!(matches!(store.create("more"), Err(StoreError::Full)));
        for n in [7, 3, 5] {
            logs[n].end(&Event::new("end"), String::new());
        }
        store.create("more").unwrap();
        assert!(store.open("7").is_none());
        assert!(store.open("3").is_some() && store.open("5").is_some());
    }
}
