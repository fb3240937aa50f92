//! The head of a response, as far as `Reconnect` has to know it.

use alloc::string::String;
use core::time::Duration;
use std::time::SystemTime;

use http::{
    HeaderMap, Response,
    header::{CONTENT_TYPE, DATE, RETRY_AFTER},
};

use crate::reconnect::{Reconnect, Step};

impl Reconnect {
    /// A response has arrived: same as [`response`](Self::response), after
    /// [`retry_after`](Self::retry_after) if the response has that header, in
    /// seconds or as a date.
    ///
    /// A date counts from the response's own `Date`, or else, if there is a
    /// clock, from now. Anything else in the header is ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use http::Response;
    /// use sse_wire::{Reconnect, Step};
    ///
    /// let response = Response::builder()
    ///     .status(429)
    ///     .header("date", "Sun, 06 Nov 1994 08:49:30 GMT")
    ///     .header("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")
    ///     .body(())?;
    /// let mut reconnect = Reconnect::new();
    /// reconnect.start();
    /// let step = reconnect.http_response(&response, Duration::ZERO, 0);
    /// assert_eq!(step, Step::Connect { wait: Duration::from_secs(7), last_event_id: None });
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn http_response<B>(
        &mut self,
        response: &Response<B>,
        now: Duration,
        random: u64,
    ) -> Step<'_> {
        let headers = response.headers();
        if let Some(wait) = retry_after(headers) {
            self.retry_after(wait);
        }
        // A parameter need not be UTF-8, and does not count.
        let content_type =
            headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        self.response(response.status().as_u16(), content_type.as_deref(), now, random)
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number that is too large cannot be parsed.
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let date =
        headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    Some(until.duration_since(date.or_else(clock)?).unwrap_or_default())
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn clock() -> Option<SystemTime> {
    Some(SystemTime::now())
}

/// To ask for the time would panic.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn clock() -> Option<SystemTime> {
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn assert_retry_after(value: &'static str, date: &'static str, wait: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        headers.insert(DATE, HeaderValue::from_static(date));
        assert_eq!(retry_after(&headers), wait.map(Duration::from_secs), "{value:?}");
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_retry_after("120", date, Some(120));
        assert_retry_after("0", date, Some(0));
        assert_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", date, Some(60));
        assert_retry_after("Sunday, 06-Nov-94 08:50:37 GMT", date, Some(60));
        assert_retry_after("Sun Nov  6 08:50:37 1994", date, Some(60));
        assert_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", date, Some(0));
    }

    #[test]
    fn a_retry_after_that_is_neither_is_ignored() {
        for value in ["", "-1", "+1", "1.5", "1e3", "soon", "Sun, 99 Nov 1994 08:50:37 GMT"] {
            assert_retry_after(value, "Sun, 06 Nov 1994 08:49:37 GMT", None);
        }
    }

    #[test]
    fn a_retry_after_of_many_digits_is_long() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(&"9".repeat(1000)).unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::MAX));
    }

    #[test]
    fn a_date_without_that_of_the_response_counts_from_now() {
        let mut headers = HeaderMap::new();
        let until = SystemTime::now() + Duration::from_secs(100);
        headers
            .insert(RETRY_AFTER, HeaderValue::from_str(&httpdate::fmt_http_date(until)).unwrap());
        let wait = retry_after(&headers).unwrap();
        assert!((90..=100).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn a_content_type_whose_parameter_is_not_ascii_counts_and_one_that_is_not_does_not() {
        let opens = |content_type: &[u8]| {
            let mut response = Response::new(());
            let value = HeaderValue::from_bytes(content_type).unwrap();
            response.headers_mut().insert(CONTENT_TYPE, value);
            let mut reconnect = Reconnect::new();
            reconnect.http_response(&response, Duration::ZERO, 0) == Step::Open
        };
        assert!(opens(b"text/event-stream; name=caf\xE9"));
        assert!(opens("text/event-stream; name=caf\u{e9}".as_bytes()));
        assert!(!opens(b"text/event-stre\xE4m"));
        assert!(!opens(b"\xA0text/event-stream"));
    }
}
