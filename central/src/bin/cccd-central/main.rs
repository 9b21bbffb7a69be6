//! `cccd-central`: serves devices, registers them, prints and re-checks the log.

mod fleet;

use anyhow::Context as _;
use cccd_central::registrar::est::{self, Identity, ServerKey};
use cccd_central::registrar::settings::Settings;
use cccd_central::registrar::technician;
use cccd_central::signers::{self, Signers};
use cccd_central::tls::{PeerAcceptor, TlsFiles};
use cccd_central::{EventStore, Registrar, SqliteStore, http};
use clap::{CommandFactory as _, Parser, Subcommand};
use events::sync::Enrolment;
use events::{Chain, SystemClock, Verifier};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The endpoint that devices sync to.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Database file.
    #[arg(long, default_value = "/var/lib/cccd-central/central.db")]
    db: PathBuf,
    /// `registrar.toml`: without it nobody is enrolled here.
    #[arg(long, value_name = "FILE")]
    registrar: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve devices over mutual TLS until SIGTERM or SIGINT.
    Serve {
        /// Address to listen on. Port 0 takes a free one; the first line on standard output names it.
        #[arg(long, default_value = "127.0.0.1:8443")]
        listen: SocketAddr,
        /// Directory with server.cert.pem, server.key.pem and fleet-ca.cert.pem (`provision server`).
        #[arg(long)]
        tls: PathBuf,
        /// File with the pass phrase of the server key.
        #[arg(long)]
        pass_phrase_file: PathBuf,
    },
    /// Register devices.
    Device {
        #[command(subcommand)]
        command: DeviceCommand,
    },
    /// Devices, tokens, bundles and technicians; wants --registrar.
    Fleet {
        #[command(subcommand)]
        command: fleet::FleetCommand,
    },
    /// Print the log, one JSON object a line.
    Events,
    /// Document signers that nobody vouches for, as all devices saw them: to compare with what an authority publishes.
    Signers {
        /// Print JSON, which `provision trust pin --from` reads.
        #[arg(long)]
        json: bool,
        /// Write each certificate as SHA256.cer into this directory, and the list as signers.json.
        #[arg(long, value_name = "DIR")]
        export: Option<PathBuf>,
        /// How many, those that the most devices saw first.
        #[arg(long, default_value_t = signers::MOST)]
        most: usize,
    },
    /// Check every signature and every chain of the log again.
    Verify,
    /// Write manual pages and completions.
    #[command(hide = true)]
    Pages {
        /// Where to.
        directory: PathBuf,
    },
}

#[derive(Subcommand)]
enum DeviceCommand {
    /// Register a device from its enrolment record.
    Add {
        /// `enrolment.json` of `provision enrol`.
        file: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).init();
    let arguments = Arguments::parse();
    if let Command::Pages { directory } = &arguments.command {
        return Ok(pages::write(Arguments::command(), directory)?);
    }
    let settings = arguments.registrar.as_deref().map(Settings::load).transpose()?;
    let store = SqliteStore::open(&arguments.db).with_context(|| format!("cannot open {}", arguments.db.display()))?;
    match arguments.command {
        Command::Serve { listen, tls, pass_phrase_file } => {
            serve(store, &arguments.db, settings, listen, &tls, &pass_phrase_file)
        }
        Command::Fleet { command } => {
            let settings = settings.context("name the registrar's file with --registrar")?;
            fleet::run(&settings.registrar(&arguments.db, Arc::new(SystemClock::new()))?, &store, command)
        }
        Command::Device { command: DeviceCommand::Add { file } } => {
            let text = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let enrolment: Enrolment =
                serde_json::from_slice(&text).with_context(|| format!("{} is no enrolment record", file.display()))?;
            store.add_device(&enrolment)?;
            println!("device {} registered at {}", enrolment.device, enrolment.site);
            Ok(())
        }
        Command::Events => each_event(&store, |stored, event| {
            let line = serde_json::json!({
                "received_at": stored.received_at,
                "sha256": events::hash(&stored.bytes).to_string(),
                "event": describe(event),
            });
            println!("{line}");
            Ok(())
        }),
        Command::Signers { json, export, most } => {
            let list = Signers::of(&store, most)?;
            if let Some(directory) = export {
                list.export(&directory).with_context(|| format!("cannot write into {}", directory.display()))?;
            }
            print!("{}", if json { serde_json::to_string_pretty(&list)? + "\n" } else { list.text() });
            Ok(())
        }
        Command::Verify => verify(&store),
        // Written before a database was opened.
        Command::Pages { .. } => Ok(()),
    }
}

/// An event in JSON: byte strings become hexadecimal text.
fn describe(event: &events::Event) -> serde_json::Value {
    serde_cbor::value::to_value(event).map_or(serde_json::Value::Null, json)
}

fn json(value: serde_cbor::Value) -> serde_json::Value {
    use serde_cbor::Value;
    match value {
        Value::Bool(truth) => truth.into(),
        // Everything that an event counts fits.
        Value::Integer(number) => i64::try_from(number).map_or(serde_json::Value::Null, Into::into),
        Value::Text(text) => text.into(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        Value::Array(values) => values.into_iter().map(json).collect(),
        Value::Map(map) => {
            let entry = |(key, value)| match key {
                Value::Text(key) => Some((key, json(value))),
                _ => None,
            };
            serde_json::Value::Object(map.into_iter().filter_map(entry).collect())
        }
        _ => serde_json::Value::Null,
    }
}

fn each_event(
    store: &SqliteStore,
    mut visit: impl FnMut(&cccd_central::store::StoredEvent, &events::Event) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut cursor = 0;
    loop {
        let (page, next) = store.scan(cursor, 1000)?;
        if page.is_empty() {
            return Ok(());
        }
        for stored in &page {
            let event = events::signed::read(&stored.bytes)
                .with_context(|| format!("event {} of {}", stored.sequence, stored.device))?;
            visit(stored, &event)?;
        }
        cursor = next;
    }
}

fn verify(store: &SqliteStore) -> anyhow::Result<()> {
    let mut devices: BTreeMap<String, (Verifier, Chain)> = BTreeMap::new();
    each_event(store, |stored, _| {
        if !devices.contains_key(&stored.device) {
            let enrolment = store.device(&stored.device)?.context("event of an unregistered device")?;
            let verifier = Verifier::new(&hex::decode(&enrolment.event_key)?)?;
            devices.insert(stored.device.clone(), (verifier, Chain::EMPTY));
        }
        let (verifier, chain) = devices.get_mut(&stored.device).context("device")?;
        let where_ = || format!("event {} of {}", stored.sequence, stored.device);
        chain.append(&verifier.verify(&stored.bytes).with_context(where_)?).with_context(where_)
    })?;
    for (device, (_, chain)) in &devices {
        println!("{device}: {} events, chain and signatures correct", chain.sequence);
    }
    Ok(())
}

fn serve(
    store: SqliteStore,
    db: &Path,
    settings: Option<Settings>,
    listen: SocketAddr,
    tls: &Path,
    pass_phrase_file: &Path,
) -> anyhow::Result<()> {
    let files = TlsFiles {
        certificate: tls.join("server.cert.pem"),
        key: tls.join("server.key.pem"),
        authority: tls.join("fleet-ca.cert.pem"),
    };
    let pass_phrase = std::fs::read(pass_phrase_file)
        .map(Zeroizing::new)
        .with_context(|| format!("cannot read the pass phrase {}", pass_phrase_file.display()))?;
    let pass_phrase = Zeroizing::new(pass_phrase.trim_ascii().to_vec());
    let clock: Arc<dyn events::Clock> = Arc::new(SystemClock::new());
    let config = files.load(&pass_phrase)?;
    let listener = TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    listener.set_nonblocking(true)?;
    let registrar =
        settings.as_ref().map(|settings| settings.registrar(db, Arc::clone(&clock))).transpose()?.map(Arc::new);
    let store: Arc<dyn EventStore> = Arc::new(store);
    let mut router = http::router(Arc::clone(&store), Arc::clone(&clock), registrar.clone());
    let mut identity = None;
    if let Some(registrar) = &registrar {
        let made = Identity::new(Arc::clone(registrar), ServerKey::load(&files, &pass_phrase)?);
        router = router.merge(est::router(made.clone()));
        identity = Some(made);
    }
    let page = settings.as_ref().and_then(|settings| settings.technician).zip(registrar.clone());
    println!("listening on https://{}", listener.local_addr()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async move {
        if let Some((address, registrar)) = page {
            let listener = tokio::net::TcpListener::bind(address).await?;
            let page = technician::router(registrar, store, Arc::clone(&clock));
            tokio::spawn(async move { axum::serve(listener, page).await });
        }
        let handle = axum_server::Handle::new();
        let stop = handle.clone();
        tokio::spawn(async move {
            stop_signal().await;
            // Batches in flight are finished, so that their devices need not send them again.
            stop.graceful_shutdown(Some(Duration::from_secs(5)));
        });
        let reloaded = config.clone();
        tokio::spawn(async move {
            let hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
            let Ok(mut hangup) = hangup else { return };
            while hangup.recv().await.is_some() {
                let registrar = registrar.as_deref().zip(settings.as_ref()).zip(identity.as_ref());
                match reload(&files, &pass_phrase, &reloaded, registrar) {
                    Ok(()) => tracing::info!("certificates and roots are read anew"),
                    // What was there goes on.
                    Err(error) => tracing::error!("certificates and roots could not be read anew: {error:#}"),
                }
            }
        });
        axum_server::from_tcp(listener)?
            .acceptor(PeerAcceptor::new(config))
            .handle(handle)
            .serve(router.into_make_service())
            .await
    })?;
    Ok(())
}

/// Takes certificate, roots and CA as they are now; SIGHUP asks for it.
fn reload(
    files: &TlsFiles,
    pass_phrase: &[u8],
    config: &axum_server::tls_rustls::RustlsConfig,
    registrar: Option<((&Registrar, &Settings), &Identity)>,
) -> anyhow::Result<()> {
    let fresh = files.load(pass_phrase)?;
    if let Some(((registrar, settings), identity)) = registrar {
        let (ca, server) = (settings.ca()?, ServerKey::load(files, pass_phrase)?);
        registrar.set_ca(ca);
        identity.set_server(server);
    }
    config.reload_from_config(fresh.get_inner());
    Ok(())
}

async fn stop_signal() {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    match terminate {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
