//! Messages to recipients beyond this device: in their format, until they are taken.
//!
//! [`Envelope`] is what lies sealed in the book until then. Each format is a pure function from an envelope to a
//! request or file, so that it is tested without a network; [`courier`] does the rest. Every message carries the
//! visit's identifier (`Idempotency-Key`), because a recipient whose answer was lost gets it again. Whatever is made is read
//! again before it leaves ([`read_back`]).

pub mod checkin;
pub mod counter;
pub mod courier;
pub mod fhir;
pub mod his;
pub mod hl7;
pub mod insurer;
pub mod lodging;
mod patient;
pub mod read_back;
pub mod table;
pub mod webhook;

use crate::insurer::Insurer as _;
use config::{Connection, Format};
use program::{Failure, Text};
use reqwest::blocking::{Client, RequestBuilder};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Deserialize, Serialize};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::book::deliveries::Tried;
use visit::content::Released;
use zeroize::Zeroizing;

/// How long a recipient may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 1 << 20;

/// One visit for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Identifier of the visit.
    pub visit: String,
    /// Seconds since 1970.
    pub at: i64,
    /// The profile.
    pub profile: String,
    /// The device.
    pub device: String,
    /// Number of the ticket or receipt.
    pub number: Option<String>,
    /// What they receive.
    pub released: Released,
}

impl Envelope {
    /// The bytes that go sealed into the book.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        visit::content::to_json(self)
    }
}

/// A recipient's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What it said.
    pub body: String,
}

impl Answer {
    /// What an answer means where the status says it all.
    #[must_use]
    pub fn by_status(&self) -> Tried {
        match self.status {
            200..=299 => Tried::Delivered,
            // Wait, or somebody there has to mend something: the message is not at fault.
            401 | 403 | 404 | 408 | 425 | 429 | 500..=599 => Tried::Later(format!("recipient_http_{}", self.status)),
            status => Tried::Refused(format!("recipient_http_{status}")),
        }
    }
}

/// Port of MLLP where the address names none.
const MLLP: u16 = 2575;

/// Both directions of a connection.
trait ReadWrite: std::io::Read + std::io::Write {}

impl<T: std::io::Read + std::io::Write> ReadWrite for T {}

/// How a recipient is reached, ready to be used.
struct Line {
    connection: Connection,
    secret: Zeroizing<Vec<u8>>,
    client: Option<Client>,
    /// Of a connection that is none of HTTP.
    tls: Option<Arc<rustls::ClientConfig>>,
    /// How long such a connection may be silent.
    patience: Duration,
}

/// Whether a recipient could be reached as its connection says; nothing is sent.
///
/// # Errors
/// When the connection is not complete, or a file of it cannot be read.
pub fn check(id: &str, connection: &Connection) -> Result<(), Failure> {
    Line::new(id, connection).map(drop)
}

impl Line {
    fn new(id: &str, connection: &Connection) -> Result<Self, Failure> {
        let wrong = |why: String| {
            let message = format!("recipient {id}: {why}");
            Failure::usage(
                "recipient_configuration",
                message,
                "compare with /usr/share/doc/cccd-agent/configuration.md",
            )
        };
        let secret = match &connection.secret_file {
            Some(path) => program::files::pass_phrase(path)?,
            None => Zeroizing::default(),
        };
        let mut tls = None;
        let client = match (&connection.format, &connection.url, &connection.directory) {
            (Format::CheckinXml, _, Some(_)) => None,
            (Format::CheckinXml, _, None) => return Err(wrong("files need a directory".to_owned())),
            (_, None, _) => return Err(wrong("there is no url".to_owned())),
            (_, Some(url), _) => {
                let url = reqwest::Url::parse(url).map_err(|e| wrong(e.to_string()))?;
                let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
                let is_hl7 = connection.format == Format::Hl7V2;
                let (closed, open) = if is_hl7 { ("mllps", "mllp") } else { ("https", "http") };
                if url.scheme() != closed && url.scheme() != open {
                    return Err(wrong(format!("its url begins with {closed}://")));
                }
                if url.scheme() != closed && !here && !connection.plain {
                    let why =
                        format!("personal data would cross a network in the clear; use {closed}, or say plain = true");
                    return Err(wrong(why));
                }
                if is_hl7 {
                    tls = (url.scheme() == closed)
                        .then(|| trust(connection.authority.as_deref()))
                        .transpose()
                        .map_err(wrong)?;
                    None
                } else {
                    Some(client(connection.authority.as_deref()).map_err(wrong)?)
                }
            }
        };
        if connection.format == Format::KioskHis && (secret.is_empty() || connection.merchant.is_none()) {
            return Err(wrong("the kiosk interface needs merchant and secret_file".to_owned()));
        }
        Ok(Self { connection: connection.clone(), secret, client, tls: tls.map(Arc::new), patience: TIMEOUT })
    }

    fn url(&self, path: &str) -> String {
        let base = self.connection.url.as_deref().unwrap_or_default().trim_end_matches('/');
        format!("{base}{path}")
    }

    /// Asks the hospital's system something, signed.
    fn get(&self, path: &str, parameters: &[(&str, program::Private)], now_ms: i64) -> Result<Answer, &'static str> {
        let merchant = self.connection.merchant.as_deref().unwrap_or_default();
        let values: Vec<&str> = parameters.iter().map(|(_, value)| value.0.as_str()).collect();
        let query: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.0.as_str())).collect();
        const NO_CLIENT: &str = "recipient_configuration";
        let url = reqwest::Url::parse_with_params(&self.url(path), query).map_err(|_| NO_CLIENT)?;
        let mut request = self.client.as_ref().ok_or(NO_CLIENT)?.get(url);
        for (name, value) in his::sign(&self.secret, merchant, now_ms, &values) {
            request = request.header(name, value);
        }
        exchange(request)
    }

    /// The same; what it found.
    fn ask(&self, path: &str, parameters: &[(&str, program::Private)], now_ms: i64) -> Option<serde_json::Value> {
        his::found(&self.get(path, parameters, now_ms).ok()?)
    }

    /// What the hospital's system knows of a patient; nothing where it does not answer.
    fn known(&self, envelope: &Envelope, now_ms: i64) -> his::Known {
        let [(patient, by), _] = his::questions(&envelope.released);
        // A number is what it is or none: half of one would be somebody else's.
        let said = self.ask(patient, &by, now_ms).and_then(|data| Text::typed(data["MA_BN"].as_str()?).ok());
        let patient = said.map(|text| program::Private::clone(&text)).unwrap_or_default();
        let shown = envelope.released.get("form.insurance").is_some();
        let cover = if shown { None } else { self.cover(&envelope.released, now_ms).ok().flatten() };
        his::Known { patient, insurance: cover.map(|cover| cover.code).unwrap_or_default() }
    }

    fn post(&self, path: &str) -> Option<RequestBuilder> {
        Some(self.client.as_ref()?.post(self.url(path)))
    }

    /// A connection that is none of HTTP, for one exchange.
    fn dial(&self, exchange: impl FnOnce(&mut dyn ReadWrite) -> Tried) -> Result<Tried, &'static str> {
        let url = reqwest::Url::parse(&self.url("")).map_err(|_| "recipient_configuration")?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port().unwrap_or(MLLP));
        let host = host.trim_matches(['[', ']']);
        let addresses = (host, port).to_socket_addrs().map_err(|_| "recipient_unreachable")?;
        let mut socket = addresses
            .into_iter()
            .find_map(|address| TcpStream::connect_timeout(&address, self.patience).ok())
            .ok_or("recipient_unreachable")?;
        let limited =
            socket.set_read_timeout(Some(self.patience)).and_then(|()| socket.set_write_timeout(Some(self.patience)));
        limited.map_err(|_| "recipient_failed")?;
        let Some(tls) = &self.tls else { return Ok(exchange(&mut socket)) };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| "recipient_configuration")?;
        let connection = rustls::ClientConnection::new(Arc::clone(tls), name).map_err(|_| "recipient_failed")?;
        Ok(exchange(&mut rustls::StreamOwned::new(connection, socket)))
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        if self.secret.is_empty() { request } else { request.bearer_auth(String::from_utf8_lossy(&self.secret)) }
    }

    /// Sends an envelope; with what the recipient answered to it, where that is of use.
    fn send(&self, envelope: &Envelope, now_ms: i64) -> (Tried, Option<his::Registered>) {
        let sent = match self.connection.format {
            Format::CheckinXml => {
                let directory = self.connection.directory.as_deref().unwrap_or_else(|| Path::new("."));
                let facility = self.connection.facility.as_deref().unwrap_or_default();
                return (checkin::write(directory, envelope, facility), None);
            }
            Format::Hl7V2 => {
                let facility = self.connection.facility.as_deref().unwrap_or_default();
                let message = hl7::message(envelope, facility, self.connection.event, &self.connection.systems);
                if !hl7::comes_back(&message, envelope) {
                    return malformed();
                }
                let tried = self.dial(|line| hl7::exchange(line, &message, envelope));
                return (tried.unwrap_or_else(|code| Tried::Later(code.to_owned())), None);
            }
            Format::Webhook => {
                let Some(body) = read_back::json(&webhook::body(envelope)) else { return malformed() };
                self.post("").map(|request| {
                    let request = request.header("Idempotency-Key", &envelope.visit);
                    let request = self.with_token(request).header("Content-Type", "application/json");
                    exchange(request.body(body.to_string()))
                })
            }
            Format::Fhir => {
                let Some(body) = read_back::json(&fhir::bundle(envelope, &self.connection.systems)) else {
                    return malformed();
                };
                self.post("").map(|request| {
                    let request = request.header("Content-Type", "application/fhir+json");
                    exchange(self.with_token(request).body(body.to_string()))
                })
            }
            Format::KioskHis => {
                let merchant = self.connection.merchant.as_deref().unwrap_or_default();
                let body = his::registration(envelope, &self.known(envelope, now_ms));
                let signed = his::sign(&self.secret, merchant, now_ms, &body.signed());
                let Some(body) = read_back::json(&body.to_json()) else { return malformed() };
                self.post(his::REGISTER).map(|mut request| {
                    for (name, value) in signed {
                        request = request.header(name, value);
                    }
                    let request = request.header("Content-Type", "application/json");
                    exchange(request.body(body.to_string()))
                })
            }
        };
        match sent {
            None => (Tried::Later("recipient_configuration".to_owned()), None),
            Some(Err(code)) => (Tried::Later(code.to_owned()), None),
            Some(Ok(answer)) if self.connection.format == Format::KioskHis => his::answered(&answer),
            Some(Ok(answer)) => (answer.by_status(), None),
        }
    }
}

impl insurer::Insurer for Line {
    fn cover(&self, of: &Released, now_ms: i64) -> Result<Option<insurer::Cover>, &'static str> {
        let [_, (path, parameters)] = his::questions(of);
        insurer::told(&self.get(path, &parameters, now_ms)?)
    }
}

/// The message is not one that its recipient could read.
fn malformed() -> (Tried, Option<his::Registered>) {
    (Tried::Refused(read_back::MALFORMED.to_owned()), None)
}

/// The certification authorities of a file: all of them, or what is wrong with it.
fn authorities(path: &Path) -> Result<rustls::RootCertStore, String> {
    let wrong = |why: String| format!("{}: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("holds no certificate in PEM".to_owned())) } else { Ok(roots) }
}

/// Those that Debian trusts, without a site's own. One among them that rustls does not take is left out, as others do; a recipient on
/// this machine needs none of them.
fn of_the_system(path: &Path) -> rustls::RootCertStore {
    let pem = std::fs::read(path).unwrap_or_default();
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
    if roots.is_empty() {
        tracing::warn!(
            code = "recipient_configuration",
            "{}: no recipient beyond this machine is trusted",
            path.display()
        );
    }
    roots
}

/// TLS that trusts one authority, or those of the system.
fn trust(authority: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let roots = match authority {
        Some(path) => authorities(path)?,
        None => of_the_system(Path::new("/etc/ssl/certs/ca-certificates.crt")),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|e| e.to_string())?.with_root_certificates(roots).with_no_client_auth())
}

fn client(authority: Option<&Path>) -> Result<Client, String> {
    let client =
        Client::builder().tls_backend_preconfigured(trust(authority)?).redirect(reqwest::redirect::Policy::none());
    client.timeout(TIMEOUT).build().map_err(|e| program::describe(&e))
}

/// One request; a stable code when there was no answer.
fn exchange(request: RequestBuilder) -> Result<Answer, &'static str> {
    use std::io::Read as _;
    let response = request.send().map_err(|error| {
        if error.is_timeout() {
            "recipient_timeout"
        } else if error.is_connect() {
            "recipient_unreachable"
        } else {
            "recipient_failed"
        }
    })?;
    let status = response.status().as_u16();
    let mut body = String::new();
    response.take(LONGEST_ANSWER).read_to_string(&mut body).map_err(|_| "recipient_failed")?;
    Ok(Answer { status, body })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use visit::content::Content;
    use visit::profile::{Item, Profile};

    /// What a recipient of a built-in profile gets of a made-up person, at 08:41 on 23 November 2026.
    pub(crate) fn envelope(profile: &str, recipient: &str) -> Envelope {
        let items = [
            (Item::IdNumber, "001099000017"),
            (Item::FullName, "Nguyễn Văn An"),
            (Item::DateOfBirth, "15/01/1999"),
            (Item::Sex, "Nam"),
            (Item::Nationality, "Việt Nam"),
            (Item::Residence, "Số 1, Đường Ví Dụ, Hà Nội"),
            (Item::IssueDate, "16/01/2022"),
            (Item::Ethnicity, "Kinh"),
        ];
        let answers = verdict::Answers::of_chip(verdict::Issuer::Unknown, verdict::Chip::Proved);
        let assurance = visit::content::Assurance {
            rung: verdict::Rung::Signed,
            word: answers.word(),
            answers: Some(answers),
            document: "citizen_card".to_owned(),
            mark: Some(verdict::Because::Assurance),
            staff: None,
        };
        let content = Content {
            assurance: Some(assurance),
            items: items.map(|(item, text)| (item, text.to_owned().into())).into(),
            answers: [("department".to_owned(), "K01".to_owned().into())].into(),
            ..Content::default()
        };
        let profile = Profile::built_in(profile).expect("profile");
        Envelope {
            visit: "0f".repeat(16),
            at: 1_795_398_060,
            profile: profile.id.clone(),
            device: "kiosk-1".to_owned(),
            number: Some("A001".to_owned()),
            released: Released::new(&profile, recipient, &content).expect("named"),
        }
    }

    #[test]
    fn an_envelope_comes_back_from_the_book() {
        let envelope = envelope("hospital-desk", "fhir");
        assert_eq!(serde_json::from_slice::<Envelope>(&envelope.to_bytes()).expect("JSON"), envelope);
        assert!(!format!("{envelope:?}").contains("Nguyễn"));
    }

    #[test]
    fn personal_data_do_not_cross_a_network_in_the_clear_unless_somebody_says_so() {
        let connection = |text: &str| toml::from_str::<Connection>(text).expect("connection");
        let refused = connection("format = \"webhook\"\nurl = \"http://his.example/\"");
        assert_eq!(Line::new("his", &refused).err().expect("refused").code, "recipient_configuration");
        for fine in ["http://127.0.0.1:8050/", "https://his.example/"] {
            assert!(Line::new("his", &connection(&format!("format = \"webhook\"\nurl = \"{fine}\""))).is_ok());
        }
        assert!(Line::new("his", &connection("format = \"fhir\"\nurl = \"http://a/\"\nplain = true")).is_ok());
    }

    #[test]
    fn authorities_that_cannot_be_read_are_told_at_once() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let why = |pem: &str| {
            std::fs::write(file.path(), pem).expect("written");
            authorities(file.path()).expect_err("wrong")
        };
        assert!(why("not PEM at all").contains("holds no certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(why(broken).contains(&file.path().display().to_string()));
        assert!(authorities(Path::new("/nowhere")).expect_err("absent").contains("/nowhere"));
        let connection =
            format!("format = \"webhook\"\nurl = \"https://a/\"\nauthority = \"{}\"", file.path().display());
        let connection = toml::from_str::<Connection>(&connection).expect("connection");
        assert_eq!(Line::new("his", &connection).err().expect("told").code, "recipient_configuration");
    }

    /// A certificate of `localhost` with its key, both PEM.
    fn self_signed() -> Result<(Vec<u8>, Vec<u8>), openssl::error::ErrorStack> {
        use openssl::asn1::Asn1Time;
        use openssl::ec::{EcGroup, EcKey};
        let group = EcGroup::from_curve_name(openssl::nid::Nid::X9_62_PRIME256V1)?;
        let key = openssl::pkey::PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut name = openssl::x509::X509Name::builder()?;
        name.append_entry_by_text("CN", "authority")?;
        let name = name.build();
        let mut builder = openssl::x509::X509::builder()?;
        builder.set_version(2)?;
        builder.set_subject_name(&name)?;
        builder.set_issuer_name(&name)?;
        builder.set_pubkey(&key)?;
        let context = builder.x509v3_context(None, None);
        let names = openssl::x509::extension::SubjectAlternativeName::new().dns("localhost").build(&context)?;
        builder.append_extension(names)?;
        let (from, until) = (Asn1Time::from_unix(0)?, Asn1Time::from_unix(4_000_000_000)?);
        builder.set_not_before(&from)?;
        builder.set_not_after(&until)?;
        builder.sign(&key, openssl::hash::MessageDigest::sha256())?;
        Ok((builder.build().to_pem()?, key.private_key_to_pem_pkcs8()?))
    }

    /// A hospital's system that takes one message over MLLP and acknowledges it; what it got.
    fn hospital(mut line: impl std::io::Read + std::io::Write) -> String {
        let mut got = Vec::new();
        while !got.ends_with(&[0x1C, 0x0D]) {
            let mut byte = [0];
            line.read_exact(&mut byte).expect("a byte");
            got.extend(byte);
        }
        let got = String::from_utf8(got).expect("UTF-8");
        let id = got.split('|').nth(9).expect("MSH-10");
        line.write_all(format!("\u{b}MSH|^~\\&|HIS|||||ACK|1|P|2.5.1\rMSA|AA|{id}\r\u{1c}\r").as_bytes())
            .expect("sent");
        line.flush().expect("sent");
        got
    }

    #[test]
    fn a_message_goes_over_mllp_in_the_clear_to_this_machine_and_in_tls_to_whom_the_authority_certifies() {
        let files = tempfile::tempdir().expect("directory");
        let (certificate, key) = self_signed().expect("certificate");
        let (other, _) = self_signed().expect("certificate");
        std::fs::write(files.path().join("ca.pem"), &certificate).expect("written");
        std::fs::write(files.path().join("other.pem"), other).expect("written");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let send = |text: &str| {
            let connection = toml::from_str(&format!("format = \"hl7-v2\"\n{text}")).expect("connection");
            Line::new("his", &connection).expect("a line").send(&envelope("hospital-desk", "his"), 0).0
        };
        let open = format!("url = \"mllp://127.0.0.1:{port}\"");
        let closed = |ca: &str| {
            let ca = files.path().join(ca);
            format!("url = \"mllps://localhost:{port}\"\nauthority = {ca:?}")
        };
        let tls = {
            let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(&key).expect("a key");
            let chain = vec![CertificateDer::from_pem_slice(&certificate).expect("a certificate")];
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            Arc::new(config.expect("TLS").with_no_client_auth().with_single_cert(chain, key).expect("a server"))
        };
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let plain = hospital(listener.accept().expect("a peer").0);
                let accept = || {
                    let connection = rustls::ServerConnection::new(Arc::clone(&tls)).expect("TLS");
                    rustls::StreamOwned::new(connection, listener.accept().expect("a peer").0)
                };
                let closed = hospital(accept());
                let mut refused = accept();
                let failed = std::io::Read::read(&mut refused, &mut [0]).is_err();
                (plain, closed, failed)
            });
            assert_eq!(send(&open), Tried::Delivered);
            assert_eq!(send(&closed("ca.pem")), Tried::Delivered);
            assert_eq!(send(&closed("other.pem")), Tried::Later("recipient_failed".to_owned()));
            let (plain, closed, failed) = server.join().expect("a hospital");
            assert!(plain.contains("Nguyễn^Văn An") && plain == closed && failed);
        });
        drop(listener);
        assert_eq!(send(&open), Tried::Later("recipient_unreachable".to_owned()));
    }

    #[test]
    fn one_odd_authority_of_the_system_leaves_the_others() {
        let file = tempfile::NamedTempFile::new().expect("file");
        let good = String::from_utf8(self_signed().expect("certificate").0).expect("PEM");
        let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(file.path(), format!("{odd}{good}")).expect("written");
        assert_eq!(of_the_system(file.path()).len(), 1);
        assert!(authorities(file.path()).is_err(), "of a site's own each must be right");
        assert!(of_the_system(Path::new("/nowhere")).is_empty());
    }
}
