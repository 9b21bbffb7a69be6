//! One question after the other: which device, and whether it works. Each can be left out.

use super::ask::Ask;
use super::proposal::Proposal;
use super::trial::{self, Easel, Parts, Touched};
use config::no_table;
use config::{Config, Kiosk};
use devices::sound::Sound;
use devices::specification;
use drivers::display::Display;
use drivers::inventory::{Entry, Kind};
use drivers::touch::Rotation;
use kiosk_ui::Screen;
use program::Failure;
use std::path::Path;

/// Asks for everything, and has it tried.
#[derive(Debug)]
pub struct Dialogue<'a, A, P> {
    /// Who answers.
    pub ask: &'a mut A,
    /// Where parts come from.
    pub parts: &'a mut P,
    /// What is attached.
    pub devices: &'a [Entry],
    /// The device's file.
    pub config: &'a Path,
}

/// How a trial ended.
enum Tried {
    /// It works, or is good enough.
    Well,
    /// It does not, for this reason.
    Not(Failure),
    /// Nobody did what was asked, or did not see or hear it.
    Unnoticed(&'static str),
}

const WITHOUT: &str = "Không dùng · None";

impl<A: Ask, P: Parts> Dialogue<'_, A, P> {
    /// Goes through all parts of a place.
    ///
    /// # Errors
    /// When nobody can be asked any more.
    pub fn run(&mut self, proposal: &mut Proposal) -> Result<(), Failure> {
        let site = proposal.path("site");
        let called = proposal.text(&site).unwrap_or_default().to_owned();
        let called = loop {
            let question = "Tên nơi đặt, như trên màn hình · Name of the site, as on the screen";
            let answer = self.ask.text(question, &called)?;
            if !answer.is_empty() {
                break answer;
            }
        };
        proposal.set(&site, called);
        self.part(proposal, Kind::Reader, "reader", "Đầu đọc thẻ · Card reader", Self::try_reader)?;
        if proposal.place.table() == "kiosk" {
            let key = proposal.path("display");
            self.part(proposal, Kind::Display, &key, "Màn hình · Display", Self::try_display)?;
            if proposal.panel().is_none_or(|panel| panel.touch) {
                let key = proposal.path("touch");
                self.part(proposal, Kind::Touch, &key, "Cảm ứng · Touch screen", Self::try_touch)?;
            }
        }
        let key = proposal.path("scanner");
        self.part(proposal, Kind::Scanner, &key, "Máy quét mã · Scanner", Self::try_scanner)?;
        let key = proposal.path("printer.device");
        self.part(proposal, Kind::Printer, &key, "Máy in phiếu · Printer", Self::try_printer)?;
        if proposal.text(&key).is_none() {
            // A printer without a device is none.
            let printer = proposal.path("printer");
            proposal.remove(&printer);
        }
        if proposal.place.table() == "kiosk" {
            let key = proposal.path("speech");
            self.part(proposal, Kind::Speech, &key, "Tiếng nói · Speech", Self::try_speech)?;
        }
        self.lines(proposal)
    }

    /// One part: chosen, tried, chosen anew where it does not work.
    fn part(
        &mut self,
        proposal: &mut Proposal,
        kind: Kind,
        key: &str,
        called: &str,
        attempt: fn(&mut Self, &mut Proposal) -> Result<Tried, Failure>,
    ) -> Result<(), Failure> {
        loop {
            if !self.choose(proposal, kind, key, called)? {
                return Ok(());
            }
            if !self.ask.yes(&format!("{called}: thử bây giờ? · try it now?"))? {
                return Ok(());
            }
            loop {
                match attempt(self, proposal)? {
                    Tried::Well => {
                        self.ask.say(&format!("✓ {called}"));
                        return Ok(());
                    }
                    Tried::Not(Failure { code, message, remedy, .. }) => {
                        self.ask.say(&format!("✗ {message} [{code}]\n  → {remedy}"));
                    }
                    Tried::Unnoticed(what) => self.ask.say(&format!("✗ {what}")),
                }
                let ways = ["Thử lại · Try again", "Chọn cái khác · Choose another", "Để như vậy · Leave it so"];
                match self.ask.choose("Tiếp theo? · What next?", &ways.map(str::to_owned), 0)? {
                    0 => {}
                    1 => break,
                    _ => return Ok(()),
                }
            }
        }
    }

    /// Which device; whether there is one.
    fn choose(&mut self, proposal: &mut Proposal, kind: Kind, key: &str, called: &str) -> Result<bool, Failure> {
        let named = proposal.text(key).map(str::to_owned);
        let mut names: Vec<&str> = self.devices.iter().filter(|e| e.kind == kind).map(|e| e.name.as_str()).collect();
        names.extend(named.as_deref().filter(|named| !names.contains(named)));
        let mut items: Vec<String> = names.iter().map(|name| self.line(kind, name)).collect();
        let may_be_without = !matches!(kind, Kind::Reader | Kind::Display);
        if may_be_without {
            items.push(WITHOUT.to_owned());
        }
        if items.is_empty() {
            self.ask.say(&format!("{called}: không tìm thấy · none was found"));
            return Ok(false);
        }
        let default =
            named.as_deref().map_or(names.len(), |named| names.iter().position(|name| *name == named).unwrap_or(0));
        let chosen = self.ask.choose(called, &items, default.min(items.len() - 1))?;
        match names.get(chosen) {
            Some(name) => proposal.set(key, *name),
            None => proposal.remove(key),
        }
        // The layout that was wished for was another display's.
        if kind == Kind::Display && names.get(chosen).copied() != named.as_deref() {
            proposal.remove(&proposal.path("panel"));
        }
        Ok(chosen < names.len())
    }

    /// A device as it is offered.
    fn line(&self, kind: Kind, name: &str) -> String {
        let Some(entry) = self.devices.iter().find(|entry| entry.kind == kind && entry.name == name) else {
            return name.to_owned();
        };
        let doubt = if entry.likely { "" } else { "? " };
        let why = entry.failure.as_ref().map_or_else(String::new, |why| format!(" [{}]", why.code));
        format!("{doubt}{} ({name}){why}", entry.called)
    }

    /// The kiosk that the file would be.
    fn kiosk(&self, proposal: &Proposal) -> Result<Kiosk, Failure> {
        let config = Config::assemble(self.config, proposal.file.to_string(), None)?;
        config.kiosk.ok_or_else(|| no_table("kiosk"))
    }

    fn try_reader(&mut self, proposal: &mut Proposal) -> Result<Tried, Failure> {
        self.ask.say("Đặt một thẻ lên đầu đọc… · Lay a card on the reader…");
        let name = proposal.text("reader").unwrap_or("pcsc").to_owned();
        Ok(match self.parts.reader(&name).and_then(|mut reader| trial::card(&mut *reader)) {
            Ok(true) => Tried::Well,
            Ok(false) => Tried::Unnoticed("không có thẻ nào · no card came"),
            Err(failure) => Tried::Not(failure),
        })
    }

    /// The display of the file, and how it is turned.
    fn open_display(&mut self, proposal: &Proposal) -> Result<(Box<dyn Display>, Rotation), Failure> {
        let kiosk = self.kiosk(proposal)?;
        let rotation = specification::rotation(&kiosk)?;
        Ok((self.parts.display(&kiosk)?, rotation))
    }

    fn try_display(&mut self, proposal: &mut Proposal) -> Result<Tried, Failure> {
        loop {
            let mut display = match self.open_display(proposal) {
                Ok((display, _)) => display,
                Err(failure) => return Ok(Tried::Not(failure)),
            };
            let shown =
                Easel::new(&mut *display, proposal.panel()).and_then(|mut easel| easel.show(Screen::TestPicture));
            if let Err(error) = shown {
                return Ok(Tried::Not(error.into()));
            }
            let answers = ["Đúng · Yes", "Xoay · Turn it", "Không thấy gì · Nothing shows"].map(str::to_owned);
            match self.ask.choose("Thấy đủ bốn cạnh, chữ đứng thẳng? · All four edges, words upright?", &answers, 0)?
            {
                0 => return Ok(Tried::Well),
                1 => {}
                _ => return Ok(Tried::Unnoticed("không thấy ảnh thử · the test picture was not seen")),
            }
            let turns = [Rotation::None, Rotation::Right, Rotation::Half, Rotation::Left];
            let degrees = turns.map(|turn| format!("{}°", turn.degrees()));
            let chosen = self.ask.choose("Xoay theo chiều kim đồng hồ · Turned clockwise by", &degrees, 1)?;
            proposal.turn(turns[chosen.min(turns.len() - 1)]);
        }
    }

    fn try_touch(&mut self, proposal: &mut Proposal) -> Result<Tried, Failure> {
        self.ask.say("Chạm vào giữa từng dấu trên màn hình · Touch the middle of each mark on the screen");
        let (mut display, rotation) = match self.open_display(proposal) {
            Ok(opened) => opened,
            Err(failure) => return Ok(Tried::Not(failure)),
        };
        let mut screen = self.parts.touch(proposal.text(&proposal.path("touch")).unwrap_or_default());
        let key = proposal.path("calibration");
        let touched = Easel::new(&mut *display, proposal.panel())
            .and_then(|mut easel| trial::touch(&mut easel, &mut *screen, rotation));
        Ok(match touched {
            Ok(Touched::Right(None)) => {
                proposal.remove(&key);
                Tried::Well
            }
            Ok(Touched::Right(Some(calibration))) => {
                proposal.set(&key, calibration.to_string());
                Tried::Well
            }
            Ok(Touched::Nobody) => Tried::Unnoticed("không ai chạm · no touch came"),
            Ok(Touched::Badly) => Tried::Unnoticed("chạm lệch dấu nhiều lần · the marks were missed again and again"),
            Err(error) => Tried::Not(error.into()),
        })
    }

    fn try_scanner(&mut self, proposal: &mut Proposal) -> Result<Tried, Failure> {
        self.ask.say("Đưa một mã QR trước máy quét… · Hold a QR code to the scanner…");
        let name = proposal.text(&proposal.path("scanner")).unwrap_or_default().to_owned();
        Ok(match self.parts.scanner(&name).and_then(|mut scanner| trial::scan(&mut *scanner)) {
            Ok(Some((letters, with_signs))) => {
                let signs = if with_signs { "" } else { "; mất dấu: cccd-agent scanner-code · without signs" };
                self.ask.say(&format!("{letters} ký tự · letters{signs}"));
                Tried::Well
            }
            Ok(None) => Tried::Unnoticed("không có mã nào · no code came"),
            Err(failure) => Tried::Not(failure),
        })
    }

    fn try_printer(&mut self, proposal: &mut Proposal) -> Result<Tried, Failure> {
        let config = Config::assemble(self.config, proposal.file.to_string(), None)?;
        let printer = match proposal.place.table() {
            "kiosk" => config.kiosk.and_then(|kiosk| kiosk.printer),
            _ => config.desk.and_then(|desk| desk.printer),
        };
        let Some(printer) = printer else { return Ok(Tried::Unnoticed("printer?")) };
        let site = proposal.text(&proposal.path("site")).unwrap_or_default().to_owned();
        if let Err(failure) = self.parts.printer(&printer).and_then(|mut printer| trial::print(&mut *printer, &site)) {
            return Ok(Tried::Not(failure));
        }
        if self.ask.yes("Phiếu thử in rõ? · Is the test slip readable?")? {
            return Ok(Tried::Well);
        }
        // What is wrong with it most often.
        let widths = [("80 mm", 576_i64), ("58 mm", 384)];
        let chosen = self.ask.choose("Khổ giấy · Width of the paper", &widths.map(|(width, _)| width.to_owned()), 0)?;
        let dots = proposal.path("printer.dots");
        proposal.set(&dots, widths[chosen.min(widths.len() - 1)].1);
        Ok(Tried::Unnoticed("phiếu in không rõ · the slip is not readable"))
    }

    fn try_speech(&mut self, proposal: &mut Proposal) -> Result<Tried, Failure> {
        let kiosk = self.kiosk(proposal)?;
        let played = match self.parts.speaker(&kiosk) {
            Ok(Some(mut speaker)) => speaker.play(Sound::Done.tones()).map_err(Failure::from),
            Ok(None) => Ok(()),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = played {
            return Ok(Tried::Not(failure));
        }
        let heard = self.ask.yes("Nghe tiếng bíp? · Did you hear the beep?")?;
        Ok(if heard { Tried::Well } else { Tried::Unnoticed("không nghe gì · nothing was heard") })
    }

    /// Nobody can see what is wired to a chip.
    fn lines(&mut self, proposal: &mut Proposal) -> Result<(), Failure> {
        let chips: Vec<&Entry> = self.devices.iter().filter(|entry| entry.kind == Kind::Lines).collect();
        let (key, wired) = (proposal.path("lines.chip"), proposal.path("lines"));
        if chips.is_empty() && proposal.text(&key).is_none() {
            return Ok(());
        }
        if !self.choose(proposal, Kind::Lines, &key, "Đèn, cửa, công tắc (GPIO) · Lights, door, switch (GPIO)")?
        {
            proposal.remove(&wired);
            return Ok(());
        }
        let kiosk = [
            ("ready", "Đèn sẵn sàng · Light: ready"),
            ("busy", "Đèn đang phục vụ · Light: busy"),
            ("problem", "Đèn cần giúp · Light: somebody is wanted"),
            ("buzzer", "Còi · Buzzer"),
            ("tamper", "Công tắc mở tủ · Switch of the cabinet"),
        ];
        let is_kiosk = proposal.place.table() == "kiosk";
        let asked = kiosk.into_iter().filter(|_| is_kiosk).chain([("door", "Cửa · Door")]);
        for (line, called) in asked {
            let key = proposal.path(&format!("lines.{line}"));
            let now = proposal.text(&key).unwrap_or_default().to_owned();
            let question =
                format!("{called}: số đường, '-' là không có · line, '-' is none (17, 22 active-low pull-up)");
            let text = self.ask.text(&question, if now.is_empty() { "-" } else { &now })?;
            if text.is_empty() || text == "-" {
                proposal.remove(&key);
            } else {
                proposal.set(&key, text);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::Place;
    use crate::setup::proposal::Sources;
    use crate::setup::trial::tests::{Quick, screen_with, tap};
    use config::Printer as PrinterSettings;
    use drivers::device::DeviceError;
    use drivers::display::Size;
    use drivers::display::simulated::{Glass, SimulatedDisplay};
    use drivers::printer::Printer;
    use drivers::printer::escpos::EscPos;
    use drivers::printer::simulated::{SimulatedTransport, Tray};
    use drivers::reader::Reader;
    use drivers::scanner::Scanner;
    use drivers::scanner::simulated::{Hand, SimulatedScanner};
    use drivers::speech::Speaker;
    use drivers::speech::simulated::{Ear, SimulatedSpeaker};
    use drivers::touch::Touchscreen;
    use kiosk_ui::state::MARKS;
    use std::collections::VecDeque;

    /// What a technician answers: a part of the question, and yes, no, a part of the item, or a text.
    struct Script(VecDeque<(&'static str, &'static str)>, Vec<String>);

    impl Script {
        fn answer(&mut self, question: &str) -> &'static str {
            let (part, answer) = self.0.pop_front().unwrap_or_else(|| panic!("nobody expected {question}"));
            assert!(question.contains(part), "{question} is not about {part}");
            answer
        }
    }

    impl Ask for Script {
        fn say(&mut self, text: &str) {
            self.1.push(text.to_owned());
        }

        fn yes(&mut self, question: &str) -> Result<bool, Failure> {
            Ok(self.answer(question) == "yes")
        }

        fn choose(&mut self, question: &str, items: &[String], default: usize) -> Result<usize, Failure> {
            let wanted = self.answer(question);
            let found = items.iter().position(|item| item.contains(wanted));
            Ok(if wanted.is_empty() {
                default
            } else {
                found.unwrap_or_else(|| panic!("{wanted} is none of {items:?}"))
            })
        }

        fn text(&mut self, question: &str, default: &str) -> Result<String, Failure> {
            let answer = self.answer(question);
            Ok(if answer.is_empty() { default } else { answer }.to_owned())
        }
    }

    /// Parts that are simulated, and what becomes of them.
    #[derive(Default)]
    struct Bench {
        glass: Glass,
        touches: Vec<(f64, f64)>,
        hand: Hand,
        tray: Tray,
        ear: Ear,
    }

    /// A panel of 1920x1080.
    const PANEL: Size = Size::new(1920, 1080);

    impl Parts for Bench {
        fn display(&mut self, kiosk: &Kiosk) -> Result<Box<dyn Display>, Failure> {
            let rotation = specification::rotation(kiosk)?;
            Ok(Box::new(SimulatedDisplay::new(self.glass.clone(), PANEL, rotation)))
        }

        fn touch(&mut self, _: &str) -> Box<dyn Touchscreen> {
            let (hand, screen) = screen_with();
            self.touches.iter().for_each(|(x, y)| hand.happen(tap(*x, *y)));
            Box::new(Quick(screen))
        }

        fn scanner(&mut self, _: &str) -> Result<Box<dyn Scanner>, Failure> {
            Ok(Box::new(SimulatedScanner(self.hand.clone())))
        }

        fn printer(&mut self, printer: &PrinterSettings) -> Result<Box<dyn Printer>, Failure> {
            Ok(Box::new(EscPos::new(SimulatedTransport(self.tray.clone()), printer.dots)))
        }

        fn speaker(&mut self, _: &Kiosk) -> Result<Option<Box<dyn Speaker>>, Failure> {
            Ok(Some(Box::new(SimulatedSpeaker(self.ear.clone()))))
        }

        fn reader(&mut self, name: &str) -> Result<Box<dyn Reader>, Failure> {
            reading::readers::open(if name == "pcsc" { "sim:an" } else { name })
        }
    }

    fn devices() -> Vec<Entry> {
        [
            (Kind::Display, "drm:auto"),
            (Kind::Touch, "Goodix"),
            (Kind::Scanner, "serial:/dev/ttyACM0"),
            (Kind::Reader, "pcsc"),
            (Kind::Printer, "usb:/dev/usb/lp0"),
            (Kind::Speech, "espeak-ng"),
            (Kind::Lines, "/dev/gpiochip0"),
        ]
        .map(|(kind, name)| {
            let modes = if kind == Kind::Display { vec![PANEL] } else { Vec::new() };
            let name = name.to_owned();
            Entry { kind, called: format!("called {name}"), name, likely: true, modes, failure: None }
        })
        .to_vec()
    }

    /// What comes of answers at a bench.
    fn talk(
        place: Place,
        devices: &[Entry],
        bench: &mut Bench,
        answers: &[(&'static str, &'static str)],
    ) -> (Proposal, Vec<String>) {
        let own = "trust='t'\nstate='s'\nkeys='k'\npass_phrase_file='p'\n";
        let sources = Sources { devices, own, site: "", wanted: "", called: None, assigned: Some("") };
        let mut proposal = Proposal::new(place, &sources).expect("a proposal");
        let mut script = Script(answers.iter().copied().collect(), Vec::new());
        let config = Path::new("/nowhere/agent.toml");
        Dialogue { ask: &mut script, parts: bench, devices, config }.run(&mut proposal).expect("to the end");
        assert!(script.0.is_empty(), "not asked: {:?}", script.0);
        (proposal, script.1)
    }

    #[test]
    fn a_kiosk_is_tried_part_by_part() {
        // The panel hangs on its side the other way round, and its touch screen is not turned with it.
        let upright = drivers::touch::Calibration::from(Rotation::Left);
        let mut bench = Bench {
            touches: MARKS.map(|(x, y)| (f64::from(x) / 100.0, f64::from(y) / 100.0)).to_vec(),
            ..Bench::default()
        };
        bench.hand.hold("001099000017|||");
        let answers = [
            ("Name of the site", "Viện A"),
            ("Card reader", ""),
            ("try it now", "yes"),
            ("Display", "drm:auto"),
            ("try it now", "yes"),
            ("All four edges", "Turn it"),
            ("Turned clockwise", "270"),
            ("All four edges", "Yes"),
            ("Touch screen", "called Goodix"),
            ("try it now", "yes"),
            ("Scanner", ""),
            ("try it now", "yes"),
            ("Printer", ""),
            ("try it now", "yes"),
            ("readable", "no"),
            ("Width", "58 mm"),
            ("What next", "Try again"),
            ("readable", "yes"),
            ("Speech", ""),
            ("try it now", "yes"),
            ("beep", "no"),
            ("What next", "Leave it so"),
            ("GPIO", "gpiochip0"),
            ("ready", "17"),
            ("busy", "-"),
            ("wanted", ""),
            ("Buzzer", ""),
            ("Switch", "22 active-low pull-up"),
            ("Door", ""),
        ];
        let (proposal, said) = talk(Place::Kiosk, &devices(), &mut bench, &answers);
        for (path, value) in [
            ("kiosk.site", "Viện A"),
            ("kiosk.lines.ready", "17"),
            ("kiosk.lines.tamper", "22 active-low pull-up"),
            ("kiosk.speech", "espeak-ng"),
        ] {
            assert_eq!(proposal.text(path), Some(value), "{path}");
        }
        let text = proposal.file.to_string();
        assert!(
            text.contains("rotation = 270") && !text.contains("\nbuzzer = ") && !text.contains("\nbusy = "),
            "{text}"
        );
        let calibration = proposal.text("kiosk.calibration").expect("the screen is not turned");
        let calibration: drivers::touch::Calibration = calibration.parse().expect("six numbers");
        let (x, y) = calibration.then(upright).apply(0.9, 0.1);
        assert!((x - 0.9).abs() < 0.01 && (y - 0.1).abs() < 0.01, "{x} {y}");
        assert!(text.contains("dots = 384"), "{text}");
        assert_eq!(bench.tray.receipts().iter().map(|slip| slip.width()).collect::<Vec<_>>(), [576, 384]);
        assert!(!bench.ear.played().is_empty());
        let said = said.join("\n");
        // What was scanned is nobody's business.
        assert!(said.contains("15 ký tự") && !said.contains("001099000017"), "{said}");
        assert!(said.contains("✗ không nghe gì"), "{said}");
    }

    #[test]
    fn everything_can_be_left_out_and_what_is_absent_says_why() {
        let mut bench = Bench::default();
        bench.glass.unplug(true);
        bench.tray.unplug(true);
        let answers = [
            ("Name of the site", ""),
            ("Name of the site", "Viện A"),
            ("Card reader", ""),
            ("try it now", "no"),
            ("Display", ""),
            ("try it now", "yes"),
            ("What next", "Try again"),
            ("What next", "Leave it so"),
            ("Touch screen", "None"),
            ("Scanner", "None"),
            ("Printer", ""),
            ("try it now", "yes"),
            ("What next", "Choose another"),
            ("Printer", "None"),
            ("Speech", "None"),
            ("GPIO", "None"),
        ];
        let (proposal, said) = talk(Place::Kiosk, &devices(), &mut bench, &answers);
        for path in ["kiosk.touch", "kiosk.scanner", "kiosk.printer.device", "kiosk.speech", "kiosk.lines.chip"] {
            assert_eq!(proposal.text(path), None, "{path}");
        }
        let said = said.join("\n");
        assert_eq!(said.matches("[device_absent]").count(), 3, "{said}");
        assert!(!proposal.file.to_string().contains("\n[kiosk.printer]"), "no printer without a device");
    }

    #[test]
    fn a_layout_wished_for_one_display_is_not_kept_for_another() {
        let mut devices = devices();
        devices.truncate(1);
        let small = Entry { name: "fbdev:/dev/fb0".to_owned(), modes: vec![Size::new(800, 480)], ..devices[0].clone() };
        devices.push(small);
        let leave = ("try it now", "no");
        let answers = [("Name of the site", "S"), ("Card reader", ""), leave, ("Display", "fbdev"), leave];
        let none = ["Touch screen", "Scanner", "Printer", "Speech"].map(|part| (part, "None"));
        let (proposal, _) = talk(Place::Gate, &devices, &mut Bench::default(), &[&answers[..], &none].concat());
        assert_eq!((proposal.text("kiosk.panel"), proposal.text("profile")), (None, Some("gate")));
    }

    #[test]
    fn a_desk_is_asked_for_its_own_parts_only() {
        let denied = DeviceError::Denied { device: "/dev/ttyACM0".to_owned(), group: None };
        let mut devices = devices();
        devices[2].failure = Some(denied.into());
        let answers = [
            ("Name of the site", "Quầy 1"),
            ("Card reader", ""),
            ("try it now", "no"),
            ("Scanner", "[device_denied]"),
            ("try it now", "no"),
            ("Printer", "None"),
            ("GPIO", "gpiochip0"),
            ("Door", "23"),
        ];
        let (proposal, _) = talk(Place::Desk, &devices, &mut Bench::default(), &answers);
        assert_eq!(proposal.text("desk.scanner"), Some("serial:/dev/ttyACM0"));
        assert_eq!(proposal.text("desk.lines.door"), Some("23"));
    }
}
