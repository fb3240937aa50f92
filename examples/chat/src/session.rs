//! Who somebody is: a random number in a cookie, and nothing else.
//!
//! So a session is known wherever it is shown, also to another server that shares the logs,
//! and after a restart. What a server remembers of one is only what it has used.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, COOKIE, SET_COOKIE},
    },
    middleware::Next,
    response::Response,
};
use tokio::sync::Semaphore;

use crate::{Chat, error::Error, id::Id, quota::Quota};

const MAX_SESSIONS: usize = 10_000;
/// Tasks of one user that run at once.
const MAX_TASKS: usize = 8;

#[derive(Debug)]
pub struct Session {
    pub id: Id,
    pub quota: Quota,
    /// A permit for each event stream that may be open.
    pub streams: Arc<Semaphore>,
    /// A permit for each task that may run.
    pub tasks: Arc<Semaphore>,
}

#[derive(Debug)]
pub struct Sessions {
    all: Mutex<HashMap<Id, Arc<Session>>>,
    streams: usize,
}

impl Sessions {
    pub fn new(streams: usize) -> Self {
        Self { all: Mutex::default(), streams: streams.min(Semaphore::MAX_PERMITS) }
    }

    pub fn get(&self, id: Id) -> Result<Arc<Session>, Error> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = all.get(&id) {
            return Ok(Arc::clone(session));
        }
        if all.len() >= MAX_SESSIONS {
            // Those whom no job, stream or request holds.
            all.retain(|_, session| Arc::strong_count(session) > 1);
        }
        if all.len() >= MAX_SESSIONS {
            return Err(Error::Full);
        }
        let session = Arc::new(Session {
            id,
            quota: Quota::new(),
            streams: Arc::new(Semaphore::new(self.streams)),
            tasks: Arc::new(Semaphore::new(MAX_TASKS)),
        });
        all.insert(id, Arc::clone(&session));
        Ok(session)
    }
}

/// Finds the session of a request, and sets the cookie of a new one.
pub async fn find(
    State(chat): State<Arc<Chat>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let known = in_cookie(request.headers());
    let session = chat.sessions.get(known.unwrap_or_else(Id::random))?;
    let id = session.id;
    request.extensions_mut().insert(session);
    let mut response = next.run(request).await;
    // A response for all origins is for no user.
    if known.is_none() && !response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        // No script can read it, and no page of another site can make a browser send it.
        // It would be `Secure` as well if the server were not to run on plain HTTP, too.
        let cookie = format!("session={id}; Path=/; HttpOnly; SameSite=Strict");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

fn in_cookie(headers: &HeaderMap) -> Option<Id> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix("session="))
        .find_map(|id| id.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_sessions_and_those_in_use_stay() {
        let sessions = Sessions::new(1);
        let held: Vec<_> = (0..MAX_SESSIONS).map(|_| sessions.get(Id::random()).unwrap()).collect();
        assert!(matches!(sessions.get(Id::random()), Err(Error::Full)));
        assert!(Arc::ptr_eq(&held[7], &sessions.get(held[7].id).unwrap()));
        drop(held);
        let last = sessions.get(Id::random()).unwrap();
        assert_eq!(sessions.all.lock().unwrap().len(), 1);
        assert!(Arc::ptr_eq(&last, &sessions.get(last.id).unwrap()));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let id = Id::random();
        let find = |cookies: &str| {
            in_cookie(&HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookies).unwrap())]))
        };
        assert_eq!(find(&format!("a=b;session={id} ; c")), Some(id));
        assert_eq!(find(&format!("session=x; session={id}")), Some(id));
        assert_eq!(find(&format!("mysession={id}")), None);
        assert_eq!(find(""), None);
    }
}
