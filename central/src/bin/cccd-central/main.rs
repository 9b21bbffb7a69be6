//! `cccd-central`: serves devices, registers them, prints and re-checks the log.

mod copies;
mod fleet;
mod init;
mod log;
mod signer;
mod staff;

use cccd_central::door::{Door, Limits};
use cccd_central::log::Log;
use cccd_central::log::keys::Signers as LogKeys;
use cccd_central::people::Scope;
use cccd_central::registrar::est::{self, Identity, ServerKey};
use cccd_central::registrar::registry::Registry;
use cccd_central::registrar::settings::Settings;
use cccd_central::registrar::{Signing, technician};
use cccd_central::signers::{self, Signers};
use cccd_central::signin::Gate;
use cccd_central::signin::staff::Staff;
use cccd_central::store::{Place, StoredEvent};
use cccd_central::tls::{PeerAcceptor, TlsFiles};
use cccd_central::views::index::{self, Index};
use cccd_central::views::{self, Views};
use cccd_central::{EventStore, Registrar, SqliteStore, http, strange};
use clap::{CommandFactory as _, Parser, Subcommand};
use events::sync::Enrolment;
use events::{Chain, Content, EventError, Received, SystemClock, Verifier};
use program::{Failure, exit, files, print};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The most bytes of a request's head: that of an enrolment has 11 KiB.
const HEAD: usize = 32 * 1024;
/// The endpoint that devices sync to.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Database file.
    #[arg(long, default_value = "/var/lib/cccd-central/central.db")]
    db: PathBuf,
    /// `registrar.toml`. Without it `serve` lets nobody in, and `fleet` takes the one in /etc/cccd-central.
    #[arg(long, value_name = "FILE")]
    registrar: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make what the endpoint needs: CA, TLS, operator's key, registrar.toml. What is there is kept.
    Init(init::Init),
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
    /// Sign for central, and do nothing else: a process of its own, which alone has the issuing key.
    Signer(signer::Signer),
    /// Register devices.
    Device {
        #[command(subcommand)]
        command: DeviceCommand,
    },
    /// Devices, tokens and bundles; wants --registrar.
    Fleet {
        #[command(subcommand)]
        command: fleet::FleetCommand,
    },
    /// Who may sign in to the pages, and where they may look.
    Staff {
        #[command(subcommand)]
        command: staff::StaffCommand,
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
    /// What is strange in the log: events of kinds that this version does not know, what cannot be read, signed events that
    /// contradict each other, clocks that are wrong.
    Strange {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Write what is kept apart into this directory, each with the event of the log that it contradicts.
        #[arg(long, value_name = "DIR")]
        export: Option<PathBuf>,
        /// How many of each sort, the newest first.
        #[arg(long, default_value_t = strange::MOST)]
        most: usize,
    },
    /// The log's keys, and copies of it for auditors; wants --registrar.
    Log {
        #[command(subcommand)]
        command: log::LogCommand,
    },
    /// Compare every event with the log's tree, the tree with itself and with checkpoints that others kept, and devices with
    /// the registry; then everything that `verify` does.
    Audit {
        /// A checkpoint that a device or an auditor kept, as note or COSE; may be repeated. Wants --registrar.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check every signature and every chain of the log again, and say how many there were.
    Verify {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copy the database, also while central serves, with a statement of what is in it.
    Backup(copies::Backup),
    /// Put a copy where there is no database, after it was compared with its statement.
    Restore(copies::Restore),
    /// Try a copy: put it into a scratch directory, open it, and compare it with its statement and the database that serves.
    Drill(copies::Drill),
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
        /// It is registered at another site already, and moves from there.
        #[arg(long = "move")]
        moves: bool,
    },
}

impl Command {
    const fn wants_json(&self) -> bool {
        match self {
            Self::Signers { json, .. }
            | Self::Strange { json, .. }
            | Self::Verify { json }
            | Self::Audit { json, .. }
            | Self::Fleet { command: fleet::FleetCommand::List { json } }
            | Self::Staff { command: staff::StaffCommand::List { json } } => *json,
            Self::Init(_)
            | Self::Serve { .. }
            | Self::Signer(_)
            | Self::Device { .. }
            | Self::Fleet { .. }
            | Self::Log { .. }
            | Self::Staff { .. }
            | Self::Events
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Drill(_)
            | Self::Pages { .. } => false,
        }
    }

    /// Whether it only reads: it then makes no database, and changes none.
    const fn only_reads(&self) -> bool {
        match self {
            Self::Events
            | Self::Signers { .. }
            | Self::Strange { .. }
            | Self::Verify { .. }
            | Self::Audit { .. }
            | Self::Pages { .. } => true,
            Self::Log { command } => command.only_reads(),
            Self::Fleet { command } => command.only_reads(),
            Self::Staff { command } => command.only_reads(),
            Self::Init(_) | Self::Serve { .. } | Self::Signer(_) | Self::Device { .. } => false,
            // These open what they want by themselves.
            Self::Backup(_) | Self::Restore(_) | Self::Drill(_) => true,
        }
    }

    /// Files that it reads besides central's own. Whoever adds a command decides here.
    fn inputs(&self) -> Vec<&Path> {
        match self {
            Self::Init(init) => init.operator.iter().map(PathBuf::as_path).collect(),
            Self::Device { command: DeviceCommand::Add { file, .. } } => vec![file],
            Self::Fleet { command } => command.inputs(),
            Self::Audit { checkpoint, .. } => checkpoint.iter().map(PathBuf::as_path).collect(),
            Self::Staff { command } => command.inputs(),
            // What the service itself reads is for its user to reach.
            Self::Serve { .. }
            | Self::Signer(_)
            | Self::Log { .. }
            | Self::Events
            | Self::Signers { .. }
            | Self::Strange { .. }
            | Self::Verify { .. }
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Drill(_)
            | Self::Pages { .. } => Vec::new(),
        }
    }
}

impl Arguments {
    /// Root goes on as the owner of central's directory: what is written must be readable for the service.
    fn step_down(&self) -> Result<(), Failure> {
        let directory = match (&self.command, &self.registrar) {
            (Command::Pages { .. }, _) => return Ok(()),
            (Command::Init(init), _) => Some(init.dir.as_path()),
            (Command::Signer(signer), _) => signer.settings.parent(),
            (Command::Log { command: log::LogCommand::Begin { dir, .. } }, _) => dir.parent(),
            (_, Some(registrar)) => registrar.parent(),
            (_, None) => self.db.parent(),
        };
        Ok(program::owner::step_down(directory.unwrap_or_else(|| Path::new("")), &self.command.inputs(), &[])?)
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(program::terminal::log).with_target(false).init();
    let mut arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return pages::not_run(&error),
    };
    if let (Command::Fleet { .. } | Command::Log { .. } | Command::Audit { .. }, None) =
        (&arguments.command, &arguments.registrar)
    {
        let usual = Path::new(init::DIRECTORY).join("registrar.toml");
        arguments.registrar = usual.exists().then_some(usual);
    }
    let json = arguments.command.wants_json();
    program::end(arguments.step_down().and_then(|()| run(arguments)).map(|()| 0), json)
}

fn run(Arguments { db, registrar, command }: Arguments) -> Result<(), Failure> {
    if let Command::Pages { directory } = &command {
        return pages::write(Arguments::command(), directory).map_err(|error| files::unwritable(directory, &error));
    }
    if let Command::Init(init) = &command {
        return init.run();
    }
    if let Command::Signer(signer) = &command {
        return signer.run();
    }
    let settings = registrar.as_deref().map(Settings::load).transpose()?;
    let only_reads = command.only_reads();
    let store = || if only_reads { SqliteStore::read(&db) } else { SqliteStore::open(&db) };
    match command {
        Command::Serve { listen, tls, pass_phrase_file } => serve(&db, settings, listen, &tls, &pass_phrase_file),
        Command::Fleet { command } => {
            let settings = settings.ok_or_else(|| {
                let remedy = "name the registrar's file with --registrar";
                Failure::usage("registrar_missing", "nothing is said of the registrar", remedy)
            })?;
            // Before the store, which may be made: what is wrong with the registrar leaves none behind.
            let (signing, policy) = (settings.signing()?, settings.policy()?);
            let store = store()?;
            let registrar = Registrar::with(Registry::open(&db)?, signing, policy, Arc::new(SystemClock::new()));
            fleet::run(&registrar, &store, command)
        }
        Command::Staff { command } => {
            drop(store()?);
            staff::run(&Staff::open(&db)?, command)
        }
        Command::Device { command: DeviceCommand::Add { file, moves } } => {
            let enrolment: Enrolment = serde_json::from_slice(&files::read(&file)?).map_err(|error| {
                let message = format!("{} is no enrolment record: {error}", file.display());
                Failure::usage("enrolment_malformed", message, "give what `provision bench` wrote: enrolment.json")
            })?;
            let store = store()?;
            if moves {
                store.move_device(&enrolment)?
            } else {
                store.add_device(&enrolment)?
            }
            print(&format!("device {} registered at {}\n", enrolment.device, enrolment.site))
        }
        Command::Events => each_event(&store()?, |stored, event| {
            let line = serde_json::json!({
                "received_at": stored.received_at,
                "sha256": events::hash(&stored.bytes).to_string(),
                "event": describe(event),
            });
            print(&format!("{line}\n"))
        }),
        Command::Signers { json, export, most } => {
            let list = Signers::of(&store()?, most, &Scope::everywhere())?;
            if let Some(directory) = export {
                list.export(&directory).map_err(|error| files::unwritable(&directory, &error))?;
            }
            print(&if json { serde_json::to_string_pretty(&list)? + "\n" } else { list.text() })
        }
        Command::Strange { json, export, most } => {
            let list = store()?.strange(most)?;
            if let Some(directory) = export {
                list.export(&directory).map_err(|error| files::unwritable(&directory, &error))?;
            }
            print(&if json { format!("{:#}\n", list.json()) } else { list.text() })
        }
        Command::Log { command } => log::run(command, settings.as_ref(), &store),
        Command::Audit { checkpoint, json } => log::audit(&store()?, settings.as_ref(), &checkpoint, json),
        Command::Verify { json } => verify(&store()?, json),
        Command::Backup(it) => it.run(&db),
        Command::Restore(it) => it.run(&db),
        Command::Drill(it) => it.run(&db),
        // Done before a database was opened.
        Command::Init(_) | Command::Signer(_) | Command::Pages { .. } => Ok(()),
    }
}

/// An event in JSON: byte strings become hexadecimal text.
fn describe(event: &Received) -> serde_json::Value {
    match &event.content {
        Content::Known(event) => serde_cbor::value::to_value(event).map_or(serde_json::Value::Null, json),
        Content::Unknown { value, .. } => json(value.clone()),
    }
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

/// An event of the log that is not what a device signed, or does not follow the one before.
fn wrong_event(stored: &StoredEvent, error: &EventError) -> Failure {
    let message = format!("event {} of {}: {}", stored.sequence, stored.device, program::describe(error));
    let remedy = "keep the database as it is, and compare it with a backup: somebody or a fault has changed it";
    Failure { code: error.code().to_owned(), message, remedy: remedy.to_owned(), exit: exit::CHECK_FAILED }
}

fn each_event(
    store: &SqliteStore,
    mut visit: impl FnMut(&StoredEvent, &Received) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut cursor = 0;
    loop {
        let (page, next) = store.scan(cursor, 1000)?;
        if page.is_empty() {
            return Ok(());
        }
        for stored in &page {
            let event = events::read_any(&stored.bytes).map_err(|error| wrong_event(stored, &error))?;
            visit(stored, &event)?;
        }
        cursor = next;
    }
}

/// Opens the database in the way that the command wants.
pub(crate) type Database<'a> = &'a dyn Fn() -> Result<SqliteStore, cccd_central::StoreError>;

/// The chains that were checked, by device.
type Chains = BTreeMap<String, (Verifier, Chain)>;

/// Checks every signature and every chain; with the places that were passed over.
fn verified(store: &SqliteStore) -> Result<(Chains, u64), Failure> {
    let mut chains = Chains::new();
    let mut passed = 0;
    each_event(store, |stored, _| {
        let wrong = |error: EventError| wrong_event(stored, &error);
        if !chains.contains_key(&stored.device) {
            // The key of a device that is not registered is not known, and neither is one that is no key.
            let key = store.device(&stored.device)?.and_then(|enrolment| hex::decode(enrolment.event_key).ok());
            let verifier = Verifier::new(&key.unwrap_or_default()).map_err(wrong)?;
            chains.insert(stored.device.clone(), (verifier, Chain::EMPTY));
        }
        let Some((verifier, chain)) = chains.get_mut(&stored.device) else { return Err(wrong(EventError::Key)) };
        let link = verifier.receive(&stored.bytes).map_err(wrong)?.head.link;
        if link.sequence > chain.sequence + 1 {
            // Only what was passed over, every place of it, may lie between.
            let (first, last) = (chain.sequence + 1, link.sequence - 1);
            let places = store.places(&stored.device, first, last)?;
            let all = places.len() as u64 == last - chain.sequence;
            if all && places.values().all(|place| matches!(place, Place::Passed { .. })) {
                passed += places.len() as u64;
                *chain = Chain { sequence: last, head: link.previous };
            }
        }
        chain.follow(link, events::hash(&stored.bytes)).map_err(wrong)
    })?;
    Ok((chains, passed))
}

/// Checks the whole log. A log without events is no success: whoever audits it has named another file than they meant.
fn verify(store: &SqliteStore, json: bool) -> Result<(), Failure> {
    let (chains, passed) = verified(store)?;
    let devices = store.devices()?;
    let events = chains.values().map(|(_, chain)| chain.sequence).sum::<u64>() - passed;
    if events == 0 {
        return Err(Failure {
            code: "log_empty".to_owned(),
            message: format!("nothing was verified: {devices} devices and no event"),
            remedy: "name central's database with --db, if it has events elsewhere".to_owned(),
            exit: exit::UNDECIDED,
        });
    }
    if json {
        let each = chains.iter().map(|(device, (_, chain))| {
            serde_json::json!({ "device": device, "events": chain.sequence, "head": chain.head.to_string() })
        });
        let report = serde_json::json!({
            "schema": "cccd-central/verify/1", "devices": devices, "events": events, "passed_over": passed, "chains": each.collect::<Vec<_>>(),
        });
        return print(&format!("{report:#}\n"));
    }
    for (device, (_, chain)) in &chains {
        print(&format!("{device}: {} events, chain and signatures correct\n", chain.sequence))?;
    }
    if passed > 0 {
        print(&format!(
            "{passed} places were passed over, because what came for them cannot be read: cccd-central strange\n"
        ))?;
    }
    print(&format!("verified: {events} events in {} chains of {devices} devices\n", chains.len()))
}

fn serve(
    db: &Path,
    settings: Option<Settings>,
    listen: SocketAddr,
    tls: &Path,
    pass_phrase_file: &Path,
) -> Result<(), Failure> {
    let tls_files = TlsFiles::of(tls);
    let pass_phrase = files::pass_phrase(pass_phrase_file)?;
    let clock: Arc<dyn events::Clock> = Arc::new(SystemClock::new());
    let config = tls_files.load(&pass_phrase)?;
    let not_heard = |address: SocketAddr| {
        move |error: std::io::Error| {
            let message = format!("cannot listen on {address}: {error}");
            Failure::usage("listen_failed", message, "name a free address of this machine, or stop what listens there")
        }
    };
    let stopped = |error: std::io::Error| {
        Failure::device(
            "serve_failed",
            format!("the endpoint stopped: {error}"),
            "start it again; if it stays, report it",
        )
    };
    let listener = TcpListener::bind(listen).map_err(not_heard(listen))?;
    listener.set_nonblocking(true).map_err(stopped)?;
    let registrar = settings
        .as_ref()
        .map(|settings| Ok::<_, Failure>((settings.signing()?, settings.policy()?, settings.makers()?)))
        .transpose()?;
    let store = SqliteStore::open(db)?;
    let registrar = match registrar {
        Some((signing, policy, makers)) => {
            let registrar = Registrar::with(Registry::open(db)?, signing, policy, Arc::clone(&clock));
            Some(Arc::new(registrar.believing(makers)))
        }
        None => None,
    };
    let store: Arc<dyn EventStore> = Arc::new(store);
    let log = settings
        .as_ref()
        .and_then(|settings| settings.log.as_deref())
        .map(|directory| Ok::<_, Failure>(Arc::new(Log::new(Arc::clone(&store), LogKeys::open(directory)?)?)))
        .transpose()?;
    let mut router = http::router_of_log(Arc::clone(&store), Arc::clone(&clock), registrar.clone(), log.clone());
    let mut identity = None;
    if let Some(registrar) = &registrar {
        let made = Identity::new(Arc::clone(registrar), ServerKey::load(&tls_files, &pass_phrase)?);
        router = router.merge(est::router(made.clone()));
        identity = Some(made);
    }
    let mut page = None;
    let mut staff = None;
    if let Some(registrar) = &registrar {
        let registrar = Arc::clone(registrar);
        let gate = Gate::new(Staff::open(db)?, Arc::clone(&clock));
        let own = technician::router(Arc::clone(&registrar), Arc::clone(&store), gate.clone());
        // Whoever looks at pages has connections of their own.
        let (log, index) = (SqliteStore::read(db)?, Index::open(&index::beside(db))?);
        let units = db.with_file_name("units.csv");
        let made = Views::new(registrar, log, index, Arc::clone(&clock), Arc::new(gate), units);
        router = router.merge(made.said_by_devices());
        page = Some(own.merge(views::router(made.clone())));
        staff = Some(made);
    }
    if let Some(page) = page.as_ref().filter(|_| settings.as_ref().is_some_and(|settings| settings.page)) {
        router = router.merge(page.clone());
    }
    let proxied = settings.as_ref().and_then(|settings| settings.technician).zip(page);
    let door = Door::new(Limits::default());
    router = router.layer(axum::middleware::from_fn(cccd_central::counted));
    print(&format!("listening on https://{}\n", listener.local_addr().map_err(stopped)?))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(stopped)?;
    runtime.block_on(async move {
        if let Some(staff) = staff {
            tokio::spawn(staff.minutely());
        }
        if let Some((address, page)) = proxied {
            let listener = tokio::net::TcpListener::bind(address).await.map_err(not_heard(address))?;
            let page = cccd_central::proxied(page, Arc::clone(&door));
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
                let keys = log.as_deref().zip(settings.as_ref().and_then(|settings| settings.log.as_deref()));
                let done = reload(&tls_files, &pass_phrase, &reloaded, registrar);
                match done.and_then(|()| keys.map_or(Ok(()), |(log, directory)| reload_log(log, directory))) {
                    Ok(()) => tracing::info!("certificates and roots are read anew"),
                    // What was there goes on.
                    Err(error) => tracing::error!("certificates and roots could not be read anew: {error}"),
                }
            }
        });
        let acceptor = PeerAcceptor::new(config, door);
        let server = axum_server::from_tcp(listener).map_err(stopped)?.acceptor(acceptor).handle(handle);
        let mut server = server.http1_only();
        server.http_builder().http1().max_buf_size(HEAD);
        server.serve(router.into_make_service()).await.map_err(stopped)
    })
}

/// Takes certificate, roots and CA as they are now; SIGHUP asks for it.
fn reload(
    files: &TlsFiles,
    pass_phrase: &[u8],
    config: &axum_server::tls_rustls::RustlsConfig,
    registrar: Option<((&Registrar, &Settings), &Identity)>,
) -> Result<(), Failure> {
    let fresh = files.load(pass_phrase)?;
    if let Some(((registrar, settings), identity)) = registrar {
        let (signing, server) = (settings.signing()?, ServerKey::load(files, pass_phrase)?);
        if let Signing::Here(ca) = signing {
            registrar.set_ca(*ca);
        }
        identity.set_server(server);
    }
    config.reload_from_config(fresh.get_inner());
    Ok(())
}

/// Takes the keys of the log as they are now.
fn reload_log(log: &Log, directory: &Path) -> Result<(), Failure> {
    Ok(log.set_signers(LogKeys::open(directory)?)?)
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
        Err(_) => program::ignore(tokio::signal::ctrl_c().await, "without signals it ends when it is killed"),
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory as _;

    #[test]
    fn the_manual_names_commands_that_there_are() {
        manual::commands::hold(Arguments::command(), 10);
    }
}
