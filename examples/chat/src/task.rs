//! Long tasks: jobs that compute something, step by step, whether anybody watches or not.

mod picture;
mod sound;

use std::{pin::pin, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{sync::OwnedSemaphorePermit, task::spawn_blocking};

use self::{picture::Picture, sound::Sound};
use crate::{
    Chat,
    job::{End, Job, interrupted},
    store::StoreError,
};

const STEPS: usize = 100;

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The Mandelbrot set.
    Picture,
    /// A tune.
    Sound,
    /// One that fails in the middle.
    Failing,
}

/// Its state: how far it is.
#[derive(Debug, Serialize)]
pub struct Task {
    kind: Kind,
    progress: Progress,
}

#[derive(Clone, Debug, Serialize)]
struct Progress {
    done: usize,
    of: usize,
    step: &'static str,
}

impl Task {
    pub fn new(kind: Kind) -> Self {
        Self { kind, progress: Progress { done: 0, of: STEPS, step: "waiting" } }
    }
}

/// Runs until the task is done, or has to end.
pub async fn run(
    chat: Arc<Chat>,
    mut job: Job<Task>,
    permit: OwnedSemaphorePermit,
) -> Result<(), StoreError> {
    let mut interrupted = pin!(interrupted(&chat, &job.log));
    let mut work = Work::new(job.state.kind);
    for done in 1..=STEPS {
        let pause = tokio::time::sleep(chat.config.task_pause);
        // To compute is not to wait: on this thread it would keep others from running.
        let Ok(stepped) = spawn_blocking(move || work.step(done)).await else {
            return job.end(End::failed("task", "the task has crashed")).await;
        };
        work = match stepped {
            Ok(work) => work,
            Err(why) => return job.end(End::failed("task", why)).await,
        };
        job.state.progress = Progress { done, of: STEPS, step: work.doing() };
        let progress = job.state.progress.clone();
        job.push("progress", &progress).await?;
        // There are few of them, and who asks for the state instead of listening sees them, too.
        job.save().await?;
        tokio::select! {
            end = &mut interrupted => return job.end(end).await,
            () = pause => {}
        }
    }
    let end = match work.result() {
        Some((media_type, bytes)) => {
            End::done(json!({"type": media_type, "base64": BASE64_STANDARD.encode(bytes)}))
        }
        None => End::failed("task", "there is no result"),
    };
    // Who hears the last event may begin another.
    drop(permit);
    job.end(end).await
}

enum Work {
    Picture(Picture),
    Sound(Sound),
    Failing,
}

impl Work {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Picture => Self::Picture(Picture::new()),
            Kind::Sound => Self::Sound(Sound::new()),
            Kind::Failing => Self::Failing,
        }
    }

    /// Does a hundredth.
    fn step(mut self, number: usize) -> Result<Self, &'static str> {
        match &mut self {
            Self::Picture(picture) => picture.draw(number, STEPS),
            Self::Sound(sound) => sound.play(number, STEPS),
            Self::Failing if number > STEPS * 6 / 10 => {
                return Err("the disk is full, or so we say");
            }
            Self::Failing => {}
        }
        Ok(self)
    }

    fn doing(&self) -> &'static str {
        match self {
            Self::Picture(_) => "drawing",
            Self::Sound(_) => "composing",
            Self::Failing => "hoping",
        }
    }

    /// Its media type, and its bytes.
    fn result(self) -> Option<(&'static str, Vec<u8>)> {
        match self {
            Self::Picture(picture) => Some(("image/png", picture.png().ok()?)),
            Self::Sound(sound) => Some(("audio/wav", sound.wav())),
            Self::Failing => None,
        }
    }
}
