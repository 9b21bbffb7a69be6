//! What the manual says of the command line is what the command line is.

use clap::CommandFactory as _;

#[test]
fn the_manual_names_commands_that_there_are() {
    manual::commands::hold(cccd_agent::cli::Arguments::command(), 50);
}
