//! Icons as paths, in a box of 24 by 24, drawn as strokes or filled at any size.

use crate::canvas::Mask;
use std::collections::HashMap;
use zeno::{Cap, Join, Mask as Rasteriser, Stroke, Transform};

macro_rules! icons {
    ($($name:ident: $style:ident $path:literal;)*) => {
        /// An icon.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names say what they show")]
        pub enum Icon {
            $($name,)*
        }

        impl Icon {
            /// Every icon.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Path data (SVG), and whether it is filled instead of stroked.
            #[must_use]
            pub const fn path(self) -> (&'static str, bool) {
                match self {
                    $(Self::$name => ($path, icons!(@$style)),)*
                }
            }
        }
    };
    (@filled) => { true };
    (@stroked) => { false };
}

icons! {
    Tick: stroked "M5 12.5l4.5 4.5L19 7.5";
    Cross: stroked "M6 6l12 12M18 6L6 18";
    Exclamation: stroked "M12 5v9M12 18.5v.2";
    Question: stroked "M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.2-1.5 2.3M12 18.5v.2";
    Globe: stroked "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M3 12h18M12 3c-3 2.5-4 5.5-4 9s1 6.5 4 9M12 3c3 2.5 4 5.5 4 9s-1 6.5-4 9";
    LargerText: stroked "M3 19L9 5l6 14M5.2 14h7.6M19 8v6M16 11h6";
    Contrast: stroked "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 3v18M15 4v16M18 6v12";
    Speaker: stroked "M4 9v6h4l5 4V5L8 9zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11";
    Headset: stroked "M4 14v-2a8 8 0 0 1 16 0v2M4 14h3v5H5a1 1 0 0 1-1-1zM20 14h-3v5h2a1 1 0 0 0 1-1zM20 18c0 2-2 3-5 3";
    Shield: stroked "M12 3l8 3v6c0 5-3.5 8-8 9c-4.500-1-8-4-8-9V6zM8.500 12l2.500 2.500l4.500-4.500";
    Keypad: filled "M4 4h4v4H4zM10 4h4v4h-4zM16 4h4v4h-4zM4 10h4v4H4zM10 10h4v4h-4zM16 10h4v4h-4zM4 16h4v4H4zM10 16h4v4h-4zM16 16h4v4h-4z";
    Backspace: stroked "M9 5h12v14H9l-6-7zM12.500 9.500l5 5M17.500 9.500l-5 5";
    Info: stroked "M12 11v7M12 6.500v.2";
    Shift: stroked "M12 4l8 8h-4.500v7h-7v-7H4z";
    ChevronDown: stroked "M5 9l7 7l7-7";
    Waves: stroked "M7 9a6 6 0 0 1 0 6M11 6.500a10 10 0 0 1 0 11M15 4a14 14 0 0 1 0 16";
    Person: filled "M12 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8zM4 21c0-5 3.500-7.500 8-7.500s8 2.500 8 7.500z";
    Star: filled "M12 2.500l2.900 6.300l6.900.8l-5.100 4.700l1.400 6.800L12 17.700l-6.100 3.400l1.400-6.800L2.200 9.600l6.900-.8z";
    Chip: stroked "M4 5h16v14H4zM9 5v14M15 5v14M4 10h5M15 10h5M4 14h5M15 14h5";
    Plus: filled "M9 4h6v5h5v6h-5v5H9v-5H4V9h5z";
    Qr: stroked "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.500v2.500H14zM17.500 17.500H20V20h-2.500z";
    Clock: stroked "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 7v5l3.500 2";
    Tools: stroked "M14 6a4 4 0 0 0 5 5l-9 9a2.800 2.800 0 0 1-4-4l9-9zM4 4l6 6";
    Ticket: stroked "M3 7h18v4a2 2 0 0 0 0 4v4H3v-4a2 2 0 0 0 0-4zM14 7v2.500M14 12v2M14 16.500V19";
    ShieldCross: stroked "M12 3l8 3v6c0 5-3.500 8-8 9c-4.500-1-8-4-8-9V6zM9.200 9.200l5.600 5.600M14.800 9.200l-5.600 5.600";
    Pin: stroked "M9 3h6M10 3v6.500l-3.500 3v2h11v-2l-3.500-3V3M12 14.500V21";
    Triangle: stroked "M12 4L2.800 19.500h18.400zM12 10v4.500M12 17v.1";
    Eye: stroked "M2.500 12C5 7.500 8.300 5.500 12 5.500s7 2 9.500 6.500c-2.500 4.500-5.800 6.500-9.500 6.500s-7-2-9.500-6.500zM12 9a3 3 0 1 0 0 6a3 3 0 1 0 0-6";
    Pencil: stroked "M4 20l1.200-4.700L15.800 4.700a2 2 0 0 1 2.800 0l.7.7a2 2 0 0 1 0 2.800L8.700 18.800zM13.500 7l3.500 3.500";
    Arrows: stroked "M4 8.500h15.500M16 5l3.500 3.500L16 12M20 15.500H4.500M8 12l-3.500 3.500L8 19";
    CalendarCross: stroked "M6 5h12a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM4 9.500h16M8 2.800v4M16 2.800v4M10 12.500l4 4M14 12.500l-4 4";
    Passport: stroked "M7 3h10a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM12 7a3.200 3.200 0 1 0 0 6.400a3.200 3.200 0 1 0 0-6.400M9 10.200h6M9 17h6";
    Card: stroked "M4.500 5h15a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM8 9a1.700 1.700 0 1 0 0 3.400a1.700 1.700 0 1 0 0-3.400M5.500 15.800c.3-1.300 1.200-2 2.500-2s2.200.7 2.500 2M14 10h4.500M14 14h4.500";
    ArrowRight: stroked "M4 12h16M13.500 5.500L20 12l-6.500 6.500";
    ArrowLeft: stroked "M20 12H4M10.500 5.500L4 12l6.500 6.500";
    ArrowDown: stroked "M12 4v16M5.500 13.500L12 20l6.500-6.500";
    ArrowUp: stroked "M12 20V4M5.500 10.500L12 4l6.500 6.500";
    Notice: stroked "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M12 11v5.500M12 7.500v.2";
    Dashes: stroked "M12.00 1.10A10.9 10.9 0 0 1 15.15 1.57M17.45 2.56A10.9 10.9 0 0 1 19.95 4.54M21.44 6.55A10.9 10.9 0 0 1 22.61 9.51M22.90 12.00A10.9 10.9 0 0 1 22.43 15.15M21.44 17.45A10.9 10.9 0 0 1 19.46 19.95M17.45 21.44A10.9 10.9 0 0 1 14.49 22.61M12.00 22.90A10.9 10.9 0 0 1 8.85 22.43M6.55 21.44A10.9 10.9 0 0 1 4.05 19.46M2.56 17.45A10.9 10.9 0 0 1 1.39 14.49M1.10 12.00A10.9 10.9 0 0 1 1.57 8.85M2.56 6.55A10.9 10.9 0 0 1 4.54 4.05M6.55 2.56A10.9 10.9 0 0 1 9.51 1.39";
}

/// Rasterised icons.
#[derive(Debug, Default)]
pub struct Icons(HashMap<(Icon, i32, i32), Mask>);

impl Icons {
    /// The mask of an icon in a box of `size` pixels, strokes `tenths` of a unit of the 24-unit box wide.
    pub fn mask(&mut self, icon: Icon, size: i32, tenths: i32) -> &Mask {
        self.0.entry((icon, size, tenths)).or_insert_with(|| {
            let (path, filled) = icon.path();
            let scale = size as f32 / 24.0;
            let mut rasteriser = Rasteriser::new(path);
            let mut stroke = Stroke::new(tenths as f32 / 10.0);
            stroke.cap(Cap::Round).join(Join::Round);
            if !filled {
                rasteriser.style(stroke);
            }
            let (coverage, placement) = rasteriser.transform(Some(Transform::scale(scale, scale))).render();
            Mask {
                x: placement.left,
                y: placement.top,
                w: placement.width as i32,
                h: placement.height as i32,
                coverage,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_draws_inside_its_box() {
        let mut icons = Icons::default();
        for &icon in Icon::ALL {
            let mask = icons.mask(icon, 96, 18);
            assert!(mask.coverage.iter().filter(|c| **c > 128).count() > 60, "{icon:?} shows something");
            assert!(mask.x >= 0 && mask.y >= 0 && mask.x + mask.w <= 97 && mask.y + mask.h <= 97, "{icon:?} {mask:?}");
        }
    }
}
