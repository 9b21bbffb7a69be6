//! A chip that lies in one place of a protocol, and the error that each lie meets: the very one, so that no check stands in
//! for another.

#[path = "../../virtual-card/tests/support/mod.rs"]
mod support;

use emrtd::hazmat::apdu::{Command, Response, StatusWord};
use emrtd::hazmat::bac::Bac;
use emrtd::hazmat::crypto::CryptoError;
use emrtd::hazmat::exchange::{Exchange, Step};
use emrtd::hazmat::pace::{Pace, PaceOutput, ParameterReference};
use emrtd::hazmat::secure_messaging::{SecureMessaging, SecureMessagingError};
use emrtd::hazmat::security_info::SecurityInfos;
use emrtd::hazmat::select_application;
use emrtd::hazmat::tlv::TlvError;
use emrtd::manner::Select;
use emrtd::{AccessPolicy, Error, FileId, Outcome, Password, SystemEntropy, TerminalCertificates};
use support::{AN, BINH, make, plan, read, read_signing, trust, verify};
use virtual_card::{Answer, Chip, Fault, Make, Persona, Tamper, eac};

/// What meets a lie.
#[derive(Debug, PartialEq)]
enum Met {
    /// The protocol ends in this error.
    Error(Error),
    /// The protocol ends well; whoever judges the evidence finds this check failed, or not made for this reason.
    Check(&'static str, Outcome, &'static str),
    /// Terminal authentication is given up, and the rest stays.
    NoRights,
}

/// Every lie, and what it meets. A new one does not compile without an answer.
fn met(lie: Tamper) -> Met {
    use SecureMessagingError as Sm;
    use Tamper as T;
    let secure = |error| Met::Error(Error::SecureMessaging(error));
    let malformed = |source| secure(Sm::Malformed(source));
    let protocol = |operation, reason| Met::Error(Error::Protocol { operation, reason });
    let missing = |operation, tag| Met::Error(Error::Malformed { operation, source: TlvError::Missing(tag) });
    let key = |reason| Met::Error(Error::Crypto { operation: "PACE", source: CryptoError::Invalid(reason) });
    let bac = |reason| protocol("BAC EXTERNAL AUTHENTICATE", reason);
    let wrong = |check| Met::Check(check, Outcome::Failed, "wrong_answer");
    match lie {
        T::MacWrong | T::MacShort | T::MacReflected | T::CommandReflected => secure(Sm::Mac),
        T::AnswerRepeated | T::CounterReused | T::CounterSkipped | T::CryptogramChanged => secure(Sm::Mac),
        T::MacMissing | T::StatusInClear => secure(Sm::Unprotected(StatusWord::OK)),
        T::DataInClear => malformed(TlvError::Truncated),
        T::CryptogramCut | T::PaddingWrong | T::PaddingIndicatorWrong => secure(Sm::Cryptogram),
        T::StatusDiffers => secure(Sm::Status { inside: StatusWord::OK, outside: StatusWord::END_OF_FILE }),
        T::StatusMissing | T::StatusLong => malformed(TlvError::Missing(0x99)),
        T::BytesAfterMac => malformed(TlvError::TrailingData),
        T::BacChallengeShort => protocol("BAC GET CHALLENGE", "the challenge is not eight bytes"),
        T::BacMacWrong | T::BacCryptogramChanged => bac("the chip's MAC is wrong"),
        T::BacAnswerShort => bac("the response is not 40 bytes"),
        T::BacOtherChipChallenge | T::BacOtherTerminalChallenge | T::BacReflected => {
            bac("the chip does not return the challenges")
        }
        T::PaceNonceCut | T::PaceNonceLong => protocol("PACE nonce", "the encrypted nonce is not whole blocks"),
        T::PaceMappingOffCurve | T::PaceKeyOffCurve => key("public point"),
        T::PaceKeyReflected => key("public key (the chip returned the terminal's)"),
        T::PaceKeyOther | T::PaceTokenWrong | T::PaceTokenReflected | T::PaceTokenShort => {
            protocol("PACE token", "the chip's authentication token is wrong")
        }
        T::PaceTokenMissing => missing("PACE token", 0x86),
        T::MappingDataMissing => missing("PACE chip authentication data", 0x8A),
        T::MappingDataUnpadded => protocol("PACE chip authentication data", "it does not decrypt"),
        T::MappingDataOther => wrong("pace_cam"),
        T::ChipKeyOther | T::ChipSessionOld => wrong("chip_authentication"),
        T::ActiveOtherChallenge | T::ActiveOtherKey => wrong("active_authentication"),
        T::ActiveHashWrong | T::ActiveHeaderWrong | T::ActiveTrailerWrong => wrong("active_authentication"),
        T::TerminalChallengeShort => Met::NoRights,
    }
}

fn chip(make: Make, lie: Option<Tamper>) -> Chip {
    let mut chip = Chip::with_make(AN, Fault::None, make).expect("card");
    lie.into_iter().for_each(|lie| chip.set_tamper(lie));
    chip
}

fn send(chip: &mut Chip, command: &[u8]) -> Vec<u8> {
    let Answer::Response(answer) = chip.transmit(command) else { panic!("lifted") };
    answer
}

/// Drives an exchange, outside any session.
fn run<E: Exchange>(chip: &mut Chip, exchange: &mut E) -> Result<E::Output, Error> {
    let mut command = exchange.begin(&mut SystemEntropy)?;
    loop {
        let response = Response::decode(&send(chip, &command.encode())).expect("status bytes");
        match exchange.feed(&response, &mut SystemEntropy)? {
            Step::Send(next) => command = next,
            Step::Done(output) => return Ok(output),
        }
    }
}

fn passwords() -> (Password, emrtd::MrzKey) {
    let (document, birth, expiry) = AN.mrz_fields();
    let mrz = emrtd::MrzKey::new(&document, &birth, &expiry).expect("key data");
    (Password::can(AN.can()).expect("CAN"), mrz)
}

fn pace(chip: &mut Chip) -> Result<PaceOutput, Error> {
    let file = send(chip, &[0x00, 0xB0, 0x9C, 0x00, 0x00]);
    let infos = SecurityInfos::parse(&file[..file.len() - 2]).expect("EF.CardAccess");
    run(chip, &mut Pace::new(infos.pace[0].clone(), passwords().0, ParameterReference::Omit))
}

fn bac(chip: &mut Chip) -> Result<SecureMessaging, Error> {
    let select = select_application(Select::Silent).encode();
    assert_eq!(send(chip, &select), [0x90, 0x00]);
    run(chip, &mut Bac::new(&passwords().1))
}

/// Two commands in a session: SELECT of the application, whose response has no data, and the front of EF.SOD.
fn converse(chip: &mut Chip, mut session: SecureMessaging) -> Result<(), Error> {
    let commands = [select_application(Select::Silent), Command::new(0x00, 0xB0, 0x9D, 0x00).with_le(8)];
    for command in commands {
        let protected = session.protect(&command);
        let response = session.unprotect(&send(chip, &protected))?;
        assert_eq!(response.status, StatusWord::OK);
    }
    Ok(())
}

/// The lies of one protocol.
fn lies(of: impl Fn(&Tamper) -> bool) -> impl Iterator<Item = Tamper> {
    Tamper::ALL.iter().copied().filter(of)
}

fn is_of(lie: &Tamper, protocol: &str) -> bool {
    format!("{lie:?}").starts_with(protocol)
}

const PROTOCOLS: [&str; 6] = ["Bac", "Pace", "Mapping", "Chip", "Active", "Terminal"];

fn is_of_secure_messaging(lie: &Tamper) -> bool {
    !PROTOCOLS.iter().any(|protocol| is_of(lie, protocol))
}

#[test]
fn an_honest_chip_meets_nothing() {
    let mut honest = chip(make("cccd"), None);
    let output = pace(&mut honest).expect("opens");
    converse(&mut honest, output.session).expect("answers");
    let mut honest = chip(make("cccd"), None);
    let session = bac(&mut honest).expect("opens");
    converse(&mut honest, session).expect("answers");
    let mut honest = chip(make("cam"), None);
    assert!(pace(&mut honest).expect("opens").chip_authentication.is_some());
}

/// Under 3DES after BAC and AES after PACE alike.
#[test]
fn each_lie_in_secure_messaging_meets_its_error() {
    let mut count = 0;
    for lie in lies(is_of_secure_messaging) {
        let mut by_bac = chip(make("cccd"), Some(lie));
        let session = bac(&mut by_bac).expect("opens");
        let found = converse(&mut by_bac, session).map_err(Met::Error);
        assert_eq!(found, Err(met(lie)), "{lie:?} after BAC");
        let mut by_pace = chip(make("cccd"), Some(lie));
        let session = pace(&mut by_pace).expect("opens").session;
        let found = converse(&mut by_pace, session).map_err(Met::Error);
        assert_eq!(found, Err(met(lie)), "{lie:?} after PACE");
        count += 1;
    }
    assert!(count > 10, "{count} lies");
}

/// A whole read goes on in other sessions while there is hope, and ends in the same error.
#[test]
fn a_chip_that_lies_in_every_session_is_never_read() {
    for lie in lies(is_of_secure_messaging) {
        for access in [AccessPolicy::Pace, AccessPolicy::Bac] {
            let found = read(&mut chip(make("cccd"), Some(lie)), plan(AN, access));
            assert!(matches!(found, Err(Error::SecureMessaging(_))), "{lie:?} {access:?}: {found:?}");
        }
    }
}

/// No lie, and the key of another card: neither protocol takes it for a broken chip.
#[test]
fn a_password_of_another_card_is_told_from_a_broken_chip() {
    let other = || Chip::with_make(AN, Fault::WrongPassword, make("cccd")).expect("card");
    assert_eq!(bac(&mut other()).err(), Some(Error::WrongPassword { operation: "BAC" }));
    assert_eq!(pace(&mut other()).err(), Some(Error::WrongPassword { operation: "PACE" }));
}

#[test]
fn each_lie_in_bac_meets_its_error() {
    for lie in lies(|lie| is_of(lie, "Bac")) {
        let found = bac(&mut chip(make("cccd"), Some(lie)));
        assert_eq!(found.map(|_| ()).map_err(Met::Error), Err(met(lie)), "{lie:?}");
        let found = read(&mut chip(make("cccd"), Some(lie)), plan(AN, AccessPolicy::Bac));
        assert_eq!(found.map(|_| ()).map_err(Met::Error), Err(met(lie)), "{lie:?} in a read");
    }
}

#[test]
fn each_lie_in_pace_meets_its_error() {
    for lie in lies(|lie| is_of(lie, "Pace") || is_of(lie, "Mapping")) {
        let cam = make("cam");
        let Met::Error(_) = met(lie) else { continue };
        for make in [make("cccd"), cam].into_iter().filter(|make| make.id == "cam" || is_of(&lie, "Pace")) {
            let found = pace(&mut chip(make, Some(lie)));
            assert_eq!(found.map(|_| ()).map_err(Met::Error), Err(met(lie)), "{lie:?} {}", make.id);
            let found = read(&mut chip(make, Some(lie)), plan(AN, AccessPolicy::Pace));
            assert_eq!(found.map(|_| ()).map_err(Met::Error), Err(met(lie)), "{lie:?} {} in a read", make.id);
        }
    }
}

/// What a chip shows of its key is weighed by whoever has the issuer's signature: the read ends well, the check fails.
#[test]
fn each_lie_in_a_proof_of_the_chip_fails_its_check() {
    let mut count = 0;
    for lie in Tamper::ALL.iter().copied() {
        let Met::Check(id, outcome, reason) = met(lie) else { continue };
        // RSA, and ECDSA where the lie is one of both.
        let is_rsa = matches!(lie, Tamper::ActiveHashWrong | Tamper::ActiveHeaderWrong | Tamper::ActiveTrailerWrong);
        let personas: &[&Persona] = if is_rsa { &[AN] } else { &[AN, BINH] };
        for persona in personas {
            let make = make(if id == "pace_cam" { "cam" } else { "cccd" });
            let mut chip = Chip::with_make(persona, Fault::None, make).expect("card");
            chip.set_tamper(lie);
            let evidence = read(&mut chip, plan(persona, AccessPolicy::Pace)).expect("read");
            let verification = verify(&evidence, &trust());
            let found = support::found(&verification, id);
            assert_eq!(found, (outcome, Some(reason)), "{lie:?}");
            assert_eq!(verification.chip, verdict::Chip::Copy, "{lie:?}");
        }
        count += 1;
    }
    assert!(count > 5, "{count} lies");
}

#[test]
fn a_challenge_of_another_length_is_not_signed() {
    let lie = Tamper::TerminalChallengeShort;
    assert_eq!(met(lie), Met::NoRights);
    let files = eac::terminal_files(1).expect("files");
    let certificates = files.iter().filter(|f| f.name.ends_with(".cvcert")).map(|f| f.content.as_slice());
    let terminal = Some(TerminalCertificates::parse(certificates).expect("certificates"));
    let plan = plan(AN, AccessPolicy::Pace).with_data_groups(&[1, 2, 3, 14, 15]).with_terminal(terminal);
    let evidence =
        read_signing(&mut chip(make("eac"), Some(lie)), plan, |_| panic!("nothing is signed")).expect("read");
    let record = evidence.terminal_authentication.as_ref().expect("record");
    assert_eq!((record.fingerprints, record.irises), (false, false));
    assert!(evidence.content(FileId::Dg(3)).is_none() && evidence.content(FileId::Dg(2)).is_some());
}

/// The key of EF.DG14 that somebody put there: the answer under it is right, and counts for nothing, because the signature
/// of EF.SOD does not bind it.
#[test]
fn a_key_that_was_put_into_dg14_proves_nothing() {
    let mut attacker = chip(make("ca-dh"), None);
    let files = support::issued(AN, make("ca-dh"), virtual_card::issuer::Oddity::None, |_| {});
    let substituted = files.iter().find(|(id, _)| *id == 0x010E).expect("EF.DG14").1.clone();
    let honest = support::issued(AN, make("cccd"), virtual_card::issuer::Oddity::None, |_| {});
    support::put(&mut attacker, &honest);
    attacker.set_file(0x010E, substituted);
    let evidence = read(&mut attacker, plan(AN, AccessPolicy::Pace)).expect("read");
    let verification = verify(&evidence, &trust());
    assert_eq!(support::found(&verification, "dg_hash.14"), (Outcome::Failed, Some("hash_differs")));
    let proof = support::found(&verification, "chip_authentication");
    assert_eq!(proof, (Outcome::NotPerformed, Some("key_not_bound")));
}
