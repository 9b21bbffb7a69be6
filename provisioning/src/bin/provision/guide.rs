//! `provision guide`: asks what it must know, and does it with the other commands, one at a time. Nothing here can be done here
//! only, and each command is shown before it runs.

use crate::not_started;
use dialoguer::theme::SimpleTheme;
use dialoguer::{Confirm, Input, Select};
use program::{Failure, println};
use std::path::Path;
use std::process::Command;

/// What can be done, in Vietnamese and English.
const TASKS: [(&str, Task); 8] = [
    ("Ghi danh thiết bị này · Enrol this device", Task::Enrol),
    ("Cài đặt ki-ốt, quầy, cổng này · Set up this kiosk, desk or gate", Task::Setup),
    ("Kiểm tra thiết bị · Check this device", Task::Doctor),
    ("Trạng thái cập nhật · Update status", Task::Update),
    ("Xuất sự kiện ra USB · Export events to a USB stick", Task::Export),
    ("Thay thiết bị hỏng · Replace a broken device", Task::Replace),
    ("Đặt lại thiết bị · Reset this device", Task::Reset),
    ("Thoát · Leave", Task::Leave),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Enrol,
    Setup,
    Doctor,
    Update,
    Export,
    Replace,
    Reset,
    Leave,
}

/// What a device can be: its name, its word for `provision setup`, and its service.
const PLACES: [(&str, &str, &str); 3] = [
    ("Ki-ốt không có nhân viên · Kiosk without staff", "kiosk", "cccd-kiosk"),
    ("Quầy có nhân viên · Desk with staff", "desk", "cccd-desk"),
    ("Cổng tự mở · Gate that opens by itself", "gate", "cccd-kiosk"),
];

/// Ways in, in the order in which a technician tries them.
const WAYS: [(&str, &str); 6] = [
    ("Mã QR trên màn hình thiết bị này · QR code on this terminal", "qr"),
    ("Mã QR trên màn hình ki-ốt · QR code on the kiosk's own screen", "screen"),
    ("Có trong danh sách · It is on the list", "list"),
    ("Mã dùng một lần · One-time token", "token"),
    ("USB (không có mạng) · USB (no network)", "usb"),
    ("Điện thoại (không có mạng) · Phone (no network)", "phone"),
];

/// The terminal went away, or there never was one.
fn no_terminal(error: dialoguer::Error) -> Failure {
    let remedy = "call it in a terminal, or the command itself: provision --help";
    Failure::usage("terminal_absent", format!("nobody can be asked: {error}"), remedy)
}

fn input(prompt: &str, default: &str) -> Result<String, Failure> {
    let theme = SimpleTheme;
    let mut question = Input::<String>::with_theme(&theme).with_prompt(prompt);
    if !default.is_empty() {
        question = question.default(default.to_owned());
    }
    Ok(question.interact_text().map_err(no_terminal)?.trim().to_owned())
}

fn choose(prompt: &str, items: &[&str]) -> Result<usize, Failure> {
    Select::with_theme(&SimpleTheme).with_prompt(prompt).items(items).default(0).interact().map_err(no_terminal)
}

/// Asks and does, until the technician leaves.
pub(crate) fn run(directory: &Path) -> Result<(), Failure> {
    let dir = directory.display().to_string();
    let config = directory.join("agent.toml").display().to_string();
    loop {
        let names: Vec<&str> = TASKS.iter().map(|(name, _)| *name).collect();
        let task = TASKS[choose("Bạn muốn làm gì? · What is to be done?", &names)?].1;
        let mut service = None;
        let words = match task {
            Task::Leave => return Ok(()),
            Task::Enrol => enrol(&dir)?,
            Task::Setup => {
                let names = PLACES.map(|(name, ..)| name);
                let (_, place, unit) = PLACES[choose("Thiết bị này là gì? · What is this device?", &names)?];
                service = Some(unit);
                words(&["setup", "--config", &config, "--as", place])
            }
            Task::Doctor => words(&["doctor", "--config", &config]),
            Task::Update => words(&["update", "status"]),
            Task::Export => {
                let stick = input("Thư mục trên USB · Directory on the stick", "/media/usb")?;
                words(&["export", "--config", &config, &stick])
            }
            Task::Replace => replace()?,
            Task::Reset => {
                let how = ["Nơi đặt mới, giữ sổ · Another site, the log stays", "Xóa hết · Erase everything"];
                let how = ["--soft", "--hard"][choose("Đặt lại thế nào? · How?", &how)?];
                words(&["reset", "--config", &config, how])
            }
        };
        println!("\n$ provision {}", words.join(" "));
        let sure = || Confirm::with_theme(&SimpleTheme).with_prompt("Chắc chắn? · Sure?").interact();
        if task == Task::Reset && !sure().map_err(no_terminal)? {
            continue;
        }
        let own = std::env::current_exe().map_err(|error| not_started("provision", &error))?;
        let done = finished(Command::new(own).args(&words), "provision")?;
        if let Some(unit) = service.filter(|_| done) {
            start(unit)?;
        }
    }
}

/// Runs a command to its end and says how that was.
fn finished(command: &mut Command, program: &str) -> Result<bool, Failure> {
    let done = command.status().map_err(|error| not_started(program, &error))?.success();
    println!("{}\n", if done { "✓ Xong · Done" } else { "✗ Chưa xong, xem lý do ở trên · Not done, see above" });
    Ok(done)
}

/// Has a service started, now and at every start of the machine.
fn start(unit: &str) -> Result<(), Failure> {
    let question = format!("Chạy {unit} ngay? · Start {unit} now?");
    if Confirm::with_theme(&SimpleTheme).with_prompt(question).default(true).interact().map_err(no_terminal)? {
        println!("\n$ systemctl enable --now {unit}");
        finished(Command::new("systemctl").args(["enable", "--now", unit]), "systemctl")?;
    }
    Ok(())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn enrol(dir: &str) -> Result<Vec<String>, Failure> {
    let names: Vec<&str> = WAYS.iter().map(|(name, _)| *name).collect();
    let way = WAYS[choose("Bằng cách nào? · Which way?", &names)?].1;
    let mut command = words(&["enrol", "--dir", dir, "--by", way]);
    let central = input("Địa chỉ trung tâm · Address of central (https://host:port)", "")?;
    let phrase = input("Tệp mật khẩu khóa · File with the keys' pass phrase", "/etc/cccd-agent/pass-phrase")?;
    command.extend(words(&["--central", &central, "--pass-phrase-file", &phrase]));
    let serial = input("Số máy ('-': theo firmware) · Serial number ('-': the firmware's)", "-")?;
    if serial != "-" {
        command.extend(words(&["--serial", &serial]));
    }
    let keys = ["Tệp mã hóa · Encrypted files", "TPM 2.0"];
    if choose("Khóa ở đâu? · Where are the keys?", &keys)? == 1 {
        command.extend(words(&["--key-store", "tpm:device:/dev/tpmrm0"]));
    }
    if way != "qr" && way != "screen" {
        let roots = input("Tệp chứng thư gốc · File with the fleet's roots", "roots.pem")?;
        command.extend(words(&["--roots", &roots]));
    }
    match way {
        "token" => command.extend(words(&["--token-file", &input("Tệp mã · File with the token", "token")?])),
        "usb" => command.extend(words(&["--usb", &input("Thư mục trên USB · Directory on the stick", "/media/usb")?])),
        _ => {}
    }
    Ok(command)
}

fn replace() -> Result<Vec<String>, Failure> {
    let page = input("Địa chỉ trang kỹ thuật viên · The technician's page (https://host)", "")?;
    let name = input("Tên của bạn · Your name", "")?;
    let word = input("Tệp mật khẩu · File with your pass word", "pass-word")?;
    let device = input("Thiết bị hỏng · The broken device", "")?;
    let serial = input("Số máy mới · The new machine's serial number", "")?;
    Ok(words(&["replace", "--page", &page, "--name", &name, "--pass-word-file", &word, &device, "--serial", &serial]))
}
