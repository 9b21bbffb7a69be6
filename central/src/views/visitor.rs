//! Who visits a page, as whoever signs people in says it.

use super::Views;
use crate::people::{Acting, Right};
use crate::signin::comes_from_here;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

/// Somebody who is signed in and may do what the handler wants. It is made of a request's head, before the body.
pub(super) struct Visitor<R: Right>(pub(super) Acting<R>);

impl<R: Right> FromRequestParts<Views> for Visitor<R> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, views: &Views) -> Result<Self, Response> {
        let (door, head) = (views.door.clone(), parts.headers.clone());
        let who = tokio::task::spawn_blocking(move || door.who(&head)).await.unwrap_or(None);
        let Some(person) = who else {
            let to = parts.uri.path_and_query().map_or("/staff", |path| path.as_str());
            return Err(Redirect::to(&views.door.sign_in(to)).into_response());
        };
        if !comes_from_here(&parts.method, &parts.headers) {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        person.acting().map(Self).ok_or_else(|| StatusCode::FORBIDDEN.into_response())
    }
}
