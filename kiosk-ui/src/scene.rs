//! What is on the glass: a flat list of nodes, later ones above earlier ones. Drawing, touch, speech, the lint and what
//! must be redrawn all come from it.

use crate::canvas::{Canvas, Color};
use crate::code::Code;
use crate::font::{Align, Fonts, Style};
use crate::geometry::Rect;
use crate::icon::{Icon, Icons};
use crate::portrait::Picture;
use crate::state::Act;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A node's name: the same thing keeps it from picture to picture, whatever comes or goes beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(pub &'static str, pub u16);

/// How a node looks.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// A change of colour from top to bottom.
    Gradient(Color, Color),
    /// A round rectangle.
    Panel {
        /// Inside.
        fill: Color,
        /// Corners.
        radius: i32,
        /// Width and colour of the edge.
        border: Option<(i32, Color)>,
        /// How far its shadow reaches; 0 for none.
        shadow: i32,
    },
    /// Lines of text, in the middle of the height.
    Text {
        /// Already broken; they may name somebody.
        lines: Vec<Zeroizing<String>>,
        /// Weight and size.
        style: Style,
        /// Where in the width.
        align: Align,
        /// Colour.
        color: Color,
    },
    /// An icon in a square.
    Icon {
        /// Which.
        icon: Icon,
        /// Width of its strokes in tenths of a unit of 24.
        tenths: i32,
        /// Colour.
        color: Color,
    },
    /// Progress as a ring, from the top clockwise.
    Ring {
        /// Per cent.
        value: u8,
        /// Width of the ring.
        width: i32,
        /// The part that is done.
        color: Color,
        /// The rest.
        track: Color,
    },
    /// A portrait.
    Picture(Arc<Picture>),
    /// A QR code: dark on light in every theme, or telephones do not read it.
    Code(Arc<Code>),
}

/// One thing on the glass. Its `Debug` output says where it is, not what it says: that may be a name.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub id: Id,
    /// Its place.
    pub rect: Rect,
    /// Its look.
    pub kind: Kind,
    /// What touching it does.
    pub hit: Option<Act>,
    /// What is said of it, in the language of the screen; never a digit that somebody typed.
    pub say: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gradient(..) => "Gradient",
            Self::Panel { .. } => "Panel",
            Self::Text { .. } => "Text",
            Self::Icon { .. } => "Icon",
            Self::Ring { .. } => "Ring",
            Self::Picture(_) => "Picture",
            Self::Code(_) => "Code",
        })
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?} {:?}", self.id, self.rect, self.kind)
    }
}

impl Node {
    /// Everything that it may colour: nothing outside is ever drawn.
    #[must_use]
    pub const fn bounds(&self) -> Rect {
        match &self.kind {
            Kind::Panel { shadow, .. } => self.rect.inset(-*shadow),
            _ => self.rect,
        }
    }
}

/// A whole screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scene {
    /// From the back to the front.
    pub nodes: Vec<Node>,
}

/// More separate places than this are redrawn as one.
const MOST_PLACES: usize = 12;

impl Scene {
    /// What touching this point does: the uppermost target decides.
    #[must_use]
    pub fn hit(&self, x: i32, y: i32) -> Option<Act> {
        self.nodes.iter().rev().filter(|node| node.rect.contains(x, y)).find_map(|node| node.hit)
    }

    /// What is said when the screen comes: what it is about, then what can be done, then the tools that every screen has.
    /// Keys are said when they are pressed.
    pub fn speech(&self) -> impl Iterator<Item = &str> {
        let turn = |node: &&Node| match (node.hit, node.id.0) {
            (None, _) => 0,
            (Some(Act::Digit(_) | Act::Key(_)), _) => 3,
            (Some(_), "tool") => 2,
            (Some(_), _) => 1,
        };
        (0..3)
            .flat_map(move |wanted| self.nodes.iter().filter(move |node| turn(node) == wanted))
            .filter_map(|node| node.say.as_ref().map(|text| text.as_str()))
    }

    /// The places where this scene looks other than `before`.
    #[must_use]
    pub fn damage(&self, before: &Self) -> Vec<Rect> {
        let mut places = Vec::new();
        let find = |scene: &Self, id: Id| scene.nodes.iter().position(|node| node.id == id);
        // Where order changes, what lies above what changes, too.
        let mut last = None;
        for node in &self.nodes {
            match find(before, node.id) {
                Some(at) if last.is_none_or(|last| at > last) => {
                    last = Some(at);
                    let old = &before.nodes[at];
                    // What is said is not seen.
                    if (old.rect, &old.kind) != (node.rect, &node.kind) {
                        places.extend([old.bounds(), node.bounds()]);
                    }
                }
                Some(at) => places.extend([before.nodes[at].bounds(), node.bounds()]),
                None => places.push(node.bounds()),
            }
        }
        places.extend(before.nodes.iter().filter(|old| find(self, old.id).is_none()).map(Node::bounds));
        merge(places)
    }
}

/// Joins places that overlap, and all of them when there are too many.
fn merge(mut places: Vec<Rect>) -> Vec<Rect> {
    places.retain(|place| !place.is_empty());
    let mut merged: Vec<Rect> = Vec::new();
    while let Some(mut place) = places.pop() {
        while let Some(at) = merged.iter().position(|other| !other.intersection(place).is_empty()) {
            place = place.union(merged.swap_remove(at));
        }
        merged.push(place);
    }
    if merged.len() > MOST_PLACES {
        merged = vec![merged.into_iter().fold(Rect::default(), Rect::union)];
    }
    merged
}

/// Draws scenes, and remembers the last one so that only what changed is drawn.
#[derive(Debug, Default)]
pub struct Renderer {
    /// Text.
    pub fonts: Fonts,
    icons: Icons,
    shown: Option<Scene>,
}

impl Renderer {
    /// What touching this point of the picture that shows does.
    #[must_use]
    pub fn hit(&self, x: i32, y: i32) -> Option<Act> {
        self.shown.as_ref()?.hit(x, y)
    }

    /// Draws what changed since the last call; gives back the scene and says where it changed.
    pub fn draw(&mut self, canvas: &mut Canvas, scene: Scene) -> (&Scene, Vec<Rect>) {
        let places = match &self.shown {
            Some(before) => scene.damage(before),
            None => vec![canvas.bounds()],
        };
        for place in &places {
            self.draw_part(canvas, &scene, *place);
        }
        (self.shown.insert(scene), places)
    }

    /// Draws one part of a scene.
    pub fn draw_part(&mut self, canvas: &mut Canvas, scene: &Scene, part: Rect) {
        for node in &scene.nodes {
            let clip = node.bounds().intersection(part);
            if !clip.is_empty() {
                canvas.set_clip(clip);
                self.draw_node(canvas, node);
            }
        }
        canvas.set_clip(canvas.bounds());
    }

    /// Wipes what it remembers of a person, and the glass.
    pub fn forget(&mut self, canvas: &mut Canvas) {
        self.fonts.forget();
        self.shown = None;
        canvas.wipe();
    }

    fn draw_node(&mut self, canvas: &mut Canvas, node: &Node) {
        let rect = node.rect;
        match &node.kind {
            Kind::Gradient(top, bottom) => canvas.gradient(rect, *top, *bottom),
            Kind::Panel { fill, radius, border, shadow } => {
                if *shadow > 0 {
                    canvas.shadow(rect, *radius, *shadow, 34, Color(0x0012_2B4A));
                }
                match border {
                    Some((width, color)) => {
                        canvas.fill_round(rect, *radius, *color);
                        canvas.fill_round(rect.inset(*width), (radius - width).max(0), *fill);
                    }
                    None => canvas.fill_round(rect, *radius, *fill),
                }
            }
            Kind::Text { lines, style, align, color } => {
                self.fonts.draw_block(canvas, lines, *style, rect, *align, *color);
            }
            Kind::Icon { icon, tenths, color } => {
                let size = rect.w.min(rect.h);
                let square = rect.centred(size, size);
                canvas.blend_mask(self.icons.mask(*icon, size, *tenths), square.x, square.y, *color);
            }
            Kind::Ring { value, width, color, track } => canvas.ring(rect, *width, *value, *color, *track),
            Kind::Picture(picture) => {
                canvas.picture(rect, picture.width as i32, picture.height as i32, picture.rgb());
            }
            Kind::Code(code) => code.draw(canvas, rect),
        }
    }
}
