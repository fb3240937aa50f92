//! Something that runs on its own, and writes what it does into a log.
//!
//! Who listens, if anybody does, is nothing to it. It saves its state now and then: often
//! enough that whoever loads it finds all later events in the log.

use std::{fmt, future::Future};

use serde::Serialize;
use serde_json::{Map, Value, json};
use sse_wire::{Event, EventLog};

use crate::{
    Chat,
    id::Id,
    store::{Log, State, StoreError},
};

/// Of a log: nobody can guess it, and it says whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    pub session: Id,
    pub id: Id,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.session, self.id)
    }
}

#[derive(Debug)]
pub struct Job<S> {
    pub name: Name,
    pub log: Log,
    pub state: S,
    save_every: usize,
    unsaved: usize,
}

impl<S: Serialize> Job<S> {
    /// A new one, at the end of a list.
    pub async fn create(chat: &Chat, list: &str, name: Name, state: S) -> Result<Self, StoreError> {
        let log = chat.store.create(&name.to_string()).await?;
        let save_every = (chat.config.replay_events / 4).clamp(1, 64);
        let mut job = Self { name, log, state, save_every, unsaved: 0 };
        job.save().await?;
        // As long as nobody could have come, it is not abandoned.
        job.log.listened(chat.config.abandoned_after).await?;
        chat.store.add(list, &name.to_string()).await?;
        Ok(job)
    }

    /// Writes an event, of which the state has to know already.
    pub async fn push(
        &mut self,
        event_type: &str,
        data: &impl Serialize,
    ) -> Result<(), StoreError> {
        self.log.push(&event(event_type, data)).await?;
        self.unsaved += 1;
        if self.unsaved >= self.save_every { self.save().await } else { Ok(()) }
    }

    pub async fn save(&mut self) -> Result<(), StoreError> {
        self.unsaved = 0;
        self.log.save(self.json(None)).await
    }

    pub async fn end(self, end: End) -> Result<(), StoreError> {
        self.log.end(&event(end.event, &end.data), self.json(Some(&end))).await
    }

    fn json(&self, end: Option<&End>) -> String {
        #[derive(Serialize)]
        struct Saved<'a, S> {
            id: Id,
            #[serde(flatten)]
            state: &'a S,
            // The last of them: `store/redis/push.lua` writes it for a job that is gone.
            end: Option<&'a End>,
        }
        let saved = Saved { id: self.name.id, state: &self.state, end };
        serde_json::to_string(&saved).expect("a state is JSON")
    }
}

/// The last event of a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct End {
    event: &'static str,
    data: Value,
}

impl End {
    pub fn done(data: Value) -> Self {
        Self { event: "done", data }
    }

    pub fn failed(kind: impl Serialize, message: &str) -> Self {
        Self { event: "failed", data: json!({"kind": kind, "message": message}) }
    }

    pub fn stopped() -> Self {
        Self { event: "stopped", data: json!({}) }
    }
}

/// An event of ours: types are constants, and all data is JSON.
pub fn event(event_type: &str, data: &impl Serialize) -> Event {
    let event = Event::builder().event_type(event_type).json(data).expect("our data is JSON");
    event.build().expect("a constant event type is valid")
}

/// Its state, and where to follow it from.
pub fn load(state: &State) -> Result<Map<String, Value>, serde_json::Error> {
    let mut json: Map<String, Value> = serde_json::from_str(&state.json)?;
    json.insert("last_event_id".into(), state.last_event_id.clone().into());
    Ok(json)
}

/// Is ready when a job has to end before it is done.
pub fn interrupted(chat: &Chat, log: &Log) -> impl Future<Output = End> + use<> {
    let (log, kill) = (log.clone(), chat.kill.clone());
    async move {
        tokio::select! {
            () = log.stopped() => End::stopped(),
            () = kill.cancelled() => {
                End::failed("gone", "the server stops: try again in a moment")
            }
        }
    }
}

/// Is ready when nobody listens any more.
pub fn abandoned(chat: &Chat, log: &Log) -> impl Future<Output = End> + use<> {
    let (log, pause) = (log.clone(), chat.config.abandoned_after / 10);
    async move {
        // If that cannot be known, it goes on.
        while log.is_listened_to().await.unwrap_or(true) {
            tokio::time::sleep(pause).await;
        }
        End::stopped()
    }
}
