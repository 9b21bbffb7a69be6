//! One command with all that belongs to it (ISO/IEC 7816-4 §5.3): links of a chain before it, GET RESPONSE behind it,
//! and the same again where the chip names the exact length. The protocols above see one command and one response.

use crate::apdu::{Command, Response, StatusWord, split_status};
use crate::error::Error;
use crate::secret::Secret;
use crate::tlv::Reader;
use std::borrow::Cow;
use std::collections::VecDeque;
use zeroize::Zeroizing;

/// A link of a chain has this much data: with its protection it fits a short command.
const LINK: usize = 208;

/// More answers to one command than these are no answer.
const MOST_ANSWERS: u16 = 512;

/// INTERNAL AUTHENTICATE and READ BINARY have ladders of their own for lengths that a chip dislikes.
const OWN_LADDER: [u8; 3] = [0x88, 0xB0, 0xB1];

/// A command on its way.
pub(super) struct Delivery {
    /// What is left of a chain; the last link is the command itself.
    links: VecDeque<Command>,
    /// For another try with the exact length.
    last: Command,
    exact: bool,
    /// What came before `61xx` under protection.
    collected: Zeroizing<Vec<u8>>,
    /// What came before a bare `61xx`: the front of a protected answer that the reader could not take at once.
    raw: Vec<u8>,
    answers: u16,
}

/// What follows an answer.
pub(super) enum Next {
    /// This command, protected like the first.
    Send(Command),
    /// The response is whole.
    Give(Response),
}

impl Delivery {
    /// A command, and what of it is sent first. `chained`: what is too long for short length is sent in links.
    pub(super) fn new(command: Command, chained: bool) -> (Self, Command) {
        let data = command.data.expose();
        let mut links = VecDeque::new();
        if chained && data.len() > LINK && command.is_extended() {
            let Command { cla, ins, p1, p2, le, .. } = command;
            let parts: Vec<&[u8]> = data.chunks(LINK).collect();
            for (n, part) in parts.iter().enumerate() {
                let last = n + 1 == parts.len();
                let link = Command::new(if last { cla } else { cla | 0x10 }, ins, p1, p2).with_data(part.to_vec());
                links.push_back(if last { Command { le: le.map(|le| le.min(256)), ..link } } else { link });
            }
        }
        let first = links.pop_front().unwrap_or_else(|| command.clone());
        let last = links.back().cloned().unwrap_or(command);
        let (collected, raw) = (Zeroizing::default(), Vec::new());
        (Self { links, last, exact: false, collected, raw, answers: 0 }, first)
    }

    /// A bare `61xx` under a protected answer: the GET RESPONSE, itself bare, that brings the rest. Otherwise the answer
    /// as it is now whole.
    pub(super) fn assemble<'a>(&mut self, answer: &'a [u8]) -> Result<Cow<'a, [u8]>, Vec<u8>> {
        if let Some((data, status)) = split_status(answer)
            && let Some(left) = status.bytes_left()
            && self.answers < MOST_ANSWERS
        {
            let so_far = self.raw.len();
            self.raw.extend_from_slice(data);
            // Asked of all pieces together: within a cryptogram any bytes look like an object.
            if !carries_mac(&self.raw) {
                self.answers += 1;
                return Err(Command::new(0x00, 0xC0, 0x00, 0x00).with_le(left).encode());
            }
            self.raw.truncate(so_far);
        }
        if self.raw.is_empty() {
            return Ok(Cow::Borrowed(answer));
        }
        let mut whole = std::mem::take(&mut self.raw);
        whole.extend_from_slice(answer);
        Ok(Cow::Owned(whole))
    }

    /// Takes an answer in plain.
    pub(super) fn take(&mut self, response: Response) -> Result<Next, Error> {
        self.answers += 1;
        if self.answers > MOST_ANSWERS {
            return Err(Error::Limit { operation: "GET RESPONSE", limit: "answers to one command" });
        }
        let status = response.status;
        if let Some(left) = status.bytes_left() {
            self.collected.extend_from_slice(response.data.expose());
            return Ok(Next::Send(Command::new(0x00, 0xC0, 0x00, 0x00).with_le(left)));
        }
        if status == StatusWord::OK
            && let Some(link) = self.links.pop_front()
        {
            return Ok(Next::Send(link));
        }
        if let Some(exact) = status.exact_length()
            && !self.exact
            && !OWN_LADDER.contains(&self.last.ins)
            && self.last.le.is_some_and(|le| le != exact)
        {
            self.exact = true;
            return Ok(Next::Send(self.last.clone().with_le(exact)));
        }
        if self.collected.is_empty() {
            return Ok(Next::Give(response));
        }
        self.collected.extend_from_slice(response.data.expose());
        Ok(Next::Give(Response { data: Secret::new(std::mem::take(&mut *self.collected)), status }))
    }
}

/// Whether these bytes are a whole protected answer: it ends in the MAC's object.
fn carries_mac(data: &[u8]) -> bool {
    let mut objects = Reader::new(data);
    while let Ok(Some(object)) = objects.next() {
        if object.tag == 0x8E {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(data: &[u8], status: u16) -> Response {
        Response { data: data.into(), status: StatusWord(status) }
    }

    #[test]
    fn long_commands_are_chained_where_there_is_no_extended_length() {
        let data: Vec<u8> = (0..450u32).map(|n| n as u8).collect();
        let command = Command::new(0x00, 0x22, 0x41, 0xA6).with_data(data.clone()).with_le(256);
        let (mut delivery, first) = Delivery::new(command.clone(), true);
        let mut sent = vec![first];
        while let Next::Send(link) = delivery.take(response(b"", 0x9000)).expect("taken") {
            sent.push(link);
        }
        assert_eq!(sent.iter().map(|link| link.cla).collect::<Vec<_>>(), [0x10, 0x10, 0x00]);
        assert!(sent.iter().all(|link| !link.is_extended()));
        assert_eq!(sent.iter().map(|link| link.le).collect::<Vec<_>>(), [None, None, Some(256)]);
        assert_eq!(sent.iter().flat_map(|link| link.data.expose().to_vec()).collect::<Vec<u8>>(), data);
        // A refusal in between is the answer.
        let (mut delivery, _) = Delivery::new(command.clone(), true);
        assert!(matches!(delivery.take(response(b"", 0x6884)), Ok(Next::Give(r)) if r.status == StatusWord(0x6884)));
        assert_eq!(Delivery::new(command.clone(), false).1, command);
    }

    #[test]
    fn an_answer_in_parts_is_one_answer() {
        let (mut delivery, _) = Delivery::new(Command::new(0, 0x88, 0, 0).with_le(256), false);
        let Next::Send(get) = delivery.take(response(b"ab", 0x6102)).expect("taken") else { panic!("given") };
        assert_eq!(get.encode(), [0x00, 0xC0, 0x00, 0x00, 0x02]);
        let Next::Give(whole) = delivery.take(response(b"cd", 0x9000)).expect("taken") else { panic!("sent") };
        assert_eq!((whole.data.expose(), whole.status), (&b"abcd"[..], StatusWord::OK));
    }

    #[test]
    fn a_protected_answer_in_bare_parts_is_put_together() {
        let (mut delivery, _) = Delivery::new(Command::new(0, 0xB0, 0, 0).with_le(223), false);
        let get = delivery.assemble(&[0x87, 0x03, 0x01, 0x61, 0x10]).expect_err("more to get");
        assert_eq!(get, [0x00, 0xC0, 0x00, 0x00, 0x10]);
        let rest = [0xAA, 0xBB, 0x8E, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0x00];
        let whole = delivery.assemble(&rest).expect("whole");
        assert_eq!(*whole, [&[0x87, 0x03, 0x01][..], &rest].concat());
        // With its MAC an answer is whole, whatever its status says.
        let protected = [0x99, 0x02, 0x61, 0x10, 0x8E, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x61, 0x10];
        assert_eq!(*delivery.assemble(&protected).expect("whole"), protected);
    }

    #[test]
    fn a_piece_of_a_cryptogram_that_looks_like_a_mac_is_none() {
        let (mut delivery, _) = Delivery::new(Command::new(0, 0xB0, 0, 0).with_le(223), false);
        let pieces = [&[0x87, 0x09, 0x01, 1, 2, 0x61, 0x06][..], &[0x8E, 0x01, 3, 4, 5, 6, 0x61, 0x0A]];
        for piece in pieces {
            delivery.assemble(piece).expect_err("more to get");
        }
        let rest = [0x8E, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0x00];
        let whole = delivery.assemble(&rest).expect("whole");
        assert_eq!(*whole, [&[0x87, 0x09, 0x01, 1, 2][..], &[0x8E, 0x01, 3, 4, 5, 6], &rest].concat());
    }

    #[test]
    fn the_exact_length_is_asked_for_once() {
        let (mut delivery, _) = Delivery::new(Command::new(0, 0xA4, 2, 0).with_le(256), false);
        let Next::Send(again) = delivery.take(response(b"", 0x6C10)).expect("taken") else { panic!("given") };
        assert_eq!(again.le, Some(16));
        assert!(matches!(delivery.take(response(b"", 0x6C10)), Ok(Next::Give(_))));
        let (mut delivery, _) = Delivery::new(Command::new(0, 0xB0, 0, 0).with_le(256), false);
        assert!(matches!(delivery.take(response(b"", 0x6C10)), Ok(Next::Give(_))), "reads have a ladder of their own");
    }
}
