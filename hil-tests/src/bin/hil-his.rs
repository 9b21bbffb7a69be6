//! A small hospital: `hil-his ADDRESS DIRECTORY SECRET MERCHANT`. It answers the kiosk interface (HMAC), FHIR and webhooks,
//! and writes down what came, one JSON object a line, in `DIRECTORY/came.jsonl`. A file `down` there makes it answer
//! 503, a file `busy` makes the kiosk interface answer `999`, `unknown` makes it refuse with `404`.

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

struct Hospital {
    directory: PathBuf,
    secret: String,
    merchant: String,
    /// Numbers by request: a request that comes again gets the number that it had.
    queue: Mutex<BTreeMap<String, usize>>,
}

/// The fields of a registration in the order in which they are signed, written down here once more: the far side of the
/// interface is not to agree by sharing the near side's code.
const SIGNED: [&str; 15] = [
    "MA_YEU_CAU",
    "NGAY_DK",
    "HO_TEN",
    "HO_BN",
    "TEN_BN",
    "NGAY_SINH",
    "GIOI_TINH",
    "SO_GTTT",
    "LOAI_GTTT",
    "NGAY_CAP_GTTT",
    "DIA_CHI",
    "MA_KHOA",
    "MA_THE_BHYT",
    "DIEN_THOAI",
    "MA_BN",
];

impl Hospital {
    fn is(&self, state: &str) -> bool {
        self.directory.join(state).exists()
    }

    fn write_down(&self, path: &str, headers: &HeaderMap, body: &Value) -> anyhow::Result<()> {
        let headers: Map<String, Value> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect();
        let line = json!({ "path": path, "headers": headers, "body": body });
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(self.directory.join("came.jsonl"))?;
        Ok(writeln!(file, "{line}")?)
    }

    fn is_signed(&self, headers: &HeaderMap, body: &Value) -> bool {
        self.has_mac(headers, &SIGNED.map(|name| body[name].as_str().unwrap_or_default()))
    }

    /// A question of the kiosk: its parameters are signed in the order in which they come.
    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Value {
        let url = reqwest::Url::parse(&format!("http://his{uri}")).expect("a URL");
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let values: Vec<&str> = parameters.iter().map(|(_, value)| value.as_str()).collect();
        if !self.has_mac(headers, &values) {
            return json!({ "code": "403" });
        }
        match (uri.path(), values.first()) {
            ("/khoa", _) => json!({ "code": "000", "data": [
                { "MA_KHOA": "K18", "TEN_KHOA": "Khoa Nhi" }, { "MA_KHOA": "K04", "TEN_KHOA": "Khoa Tim mạch" },
                { "MA_KHOA": "K01", "TEN_KHOA": "Khoa Khám bệnh" }, { "MA_KHOA": "K30", "TEN_KHOA": "Khoa Mắt" },
            ] }),
            ("/benhnhan", Some(&"079185000028")) => json!({ "code": "000", "data": { "MA_BN": "BN0042" } }),
            ("/bhyt", Some(&("001099000017" | "079185000028"))) => json!({ "code": "000", "data": {
                "MA_THE_BHYT": "0123456789", "MA_DKBD": "79001", "GT_THE_TU": "20260101", "GT_THE_DEN": "20991231",
            } }),
            _ => json!({ "code": "404" }),
        }
    }

    fn has_mac(&self, headers: &HeaderMap, values: &[&str]) -> bool {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut mac = <Hmac<Sha256>>::new_from_slice(self.secret.as_bytes()).expect("any length");
        let signed: String = values.iter().map(|value| format!("{value}|")).collect();
        mac.update(format!("{signed}{}", header("x-timestamp")).as_bytes());
        hex::encode(mac.finalize().into_bytes()) == header("x-sign") && header("x-merchant-id") == self.merchant
    }

    fn register(&self, headers: &HeaderMap, body: &Value) -> Value {
        if !self.is_signed(headers, body) {
            return json!({ "code": "403" });
        }
        if self.is("busy") {
            return json!({ "code": "999" });
        }
        if self.is("unknown") {
            return json!({ "code": "404" });
        }
        let mut queue = self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = 501 + queue.len();
        let number = *queue.entry(body["MA_YEU_CAU"].as_str().unwrap_or_default().to_owned()).or_insert(next);
        json!({ "code": "000", "data": { "SO_THU_TU": number, "TEN_PHONG": "Phòng khám 5" } })
    }
}

async fn take(State(hospital): State<Arc<Hospital>>, uri: Uri, headers: HeaderMap, bytes: Bytes) -> Response {
    if hospital.is("down") {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if hospital.write_down(uri.path(), &headers, &body).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    match uri.path() {
        "/khoa" | "/benhnhan" | "/bhyt" => hospital.answer(&uri, &headers).to_string().into_response(),
        "/dangky-kcb" => hospital.register(&headers, &body).to_string().into_response(),
        _ => StatusCode::OK.into_response(),
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, directory, secret, merchant] = &arguments[..] else {
        anyhow::bail!("usage: hil-his ADDRESS DIRECTORY SECRET MERCHANT")
    };
    let hospital = Arc::new(Hospital {
        directory: directory.into(),
        secret: secret.clone(),
        merchant: merchant.clone(),
        queue: Mutex::default(),
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.context("cannot listen")?;
        println!("listening");
        Ok(axum::serve(listener, Router::new().fallback(take).with_state(hospital)).await?)
    })
}
