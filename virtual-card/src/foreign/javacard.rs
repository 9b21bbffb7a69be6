//! A passport applet on a JavaCard: nothing answers before it is selected, lengths are exact, and an exception is a bare
//! status word.

use super::{Answer, broken, mutual_authenticate};
use crate::card_pace::{Pace, Reply, chip_authentication};
use crate::card_sm::{CardSm, Plain};
use crate::chip::ATR;
use crate::personalise::Card;
use crate::vpcd::VpcdCard;
use emrtd::hazmat::tlv::{self, encode};
use openssl::hash::{MessageDigest, hash};

pub(super) struct JavaCard {
    card: Card,
    /// Whether errors are protected and leave the session as it is.
    keeps_session: bool,
    applet: Applet,
}

/// What the applet forgets when it is deselected.
#[derive(Default)]
struct Applet {
    selected: bool,
    file: Option<u16>,
    nonce: Vec<u8>,
    pace: Option<Pace>,
    session: Option<CardSm>,
    /// A session that begins after the answer to the command that runs.
    next_session: Option<CardSm>,
}

/// The command's fields as the applet finds them in the APDU buffer.
struct Apdu<'a> {
    ins: u8,
    p1: u8,
    p2: u8,
    data: &'a [u8],
    le: Option<usize>,
}

impl JavaCard {
    pub(super) fn new(card: Card, keeps_session: bool) -> Self {
        Self { card, keeps_session, applet: Applet::default() }
    }

    fn process(&mut self, bytes: &[u8]) -> Result<Vec<u8>, u16> {
        let (header, body) = bytes.split_first_chunk::<4>().ok_or(0x6700u16)?;
        // The APDU buffer has no room for more.
        let (data, le) = match *body {
            [] => (&[][..], None),
            [le] => (&[][..], Some(le)),
            [0, ..] => return Err(0x6700),
            [lc, ref rest @ ..] if rest.len() == usize::from(lc) => (rest, None),
            [lc, ref rest @ ..] if rest.len() == usize::from(lc) + 1 => (&rest[..lc.into()], rest.last().copied()),
            _ => return Err(0x6700),
        };
        let whole = |le: u8| if le == 0 { 256 } else { usize::from(le) };
        if header[0] & 0x0C == 0 {
            if self.applet.session.is_some() {
                self.applet.session = None;
                return Err(0x6982);
            }
            let [_, ins, p1, p2] = *header;
            return self.command(&Apdu { ins, p1, p2, data, le: le.map(whole) }, false);
        }
        let Some(mut session) = self.applet.session.take() else { return Err(0x6985) };
        let outer = Plain { header: *header, data: data.to_vec(), le: le.map_or(0, whole), extended: false };
        let Some(inner) = session.open(&outer).map_err(broken)? else { return Err(0x6988) };
        let [_, ins, p1, p2] = inner.header;
        let le = (inner.le > 0).then_some(inner.le);
        let answer = self.command(&Apdu { ins, p1, p2, data: &inner.data, le }, true);
        let (data, status) = match answer {
            Ok(data) => (data, 0x9000),
            Err(status) if self.keeps_session => (Vec::new(), status),
            Err(status) => return Err(status),
        };
        let sealed = session.seal(ins & 1 == 1, &data, status).map_err(broken)?;
        self.applet.session = self.applet.next_session.take().or(Some(session));
        if sealed.len() > 258 { Err(0x6700) } else { Ok(sealed) }
    }

    fn command(&mut self, apdu: &Apdu<'_>, protected: bool) -> Answer {
        let answer = match (apdu.ins, apdu.p1, apdu.p2) {
            (0xA4, 0x04, 0x00) if apdu.data == [0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01] => {
                self.applet.selected = true;
                self.applet.file = None;
                Ok(Vec::new())
            }
            (0xA4, 0x04, 0x00) => Err(0x6A82),
            (0xA4, 0x04, _) => Err(0x6A86),
            // The card manager, which knows other commands.
            _ if !self.applet.selected => Err(0x6D00),
            (0xA4, 0x02, 0x00) => self.select(apdu.data, protected),
            (0xA4, ..) => Err(0x6A86),
            (0xB0, p1, _) if p1 & 0x80 != 0 => Err(0x6A86),
            (0xB0, p1, p2) => self.read(usize::from(p1) << 8 | usize::from(p2), apdu.le, protected),
            (0x84, 0, 0) => {
                if apdu.le != Some(8) {
                    return Err(0x6C08);
                }
                self.applet.nonce = vec![0; 8];
                openssl::rand::rand_bytes(&mut self.applet.nonce).map_err(broken)?;
                Ok(self.applet.nonce.clone())
            }
            (0x82, 0, 0) if !protected => {
                let nonce = std::mem::take(&mut self.applet.nonce);
                let (answer, session) = mutual_authenticate(&self.card, &nonce, apdu.data)?;
                self.applet.session = Some(session);
                Ok(answer)
            }
            (0x22, 0xC1, 0xA4) if !protected => self.pace(apdu.data),
            (0x86, 0, 0) if !protected => self.pace_step(apdu.data),
            (0x22, 0x41, 0xA6) if protected => self.agree(apdu.data),
            (0x88, 0, 0) if protected && apdu.data.len() == 8 => self.card.active_key.sign(apdu.data).map_err(broken),
            (0x88, 0, 0) => Err(0x6982),
            _ => Err(0x6D00),
        }?;
        // What is asked for is what there is.
        match apdu.le {
            Some(le) if apdu.ins == 0xB0 && le != answer.len() => Err(0x6C00 | answer.len() as u16 & 0xFF),
            _ => Ok(answer),
        }
    }

    fn select(&mut self, id: &[u8], protected: bool) -> Answer {
        let id = u16::from_be_bytes(id.try_into().map_err(|_| 0x6700u16)?);
        let open = protected || id == 0x011C;
        match self.card.files.contains_key(&id) {
            true if open => self.applet.file = Some(id),
            true => return Err(0x6982),
            false => return Err(0x6A82),
        }
        Ok(Vec::new())
    }

    fn read(&self, offset: usize, le: Option<usize>, protected: bool) -> Answer {
        let id = self.applet.file.ok_or(0x6986u16)?;
        if !protected && id != 0x011C {
            return Err(0x6982);
        }
        let rest = self.card.files[&id].get(offset..).filter(|rest| !rest.is_empty()).ok_or(0x6B00u16)?;
        Ok(rest[..le.unwrap_or(0).min(rest.len())].to_vec())
    }

    fn pace(&mut self, data: &[u8]) -> Answer {
        let value = |tag| tlv::find(data, tag).ok().flatten().map(|object| object.value);
        if value(0x80) != Some(&self.card.make.pace_oid()[..]) {
            return Err(0x6A80);
        }
        let password = match value(0x83) {
            Some([1]) => hash(MessageDigest::sha1(), self.card.mrz_information.as_bytes()).map_err(broken)?.to_vec(),
            Some([2]) => self.card.can.as_bytes().to_vec(),
            _ => return Err(0x6A88),
        };
        self.applet.pace = Some(Pace::select(self.card.make, &password, None).map_err(broken)?);
        Ok(Vec::new())
    }

    fn pace_step(&mut self, data: &[u8]) -> Answer {
        let step = tlv::first(data, 0x7C).and_then(|template| template.children().next()).map_err(|_| 0x6A80u16)?;
        let (tag, value) = step.map_or((0, &[][..]), |object| (object.tag, object.value));
        let (next, reply) = self.applet.pace.take().ok_or(0x6985u16)?.step(tag, value).map_err(broken)?;
        self.applet.pace = next;
        match reply {
            Reply::Object(object) => Ok(encode(0x7C, &object)),
            Reply::Done { object, secret, .. } => {
                self.applet.session = Some(CardSm::new(self.card.make.pace_family, &secret, None).map_err(broken)?);
                Ok(encode(0x7C, &object))
            }
            Reply::WrongPassword => Err(0x6300),
            Reply::OutOfOrder => Err(0x6985),
        }
    }

    /// MSE:Set KAT.
    fn agree(&mut self, data: &[u8]) -> Answer {
        let terminal = tlv::find(data, 0x91).ok().flatten().ok_or(0x6A80u16)?.value;
        let agreed = chip_authentication(&self.card.chip_key, terminal).map_err(broken)?.ok_or(0x6A80u16)?;
        let session = CardSm::new(self.card.make.chip_family, &agreed.secret, None).map_err(broken)?;
        self.applet.next_session = Some(session);
        Ok(Vec::new())
    }
}

impl VpcdCard for JavaCard {
    fn atr(&self) -> Vec<u8> {
        ATR.to_vec()
    }

    fn reset(&mut self) {
        self.applet = Applet::default();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        // What a session answers has its status already.
        let sealed = self.applet.session.is_some();
        Some(match self.process(command) {
            Ok(answer) if sealed => answer,
            Ok(answer) => [&answer[..], &[0x90, 0x00]].concat(),
            Err(status) => status.to_be_bytes().to_vec(),
        })
    }
}
