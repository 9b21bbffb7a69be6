//! In practice: virtual cards, laid and taken away.

use crate::problem::Problem;
use crate::wire::{Body, TheDesk};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A virtual card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VirtualCard {
    /// Which made-up person.
    pub persona: String,
    /// What is wrong with the card: `none`, `cloned`, …
    #[serde(default)]
    pub fault: Option<String>,
}

/// In practice: the made-up people, with the QR codes of their cards.
#[utoipa::path(get, path = "/v1/practice", responses((status = 200), (status = 404, body = Problem)))]
pub async fn personas(State(desk): TheDesk) -> Result<Json<Value>, Problem> {
    if desk.site().slot.is_none() {
        return Err(Problem::unknown("practice here"));
    }
    let people = reading::simulated::people();
    let personas = people.iter().map(|p| json!({ "id": p.id, "about": p.about, "name": p.name, "qr": p.qr }));
    Ok(Json(personas.collect()))
}

/// In practice: lays a virtual card on the reader.
#[utoipa::path(post, path = "/v1/practice", request_body = VirtualCard, responses((status = 200), (status = 404, body = Problem)))]
pub async fn lay(State(desk): TheDesk, Body(card): Body<VirtualCard>) -> Result<Json<Value>, Problem> {
    let Some(slot) = &desk.site().slot else { return Err(Problem::unknown("practice here")) };
    let specification = format!("{}:{}", card.persona, card.fault.as_deref().unwrap_or("none"));
    slot.insert(reading::simulated::chip(&specification)?);
    Ok(Json(json!({})))
}

/// In practice: takes the virtual card away.
#[utoipa::path(delete, path = "/v1/practice", responses((status = 200), (status = 404, body = Problem)))]
pub async fn take_away(State(desk): TheDesk) -> Result<Json<Value>, Problem> {
    let Some(slot) = &desk.site().slot else { return Err(Problem::unknown("practice here")) };
    slot.remove();
    Ok(Json(json!({})))
}
