//! Which cells of tables are hidden, so that nobody finds out how few people a small one has. Pure.
//!
//! All tables of one publication are one system: its cells, margins among them, are unknowns, and every sum that the tables
//! have (a row and its total, a table and another with the same total) is an equation that everybody knows. Whoever reads them
//! also knows the cells that are shown. So a hidden cell is found out exactly when its unit vector lies in the row space of the
//! equations over the hidden cells; that is reckoned, by elimination, and not guessed. Where it does, one more cell is hidden,
//! until there is no such cell. A sum of hidden cells that can be reckoned is itself a number of people: it is not small either,
//! since a hidden cell is known to be none that is empty.

use std::collections::BTreeSet;

/// A sum that everybody knows to hold: the cell of the total, and those that make it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The total.
    pub total: usize,
    /// Its parts.
    pub parts: Vec<usize>,
}

/// A prime: the field in which is reckoned. An equation of sums that holds among whole numbers holds there, too; one that
/// holds only there hides a cell more, never one less.
const PRIME: u64 = (1 << 61) - 1;
/// A cell that is counted more often than this in a sum is one that is taken away.
const MANY: u64 = 1 << 32;

const fn times(a: u64, b: u64) -> u64 {
    ((a as u128 * b as u128) % PRIME as u128) as u64
}

const fn minus(a: u64, b: u64) -> u64 {
    if a >= b { a - b } else { a + PRIME - b }
}

/// The inverse of what is not zero (Fermat).
fn inverse(a: u64) -> u64 {
    let (mut base, mut exponent, mut out) = (a, PRIME - 2, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            out = times(out, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    out
}

/// Row-echelon form, reduced: each row has a one where no other row has anything.
fn reduced(mut rows: Vec<Vec<u64>>, columns: usize) -> Vec<Vec<u64>> {
    let mut done = 0;
    for column in 0..columns {
        let Some(found) = (done..rows.len()).find(|row| rows[*row][column] != 0) else { continue };
        rows.swap(done, found);
        let by = inverse(rows[done][column]);
        for value in &mut rows[done] {
            *value = times(*value, by);
        }
        let pivot = rows[done].clone();
        for (at, row) in rows.iter_mut().enumerate() {
            let factor = row[column];
            if at == done || factor == 0 {
                continue;
            }
            for (value, own) in row.iter_mut().zip(&pivot) {
                if *own != 0 {
                    *value = minus(*value, times(factor, *own));
                }
            }
        }
        done += 1;
    }
    rows.truncate(done);
    rows
}

/// What can be found out of the hidden cells: sets of them whose sum is known, each with its cells. One of a single cell is that
/// cell found out. A set whose members are also taken away from each other says nothing of how few there are.
fn found_out(hidden: &[bool], sums: &[Sum]) -> Vec<Vec<usize>> {
    let columns: Vec<usize> = (0..hidden.len()).filter(|cell| hidden[*cell]).collect();
    let mut place = vec![usize::MAX; hidden.len()];
    for (at, cell) in columns.iter().enumerate() {
        place[*cell] = at;
    }
    let own = |sum: &Sum| {
        let mut row = vec![0; columns.len()];
        for cell in sum.parts.iter().filter(|cell| hidden[**cell]) {
            row[place[*cell]] = 1;
        }
        if hidden[sum.total] {
            row[place[sum.total]] = PRIME - 1;
        }
        row
    };
    let plain: Vec<Vec<u64>> = sums.iter().map(own).filter(|row| row.iter().any(|value| *value != 0)).collect();
    let echelon = reduced(plain.clone(), columns.len());
    let mut out = Vec::new();
    for row in plain.iter().chain(&echelon) {
        let cells: Vec<usize> = (0..columns.len()).filter(|at| row[*at] != 0).collect();
        // A set of hidden cells is known by its sum, some of them counted more than once.
        let one_sided = cells.iter().all(|at| row[*at] < MANY) || cells.iter().all(|at| row[*at] > PRIME - MANY);
        if one_sided {
            out.push(cells.into_iter().map(|at| columns[at]).collect());
        }
    }
    out
}

/// Which cells are hidden, so that nobody can find out one that has fewer than `least` people and is not empty.
///
/// # Panics
/// When a sum names a cell that there is not.
#[must_use]
pub fn hide(cells: &[u64], sums: &[Sum], least: u64) -> Vec<bool> {
    let mut hidden: Vec<bool> = cells.iter().map(|count| *count > 0 && *count < least).collect();
    // What is hidden with others goes by size: as little as can be is lost.
    let is_total = |cell: usize| sums.iter().any(|sum| sum.total == cell);
    loop {
        let bad: BTreeSet<Vec<usize>> = found_out(&hidden, sums)
            .into_iter()
            .filter(|set| set.len() == 1 || set.iter().map(|cell| cells[*cell]).sum::<u64>() < least)
            .collect();
        let mut more = Vec::new();
        for set in bad {
            let touches = |sum: &&Sum| set.iter().any(|cell| sum.total == *cell || sum.parts.contains(cell));
            // One that is hidden for another in the same sum may do for this, too: the next round tells.
            if sums
                .iter()
                .filter(touches)
                .any(|sum| more.iter().any(|cell| sum.total == *cell || sum.parts.contains(cell)))
            {
                continue;
            }
            // A neighbour in a sum of one of them: not empty before empty, a part before a total, the smallest first.
            let near = sums.iter().filter(touches).flat_map(|sum| sum.parts.iter().copied().chain([sum.total]));
            let next = near
                .filter(|cell| !hidden[*cell] && !more.contains(cell))
                .min_by_key(|cell| (cells[*cell] == 0, is_total(*cell), cells[*cell], *cell));
            more.extend(next);
        }
        if more.is_empty() {
            return hidden;
        }
        for cell in more {
            hidden[cell] = true;
        }
    }
}

/// Whether nothing small can be found out of what is shown: the audit, which knows nothing of how it was hidden.
#[must_use]
pub fn is_safe(cells: &[u64], hidden: &[bool], sums: &[Sum], least: u64) -> bool {
    let small_is_hidden = cells.iter().zip(hidden).all(|(count, hidden)| *count == 0 || *count >= least || *hidden);
    small_is_hidden
        && found_out(hidden, sums)
            .iter()
            .all(|set| set.len() > 1 && set.iter().map(|cell| cells[*cell]).sum::<u64>() >= least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A table with its margins, row by row: the last of each row and the last row are totals.
    fn table(inner: &[Vec<u64>]) -> (Vec<u64>, Vec<Sum>) {
        let (rows, columns) = (inner.len(), inner[0].len());
        let wide = columns + 1;
        let mut cells = vec![0; (rows + 1) * wide];
        for (r, row) in inner.iter().enumerate() {
            for (c, count) in row.iter().enumerate() {
                for place in [r * wide + c, r * wide + columns, rows * wide + c, rows * wide + columns] {
                    cells[place] += count;
                }
            }
        }
        let across =
            (0..=rows).map(|r| Sum { total: r * wide + columns, parts: (0..columns).map(|c| r * wide + c).collect() });
        let down =
            (0..=columns).map(|c| Sum { total: rows * wide + c, parts: (0..rows).map(|r| r * wide + c).collect() });
        let sums = across.chain(down).collect();
        (cells, sums)
    }

    /// An attacker who does not eliminate: every whole-numbered table that agrees with what is shown, for small tables only.
    fn possible(cells: &[u64], hidden: &[bool], sums: &[Sum], most: u64) -> Vec<Vec<u64>> {
        fn go(at: usize, now: &mut Vec<u64>, (hidden, sums, most): (&[bool], &[Sum], u64), out: &mut Vec<Vec<u64>>) {
            let Some(place) = (at..now.len()).find(|cell| hidden[*cell]) else {
                let holds = |sum: &Sum| now[sum.total] == sum.parts.iter().map(|cell| now[*cell]).sum::<u64>();
                if sums.iter().all(holds) {
                    out.push(now.clone());
                }
                return;
            };
            for value in 0..=most {
                now[place] = value;
                go(place + 1, now, (hidden, sums, most), out);
            }
        }
        let mut out = Vec::new();
        go(0, &mut cells.to_vec(), (hidden, sums, most), &mut out);
        out
    }

    #[test]
    fn a_small_cell_takes_a_neighbour_with_it_in_its_row_and_in_its_column() {
        let (cells, sums) = table(&[vec![3, 40], vec![50, 60]]);
        let hidden = hide(&cells, &sums, 5);
        assert_eq!(hidden, [true, true, false, true, true, false, false, false, false]);
        assert!(is_safe(&cells, &hidden, &sums, 5));
        let mut open = hidden.clone();
        open[4] = false;
        assert!(!is_safe(&cells, &open, &sums, 5), "three of four give the fourth away");
    }

    #[test]
    fn hidden_cells_whose_sum_is_small_are_not_left_alone_with_each_other() {
        // One and one: whoever sees that two are missing, and that neither is empty, knows both.
        let (cells, sums) = table(&[vec![1, 1, 40], vec![30, 20, 50]]);
        let hidden = hide(&cells, &sums, 5);
        assert!(hidden[2], "the third of the row goes with them");
        assert!(is_safe(&cells, &hidden, &sums, 5));
    }

    #[test]
    fn a_table_that_shares_its_total_with_another_is_hidden_with_it() {
        // One total, once by sex and once by origin: one cell of each is small.
        let cells = vec![100, 97, 3, 98, 2];
        let sums = vec![Sum { total: 0, parts: vec![1, 2] }, Sum { total: 0, parts: vec![3, 4] }];
        let hidden = hide(&cells, &sums, 5);
        assert_eq!(hidden, [false, true, true, true, true]);
        // Where a total is hidden in one of them, the other gives it away, and the audit says so.
        let half = [true, false, true, false, true];
        assert!(is_safe(&cells, &half, &sums, 5), "the total is anything above 195 halves");
        let given = [true, false, true, false, false];
        assert!(!is_safe(&cells, &given, &sums, 5));
    }

    #[test]
    fn nothing_is_hidden_where_nothing_is_small() {
        let (cells, sums) = table(&[vec![5, 0, 17], vec![9, 8, 0]]);
        assert!(hide(&cells, &sums, 5).iter().all(|hidden| !hidden), "an empty cell says of nobody anything");
    }

    #[test]
    fn a_table_of_small_cells_alone_is_hidden_whole() {
        let (cells, sums) = table(&[vec![1, 1], vec![1, 0]]);
        let hidden = hide(&cells, &sums, 5);
        assert!(is_safe(&cells, &hidden, &sums, 5));
        assert!(hidden[8], "three people are few");
    }

    fn inner() -> impl Strategy<Value = Vec<Vec<u64>>> {
        (1_usize..5, 1_usize..5).prop_flat_map(|(rows, columns)| {
            proptest::collection::vec(
                proptest::collection::vec(prop_oneof![3 => 0_u64..6, 1 => 0_u64..40], columns),
                rows,
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_hidden_is_safe(inner in inner(), least in prop_oneof![Just(5_u64), Just(10)]) {
            let (cells, sums) = table(&inner);
            let hidden = hide(&cells, &sums, least);
            prop_assert!(is_safe(&cells, &hidden, &sums, least));
        }

        #[test]
        fn whoever_tries_every_table_finds_out_no_small_cell(inner in proptest::collection::vec(proptest::collection::vec(0_u64..4, 2), 2)) {
            let (cells, sums) = table(&inner);
            let hidden = hide(&cells, &sums, 3);
            prop_assume!(hidden.iter().filter(|hidden| **hidden).count() <= 5);
            let all = possible(&cells, &hidden, &sums, 14);
            prop_assert!(all.contains(&cells));
            for cell in (0..cells.len()).filter(|cell| cells[*cell] > 0 && cells[*cell] < 3) {
                prop_assert!(all.iter().any(|other| other[cell] != cells[cell]), "cell {cell} of {cells:?} behind {hidden:?}");
            }
        }

        #[test]
        fn two_publications_that_differ_by_one_unit_tell_nothing_of_it(mut inner in inner(), least in Just(5_u64)) {
            // Differencing: the same table with a row and without it, both shown whole. They are one system, hidden as one.
            inner.push(vec![2; inner[0].len()]);
            let (with, sums) = table(&inner);
            inner.pop();
            let (without, more) = table(&inner);
            let shift = with.len();
            let (rows, wide) = (inner.len(), inner[0].len() + 1);
            let mut cells = with.clone();
            cells.extend(&without);
            let moved = |cell: usize| cell + shift;
            let mut sums = sums;
            sums.extend(more.iter().map(|sum| Sum { total: moved(sum.total), parts: sum.parts.iter().map(|cell| moved(*cell)).collect() }));
            // Everybody knows that the rows are the same.
            for cell in 0..rows * wide {
                sums.push(Sum { total: cell, parts: vec![moved(cell)] });
            }
            let hidden = hide(&cells, &sums, least);
            prop_assert!(is_safe(&cells, &hidden, &sums, least));
        }
    }
}
