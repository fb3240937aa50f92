//! What is wrong with a request, in JSON: what to do about it.

use std::time::Duration;

use axum::{
    extract::{
        FromRequest, FromRequestParts,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;

use crate::{quota::Refused, store::StoreError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such page: see the interface in the README")]
    NoPage,
    #[error("this cannot be done to it: see the interface in the README")]
    Method,
    #[error("you have no such job: it is somebody else's, or was over long ago")]
    NoJob,
    #[error("write something first")]
    EmptyPrompt,
    #[error("the prompt is too long: send at most 16 KiB")]
    LongPrompt,
    #[error("{0}")]
    Json(#[from] JsonRejection),
    #[error("{0}")]
    Query(#[from] QueryRejection),
    #[error("{0}")]
    Path(#[from] PathRejection),
    #[error("{0}: begin without one")]
    LastEventId(#[from] sse_wire::http::LastEventIdError),
    #[error("this token was used, has expired, or never was: ask for a new one")]
    Token,
    #[error("pages of other sites may not do this: see CHAT_ORIGINS in the README")]
    OtherOrigin,
    #[error("this server is not known by that name: add it to CHAT_HOSTS, see the README")]
    OtherHost,
    #[error("your quota is used up: wait {} minutes", .0.as_secs().div_ceil(60))]
    QuotaUsed(Duration),
    #[error("your answers that run may use all of your quota: wait for them, or stop one")]
    QuotaReserved,
    #[error("you have too many streams open: close one, such as another tab")]
    TooManyStreams,
    #[error("you have too many tasks: wait for one to end, or cancel it")]
    TooManyTasks,
    #[error("you have too many tokens: use them, or wait until they expire")]
    TooManyTokens(Duration),
    #[error("there are too many users: try again later")]
    Full,
    #[error("the server stops: try again in a moment")]
    Stopping,
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the state of this job cannot be read: begin a new one")]
    State(#[from] serde_json::Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Used(time) => Self::QuotaUsed(time),
            Refused::Reserved => Self::QuotaReserved,
        }
    }
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoPage | Self::NoJob => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::EmptyPrompt | Self::LastEventId(_) => StatusCode::BAD_REQUEST,
            Self::LongPrompt => StatusCode::PAYLOAD_TOO_LARGE,
            // A value of a wrong type is as bad as JSON that is none.
            Self::Json(JsonRejection::JsonDataError(_)) => StatusCode::BAD_REQUEST,
            Self::Json(rejection) => rejection.status(),
            Self::Query(rejection) => rejection.status(),
            Self::Path(rejection) => rejection.status(),
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::OtherOrigin | Self::OtherHost => StatusCode::FORBIDDEN,
            Self::QuotaUsed(_)
            | Self::QuotaReserved
            | Self::TooManyStreams
            | Self::TooManyTasks
            | Self::TooManyTokens(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Full | Self::Stopping | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::State(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QuotaUsed(time) | Self::TooManyTokens(time) => Some(*time),
            Self::QuotaReserved | Self::TooManyStreams | Self::TooManyTasks | Self::Stopping => {
                Some(Duration::from_secs(5))
            }
            Self::Full | Self::Store(_) => Some(Duration::from_secs(60)),
            _ => None,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let body = axum::Json(json!({"error": self.to_string()}));
        let mut response = (self.status(), body).into_response();
        if let Some(time) = self.retry_after() {
            let seconds = HeaderValue::from(time.as_secs().max(1));
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

// As axum's, but what they refuse is an error of ours.

#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Error))]
pub struct Json<T>(pub T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Error))]
pub struct Path<T>(pub T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Error))]
pub struct Query<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}
