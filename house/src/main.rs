//! Prints the house, or writes its page: `house [--write]`.

use anyhow::Context as _;
use house::{House, picture, table};
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let house = House::read(root, &house::TOOLS)?;
    if std::env::args().nth(1).as_deref() == Some("--write") {
        let page = root.join(house::PAGE);
        let text = std::fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        std::fs::write(&page, house::with_table(&text, &table(&house, false)).context("the page has both marks")?)?;
        std::fs::write(root.join(house::PICTURE), picture(&house))?;
        return Ok(());
    }
    print!("{}", table(&house, true));
    house.big_rooms().iter().for_each(|room| println!("big: {room}"));
    house.circles().iter().for_each(|circle| println!("circle: {circle}"));
    house.long_files().iter().for_each(|(file, lines)| println!("long: {file}, {lines} lines"));
    Ok(())
}
