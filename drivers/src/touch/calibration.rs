//! How places on the glass become places in the picture.

use std::str::FromStr;

/// How the picture is turned on its panel, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "0, 90, 180 and 270 degrees")]
pub enum Rotation {
    #[default]
    None,
    Right,
    Half,
    Left,
}

impl Rotation {
    /// From degrees.
    #[must_use]
    pub const fn from_degrees(degrees: u16) -> Option<Self> {
        Some(match degrees {
            0 => Self::None,
            90 => Self::Right,
            180 => Self::Half,
            270 => Self::Left,
            _ => return None,
        })
    }

    /// Whether width and height change places.
    #[must_use]
    pub const fn is_sideways(self) -> bool {
        matches!(self, Self::Right | Self::Left)
    }
}

/// A place on the glass or in the picture: x and y from 0 to 1.
pub type Point = (f64, f64);

/// An affine map from the device's place to the picture's, both from 0 to 1: `x' = a·x + b·y + c`, `y' = d·x + e·y + f`.
/// The same six numbers as libinput's calibration matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration([f64; 6]);

impl Default for Calibration {
    fn default() -> Self {
        Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    }
}

impl From<Rotation> for Calibration {
    /// For a touch surface that is turned together with its panel.
    fn from(rotation: Rotation) -> Self {
        Self(match rotation {
            Rotation::None => return Self::default(),
            // The picture's left edge is the panel's top.
            Rotation::Right => [0.0, 1.0, 0.0, -1.0, 0.0, 1.0],
            Rotation::Half => [-1.0, 0.0, 1.0, 0.0, -1.0, 1.0],
            Rotation::Left => [0.0, -1.0, 1.0, 1.0, 0.0, 0.0],
        })
    }
}

impl Calibration {
    /// The picture's place of a place on the device.
    #[must_use]
    pub fn apply(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + b * y + c, d * x + e * y + f)
    }

    /// First this one, then another.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let ([a, b, c, d, e, f], [p, q, r, s, t, u]) = (self.0, next.0);
        Self([p * a + q * d, p * b + q * e, p * c + q * f + r, s * a + t * d, s * b + t * e, s * c + t * f + u])
    }

    /// The map that takes places that were touched to the marks that were shown, by least squares; `None` when fewer
    /// than three points are given or all lie on a line.
    #[must_use]
    pub fn from_points(points: &[(Point, Point)]) -> Option<Self> {
        // Normal equations: one 3×3 matrix for both rows.
        let mut m = [[0.0; 3]; 3];
        let (mut right_x, mut right_y) = ([0.0; 3], [0.0; 3]);
        for &((x, y), (wanted_x, wanted_y)) in points {
            let row = [x, y, 1.0];
            for i in 0..3 {
                for j in 0..3 {
                    m[i][j] += row[i] * row[j];
                }
                right_x[i] += row[i] * wanted_x;
                right_y[i] += row[i] * wanted_y;
            }
        }
        let determinant = |m: &[[f64; 3]; 3]| {
            m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
                + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
        };
        let all = determinant(&m);
        if points.len() < 3 || all.abs() < 1e-9 {
            return None;
        }
        // Cramer's rule.
        let solve = |right: [f64; 3]| {
            [0, 1, 2].map(|column| {
                let mut replaced = m;
                for (row, value) in replaced.iter_mut().zip(right) {
                    row[column] = value;
                }
                determinant(&replaced) / all
            })
        };
        let ([a, b, c], [d, e, f]) = (solve(right_x), solve(right_y));
        Some(Self([a, b, c, d, e, f]))
    }
}

impl FromStr for Calibration {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "six numbers with spaces between them, as libinput's calibration matrix has them";
        let numbers: Vec<f64> =
            text.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| WANTED)?;
        let numbers: [f64; 6] = numbers.try_into().map_err(|_| WANTED)?;
        if numbers.iter().all(|number| number.is_finite()) { Ok(Self(numbers)) } else { Err(WANTED) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: (f64, f64), b: (f64, f64)) -> bool {
        (a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9
    }

    #[test]
    fn rotations_take_corners_to_corners() {
        // Where the device's top left corner is in the picture.
        let corners = [
            (Rotation::None, (0.0, 0.0)),
            (Rotation::Right, (0.0, 1.0)),
            (Rotation::Half, (1.0, 1.0)),
            (Rotation::Left, (1.0, 0.0)),
        ];
        for (rotation, corner) in corners {
            assert!(near(Calibration::from(rotation).apply(0.0, 0.0), corner), "{rotation:?}");
        }
        let twice = Calibration::from(Rotation::Right).then(Rotation::Right.into());
        assert!(near(twice.apply(0.2, 0.3), Calibration::from(Rotation::Half).apply(0.2, 0.3)));
    }

    #[test]
    fn points_give_back_the_map_that_made_them() {
        let made: Calibration = "1.08 0.02 -0.04 -0.01 0.95 0.03".parse().expect("matrix");
        let points = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)].map(|p: (f64, f64)| (p, made.apply(p.0, p.1)));
        let found = Calibration::from_points(&points).expect("four corners");
        assert!(near(found.apply(0.4, 0.7), made.apply(0.4, 0.7)));
        assert_eq!(Calibration::from_points(&points[..2]), None);
        let line = [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)].map(|p| (p, p));
        assert_eq!(Calibration::from_points(&line), None);
        assert!("1 0 0 0 1".parse::<Calibration>().is_err());
        assert!("1 0 0 0 1 inf".parse::<Calibration>().is_err());
    }
}
