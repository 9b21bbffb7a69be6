//! A document signer that nobody vouches for, from the first card at a device to the fleet's trust: the device tells of it,
//! central collects, an operator pins, the device takes the bundle. The device is in this process, central and the operator's
//! tools are the programs.

use cccd_agent::commands::open_site;
use config::Config;
use events::SystemClock;
use hil_tests::fleet_line::FleetLine;
use reading::access;
use reading::device::{Device, Happening};
use serde_json::Value;
use site::upkeep::Taken;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const SCAN: &str = "001099000017||Nguyễn Văn An|15011999|Nam|Hà Nội|16012022";

/// One read of the card that lies there; the word.
fn word(device: &mut Device) -> &'static str {
    let key = access::from_scan(SCAN, false).expect("a scan");
    let mut word = "";
    let mut tell = |happening: Happening<'_>| {
        if let Happening::Judged(judged) = happening {
            word = judged.word.code();
        }
    };
    device.read(&key, &|| false, &mut tell).expect("read");
    word
}

#[test]
fn an_unknown_signer_is_collected_and_pinned_for_the_fleet_in_one_act() {
    let directory = tempfile::tempdir().expect("directory");
    let line = FleetLine::start(directory.path()).expect("line");
    line.listed("agent-1").expect("listed");
    let config = line.path("agent-1/agent.toml");
    let text = std::fs::read_to_string(&config).expect("configuration").replace("\"pcsc\"", "\"sim:an\"");
    // A directory without anchors.
    std::fs::write(&config, text.replace("trust = \"trust\"", "trust = \"identity\"")).expect("configuration");
    let site = open_site(Config::load(&config).expect("configuration"), Arc::new(SystemClock::new())).expect("site");
    let mut device = Device::start(site.clone(), &AtomicBool::new(false)).expect("device");
    assert_eq!(word(&mut device), "signed", "nobody vouches for its signer");

    let db = line.text("central.db");
    let signers = |more: &[&str]| {
        let output = Command::new(hil_tests::program("cccd-central"))
            .args(["--db", &db, "signers", "--json"])
            .args(more)
            .output()
            .expect("cccd-central");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(!text.contains("001099000017") && !text.contains("NGUYEN"), "a list of signers names no holder");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    hil_tests::stack::until("central has it", || signers(&[])["signers"][0]["devices"].as_u64());
    let list = signers(&["--export", &line.text("signers")]);
    let signer = &list["signers"][0];
    assert_eq!((list["signers"].as_array().map(Vec::len), &signer["count"]), (Some(1), &1.into()), "{list:#}");
    assert_eq!((&signer["documents"][0], &signer["content"]["country"]), (&"citizen_card".into(), &"VN".into()));
    let sha256 = signer["sha256"].as_str().expect("fingerprint").to_owned();
    assert!(line.path(&format!("signers/{sha256}.cer")).exists());
    // Whoever is elsewhere asks the technician's page, with name and pass word.
    line.ask_page("", "signers", None).expect_err("nobody is logged in");
    let (fetched, page, word_file) = (line.text("fetched.json"), line.page(), line.text("pass-word"));
    let name = hil_tests::fleet_line::TECHNICIAN;
    let seen = ["trust", "seen", "--page", &page, "--name", name, "--pass-word-file", &word_file, "--out", &fetched];
    line.provision(&seen).expect("fetched");
    let fetched_list: Value = serde_json::from_slice(&std::fs::read(&fetched).expect("list")).expect("JSON");
    assert_eq!(fetched_list, list);

    let (parts, out, keys, phrase) =
        (line.text("parts"), line.text("bundle-1"), line.text("operator"), line.text("pass-phrase"));
    let pin = |from: &str, digits: &str| {
        let what =
            ["trust", "pin", &sha256, "--reason", "compared with the authority's page", "--documents", "citizen_card"];
        let place = ["--into", &parts, "--from", from, "--accept", digits, "--build", &out, "--version", "1"];
        let build = ["--environment", "practice", "--keys", &keys, "--pass-phrase-file", &phrase];
        line.provision(&[&what[..], &place, &build].concat())
    };
    let refused = pin(&fetched, "00000000").expect_err("other digits").to_string();
    assert!(refused.contains("pin_not_confirmed") && !line.path("parts").exists(), "{refused}");
    let said = pin(&line.text("signers"), &sha256[..8]).expect("pinned and built");
    for part in
        ["1 documents over 1 numbers", "bundle 1 with 1 parts signed", "fleet publish", "nothing else is in trust/"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    let listed = line.provision(&["trust", "list", &parts, "--json"]).expect("listed");
    assert!(listed.contains(&sha256), "{listed}");

    let bundle = std::fs::read(&out).expect("bundle");
    assert!(matches!(site.take_bundle(&bundle).expect("looked at"), Taken::Active(1)));
    assert_eq!(word(&mut device), "pinned", "the same card");
    line.fleet(&["publish", &out]).expect("the command that was printed");
    site.finish().expect("finished");
    assert_eq!(signers(&[])["signers"][0]["count"], 1, "a signer that is vouched for is not unknown");
}
