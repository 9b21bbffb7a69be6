//! Who visits a page, as whoever signs people in says it.

use super::Views;
use crate::people::{Acting, Right};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

/// Somebody who is signed in and may do what the handler wants. It is made of a request's head, before the body.
pub(super) struct Visitor<R: Right>(pub(super) Acting<R>);

/// A request that a page of another origin made (Fetch Metadata): a browser says so. One that says nothing changes nothing.
fn is_own(method: &Method, head: &HeaderMap) -> bool {
    if method.is_safe() {
        return true;
    }
    let said = |name: &str| head.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    match (said("sec-fetch-site"), said("origin"), said(header::HOST.as_str())) {
        (Some(site), _, _) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => false,
    }
}

impl<R: Right> FromRequestParts<Views> for Visitor<R> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, views: &Views) -> Result<Self, Response> {
        let (door, head) = (views.door.clone(), parts.headers.clone());
        let who = tokio::task::spawn_blocking(move || door.who(&head)).await.unwrap_or(None);
        let Some(person) = who else {
            let to = parts.uri.path_and_query().map_or("/staff", |path| path.as_str());
            return Err(Redirect::to(&views.door.sign_in(to)).into_response());
        };
        if !is_own(&parts.method, &parts.headers) {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        person.acting().map(Self).ok_or_else(|| StatusCode::FORBIDDEN.into_response())
    }
}
