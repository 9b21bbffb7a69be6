//! Rectangles in pixels, and cutting them up: every layout is a sequence of cuts.

/// A rectangle; never has a negative side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl Rect {
    /// From edge and size; negative sizes become zero.
    #[must_use]
    pub const fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self { x, y, w: if w < 0 { 0 } else { w }, h: if h < 0 { 0 } else { h } }
    }

    /// One past the right edge.
    #[must_use]
    pub const fn right(self) -> i32 {
        self.x + self.w
    }

    /// One past the bottom edge.
    #[must_use]
    pub const fn bottom(self) -> i32 {
        self.y + self.h
    }

    /// Whether there is nothing inside.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.w == 0 || self.h == 0
    }

    /// Whether a point lies inside.
    #[must_use]
    pub const fn contains(self, x: i32, y: i32) -> bool {
        x >= self.x && x < self.right() && y >= self.y && y < self.bottom()
    }

    /// Whether another lies inside.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.x >= self.x && other.y >= self.y && other.right() <= self.right() && other.bottom() <= self.bottom()
    }

    /// What both share; empty when nothing.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        Self::new(x, y, self.right().min(other.right()) - x, self.bottom().min(other.bottom()) - y)
    }

    /// The smallest that holds both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Self::new(x, y, self.right().max(other.right()) - x, self.bottom().max(other.bottom()) - y)
    }

    /// Smaller by `by` on every side; larger for a negative number.
    #[must_use]
    pub const fn inset(self, by: i32) -> Self {
        Self::new(self.x + by, self.y + by, self.w - 2 * by, self.h - 2 * by)
    }

    /// Smaller by `x` left and right, by `y` above and below.
    #[must_use]
    pub const fn inset_xy(self, x: i32, y: i32) -> Self {
        Self::new(self.x + x, self.y + y, self.w - 2 * x, self.h - 2 * y)
    }

    /// A rectangle of this size in the middle.
    #[must_use]
    pub const fn centred(self, w: i32, h: i32) -> Self {
        Self::new(self.x + (self.w - w) / 2, self.y + (self.h - h) / 2, w, h)
    }

    /// Cuts off the top.
    pub fn cut_top(&mut self, h: i32) -> Self {
        let h = h.clamp(0, self.h);
        let cut = Self::new(self.x, self.y, self.w, h);
        self.y += h;
        self.h -= h;
        cut
    }

    /// Cuts off the bottom.
    pub fn cut_bottom(&mut self, h: i32) -> Self {
        let h = h.clamp(0, self.h);
        self.h -= h;
        Self::new(self.x, self.bottom(), self.w, h)
    }

    /// Cuts off the left.
    pub fn cut_left(&mut self, w: i32) -> Self {
        let w = w.clamp(0, self.w);
        let cut = Self::new(self.x, self.y, w, self.h);
        self.x += w;
        self.w -= w;
        cut
    }

    /// Cuts off the right.
    pub fn cut_right(&mut self, w: i32) -> Self {
        let w = w.clamp(0, self.w);
        self.w -= w;
        Self::new(self.right(), self.y, w, self.h)
    }

    /// Columns of equal width with gaps between them.
    #[must_use]
    pub fn columns(self, count: i32, gap: i32) -> Vec<Self> {
        let edge = |n: i32| self.x + (self.w + gap) * n / count;
        (0..count).map(|n| Self::new(edge(n), self.y, edge(n + 1) - gap - edge(n), self.h)).collect()
    }

    /// Rows of equal height with gaps between them.
    #[must_use]
    pub fn rows(self, count: i32, gap: i32) -> Vec<Self> {
        let edge = |n: i32| self.y + (self.h + gap) * n / count;
        (0..count).map(|n| Self::new(self.x, edge(n), self.w, edge(n + 1) - gap - edge(n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_share_out_everything_once() {
        let mut rest = Rect::new(10, 20, 300, 200);
        let pieces = [rest.cut_top(30), rest.cut_bottom(40), rest.cut_left(50), rest.cut_right(60), rest];
        let area: i32 = pieces.iter().map(|r| r.w * r.h).sum();
        assert_eq!(area, 300 * 200);
        for (a, first) in pieces.iter().enumerate() {
            assert!(pieces.iter().skip(a + 1).all(|second| first.intersection(*second).is_empty()));
        }
        let columns = Rect::new(0, 0, 1000, 10).columns(3, 7);
        assert_eq!((columns[0].x, columns[2].right()), (0, 1000));
        assert!(columns.windows(2).all(|pair| pair[1].x - pair[0].right() == 7));
    }
}
