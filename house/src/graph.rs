//! Rooms and arrows.

use std::collections::{BTreeMap, BTreeSet};

/// Rooms by name, and what each names of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    arrows: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// A room, with or without arrows.
    pub fn room(&mut self, name: &str) {
        self.arrows.entry(name.to_owned()).or_default();
    }

    /// An arrow between two rooms.
    pub fn arrow(&mut self, from: &str, to: &str) {
        self.room(to);
        self.arrows.entry(from.to_owned()).or_default().insert(to.to_owned());
    }

    /// All rooms, with what they name.
    pub fn rooms(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.arrows.iter().map(|(name, to)| (name.as_str(), to))
    }

    /// How many arrows there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.arrows.values().map(BTreeSet::len).sum()
    }

    /// Everything that can be reached from a room; itself only where a way leads back.
    fn reached(&self, from: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut to_do = vec![from];
        while let Some(room) = to_do.pop() {
            for next in self.arrows.get(room).into_iter().flatten() {
                if found.insert(next.as_str()) {
                    to_do.push(next);
                }
            }
        }
        found
    }

    /// Rooms that reach each other, each list in the order of names.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.arrows.keys().map(|room| (room.as_str(), self.reached(room))).collect();
        let mut circles: BTreeSet<Vec<&str>> = BTreeSet::new();
        for (room, others) in &reached {
            if others.contains(room) {
                let circle = others.iter().filter(|other| reached[*other].contains(room)).copied().collect();
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    /// The floor of each room: 0 names nobody. Rooms of a circle share one.
    #[must_use]
    pub fn floors(&self) -> BTreeMap<&str, usize> {
        let circles = self.circles();
        // One name for each circle: that of its first room.
        let whole =
            |room: &str| circles.iter().find(|circle| circle.contains(&room)).map(|circle| circle[0].to_owned());
        let head = |room: &str| whole(room).unwrap_or_else(|| room.to_owned());
        let mut down: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (room, to) in &self.arrows {
            let from = head(room);
            let others = to.iter().map(|other| head(other)).filter(|other| *other != from);
            down.entry(from.clone()).or_default().extend(others.collect::<Vec<_>>());
        }
        let mut floors: BTreeMap<String, usize> = BTreeMap::new();
        while floors.len() < down.len() {
            for (room, below) in &down {
                if let Some(highest) =
                    below.iter().map(|other| floors.get(other).copied()).try_fold(None, |most: Option<usize>, floor| {
                        floor.map(|floor| Some(most.map_or(floor, |most| most.max(floor))))
                    })
                {
                    floors.insert(room.clone(), highest.map_or(0, |highest| highest + 1));
                }
            }
        }
        self.arrows.keys().map(|room| (room.as_str(), floors[&head(room)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        arrows.iter().for_each(|(from, to)| graph.arrow(from, to));
        graph
    }

    #[test]
    fn floors_count_the_longest_way_down() {
        let graph = graph(&[("roof", "middle"), ("middle", "ground"), ("roof", "ground")]);
        assert_eq!(graph.floors(), [("ground", 0), ("middle", 1), ("roof", 2)].into());
        assert!(graph.circles().is_empty());
        assert_eq!(graph.count(), 3);
    }

    #[test]
    fn circles_are_found_whole_and_share_a_floor() {
        let graph = graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "ground"), ("d", "e"), ("e", "d"), ("top", "b")]);
        assert_eq!(graph.circles(), [vec!["a", "b", "c"], vec!["d", "e"]]);
        let floors = graph.floors();
        assert_eq!((floors["a"], floors["c"], floors["ground"], floors["top"], floors["d"]), (1, 1, 0, 2, 0));
    }
}
