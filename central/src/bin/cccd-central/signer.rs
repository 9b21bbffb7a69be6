//! `cccd-central signer`: the process that has the issuing key. It has no network, and one socket that central's user may open.

use cccd_central::issuer::settings::Settings;
use cccd_central::issuer::{Issuer, Local, remote};
use clap::Args;
use events::{Clock, SystemClock};
use program::{Failure, files, print};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// Those who are answered at once; whoever comes then waits.
const AT_ONCE: usize = 4;
/// How often it looks whether keys of sites have ended.
const HOUR: Duration = Duration::from_secs(3600);

/// Where it is told what to do, and where it listens.
#[derive(Args)]
pub(crate) struct Signer {
    /// `signer.toml`.
    #[arg(long, value_name = "FILE", default_value = "/etc/cccd-central-signer/signer.toml")]
    pub(crate) settings: PathBuf,
    /// The socket. What central's user is in the group of may open it; who asks is looked at, too.
    #[arg(long, value_name = "FILE", default_value = "/run/cccd-central-signer/socket")]
    socket: PathBuf,
}

impl Signer {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let settings = Settings::load(&self.settings)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let local = Arc::new(settings.signer(Arc::clone(&clock))?);
        let stopped = |error: std::io::Error| {
            Failure::device(
                "signer_failed",
                format!("the signer stopped: {error}"),
                "start it again; if it stays, report it",
            )
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(stopped)?;
        runtime.block_on(async {
            let listener = self.listen()?;
            let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
            // The socket is this process's own.
            let own = std::fs::metadata(&self.socket).map_err(stopped)?.uid();
            let peers = settings.peers(&self.settings, own, &users)?;
            let mut hangup = signal(SignalKind::hangup()).map_err(stopped)?;
            let mut terminate = signal(SignalKind::terminate()).map_err(stopped)?;
            print(&format!("signing at {}\n", self.socket.display()))?;
            let places = Arc::new(Semaphore::new(AT_ONCE));
            let mut steps = tokio::time::interval(HOUR);
            loop {
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = hangup.recv() => self.reload(&local),
                    // The first at once. Keys of people end here also where no device comes.
                    _ = steps.tick() => if let Err(error) = local.step_sites(clock.wall()) {
                        tracing::error!("the keys of the sites could not be stepped: {error}");
                    },
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        // Who asks is what the kernel says. Whoever it cannot name may not.
                        let Ok(peer) = stream.peer_cred() else { continue };
                        let Ok(stream) = stream.into_std() else { continue };
                        let (issuer, peers) = (Arc::clone(&local) as Arc<dyn Issuer>, peers.clone());
                        let Ok(place) = Arc::clone(&places).acquire_owned().await else { continue };
                        tokio::task::spawn_blocking(move || {
                            let answered = stream
                                .set_nonblocking(false)
                                .and_then(|()| remote::answer(&issuer, stream, peer.uid(), &peers));
                            program::ignore(answered, "whoever asked has gone, and asks again");
                            drop(place);
                        });
                    }
                }
            }
            program::ignore(std::fs::remove_file(&self.socket), "the next start takes it away");
            Ok(())
        })
    }

    fn listen(&self) -> Result<UnixListener, Failure> {
        // One that was left behind; never anything that is none.
        if std::fs::symlink_metadata(&self.socket).is_ok_and(|about| about.file_type().is_socket()) {
            program::ignore(std::fs::remove_file(&self.socket), "what cannot be taken away is said when it is made");
        }
        let listener = UnixListener::bind(&self.socket);
        let mode = std::fs::Permissions::from_mode(0o660);
        let listener = listener.and_then(|listener| std::fs::set_permissions(&self.socket, mode).map(|()| listener));
        listener.map_err(|error| files::unwritable(&self.socket, &error))
    }

    /// Takes the issuing key as it is now.
    fn reload(&self, local: &Local) {
        match Settings::load(&self.settings).and_then(|settings| settings.ca()) {
            Ok(ca) => {
                local.set_ca(ca);
                tracing::info!("the issuing key is read anew");
            }
            // What was there goes on.
            Err(error) => tracing::error!("the issuing key could not be read anew: {error}"),
        }
    }
}
