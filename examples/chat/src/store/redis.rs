//! Logs in Redis, which several servers share.
//!
//! | key | what it is |
//! |---|---|
//! | `chat:events:NAME` | a stream: the last events, each a field `type` → `data`. Its IDs go to clients as they are |
//! | `chat:log:NAME` | a hash: the IDs `last` and `dropped`, up to which events are not held any more; their `bytes`; `state` and `state_id`; `has_ended`; and `is_forgotten`, if it was in a list and is not any more |
//! | `chat:lease:NAME` | is there while the job lives, and a few seconds longer |
//! | `chat:listened:NAME` | is there while somebody listens |
//! | `chat:stop:NAME` | is there if the job was asked to stop |
//! | `chat:list:NAME` | a list of names |
//! | `chat:created` | a sorted set: the logs of the last hour, and when they were created |
//! | `chat:ended` | a sorted set: those that have ended, and when they go |
//!
//! Whatever has to change together is changed by a script, which Redis runs as one step.
//!
//! **Who follows** is told that a key has changed, and then looks for itself at what came
//! after its own last ID. So nothing is lost or doubled, even if the news are late, or do
//! not come. They come over pub/sub, one channel for all, and with RESP3 over the one
//! connection that a server has for its commands: `XREAD BLOCK` would need a connection
//! for each follower, or one that is interrupted whenever another begins to follow.
//!
//! **A job that dies**, or its server, does not end its log. Whoever follows it and finds
//! no lease does that instead. The script looks at the lease and at the end in the same
//! step as it ends the log, so that it is ended once; and should the job live after all,
//! it can write no more.

mod leases;
mod news;

use std::{
    convert::Infallible,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use redis::{
    Client, FromRedisValue, IntoConnectionInfo, Pipeline, ProtocolVersion, Script,
    ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use sse_wire::{After, EncodeError, Encoded, Event, Events, Gap, ReplayId};
use tokio::{sync::watch, task::JoinSet, time::timeout};

use self::{
    leases::{LEASE, Leases},
    news::News,
};
use super::{MAX_LIST, MAX_LOGS, State, StoreError, gap_event};

/// In seconds, as Redis wants it.
const KEPT: u64 = super::KEPT.as_secs();
const CREATED: &str = "chat:created";
const ENDED: &str = "chat:ended";
/// What a [`Replay`](sse_wire::Replay) holds by default.
const MAX_BYTES: usize = 1024 * 1024;
/// Whoever waits looks again after so long, in case the news were lost.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// A Redis that takes longer is as good as none.
const RESPONSE_TIME: Duration = Duration::from_secs(5);
/// The data of the last event if the job has no lease.
const GONE: &str = r#"{"kind":"gone","message":"The server that ran this is gone. Try again."}"#;
/// The ID before the first event: Redis gives it to none.
const START: &str = "0-0";

#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    redis: ConnectionManager,
    news: Arc<News>,
    leases: Arc<Leases>,
    /// How many events each log holds.
    max_events: usize,
    /// Ends with this.
    _renewal: JoinSet<()>,
}

impl Store {
    /// Fails if Redis cannot be reached now. Later it may go away, and come back.
    pub async fn connect(url: &str, max_events: usize) -> Result<Self, StoreError> {
        let info = url.into_connection_info()?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        let news = Arc::new(News::new());
        let heard = Arc::clone(&news);
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE_TIME))
            .set_number_of_retries(2)
            .set_automatic_resubscription()
            .set_push_sender(move |push| Ok::<_, Infallible>(heard.hear(&push)));
        let mut redis = ConnectionManager::new_with_config(client, config).await?;
        redis.subscribe(news::CHANNEL).await?;

        let leases = Arc::new(Leases::default());
        let mut renewal = JoinSet::new();
        renewal.spawn(Arc::clone(&leases).keep(redis.clone()));
        Ok(Self(Arc::new(Shared { redis, news, leases, max_events, _renewal: renewal })))
    }

    pub async fn create(&self, name: &str) -> Result<Log, StoreError> {
        static CREATE: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("redis/create.lua")));
        let mut log = Log::new(&self.0, name);
        let Keys { log: hash, events, lease, stop, .. } = &*log.keys;
        let mut create = CREATE.key(CREATED);
        create.key(ENDED).key(hash).key(events).key(lease).key(stop);
        create.arg(name).arg(KEPT).arg(MAX_LOGS).arg(LEASE.as_millis() as u64);
        if !self.0.run(&create).await? {
            return Err(StoreError::Full);
        }
        log._lease = Some(self.0.leases.renew(lease));
        Ok(log)
    }

    pub async fn open(&self, name: &str) -> Result<Option<Log>, StoreError> {
        let log = Log::new(&self.0, name);
        let mut commands = redis::pipe();
        commands.expire(&log.keys.log, KEPT as i64);
        commands.expire(&log.keys.events, KEPT as i64).ignore();
        let (exists,): (bool,) = self.0.query(&commands).await?;
        Ok(exists.then_some(log))
    }

    pub async fn add(&self, list: &str, name: &str) -> Result<(), StoreError> {
        self.0.query::<()>(redis::pipe().rpush(list_key(list), name)).await?;
        self.shorten(list, MAX_LIST).await
    }

    pub async fn list(&self, list: &str) -> Result<Vec<String>, StoreError> {
        let list = list_key(list);
        let mut commands = redis::pipe();
        commands.lrange(&list, 0, -1).expire(&list, KEPT as i64).ignore();
        let (names,) = self.0.query(&commands).await?;
        Ok(names)
    }

    pub async fn clear(&self, list: &str) -> Result<(), StoreError> {
        self.shorten(list, 0).await
    }

    /// To the last names of a list.
    async fn shorten(&self, list: &str, max_list: usize) -> Result<(), StoreError> {
        static SHORTEN: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("redis/shorten.lua")));
        let mut shorten = SHORTEN.key(list_key(list));
        shorten.key(CREATED).key(ENDED).arg(max_list).arg(KEPT);
        self.0.run(&shorten).await
    }
}

fn list_key(list: &str) -> String {
    format!("chat:list:{list}")
}

impl Shared {
    async fn query<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        Ok(commands.query_async(&mut self.redis.clone()).await?)
    }

    async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        Ok(script.invoke_async(&mut self.redis.clone()).await?)
    }
}

#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    keys: Arc<Keys>,
    /// What was created has it, and no clone: when the job has dropped it, the job is gone.
    _lease: Option<Arc<str>>,
}

impl Clone for Log {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), keys: Arc::clone(&self.keys), _lease: None }
    }
}

#[derive(Debug)]
struct Keys {
    name: String,
    log: String,
    events: String,
    lease: String,
    listened: String,
    stop: String,
}

/// Why an event is pushed.
enum Push<'a> {
    More,
    /// It is the last one, and this is what all come to.
    End {
        json: &'a str,
    },
    /// It is the last one if the job has no lease.
    Gone,
}

/// An event: its ID, and its type and data.
type Entry = (String, (String, String));

/// What is in a log from an ID on.
struct Read {
    entries: Vec<Entry>,
    last: String,
    /// Up to which events are not held any more; at first the start.
    dropped: String,
    has_ended: bool,
    has_lease: bool,
}

impl Log {
    fn new(shared: &Arc<Shared>, name: &str) -> Self {
        let keys = Keys {
            name: name.to_owned(),
            log: format!("chat:log:{name}"),
            events: format!("chat:events:{name}"),
            lease: format!("chat:lease:{name}"),
            listened: format!("chat:listened:{name}"),
            stop: format!("chat:stop:{name}"),
        };
        Self { shared: Arc::clone(shared), keys: Arc::new(keys), _lease: None }
    }

    /// Keeps the type and the data of the event, and not its reconnection time.
    pub async fn push(&self, event: &Event) -> Result<String, StoreError> {
        self.write(event, Push::More).await?.ok_or(StoreError::Closed)
    }

    pub async fn after(&self, id: &str) -> Result<After, StoreError> {
        Ok(match self.read_after(id).await? {
            Some(read) => After::Events(encode(read.entries)?.into()),
            None => After::Gap(Gap::Unknown),
        })
    }

    pub async fn events(&self) -> Result<(Events, String), StoreError> {
        let read = self.read("-").await?.ok_or(StoreError::Closed)?;
        Ok((encode(read.entries)?.into(), read.last))
    }

    pub async fn save(&self, json: String) -> Result<(), StoreError> {
        static SAVE: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("redis/save.lua")));
        let mut save = SAVE.key(&self.keys.log);
        save.key(&self.keys.events).arg(json).arg(KEPT);
        let is_saved: bool = self.shared.run(&save).await?;
        is_saved.then_some(()).ok_or(StoreError::Closed)
    }

    pub async fn state(&self) -> Result<State, StoreError> {
        let mut commands = redis::pipe();
        commands.cmd("HMGET").arg(&self.keys.log).arg("state").arg("state_id");
        let ((json, id),): ((Option<String>, Option<String>),) =
            self.shared.query(&commands).await?;
        let (json, last_event_id) = json.zip(id).ok_or(StoreError::Closed)?;
        Ok(State { json, last_event_id })
    }

    pub async fn end(&self, last: &Event, json: String) -> Result<(), StoreError> {
        let id = self.write(last, Push::End { json: &json }).await?;
        id.map(drop).ok_or(StoreError::Closed)
    }

    pub async fn is_over_after(&self, id: &str) -> Result<bool, StoreError> {
        let mut commands = redis::pipe();
        commands.cmd("HMGET").arg(&self.keys.log).arg("last").arg("has_ended");
        let ((last, has_ended),): ((Option<String>, Option<bool>),) =
            self.shared.query(&commands).await?;
        Ok(has_ended.is_some() && last.as_deref() == Some(id))
    }

    pub fn follow(&self, last: Option<&str>) -> BoxStream<'static, Result<Encoded, StoreError>> {
        let log = self.clone();
        let news = self.shared.news.of(&self.keys.events);
        let last = last.unwrap_or(START).to_owned();
        let batches = stream::unfold(Some((log, news, last)), async |following| {
            let (log, mut news, last) = following?;
            Some(match log.wait_after(&last, &mut news).await {
                Ok((events, next)) => {
                    let events = events.into_iter().map(Ok).collect();
                    (events, next.map(|next| (log, news, next)))
                }
                Err(error) => (vec![Err(error)], None),
            })
        });
        batches.flat_map(stream::iter).boxed()
    }

    pub async fn listened(&self, time: Duration) -> Result<(), StoreError> {
        // Redis knows no time that is nothing.
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        self.shared.query(redis::pipe().pset_ex(&self.keys.listened, "", millis)).await
    }

    pub async fn is_listened_to(&self) -> Result<bool, StoreError> {
        let (is_there,) = self.shared.query(redis::pipe().exists(&self.keys.listened)).await?;
        Ok(is_there)
    }

    pub async fn stop(&self) -> Result<(), StoreError> {
        let stop = &self.keys.stop;
        let mut commands = redis::pipe();
        commands.atomic().set_ex(stop, "", KEPT).publish(news::CHANNEL, stop);
        self.shared.query(&commands).await
    }

    pub async fn stopped(&self) {
        let mut news = self.shared.news.of(&self.keys.stop);
        loop {
            wait(&mut news).await;
            let is_to_stop = self.shared.query(redis::pipe().exists(&self.keys.stop)).await;
            if let Ok((true,)) = is_to_stop {
                return;
            }
        }
    }

    /// Events after that ID, as soon as there are any, and the ID to go on with: none, if
    /// nothing will follow.
    async fn wait_after(
        &self,
        id: &str,
        news: &mut watch::Receiver<()>,
    ) -> Result<(Vec<Encoded>, Option<String>), StoreError> {
        loop {
            // What is told from here on may be missing in what is read, and is news.
            wait(news).await;
            let Some(read) = self.read_after(id).await? else {
                return Ok((vec![gap_event(Gap::Unknown)], None));
            };
            if read.has_ended || !read.entries.is_empty() {
                return Ok((encode(read.entries)?, (!read.has_ended).then_some(read.last)));
            }
            // After Redis was away, give the servers time to renew what has expired.
            if !read.has_lease && self.shared.news.connected_for() > LEASE {
                self.write(&gone_event(), Push::Gone).await?;
            }
        }
    }

    /// All after that ID, which may be anything that a client sends. Nothing, if that is
    /// not known.
    async fn read_after(&self, id: &str) -> Result<Option<Read>, StoreError> {
        // They have the same form, and one way only to write it.
        if id.parse::<ReplayId>().is_err() {
            return Ok(None);
        }
        let read = self.read(id).await?;
        Ok(read.and_then(|mut read| {
            // The event itself has to be there, or none between it and those that are.
            if read.entries.first().is_some_and(|(first, _)| first == id) {
                read.entries.remove(0);
            } else if read.dropped != id {
                return None;
            }
            Some(read)
        }))
    }

    /// All from that ID on, which is valid, in one step. Nothing, if the log is not there.
    async fn read(&self, from: &str) -> Result<Option<Read>, StoreError> {
        type Fields = (Option<String>, Option<String>, Option<bool>);
        let mut commands = redis::pipe();
        commands.atomic();
        commands.cmd("HMGET").arg(&self.keys.log).arg("last").arg("dropped").arg("has_ended");
        commands.exists(&self.keys.lease);
        commands.cmd("XRANGE").arg(&self.keys.events).arg(from).arg("+");
        let ((last, dropped, has_ended), has_lease, entries): (Fields, _, _) =
            self.shared.query(&commands).await?;
        Ok(last.zip(dropped).map(|(last, dropped)| Read {
            entries,
            last,
            dropped,
            has_ended: has_ended.is_some(),
            has_lease,
        }))
    }

    /// The ID of the event; or nothing, if the log is not there or has ended.
    async fn write(&self, event: &Event, why: Push<'_>) -> Result<Option<String>, StoreError> {
        static PUSH: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("redis/push.lua")));
        let (how, json) = match why {
            Push::More => ("more", ""),
            Push::End { json } => ("end", json),
            Push::Gone => ("gone", ""),
        };
        let Keys { name, log, events, lease, .. } = &*self.keys;
        let mut push = PUSH.key(log);
        push.key(events).key(lease).key(ENDED);
        push.arg(how).arg(event.event_type()).arg(event.data()).arg(json);
        push.arg(self.shared.max_events).arg(MAX_BYTES).arg(KEPT).arg(news::CHANNEL).arg(name);
        self.shared.run(&push).await
    }
}

/// Waits for news, but not for ever.
async fn wait(news: &mut watch::Receiver<()>) {
    // That nobody will tell any more is no reason not to look.
    _ = timeout(LOOK_AGAIN, news.changed()).await;
}

/// The ID is known only after the event is in the log: so events are encoded when they
/// are read.
fn encode(entries: Vec<Entry>) -> Result<Vec<Encoded>, StoreError> {
    let encode = |(id, (event_type, data))| {
        let event = Event::builder().id(id).event_type(event_type).data(data).build()?;
        Ok::<_, EncodeError>(event.into())
    };
    Ok(entries.into_iter().map(encode).collect::<Result<_, _>>()?)
}

fn gone_event() -> Event {
    Event::builder()
        .event_type("failed")
        .data(GONE)
        .build()
        .expect("a constant event type is valid")
}
