//! `cccd-agent`; see the library.

fn main() -> std::process::ExitCode {
    cccd_agent::cli::main()
}
