//! Every screen with a made-up person, for golden pictures, the lint, benchmarks and the newcomer's eye.

mod results;

use crate::canvas::{Canvas, Color};
use crate::icon::{Icon, Icons};
use crate::judged::Then;
use crate::panel::{PANELS, Panel};
use crate::portrait::Picture;
use crate::state::{
    About, Answer, Calibration, Carried, Choice, Consent, EnrolStep, Enrolment, Field, Help, Holder, Lack, Layer,
    NotStarted, Notice, Part, Preferences, Problem, Queue, ReadStep, Review, Screen, Side, State, Trouble, WallClock,
};
use crate::text::{Language, Phrase};
use crate::typing::Typing;
use std::sync::Arc;

/// Every screen by name, in the order in which a citizen may meet them.
#[must_use]
pub fn screens() -> Vec<(&'static str, Screen)> {
    let mut all = before_and_after();
    let at = all.iter().position(|(name, _)| *name == "form").unwrap_or(all.len());
    let results = results::results(&Holder::new(NAME, None));
    all.splice(at..at, results.into_iter().map(|(name, judged)| (name, Screen::Result(judged))));
    all
}

const NAME: &str = "NGUYỄN THỊ HƯƠNG GIANG";

fn before_and_after() -> Vec<(&'static str, Screen)> {
    let holder = |picture: bool| Holder::new(NAME, picture.then(|| Arc::new(silhouette())));
    let reading = |step, per_cent, holder| Screen::Reading { step, per_cent, holder };
    let both = |vi: &str, en: &str| (vi.to_owned(), en.to_owned());
    let consent = |keeps, scanned| {
        Screen::Consent(Consent {
            purpose: both("Bệnh viện đọc thẻ để đăng ký khám.", "The hospital reads your card to check you in."),
            takes: [
                ("Số định danh cá nhân", "Personal number"),
                ("Họ và tên", "Full name"),
                ("Ngày sinh", "Date of birth"),
                ("Giới tính", "Sex"),
                ("Quốc tịch", "Nationality"),
                ("Nơi cư trú trên thẻ", "Residence on the card"),
                ("Ngày cấp", "Date of issue"),
                ("Ảnh chân dung", "Portrait"),
            ]
            .map(|(vi, en)| both(vi, en))
            .to_vec(),
            recipients: vec![both("Bệnh viện Đa khoa Tân Bình", "Bệnh viện Đa khoa Tân Bình")],
            keeps,
            scanned,
        })
    };
    let answer = |vi: &str, en: &str| Answer(vi.to_owned().into(), en.to_owned().into());
    let follow = "http://192.168.10.20:8482/t/Zm9sbG93IHRoaXMgbnVtYmVy".to_owned();
    let review = |then, rows| Screen::Review(Review { rows, then });
    let department = vec![(both("Khoa khám", "Department"), answer("Tai Mũi Họng", "Ear, nose, throat"))];
    let typed = vec![
        (both("Số điện thoại", "Telephone"), answer("0912345678", "0912345678")),
        (
            both("Nơi ở hiện nay", "Where you live now"),
            answer("12 Ngõ 34 Đường Nguyễn Hoàng Tôn, Hà Nội", "12 Ngõ 34 Đường Nguyễn Hoàng Tôn, Hà Nội"),
        ),
        (both("Ghi chú", "Remark"), answer("", "")),
    ];
    let field = |text: &str, layer, wrong| {
        let mut typing = Typing::default();
        text.chars().for_each(|letter| typing.press(letter));
        let label = ("Địa chỉ nơi ở hiện nay".to_owned(), "Where you live now".to_owned());
        Field { label, text: typing, at: 0, of: 2, layer, wrong }
    };
    let departments = [
        ("Khoa Khám bệnh", "Outpatients"),
        ("Nội tổng hợp", "Internal medicine"),
        ("Ngoại tổng hợp", "Surgery"),
        ("Nhi", "Paediatrics"),
        ("Sản", "Obstetrics"),
        ("Mắt", "Eyes"),
        ("Tai Mũi Họng", "Ear, nose, throat"),
        ("Răng Hàm Mặt", "Dentistry"),
        ("Da liễu", "Dermatology"),
        ("Y học cổ truyền", "Traditional medicine"),
        ("Phục hồi chức năng", "Rehabilitation"),
    ];
    let choice = |count: usize| {
        Screen::Choice(Choice {
            label: ("Khoa khám".to_owned(), "Department".to_owned()),
            options: departments.iter().take(count).map(|(vi, en)| ((*vi).to_owned(), (*en).to_owned())).collect(),
            from: 0,
        })
    };
    let problem = |what, next, tries_left| Screen::Problem(Problem { what, next, tries_left, refused: false });
    let refused = |what| Screen::Problem(Problem { what, next: Phrase::SeeStaff, tries_left: 0, refused: true });
    let enrolling = |step, code: &str| {
        let words = ["min", "nguong", "hoan", "lon", "mot", "chiep"].map(str::to_owned);
        let waits = step >= EnrolStep::Confirm;
        Enrolment {
            serial: "VN-TB-000123".to_owned(),
            step,
            code: (step == EnrolStep::Confirm).then(|| code.to_owned()),
            words: if waits { words.to_vec() } else { Vec::new() },
            scanned: None,
            trouble: None,
        }
    };
    let id = "https://trungtam.benhvientanbinh.vn/technician#id=6f1d0c6f0a7be2b1b0c5d76cf13c3a64";
    let enrolment = |step| Screen::Enrolment(enrolling(step, id));
    let long =
        format!("https://trungtam.benhvientanbinh.vn/technician#r={}", "bWFkZSB1cCBmb3IgYSBwaWN0dXJl".repeat(48));
    let relayed = Screen::Enrolment(Enrolment { scanned: Some((2, 5)), ..enrolling(EnrolStep::Confirm, &long) });
    let troubled = Screen::Enrolment(Enrolment {
        trouble: Some("central_unreachable".to_owned()),
        words: Vec::new(),
        ..enrolling(EnrolStep::Request, id)
    });
    let touching = |mark, wrong, point| Screen::Calibration(Calibration { mark, wrong, point });
    let lacking = |lack, remedy: &str| {
        let (code, message) = ("identity_missing".to_owned(), "the device is not enrolled".to_owned());
        Screen::NotStarted(NotStarted { lack: Some(lack), code, message, remedy: remedy.to_owned() })
    };
    let code = "config_invalid".to_owned();
    let message = "printer.device = \"lpt1\": usb:PATH, serial:PATH@RATE or tcp:HOST:PORT".to_owned();
    let remedy = "compare with /usr/share/doc/cccd-agent/configuration.md".to_owned();
    vec![
        ("attract", Screen::Attract),
        ("attract-notice", Screen::Attract),
        ("attract-notice-code", Screen::Attract),
        ("consent", consent(None, false)),
        ("consent-kept", consent(Some(365), true)),
        ("scan", Screen::Scan { insurance: false }),
        ("scan-by-hand", Screen::Scan { insurance: false }),
        ("scan-right", Screen::Scan { insurance: false }),
        ("no-card", Screen::NoCard { passports: false }),
        ("no-card-passports", Screen::NoCard { passports: true }),
        ("scan-insurance", Screen::Scan { insurance: true }),
        ("number", Screen::Number { typed: 0, wrong: false }),
        ("number-half", Screen::Number { typed: 7, wrong: false }),
        ("number-wrong", Screen::Number { typed: 0, wrong: true }),
        ("place", Screen::Place),
        ("place-below", Screen::Place),
        ("place-left", Screen::Place),
        ("reading", reading(ReadStep::Unlock, 12, None)),
        ("reading-text", reading(ReadStep::Portrait, 46, Some(holder(false)))),
        ("reading-portrait", reading(ReadStep::Verify, 96, Some(holder(true)))),
        ("form", Screen::Form(field("", Layer::Upper, false))),
        ("form-typed", Screen::Form(field("soos 12 ngox 34 dduwowngf Nguyeexn Hoangf Toon", Layer::Lower, false))),
        ("form-digits", Screen::Form(field("0912 345", Layer::Digits, false))),
        ("form-empty", Screen::Form(field("", Layer::Lower, true))),
        ("choice", choice(8)),
        ("choice-more", choice(11)),
        ("review", review(Then::Ticket, department)),
        ("review-typed", review(Then::Finish, typed)),
        ("ticket", ticket(None)),
        ("ticket-on-screen", ticket(None)),
        ("ticket-queue", ticket(Some(Queue { ahead: 12, minutes: Some(35), link: Some(follow) }))),
        ("ticket-queue-next", ticket(Some(Queue::default()))),
        ("take-card", Screen::TakeCard),
        ("lifted", Screen::Lifted),
        ("wrong-card", problem(Phrase::WrongCard, Phrase::CheckNumber, 1)),
        ("no-tries", problem(Phrase::WrongCard, Phrase::CheckNumber, 0)),
        ("none-came", problem(Phrase::NoCardCame, Phrase::PlaceCard, 2)),
        ("not-read", problem(Phrase::CardNotRead, Phrase::PutCardFlat, 2)),
        ("card-withdrawn", refused(Phrase::CardWithdrawn)),
        ("not-on-list", refused(Phrase::NotOnList)),
        ("taken-away", problem(Phrase::LiftedTooLong, Phrase::KeepCard, 2)),
        ("insurance-card", problem(Phrase::CodeInsurance, Phrase::ScanCitizenCard, 2)),
        ("seal", problem(Phrase::CodeSeal, Phrase::ScanCitizenCard, 2)),
        ("staff", Screen::Staff(Help::Received)),
        ("staff-calling", Screen::Staff(Help::Calling)),
        ("staff-taken", Screen::Staff(Help::Taken("Quầy 1".to_owned()))),
        ("staff-nobody", Screen::Staff(Help::At(None))),
        ("staff-at", Screen::Staff(Help::At(Some("Quầy tiếp đón số 12, bên trái sảnh".to_owned())))),
        ("more-time", Screen::MoreTime),
        ("out-of-service", Screen::OutOfService(Part::Reader)),
        ("technician", Screen::Technician),
        ("technician-checking", Screen::Technician),
        ("enrolment-keys", enrolment(EnrolStep::Keys)),
        ("enrolment", enrolment(EnrolStep::Confirm)),
        ("enrolment-phone", relayed),
        ("enrolment-trouble", troubled),
        ("enrolment-done", enrolment(EnrolStep::Done)),
        ("setup-picture", Screen::TestPicture),
        ("setup-touch", touching(Some(1), false, None)),
        ("setup-touch-middle", touching(Some(4), false, None)),
        ("setup-touch-again", touching(Some(0), true, None)),
        ("setup-touch-good", touching(None, false, Some((60, 60)))),
        ("setup-not-started", Screen::NotStarted(NotStarted { lack: None, code, message, remedy })),
        ("setup-no-configuration", lacking(Lack::Configuration, "cccd-agent setup --as kiosk")),
        ("setup-no-identity", lacking(Lack::Identity, "provision enrol --by screen --central https://…")),
    ]
}

fn ticket(queue: Option<Queue>) -> Screen {
    Screen::Ticket { number: "A047".to_owned(), place: "Phòng khám 12 · Tầng 2".to_owned(), queue }
}

/// A portrait of nobody, 3:4.
fn silhouette() -> Picture {
    let (width, height) = (240, 320);
    let mut canvas = Canvas::new(width, height);
    canvas.gradient(canvas.bounds(), Color(0x00DD_E8F2), Color(0x00B9_CCDD));
    let mut icons = Icons::default();
    let person = icons.mask(Icon::Person, 300, 18);
    canvas.blend_mask(person, -30, 30, Color(0x0051_6B86));
    let rgb = canvas.rgb(canvas.bounds());
    Picture::new(width as u32, height as u32, rgb.to_vec()).expect("three bytes a pixel")
}

/// Every way of looking at a screen: panel, language, text size, theme.
pub fn looks() -> impl Iterator<Item = (Panel, Preferences)> {
    PANELS.into_iter().flat_map(looks_on)
}

/// The same on one panel.
pub fn looks_on(panel: Panel) -> impl Iterator<Item = (Panel, Preferences)> {
    let truths = [false, true];
    [Language::Vietnamese, Language::English].into_iter().flat_map(move |language| {
        truths.into_iter().flat_map(move |large| {
            truths
                .into_iter()
                .map(move |high_contrast| (panel, Preferences { language, large, high_contrast, speech: false }))
        })
    })
}

/// A state that shows a screen, at a fixed time of day. By its name some of its parts are away.
#[must_use]
pub fn state(panel: Panel, preferences: Preferences, name: &str, screen: Screen) -> State {
    let mut state = State::new(panel, "BỆNH VIỆN ĐA KHOA TÂN BÌNH");
    state.seconds_left = (!matches!(screen, Screen::Attract | Screen::Enrolment(_)) && !screen.is_bare()).then_some(45);
    state.seconds_of = 60;
    state.preferences = preferences;
    state.screen = screen;
    state.clock = WallClock { time: "08:41".to_owned(), weekday: 0, date: "23/11/2026".to_owned() };
    state.tick = 9;
    (state.reader_at, state.scanner_at) = match name {
        "place-below" => (Some(Side::Below), None),
        "place-left" => (Some(Side::Left), None),
        "scan-right" => (None, Some(Side::Right)),
        _ => (None, None),
    };
    let away = |part| {
        let is_away = match name {
            "out-of-service" => part == Part::Reader,
            "scan-by-hand" => part == Part::Scanner,
            "ticket-on-screen" => part == Part::Printer,
            "technician" | "technician-checking" => matches!(part, Part::Scanner | Part::Printer),
            _ => false,
        };
        is_away.then(|| Trouble { since: "08:12".to_owned(), code: "device_absent".to_owned() })
    };
    state.parts = Part::ALL.map(|part| (part, away(part))).to_vec();
    let link = name.ends_with("code").then(|| "https://benhvientanbinh.vn/dang-ky-kham".to_owned());
    state.notice = name.starts_with("attract-notice").then(|| Notice {
        title: ("Lịch khám thứ Bảy".to_owned(), "Open on Saturdays".to_owned()),
        text: (
            "Từ 01/12/2026, khoa khám bệnh làm việc thêm sáng thứ Bảy, 7:00–11:30.".to_owned(),
            "From 1 December 2026 the clinic is open on Saturday mornings, 7:00 to 11:30.".to_owned(),
        ),
        link,
    });
    let well = [
        "settings",
        "profile",
        "key_store",
        "identity",
        "site_key",
        "certificate",
        "clock",
        "anchors",
        "bundle",
        "outbox",
    ];
    let wrong = [("central", "central_unreachable"), ("disk", "disk_low")];
    let checks = well.map(|id| (id.to_owned(), None)).into_iter();
    let checks = checks.chain(wrong.map(|(id, code)| (id.to_owned(), Some(code.to_owned()))));
    let checks = (name == "technician").then(|| checks.collect());
    let carried = (name == "technician-checking").then_some(Carried::Parts(3, 12));
    state.about = About { device: "kiosk-sanh-1".to_owned(), version: "0.1.0".to_owned(), unsent: 3, carried, checks };
    state
}

/// The name of a picture: panel, screen, language and what differs from the usual.
#[must_use]
pub fn name(panel: Panel, preferences: Preferences, screen: &str) -> String {
    let language = if preferences.language == Language::Vietnamese { "vi" } else { "en" };
    let large = if preferences.large { "-large" } else { "" };
    let contrast = if preferences.high_contrast { "-contrast" } else { "" };
    format!("{}/{screen}-{language}{large}{contrast}", panel.name)
}
