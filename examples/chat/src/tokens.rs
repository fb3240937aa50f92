//! Tokens that open one event stream, once: for an `EventSource` of another origin, which
//! can send neither a header nor this server's cookie. A URL is seen by many, so what is in
//! it must not be worth stealing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{error::Error, id::Id, job::Name};

/// Of one user, unspent.
const MAX_TOKENS: usize = 32;
const MAX_ALL: usize = 10_000;

#[derive(Debug)]
pub struct Tokens {
    all: Mutex<HashMap<Id, Token>>,
    lifetime: Duration,
}

#[derive(Debug)]
struct Token {
    opens: Name,
    until: Instant,
}

impl Tokens {
    pub fn new(lifetime: Duration) -> Self {
        Self { all: Mutex::default(), lifetime }
    }

    pub fn issue(&self, opens: Name) -> Result<Id, Error> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        all.retain(|_, token| token.until > now);
        let own = all.values().filter(|token| token.opens.session == opens.session).count();
        if own >= MAX_TOKENS || all.len() >= MAX_ALL {
            return Err(Error::TooManyTokens(self.lifetime));
        }
        let token = Id::random();
        all.insert(token, Token { opens, until: now + self.lifetime });
        Ok(token)
    }

    /// The job whose events it opens; after that it opens nothing.
    pub fn spend(&self, token: &str, job: &str) -> Result<Name, Error> {
        let token = token.parse().map_err(|_| Error::Token)?;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let Token { opens, until } = all.remove(&token).ok_or(Error::Token)?;
        if opens.id.to_string() == job && until > Instant::now() {
            Ok(opens)
        } else {
            Err(Error::Token)
        }
    }

    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Name {
        Name { session: Id::random(), id: Id::random() }
    }

    #[test]
    fn a_token_opens_its_job_once_and_not_too_late() {
        let tokens = Tokens::new(Duration::from_secs(30));
        let job = name();
        let token = tokens.issue(job).unwrap().to_string();
        assert_eq!(tokens.spend(&token, &job.id.to_string()).unwrap(), job);
        assert!(tokens.spend(&token, &job.id.to_string()).is_err());
        let token = tokens.issue(job).unwrap().to_string();
        assert!(tokens.spend(&token, &Id::random().to_string()).is_err());
        assert!(tokens.spend("../etc", &job.id.to_string()).is_err());

        let tokens = Tokens::new(Duration::ZERO);
        let token = tokens.issue(job).unwrap().to_string();
        assert!(tokens.spend(&token, &job.id.to_string()).is_err());
    }

    #[test]
    fn nobody_can_have_so_many_that_others_get_none() {
        let tokens = Tokens::new(Duration::from_secs(30));
        let greedy = name();
        assert_eq!((0..).take_while(|_| tokens.issue(greedy).is_ok()).count(), MAX_TOKENS);
        assert!(tokens.issue(name()).is_ok());
    }
}
