//! How the server is, as an event stream: what is open, what runs, what was cancelled.

use std::time::Duration;

use futures_util::{Stream, stream};
use serde::Serialize;
use sse_wire::Event;
use tokio::sync::watch;

use crate::quota::{Quota, Used};

/// Changes that come faster are shown together: with a thousand who watch, and who are
/// themselves what changes, there would be a million events.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Event streams that are open.
    pub connections: usize,
    pub jobs: usize,
    pub upstream: Upstream,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Upstream {
    pub open: usize,
    pub cancelled: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Status(watch::Sender<Figures>);

/// Which of the figures.
type Figure = fn(&mut Figures) -> &mut usize;

impl Status {
    /// One more, until what is returned is dropped.
    pub fn count(&self, figure: Figure) -> Counted {
        self.add(figure);
        Counted { status: self.clone(), figure }
    }

    /// One more for good.
    pub fn add(&self, figure: Figure) {
        self.0.send_modify(|figures| *figure(figures) += 1);
    }

    pub fn figures(&self) -> Figures {
        *self.0.borrow()
    }

    /// The figures now, and whenever they or the quota have changed.
    pub fn events(&self, quota: &Quota) -> impl Stream<Item = Event> + use<> {
        let watched = (self.0.subscribe(), quota.watch());
        stream::unfold((watched, None), async |((mut figures, mut quota), mut shown)| {
            loop {
                let now = Shown {
                    figures: *figures.borrow_and_update(),
                    quota: quota.borrow_and_update().used(),
                };
                if shown != Some(now) {
                    return Some((now.event(), ((figures, quota), Some(now))));
                }
                tokio::select! {
                    changed = figures.changed() => changed.ok()?,
                    changed = quota.changed() => changed.ok()?,
                }
                tokio::time::sleep(PAUSE).await;
                shown = Some(now);
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
struct Shown {
    #[serde(flatten)]
    figures: Figures,
    quota: Used,
}

impl Shown {
    fn event(&self) -> Event {
        crate::job::event("status", self)
    }
}

#[derive(Debug)]
pub struct Counted {
    status: Status,
    figure: Figure,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.status.0.send_modify(|figures| *(self.figure)(figures) -= 1);
    }
}
