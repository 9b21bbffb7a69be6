//! Errors as RFC 9457 has them: `application/problem+json` with a stable code and a remedy.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use program::{Failure, exit};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable code; `docs/errors.md` lists them.
    pub code: String,
    /// What happened. Never holds personal data.
    pub title: String,
    /// What to do.
    pub remedy: String,
    /// Of a form: which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    /// A problem.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, title: impl Into<String>, remedy: &str) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            title: title.into(),
            remedy: remedy.to_owned(),
            field: None,
        }
    }

    /// There is no such thing.
    pub(crate) fn unknown(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "record_unknown", format!("there is no such {what}"), "look at the list again")
    }

    /// A text that was typed holds what no text may hold; it is not repeated.
    pub(crate) fn text(field: &str, error: program::TextError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), format!("{field}: {error}"), error.remedy()).at(field)
    }

    /// A field of a form does not do.
    pub(crate) fn invalid(field: &str, why: &str) -> Self {
        let title = format!("{field}: {why}");
        let remedy = "correct the field and send the form again";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "form_invalid", title, remedy).at(field)
    }

    fn at(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    /// What somebody asks for does not fit to what there is by now.
    pub(crate) fn conflict(failure: Failure) -> Self {
        let known = matches!(
            failure.code.as_str(),
            "record_changed" | "withdrawn_already" | "not_withdrawn" | "nothing_to_correct" | "batch_replaced"
        );
        let problem = Self::from(failure);
        if known { Self { status: StatusCode::CONFLICT.as_u16(), ..problem } } else { problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = match failure.exit {
            exit::USAGE => StatusCode::UNPROCESSABLE_ENTITY,
            exit::NO_READER => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code = failure.code, remedy = failure.remedy, "{}", failure.message);
        }
        Self::new(status, &failure.code, failure.message, &failure.remedy)
    }
}

impl From<store::book::BookError> for Problem {
    fn from(error: store::book::BookError) -> Self {
        Failure::from(error).into()
    }
}
