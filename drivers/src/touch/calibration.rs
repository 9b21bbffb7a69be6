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

    /// What turns back.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Right => Self::Left,
            Self::Left => Self::Right,
            same => same,
        }
    }

    /// In degrees.
    #[must_use]
    pub const fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Right => 90,
            Self::Half => 180,
            Self::Left => 270,
        }
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

/// Why touches are no measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadTouch {
    /// They lie on a line or in one place: the screen does not say where a finger is, or one mark was touched for all.
    Flat,
    /// No map of the whole glass takes them to the marks: one of them was beside its mark.
    Uneven,
}

/// How far a mark may be missed after calibration, as a share of width or height. One touch that is off by four times as much
/// is noticed among four corners.
const UNEVEN: f64 = 0.015;

/// How far the middle may be missed.
const MISSED: f64 = 0.04;

/// Nearer to the marks than this nobody needs a calibration.
const EXACT: f64 = 0.01;

impl Calibration {
    /// What calibrates a touch screen whose picture is turned: from touches of marks, each as the device said it and where the
    /// mark was in the picture. `None` where the touches are where they should be without it.
    ///
    /// # Errors
    /// When the touches do not fit together.
    pub fn measured(touches: &[(Point, Point)], rotation: Rotation) -> Result<Option<Self>, BadTouch> {
        let whole = Self::from_points(touches).ok_or(BadTouch::Flat)?;
        let [a, b, _, d, e, _] = whole.0;
        // A picture that is hundreds of times as large as the glass comes of touches in nearly one place.
        if !(0.05..20.0).contains(&(a * e - b * d).abs()) {
            return Err(BadTouch::Flat);
        }
        let off = |map: Self| {
            touches.iter().map(|(touch, mark)| distance(map.apply(touch.0, touch.1), *mark)).fold(0.0, f64::max)
        };
        if off(whole) > UNEVEN {
            return Err(BadTouch::Uneven);
        }
        let plain = Self::from(rotation);
        Ok((off(plain) > EXACT).then(|| whole.then(rotation.inverse().into())))
    }

    /// Whether a touch is near enough to its mark, as the picture has both.
    #[must_use]
    pub fn is_near(touch: Point, mark: Point) -> bool {
        distance(touch, mark) <= MISSED
    }
}

/// The larger of the distances in width and in height.
fn distance(a: Point, b: Point) -> f64 {
    (a.0 - b.0).abs().max((a.1 - b.1).abs())
}

impl std::fmt::Display for Calibration {
    /// As `agent.toml` has it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // No minus before a zero.
        let text = self.0.map(|number| format!("{:.4}", (number * 1e4).round() / 1e4 + 0.0));
        f.write_str(&text.join(" "))
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

    const CORNERS: [Point; 4] = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)];

    /// Where the device was touched, and where the mark was.
    type Touches = Vec<(Point, Point)>;

    /// Touches of the corners on a device that needs this calibration and whose picture is turned.
    fn touches(needed: Calibration, rotation: Rotation) -> Touches {
        // From the picture back to the device.
        let picture = needed.then(rotation.into());
        let device = Calibration::from_points(&CORNERS.map(|p| (picture.apply(p.0, p.1), p))).expect("a map");
        CORNERS.map(|mark| (device.apply(mark.0, mark.1), mark)).to_vec()
    }

    #[test]
    fn swapped_inverted_and_scaled_axes_are_measured_under_every_rotation() {
        for needed in ["0 1 0 1 0 0", "-1 0 1 0 1 0", "0 -1.1 1.05 1.2 0 -0.1", "1.08 0.02 -0.04 -0.01 0.95 0.03"] {
            let needed: Calibration = needed.parse().expect("matrix");
            for rotation in [Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left] {
                let found = Calibration::measured(&touches(needed, rotation), rotation).expect("good touches");
                let found = found.expect("it is needed");
                assert!(near(found.apply(0.3, 0.6), needed.apply(0.3, 0.6)), "{rotation:?} {found}");
                let written: Calibration = found.to_string().parse().expect("as it is written");
                assert!(distance(written.apply(0.3, 0.6), needed.apply(0.3, 0.6)) < 1e-3, "{written}");
                assert_eq!(Rotation::from_degrees(rotation.degrees()), Some(rotation));
            }
        }
    }

    #[test]
    fn a_screen_that_is_right_needs_no_calibration() {
        let right = touches(Calibration::default(), Rotation::Right);
        assert_eq!(Calibration::measured(&right, Rotation::Right), Ok(None));
        assert!(
            matches!(Calibration::measured(&right, Rotation::None), Ok(Some(_))),
            "it is not turned with its picture"
        );
        assert_eq!(Calibration::default().to_string(), "1.0000 0.0000 0.0000 0.0000 1.0000 0.0000");
    }

    #[test]
    fn bad_touches_are_no_measure() {
        let good = touches(Calibration::default(), Rotation::None);
        let measured = |change: &dyn Fn(&mut Touches)| {
            let mut touches = good.clone();
            change(&mut touches);
            Calibration::measured(&touches, Rotation::None)
        };
        assert_eq!(measured(&|touches| touches[2].0 = (0.7, 0.9)), Err(BadTouch::Uneven), "one beside its mark");
        assert_eq!(measured(&|touches| touches[2].0 = touches[1].0), Err(BadTouch::Uneven), "one mark twice");
        assert_eq!(measured(&|touches| touches.iter_mut().for_each(|touch| touch.0 = (0.5, 0.5))), Err(BadTouch::Flat));
        assert_eq!(measured(&|touches| touches.iter_mut().for_each(|touch| touch.0.1 = 0.0)), Err(BadTouch::Flat));
        // A finger is not that exact.
        assert!(measured(&|touches| touches[2].0 = (0.91, 0.89)).is_ok());
        assert!(Calibration::is_near((0.52, 0.49), (0.5, 0.5)) && !Calibration::is_near((0.56, 0.5), (0.5, 0.5)));
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
