//! The house as a table and as a picture.

use crate::House;
use std::collections::{BTreeMap, BTreeSet};

/// Crates by floor, the highest first: what each names, and the circles inside it. Markdown, and nothing in it that changes with every
/// line of code; `sizes` adds what does.
#[must_use]
pub fn table(house: &House, sizes: bool) -> String {
    let floors = house.between.floors();
    let mut rows: Vec<_> = house.crates.values().collect();
    rows.sort_by_key(|each| (std::cmp::Reverse(floors[each.name.as_str()]), each.name.clone()));
    let head = ["floor", "room", "modules", "circles inside", "names"];
    let mut lines = vec![head.map(str::to_owned).to_vec(), vec!["---".to_owned(); head.len()]];
    if sizes {
        lines[0].extend(["lines", "of all"].map(str::to_owned));
        lines[1].extend(["---", "---"].map(str::to_owned));
    }
    for each in rows {
        let named = house.between.rooms().filter(|(room, _)| *room == each.name);
        let names = named.flat_map(|(_, to)| to.iter().map(String::as_str)).collect::<Vec<_>>().join(", ");
        let circles = each.inside.circles();
        let inside = circles.iter().map(|circle| circle.len().to_string()).collect::<Vec<_>>().join(" + ");
        let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
        let mut line = vec![
            floors[each.name.as_str()].to_string(),
            format!("`{}`", each.name),
            each.inside.rooms().count().to_string(),
            or(inside, "–"),
            or(names, "nobody"),
        ];
        if sizes {
            line.extend([each.lines().to_string(), format!("{} %", house.share(each))]);
        }
        lines.push(line);
    }
    let mut text: String = lines.iter().map(|line| format!("| {} |\n", line.join(" | "))).collect();
    let (rooms, arrows, circles) = (house.crates.len(), house.between.count(), house.circles().len());
    text += &format!("\n{rooms} rooms, {arrows} arrows, {circles} circles.\n");
    text
}

/// Arrows that no longer way stands for.
fn needed(house: &House) -> Vec<(&str, &str)> {
    let direct: BTreeMap<&str, &BTreeSet<String>> = house.between.rooms().collect();
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let floors = house.between.floors();
    let mut order: Vec<&str> = floors.keys().copied().collect();
    order.sort_by_key(|room| floors[room]);
    for room in order {
        let mut all = BTreeSet::new();
        for next in direct[room] {
            all.insert(next.as_str());
            all.extend(below.get(next.as_str()).into_iter().flatten());
        }
        below.insert(room, all);
    }
    let mut kept = Vec::new();
    for (room, to) in &direct {
        for next in *to {
            let roundabout = to.iter().any(|other| other != next && below[other.as_str()].contains(next.as_str()));
            if !roundabout {
                kept.push((*room, next.as_str()));
            }
        }
    }
    kept
}

const ROW: usize = 96;
const HIGH: usize = 44;
const MARGIN: usize = 24;
const GAP: usize = 18;

/// Rooms on their floors, the big ones wide, and the arrows that are needed to see who reaches whom. SVG.
#[must_use]
pub fn picture(house: &House) -> String {
    let floors = house.between.floors();
    let top = floors.values().copied().max().unwrap_or(0);
    // In steps, so that a line more does not draw it anew.
    let width_of = |name: &str| (name.len() * 9 + 28).max(house.share(&house.crates[name]) / 5 * 60);
    let mut rows: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    floors.iter().for_each(|(room, floor)| rows.entry(*floor).or_default().push(room));
    let wide = |row: &Vec<&str>| row.iter().map(|room| width_of(room) + GAP).sum::<usize>();
    let width = rows.values().map(wide).max().unwrap_or(0) + 2 * MARGIN;
    let height = (top + 1) * ROW + MARGIN;
    let mut places = BTreeMap::new();
    for (floor, row) in &rows {
        let mut x = (width - wide(row)) / 2 + GAP / 2;
        for room in row {
            places.insert(*room, (x, (top - floor) * ROW + MARGIN, width_of(room)));
            x += width_of(room) + GAP;
        }
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"15\" \
         role=\"img\" aria-label=\"Crates by floor: an arrow goes from a crate to one that it names\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (from, to) in needed(house) {
        let ((x1, y1, w1), (x2, y2, w2)) = (places[from], places[to]);
        let (x1, y1, x2) = (x1 + w1 / 2, y1 + HIGH, x2 + w2 / 2);
        let bend = y1 + (ROW - HIGH);
        let path = format!("M{x1} {y1}C{x1} {bend} {x2} {} {x2} {y2}", y2 - 30);
        svg += &format!("<path d=\"{path}\" fill=\"none\" stroke=\"#8aa\"/>\n");
    }
    for (room, (x, y, w)) in &places {
        svg += &format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{HIGH}\" rx=\"8\" fill=\"#eaf1fb\" stroke=\"#0a5fca\"/>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"600\">{room}</text>\n",
            x + w / 2,
            y + 28,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crate, Graph};

    #[test]
    fn what_a_longer_way_stands_for_is_not_drawn() {
        let mut between = Graph::default();
        for (from, to) in [("roof", "middle"), ("middle", "ground"), ("roof", "ground")] {
            between.arrow(from, to);
        }
        let each = |name: &str| Crate {
            name: name.to_owned(),
            directory: name.to_owned(),
            files: [("src/lib.rs".to_owned(), 100)].into(),
            inside: Graph::default(),
            unread: BTreeSet::new(),
        };
        let crates = ["roof", "middle", "ground"].map(|name| (name.to_owned(), each(name))).into();
        let house = House { crates, between };
        assert_eq!(needed(&house), [("middle", "ground"), ("roof", "middle")]);
        assert_eq!(picture(&house).matches("<path").count(), 2);
        let table = table(&house, true);
        assert!(table.contains("| 2 | `roof` | 0 | – | ground, middle | 100 | 33 % |"), "{table}");
        assert!(table.ends_with("3 rooms, 3 arrows, 0 circles.\n"));
    }
}
