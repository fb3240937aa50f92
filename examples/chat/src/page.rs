//! The page, which is in the binary.

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    response::{IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};

use crate::error::Error;

/// In a debug build they are read again for each request, from where they were.
#[derive(Embed)]
#[folder = "page"]
struct Files;

pub async fn file(uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let file = Files::get(path).ok_or(Error::NoPage)?;
    let etag = etag(&file);
    // To be asked for each time, and sent only if it has changed.
    let caching = [(ETAG, etag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if headers.get(IF_NONE_MATCH) == Some(&etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let media_type = HeaderValue::from_str(file.metadata.mimetype());
    let media_type = media_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    Ok((caching, [(CONTENT_TYPE, media_type)], file.data).into_response())
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let hash: String =
        file.metadata.sha256_hash()[..16].iter().map(|b| format!("{b:02x}")).collect();
    HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}
