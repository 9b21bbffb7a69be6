//! The kiosk on a machine of its own, with a real kernel's DRM, evdev and USB drivers, pcscd and its CCID driver below ours: a
//! touch is a touch, a picture is what the panel shows, and the machine can sleep.

use drivers::printer::simulated::Tray;
use hil_tests::ccid::Slot;
use hil_tests::guest::{Guest, Recipe};
use hil_tests::program;
use kiosk::flow::{HOLD_MS, Task};
use kiosk_ui::canvas::Canvas;
use kiosk_ui::judged::{Details, Judged, Then};
use kiosk_ui::panel::{PANELS, Panel};
use kiosk_ui::scene::{Renderer, Scene};
use kiosk_ui::state::{Answer, Choice, Review, Screen, State};
use kiosk_ui::{Act, view};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use verdict::{Admission, Word};
use virtual_card::PERSONAS;
use virtual_card::chip::Chip;
use virtual_card::fault::Fault;
use visit::profile::Profile;

const SITE: &str = "TRẠM Y TẾ PHƯỜNG TÂN BÌNH";

/// A device that is enrolled and configured as a kiosk, in `directory`.
fn configure(directory: &Path) {
    let path = |name: &str| directory.join(name).display().to_string();
    program::private::replace(Path::new(&path("phrase")), b"0123456789abcdef0123").expect("file");
    let run = |name: &str, arguments: &[&str]| {
        let output = Command::new(program(name)).args(arguments).output().expect(name);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("cccd-card", &["trust", "--out", &path("trust")]);
    let ca = ["--ca", &path("ca"), "--pass-phrase-file", &path("phrase")];
    run("provision", &[&["ca-init"], &ca[..]].concat());
    let device = ["--out", &path("device"), "--device", "kiosk-1", "--site", "practice"];
    let central = ["--central", "https://127.0.0.1:8443", "--trust", &path("trust")];
    run("provision", &[&["bench"], &ca[..], &device, &central].concat());
    let config = path("device/agent.toml");
    let text = std::fs::read_to_string(&config).expect("configuration");
    let text: String = text
        .lines()
        .map(|line| if line.starts_with("reader") { "reader = \"pcsc\"\n".to_owned() } else { format!("{line}\n") })
        .collect();
    let kiosk = format!(
        "\n[kiosk]\nsite = \"{SITE}\"\npanel = \"portrait-21\"\ndisplay = \"drm:/dev/dri/card0\"\n\
         touch = \"QEMU Virtio Tablet\"\nscanner = \"serial:/dev/scanner@9600\"\nspeech = \"espeak-ng\"\n\
         [kiosk.queue]\nletter = \"A\"\nplace = \"Phòng 2\"\n[kiosk.printer]\ndevice = \"serial:/dev/printer@115200\"\n"
    );
    std::fs::write(config, format!("profile = \"hospital-kiosk\"\n{text}{kiosk}")).expect("configuration");
}

/// The kiosk as a person meets it.
struct Kiosk {
    guest: Guest,
    panel: Panel,
    shots: PathBuf,
    count: u32,
}

impl Kiosk {
    /// A screen as it should look.
    fn scene(&self, screen: &Screen) -> (Scene, Canvas) {
        let mut state = State::new(self.panel, SITE);
        state.screen = screen.clone();
        let timed = !matches!(screen, Screen::Attract | Screen::TakeCard);
        state.seconds_left = timed.then_some(9);
        let mut renderer = Renderer::default();
        let scene = view(&state, &mut renderer.fonts);
        let mut canvas = Canvas::new(self.panel.width, self.panel.height);
        let all = canvas.bounds();
        renderer.draw_part(&mut canvas, &scene, all);
        (scene, canvas)
    }

    /// How many pixels of what does not change with time differ from what should be there: the title and everything that
    /// can be touched.
    fn difference(&mut self, screen: &Screen) -> usize {
        let (scene, canvas) = self.scene(screen);
        let (width, pixels) = self.guest.picture().expect("picture");
        if (width, pixels.len()) != (self.panel.width, canvas.pixels().len()) {
            return usize::MAX;
        }
        let steady = |id: &str| matches!(id, "title" | "action" | "tool" | "start");
        let places = scene.nodes.iter().filter(|node| steady(node.id.0)).map(|node| node.rect);
        places
            .flat_map(|place| {
                (place.y..place.bottom())
                    .flat_map(move |y| (place.x..place.right()).map(move |x| (y * width + x) as usize))
            })
            .filter(|at| pixels[*at] != canvas.pixels()[*at])
            .count()
    }

    /// Waits until the panel shows a screen, pixel by pixel, and keeps the picture.
    fn wait_for(&mut self, name: &str, screen: &Screen) {
        let start = hil_tests::stack::now();
        loop {
            let difference = self.difference(screen);
            if difference == 0 {
                break;
            }
            let late = start.elapsed() > Duration::from_secs(90);
            if late {
                self.shoot(&format!("{name}-wanted"));
            }
            assert!(!late, "{name}: {difference} pixels differ; the console:\n{}", self.guest.console());
            hil_tests::stack::pause(200);
        }
        self.shoot(name);
    }

    fn shoot(&mut self, name: &str) {
        self.count += 1;
        let file = self.shots.join(format!("{:02}-{name}.png", self.count));
        self.guest.keep_picture(&file).expect("picture");
    }

    fn place(&self, screen: &Screen, act: Act) -> (i32, i32) {
        let (scene, _) = self.scene(screen);
        let target = scene.nodes.iter().find(|node| node.hit == Some(act)).expect("a target").rect;
        (target.x + target.w / 2, target.y + target.h / 2)
    }

    /// Touches what does this on a screen, for some milliseconds.
    fn touch(&mut self, screen: &Screen, act: Act, milliseconds: u64) {
        let (place, size) = (self.place(screen, act), (self.panel.width, self.panel.height));
        self.guest.finger(place, size, true).expect("finger");
        hil_tests::stack::pause(milliseconds);
        self.guest.finger(place, size, false).expect("finger");
    }

    /// A visit, from a touch to the question that follows the verdict; so many cards have been judged by then.
    fn until_choice(&mut self, scanner: &mut UnixStream, slot: &Slot, judged: usize) -> Screen {
        let profile = Profile::built_in("hospital-kiosk").expect("profile");
        let departments = profile.form().next().expect("a question").choice.clone();
        let consent = Screen::Consent(Task::from(&profile).consent);
        self.touch(&Screen::Attract, Act::Start, 80);
        self.wait_for("consent", &consent);
        self.touch(&consent, Act::Agree, 80);
        self.wait_for("scan", &Screen::Scan { insurance: false });
        scanner.write_all(format!("{}\r\n", PERSONAS[0].qr()).as_bytes()).expect("code");
        self.wait_for("place", &Screen::Place);
        slot.lay(Chip::new(&PERSONAS[0], Fault::None).expect("a card")).expect("laid");
        self.hear(&["card judged"], judged);
        let proved = Judged::new(Word::Proved, Admission::GoesOn, Details::default());
        self.touch(&Screen::Result(proved.then(Then::Ticket)), Act::Finish, 80);
        let options = departments.into_iter().map(|one| (one.label_vi, one.label_en)).collect();
        let label = ("Khoa khám".to_owned(), "Department".to_owned());
        let choice = Screen::Choice(Choice { label, options, from: 0 });
        self.wait_for("choice", &choice);
        choice
    }

    /// Chooses the first, and says that it is right.
    fn choose(&mut self, asked: &Screen) {
        self.touch(asked, Act::Choose(0), 80);
        let Screen::Choice(choice) = asked else { panic!("{asked:?}") };
        let (vi, en) = choice.options[0].clone();
        let rows = vec![(choice.label.clone(), Answer(vi.into(), en.into()))];
        let review = Screen::Review(Review { rows, then: Then::Ticket });
        self.wait_for("review", &review);
        self.touch(&review, Act::Confirm, 80);
    }

    /// Plugs something in again: the old one is gone when the machine has let go of it.
    fn plug(&mut self, device: &serde_json::Value) {
        let plugged = (0..100).find_map(|_| {
            hil_tests::stack::pause(100);
            self.guest.tell("device_add", device.clone()).ok()
        });
        assert!(plugged.is_some(), "{device}");
    }

    /// Waits until the console has said this so often.
    fn hear(&self, words: &[&str], times: usize) {
        let start = hil_tests::stack::now();
        let said = |console: &str| console.lines().filter(|line| words.iter().all(|word| line.contains(word))).count();
        while said(&self.guest.console()) < times {
            assert!(start.elapsed() < Duration::from_secs(60), "{words:?}: {}", self.guest.console());
            hil_tests::stack::pause(100);
        }
    }
}

#[test]
fn a_kiosk_on_a_machine_of_its_own() {
    let directory = tempfile::tempdir().expect("directory");
    let device = directory.path().join("machine");
    std::fs::create_dir(&device).expect("directory");
    configure(&device);
    let shots = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guest");
    std::fs::create_dir_all(&shots).expect("directory");
    let panel = PANELS[0];
    let recipe = Recipe {
        directory: directory.path(),
        files: std::slice::from_ref(&device),
        command: format!("CCCD_LOG=info cccd-agent kiosk --config {}/device/agent.toml 2>&1", device.display()),
        panel: (panel.width, panel.height),
    };
    let guest = Guest::start(&recipe).expect("a machine; `cargo xtask doctor` says what is missing");
    let mut printer = guest.serial("print").expect("serial port");
    let mut scanner = guest.serial("scan").expect("serial port");
    let slot = Slot::plug(guest.serial("card").expect("reader")).expect("reader");
    let tray = Tray::default();
    let paper = tray.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = printer.read(&mut bytes) {
            if count == 0 || printer.write_all(&paper.feed(&bytes[..count])).is_err() {
                return;
            }
        }
    });
    let mut kiosk = Kiosk { guest, panel, shots, count: 0 };

    // The panel shows what was drawn, through DRM.
    kiosk.wait_for("attract", &Screen::Attract);
    // There is no sound card and no espeak-ng on this machine: that is told, and the rest goes on.
    // A busy machine takes the finger for later and lifts it at once.
    kiosk.touch(&Screen::Attract, Act::Technician, HOLD_MS * 3);
    kiosk.wait_for("technician", &Screen::Technician);
    kiosk.touch(&Screen::Technician, Act::Finish, 80);
    kiosk.wait_for("attract", &Screen::Attract);

    // A finger on evdev, a code on a serial port over USB, a card on a reader over USB.
    kiosk.hear(&["part=\"scanner\"", "there"], 1);
    let choice = kiosk.until_choice(&mut scanner, &slot, 1);
    kiosk.choose(&choice);
    let ticket = Screen::Ticket { number: "A001".to_owned(), place: "Phòng 2".to_owned(), queue: None };
    kiosk.wait_for("ticket", &ticket);
    let start = hil_tests::stack::now();
    while tray.receipts().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(30), "a ticket is printed: {}", kiosk.guest.console());
        hil_tests::stack::pause(50);
    }
    let receipt = &tray.receipts()[0];
    assert_eq!((receipt.width(), tray.unknown()), (576, 0));

    // The cable of the scanner is pulled and put back.
    kiosk.guest.tell("device_del", json!({ "id": "scan-port" })).expect("unplugged");
    kiosk.hear(&["part=\"scanner\"", "device_absent"], 1);
    let port = json!({ "driver": "usb-serial", "id": "scan-port", "bus": "usb.0", "port": "1", "chardev": "scan",
                       "always-plugged": true });
    kiosk.plug(&port);
    kiosk.hear(&["part=\"scanner\"", "there"], 2);

    kiosk.touch(&ticket, Act::Finish, 80);
    kiosk.wait_for("take-card", &Screen::TakeCard);
    slot.lift().expect("lifted");
    kiosk.wait_for("attract", &Screen::Attract);

    // The machine sleeps while somebody's visit is open, and wakes to nobody; for the next person everything is there.
    kiosk.until_choice(&mut scanner, &slot, 2);
    kiosk.guest.sleep(30).expect("it sleeps");
    slot.darken();
    kiosk.hear(&["the machine has slept"], 1);
    kiosk.wait_for("attract-after-sleep", &Screen::Attract);
    slot.lift().expect("lifted");
    let choice = kiosk.until_choice(&mut scanner, &slot, 3);
    kiosk.choose(&choice);
    kiosk.wait_for("ticket", &Screen::Ticket { number: "A002".to_owned(), place: "Phòng 2".to_owned(), queue: None });
    assert!(!kiosk.guest.console().contains(PERSONAS[0].number), "no number on the console");
}
