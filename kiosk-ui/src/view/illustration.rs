//! Drawn pictures: the card and the reader, and big signs.

use super::build::Builder;
use crate::canvas::Color;
use crate::font::{Align, Style, Weight};
use crate::geometry::Rect;
use crate::icon::Icon;
use crate::scene::{Id, Kind};
use crate::text::Phrase;
use crate::words::{Edge, Said};

const READER: Color = Color(0x0016_3250);
const READER_TOP: Color = Color(0x0021_4468);
const WAVES: Color = Color(0x007F_BBFF);
const CARD: Color = Color(0x00F2_FAFE);
const CARD_EDGE: Color = Color(0x008F_BFE4);
const INK: Color = Color(0x0047_719F);
const FAINT: Color = Color(0x009C_B6D0);
const RED: Color = Color(0x00D6_2318);
const YELLOW: Color = Color(0x00FF_E600);
const GOLD: Color = Color(0x00E2_B54B);
const GOLD_INK: Color = Color(0x007A_5A12);

impl Builder<'_> {
    fn block(&mut self, id: u16, rect: Rect, radius: i32, fill: Color) {
        self.push(Id("picture", id), rect, Kind::Panel { fill, radius, border: None, shadow: 0 });
    }

    /// The gesture: a card that sinks onto the reader, in a loop of three seconds.
    pub(super) fn gesture(&mut self, place: Rect, moving: bool) {
        // As wide as height allows: reader 3:2 under a card 8:5.
        let unit = (place.w * 10 / 32).min(place.h * 10 / 26).max(10);
        let area = place.centred(unit * 30 / 10, unit * 24 / 10);
        let reader = Rect::new(area.x, area.y + unit * 11 / 10, area.w, unit * 13 / 10);
        // Down for a second and a half, then it rests. Ten steps a second at most.
        let way = if moving { (self.state.tick % 30).min(15) as i32 } else { 15 };
        let eased = way * way * (45 - 2 * way) / 45 * 100 / 75;
        let lift = unit * 3 / 10 * (100 - eased.min(100)) / 100;
        let card = Rect::new(area.x + unit * 3 / 10, area.y + unit * 3 / 10 - lift, unit * 24 / 10, unit * 15 / 10);
        // Waves from the reader, as far as there is room.
        for ring in 0..2 {
            let size = (unit * (26 - ring * 6) / 10).min(place.h).min(place.w);
            let middle = Rect::new(reader.x, reader.y, reader.w, reader.h).centred(size, size);
            let inside = Rect::new(middle.x, middle.y.clamp(place.y, (place.bottom() - size).max(place.y)), size, size);
            let color = self.theme.background_top.mix(self.theme.primary, 40 + ring as u32 * 36);
            let width = (unit / 24).max(2);
            let kind = Kind::Ring { value: 0, width, color, track: color };
            self.push(Id("picture", 40 + ring as u16), inside, kind);
        }
        self.block(0, reader, unit * 22 / 100, READER);
        self.block(1, reader.inset(unit / 10), unit * 16 / 100, READER_TOP);
        let waves = Rect::new(reader.x, reader.bottom() - unit * 60 / 100, reader.w, unit * 45 / 100);
        let size = waves.h;
        self.icon(Id("picture", 2), waves.centred(size, size), Icon::Waves, WAVES);
        self.card(card, unit);
    }

    /// A card like the one in the hand, without anybody's data.
    fn card(&mut self, card: Rect, unit: i32) {
        let edge = (unit / 60).max(1);
        let radius = unit * 14 / 100;
        let kind = Kind::Panel { fill: CARD, radius, border: Some((edge, CARD_EDGE)), shadow: unit / 14 };
        self.push(Id("picture", 10), card, kind);
        let mut inside = card.inset(unit * 12 / 100);
        let mut head = inside.cut_top(unit * 24 / 100);
        let flag = head.cut_left(unit * 34 / 100);
        self.block(11, flag, unit / 40, RED);
        let star = flag.h * 7 / 10;
        self.icon(Id("picture", 12), flag.centred(star, star), Icon::Star, YELLOW);
        head.cut_left(unit * 8 / 100);
        let size = unit * 15 / 100;
        if size >= 9 {
            let style = Style::new(Weight::Bold, size);
            let place = head.centred(head.w, style.line_height());
            self.line(Id("picture", 13), place, "CĂN CƯỚC", style, Align::Left, Color(0x00B3_1B12));
        }
        inside.cut_top(unit * 8 / 100);
        let photo = inside.cut_left(unit * 62 / 100);
        self.block(14, photo, unit / 20, Color(0x00CF_E4F8));
        let person = photo.w * 8 / 10;
        self.icon(Id("picture", 15), photo.centred(person, person), Icon::Person, INK);
        inside.cut_left(unit * 10 / 100);
        for (at, share) in [95, 62, 78, 45].into_iter().enumerate() {
            let bar = inside.cut_top(unit * 9 / 100);
            inside.cut_top(unit * 9 / 100);
            let bar = Rect::new(bar.x, bar.y, bar.w * share / 100, bar.h);
            self.block(16 + at as u16, bar, bar.h / 2, if at == 0 { INK } else { FAINT });
        }
    }

    /// The two generations of the card, each with the side that has the QR code, and the light of the scanner over it:
    /// cards of 2021 have it on the front, those since July 2024 on the back, where the chip of both is.
    pub(super) fn scanner(&mut self, place: Rect) {
        let captions = self.state.panel.is_portrait() && !self.state.panel.is_slim();
        let beside = place.w * 10 > place.h * 12;
        let gap = self.sizes.gap;
        let parts = if beside { place.columns(2, gap) } else { place.rows(2, gap) };
        let phrases = [Phrase::CardOf2021, Phrase::CardOf2024];
        for (at, (mut part, phrase)) in parts.into_iter().zip(phrases).enumerate() {
            let style = self.label();
            if captions && self.state.screen.step() == Some(0) {
                let lines = self.fonts.wrap(self.say(phrase), style, part.w);
                let high = style.line_height() * lines.len() as i32;
                // Close to the card that it is about.
                let wanted = (part.w * 15 / 24 + gap + high).min(part.h);
                part = part.centred(part.w, wanted);
                let below = part.cut_bottom(high);
                let color = self.theme.muted;
                self.push(Id("caption", at as u16), below, Kind::Text { lines, style, align: Align::Centre, color });
                part.cut_bottom(gap);
            }
            let unit = (part.w * 10 / 25).min(part.h * 10 / 16).max(10);
            let card = part.centred(unit * 24 / 10, unit * 15 / 10);
            let first = at as u16 * 60;
            let code = if at == 0 {
                self.card(card, unit);
                Rect::new(card.right() - unit * 58 / 100, card.y + unit * 12 / 100, unit * 46 / 100, unit * 46 / 100)
            } else {
                self.back(card, unit);
                Rect::new(card.right() - unit * 66 / 100, card.y + unit * 30 / 100, unit * 52 / 100, unit * 52 / 100)
            };
            self.block(first + 30, code, unit / 30, Color(0x00FF_FFFF));
            let ink = Color(0x0011_1111);
            self.icon(Id("picture", first + 31), code.inset(unit / 40), Icon::Qr, ink);
            // A line of light that wanders over the code.
            let way = (self.state.tick % 20) as i32;
            let way = if way < 10 { way } else { 20 - way };
            let y = code.y - unit / 20 + way * (code.h + unit / 10) / 10;
            let beam = Rect::new(code.x - unit / 8, y, code.w + unit / 4, (unit / 30).max(2));
            self.block(first + 32, beam, beam.h / 2, RED);
        }
    }

    /// The back of a card since July 2024: chip left, QR code right, three lines that machines read.
    fn back(&mut self, card: Rect, unit: i32) {
        let edge = (unit / 60).max(1);
        let kind =
            Kind::Panel { fill: CARD, radius: unit * 14 / 100, border: Some((edge, CARD_EDGE)), shadow: unit / 14 };
        self.push(Id("picture", 70), card, kind);
        let mut inside = card.inset(unit * 12 / 100);
        for (at, share) in [48, 36].into_iter().enumerate() {
            let bar = inside.cut_top(unit * 9 / 100);
            inside.cut_top(unit * 7 / 100);
            let bar = Rect::new(bar.x, bar.y, bar.w * share / 100, bar.h);
            self.block(71 + at as u16, bar, bar.h / 2, if at == 0 { INK } else { FAINT });
        }
        let chip = Rect::new(inside.x, inside.y + unit * 6 / 100, unit * 38 / 100, unit * 30 / 100);
        self.block(75, chip, unit / 20, GOLD);
        let size = chip.h * 8 / 10;
        self.icon(Id("picture", 76), chip.centred(size, size), Icon::Chip, GOLD_INK);
        for at in 0..3 {
            let bar = inside.cut_bottom(unit * 6 / 100);
            inside.cut_bottom(unit * 5 / 100);
            let bar = Rect::new(bar.x, bar.y, bar.w * [90, 84, 90][at as usize] / 100, bar.h);
            self.block(80 + at, bar, 0, FAINT);
        }
    }

    /// A sign in a disc.
    pub(super) fn sign(&mut self, place: Rect, icon: Icon, color: Color) {
        let size = place.w.min(place.h);
        let disc = place.centred(size, size);
        self.push(Id("sign", 0), disc, Kind::Panel { fill: color, radius: size / 2, border: None, shadow: 0 });
        let ink = self.theme.on_signal;
        let mark = size * 55 / 100;
        self.push(Id("sign", 1), disc.centred(mark, mark), Kind::Icon { icon, tenths: 26, color: ink });
    }

    /// The shape of a word in its colour: a full disc, a ring, or a broken ring.
    pub(super) fn judgement(&mut self, place: Rect, said: &Said) {
        let shades = self.shades(said.tone);
        let size = place.w.min(place.h);
        let disc = place.centred(size, size);
        let (fill, ink) = match said.edge {
            Edge::Filled => (shades.ink, self.theme.on_signal),
            Edge::Outlined | Edge::Dashed => (self.theme.surface, shades.ink),
        };
        let border = (said.edge == Edge::Outlined).then_some(((size / 22).max(3), shades.ink));
        self.push(Id("sign", 0), disc, Kind::Panel { fill, radius: size / 2, border, shadow: 0 });
        if said.edge == Edge::Dashed {
            let kind = Kind::Icon { icon: Icon::Dashes, tenths: 11, color: shades.ink };
            self.push(Id("sign", 2), disc, kind);
        }
        let mark = size * 56 / 100;
        let kind = Kind::Icon { icon: said.icon, tenths: 20, color: ink };
        self.push(Id("sign", 1), disc.centred(mark, mark), kind);
    }
}
