//! From the pixels that are there to a layout: which one, how large, and where in the picture.
//!
//! There are four layouts, each made for a panel of [`PANELS`]. On any other panel the layout that suits it is drawn larger
//! or smaller and fills the panel as far as its sides may stretch; the rest is background. So what was looked at on five
//! panels holds on all of them.

use crate::geometry::Rect;

/// The least size of something to touch, in tenths of a millimetre.
pub const TARGET: i32 = 150;

/// The least height of a capital, in tenths of a millimetre (ADA 707.7.2).
pub const CAPITAL: i32 = 48;

/// The hundredths of a pixel a millimetre above which, at the usual scale, sentences of the upright layout are smaller than those of the
/// layouts for seven inches: on panels smaller than 13.7 inches.
const SMALL: i32 = 634;

/// A kind of layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Upright, everything that is touched below.
    Upright,
    /// Upright and small, within reach as a whole: letters as on a small wide one, so fewer of them.
    Slim,
    /// Wide, picture left and words right.
    Wide,
    /// One thought at a time, and nothing to touch.
    Tiny,
}

/// A picture's size, and the layout on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panel {
    /// Identifier: of one of [`PANELS`], or of the layout.
    pub name: &'static str,
    /// Width of the picture in pixels.
    pub width: i32,
    /// Height of the picture in pixels.
    pub height: i32,
    /// Where the layout lies in the picture. Around it there is nothing to read or touch.
    pub area: Rect,
    /// Which layout.
    pub layout: Layout,
    /// How much larger everything is than on the panel that the layout was made for, in thousandths.
    pub scale: i32,
    /// Hundredths of a pixel a millimetre that the least sizes are counted with.
    pub density: i32,
    /// Whether it can be touched; one that cannot shows nothing to touch.
    pub touch: bool,
}

/// The panels that layouts are made for and tested on, screen by screen.
pub const PANELS: [Panel; 5] = [
    // 21.5 inches upright.
    Panel::made("portrait-21", (1080, 1920), Layout::Upright, 403),
    // 7 inches.
    Panel::made("landscape-7", (1024, 600), Layout::Wide, 667),
    Panel::made("small-7", (800, 480), Layout::Wide, 525),
    // 2.8 inches on SPI, beside a reader: it shows, nobody touches it.
    Panel::made("tft-2.8", (320, 240), Layout::Tiny, 556),
    // 7 inches upright.
    Panel::made("portrait-7", (600, 1024), Layout::Slim, 667),
];

impl Layout {
    /// The panel that it was made for.
    const fn made_for(self) -> Panel {
        match self {
            Self::Upright => PANELS[0],
            Self::Wide => PANELS[1],
            Self::Tiny => PANELS[3],
            Self::Slim => PANELS[4],
        }
    }

    /// Identifier.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upright => "upright",
            Self::Slim => "slim",
            Self::Wide => "wide",
            Self::Tiny => "tiny",
        }
    }

    /// The least scale, in thousandths, at which the smallest letters still have enough pixels to be read.
    const fn least_scale(self) -> i32 {
        match self {
            Self::Upright => 660,
            Self::Slim => 750,
            Self::Wide => 450,
            Self::Tiny => 750,
        }
    }

    /// The least height of a picture: below, less is shown rather than all of it small.
    const fn least_height(self) -> i32 {
        match self {
            Self::Wide => 400,
            Self::Upright | Self::Slim | Self::Tiny => 0,
        }
    }

    /// The most hundredths of a pixel a millimetre, at the usual scale, for which it has room for the least sizes at this one.
    /// On panels denser than that, smaller than 15.6 inches upright or 7 inches wide, everything is smaller.
    const fn most_density(self, scale: i32) -> i32 {
        // Letters end at whole pixels: drawn smaller than they were made, or hardly larger, they leave none of the little
        // room that is over.
        let made_smaller = scale < 1050;
        match self {
            Self::Upright => 560,
            Self::Wide if !made_smaller => 675,
            Self::Slim if !made_smaller => 685,
            Self::Wide | Self::Slim | Self::Tiny => self.made_for().density,
        }
    }

    /// Width to height, in thousandths, from the narrowest to the widest area that it fills well.
    const fn stretch(self) -> (i32, i32) {
        match self {
            Self::Upright | Self::Slim => (500, 667),
            Self::Wide => (1333, 1850),
            Self::Tiny => (1000, 1850),
        }
    }

    /// This layout on a picture, if it can be read there.
    fn on(self, (width, height): (i32, i32), millimetres: Option<(i32, i32)>) -> Option<Panel> {
        let is_made_for = |panel: &Panel| panel.layout == self && (panel.width, panel.height) == (width, height);
        let made = PANELS.into_iter().find(is_made_for);
        let Panel { width: usual_width, height: usual_height, density, touch, .. } =
            made.unwrap_or_else(|| self.made_for());
        let scale = (width * 1000 / usual_width).min(height * 1000 / usual_height);
        // Small letters end at whole pixels and take more than their share.
        let scale = if self == Self::Wide && scale < 600 { scale * 97 / 100 } else { scale };
        if scale < self.least_scale() || height < self.least_height() {
            return None;
        }
        let (narrowest, widest) = self.stretch();
        let (w, h) = (width.min(height * widest / 1000), height.min(width * 1000 / narrowest));
        // On an upright panel a wide layout lies low, within reach of a person who sits.
        let middle = (height - h) / 2;
        let y = if height > width { middle.max((height / 3).min(height - h)) } else { middle };
        let usual = density * scale / 1000;
        // Ten keys stand side by side; where they cannot be a finger wide they are not what decides.
        let keys = if self == Self::Slim { i32::MAX } else { w / 10 * 1000 / TARGET };
        let most = (self.most_density(scale) * scale / 1000).min(keys).max(usual);
        let real = millimetres.filter(|(wide, _)| *wide > 0).map_or(0, |(wide, _)| width * 100 / wide);
        Some(Panel {
            name: made.map_or_else(|| self.name(), |panel| panel.name),
            width,
            height,
            area: Rect::new((width - w) / 2, y, w, h),
            layout: self,
            scale,
            density: real.clamp(usual, most),
            touch,
        })
    }
}

impl Panel {
    const fn made(name: &'static str, (width, height): (i32, i32), layout: Layout, density: i32) -> Self {
        let touch = !matches!(layout, Layout::Tiny);
        Self { name, width, height, area: Rect::new(0, 0, width, height), layout, scale: 1000, density, touch }
    }

    /// By identifier.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        PANELS.into_iter().find(|panel| panel.name == name)
    }

    /// For a picture of this size in pixels, and in millimetres where they are known. The layout is the wished one where it
    /// can be read, else the best that can; none where no layout can.
    #[must_use]
    pub fn of(pixels: (i32, i32), millimetres: Option<(i32, i32)>, wish: Option<Layout>) -> Option<Self> {
        let usual: &[Layout] = if pixels.1 <= pixels.0 {
            &[Layout::Wide, Layout::Tiny]
        } else if Self::is_small(pixels, millimetres) {
            &[Layout::Slim, Layout::Upright, Layout::Wide, Layout::Tiny]
        } else {
            &[Layout::Upright, Layout::Slim, Layout::Wide, Layout::Tiny]
        };
        wish.into_iter().chain(usual.iter().copied()).find_map(|layout| layout.on(pixels, millimetres))
    }

    /// Whether the sentences of the upright layout would be smaller than those of the layouts for seven inches.
    fn is_small((width, height): (i32, i32), millimetres: Option<(i32, i32)>) -> bool {
        let made = Layout::Upright.made_for();
        let scale = (width * 1000 / made.width).min(height * 1000 / made.height);
        millimetres.is_some_and(|(wide, _)| wide > 0 && width * 100 / wide > SMALL * scale / 1000)
    }

    /// A length that is drawn larger or smaller with the layout, in pixels.
    #[must_use]
    pub const fn scaled(self, pixels: i32) -> i32 {
        pixels * self.scale / 1000
    }

    /// Pixels for a length in tenths of a millimetre, rounded up.
    #[must_use]
    pub const fn px(self, tenths: i32) -> i32 {
        (self.density * tenths + 999) / 1000
    }

    /// The smallest capital and the smallest target on a panel of this width, both in tenths of a millimetre. Nothing is
    /// said of a panel that shows nothing to touch: whoever reads it stands before it.
    #[must_use]
    pub fn smallest(self, wide_mm: i32) -> Option<(i32, i32)> {
        let real = self.width * 100 / wide_mm.max(1);
        let of = |least: i32| least * self.density / real.max(1);
        self.touch.then(|| (of(CAPITAL), of(TARGET)))
    }

    /// Whether its layout is upright.
    #[must_use]
    pub const fn is_portrait(self) -> bool {
        matches!(self.layout, Layout::Upright | Layout::Slim)
    }

    /// Whether its layout is upright and small.
    #[must_use]
    pub const fn is_slim(self) -> bool {
        matches!(self.layout, Layout::Slim)
    }

    /// Whether there is room for one thought at a time only.
    #[must_use]
    pub const fn is_tiny(self) -> bool {
        matches!(self.layout, Layout::Tiny)
    }
}
