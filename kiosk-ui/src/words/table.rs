//! The texts: one `match` a set, so that nothing can be forgotten.

use super::{Advice, Edge, Pair, Said, Tone};
use crate::icon::Icon;
use verdict::{Because, Rung, Word};

const fn pair(vi: &'static str, en: &'static str) -> Pair {
    Pair { vi, en }
}

const fn advice(says: Pair, next: Pair) -> Advice {
    Advice { says, next }
}

const TO_DESK: Pair = pair("Mời Quý khách đến {desk}, nhân viên sẽ giúp.", "Please go to {desk}, staff will help you.");
const CALM: Pair = pair(
    "Không giữ thẻ, không kết tội. Mời Quý khách gặp người phụ trách.",
    "Keep no card, accuse nobody. Ask the visitor to see the person in charge.",
);
const RIGHT_PERSON: (Pair, &str) = (pair("Đúng người", "Right person"), "F8");
const OTHER_PAPERS: (Pair, &str) = (pair("Dùng giấy tờ khác", "Use other papers"), "F4");
const IN_CHARGE: (Pair, &str) = (pair("Gọi người phụ trách", "Call the person in charge"), "F9");

/// What is said with a word.
#[must_use]
pub const fn of(word: Word) -> Said {
    match word {
        Word::Proved | Word::Pinned | Word::Signed => assured_by_chip(word),
        Word::Shown | Word::Claimed | Word::Unproved => assured_by_less(word),
        Word::Expired | Word::NotYetValid | Word::Withdrawn => not_in_force(word),
        Word::OtherDocument | Word::OtherCard | Word::OtherHolder => another(word),
        Word::NotGenuine => Said {
            title: pair("Thẻ không đạt xác thực", "Card failed authentication"),
            chip: pair("Không đạt", "Failed"),
            staff: advice(
                pair(
                    "Chữ ký, dữ liệu hoặc chip không chứng minh được là bản gốc.",
                    "Signature, data or chip could not prove to be the original.",
                ),
                CALM,
            ),
            act: IN_CHARGE,
            citizen: advice(
                pair("Thẻ chưa qua được bước kiểm tra.", "The card did not pass its checks."),
                pair("Mời Quý khách lấy lại thẻ và đến {desk}.", "Please take your card and go to {desk}."),
            ),
            icon: Icon::ShieldCross,
            edge: Edge::Filled,
            tone: Tone::Red,
        },
    }
}

const fn assured_by_chip(word: Word) -> Said {
    match word {
        Word::Proved => Said {
            title: pair("Đã xác thực thẻ", "Card verified"),
            chip: pair("Đã xác thực", "Verified"),
            staff: advice(
                pair(
                    "Đúng nơi cấp ký, dữ liệu nguyên vẹn, chip không phải bản sao.",
                    "Signed by its issuer, data intact, the chip is no copy.",
                ),
                pair("So khuôn mặt với ảnh trong chip.", "Compare the face with the portrait in the chip."),
            ),
            act: RIGHT_PERSON,
            citizen: advice(
                pair("Thẻ đúng nơi cấp, dữ liệu nguyên vẹn.", "The issuer is right and the data are intact."),
                TO_DESK,
            ),
            icon: Icon::Shield,
            edge: Edge::Filled,
            tone: Tone::Green,
        },
        Word::Pinned => Said {
            title: pair("Đã xác thực, đã ghim", "Verified, pinned signer"),
            chip: pair("Đã ghim", "Pinned"),
            staff: advice(
                pair(
                    "Nơi ký này do đơn vị chấp nhận; chip không phải bản sao.",
                    "This site accepted the signer; the chip is no copy.",
                ),
                pair(
                    "So khuôn mặt, tiếp tục như thẻ đã xác thực.",
                    "Compare the face, then go on as with a verified card.",
                ),
            ),
            act: RIGHT_PERSON,
            citizen: advice(pair("Đơn vị này chấp nhận nơi ký thẻ.", "This site accepts the card's signer."), TO_DESK),
            icon: Icon::Pin,
            edge: Edge::Filled,
            tone: Tone::Teal,
        },
        _ => Said {
            title: pair("Ký đúng, chưa rõ nơi cấp", "Signed, issuer not known"),
            chip: pair("Chưa rõ nơi cấp", "Issuer unknown"),
            staff: advice(
                pair(
                    "Chữ ký và chip đúng, nhưng máy này chưa có chứng thư gốc để biết ai cấp.",
                    "Signature and chip are right, but this machine has no root certificate that says who issued it.",
                ),
                pair(
                    "Xem thẻ bằng mắt thường, chọn lý do. Không đủ cho thi, chi trả, cửa.",
                    "Examine the card by eye and choose a reason. Not enough for exams, payments or doors.",
                ),
            ),
            act: (pair("Tôi đã kiểm tra", "I have checked it"), "F8"),
            citizen: advice(
                pair(
                    "Chữ ký và chip đúng, máy chưa biết ai cấp thẻ.",
                    "Signature and chip are right; who issued it is not known here.",
                ),
                TO_DESK,
            ),
            icon: Icon::Triangle,
            edge: Edge::Filled,
            tone: Tone::Amber,
        },
    }
}

const fn assured_by_less(word: Word) -> Said {
    match word {
        Word::Shown => Said {
            title: pair("Đã xem giấy tờ", "Papers seen"),
            chip: pair("Đã xem giấy tờ", "Papers seen"),
            staff: advice(
                pair(
                    "Nhân viên đã xem giấy tờ tận mắt. Không có chip nào được đọc.",
                    "Staff saw the papers themselves. No chip was read.",
                ),
                pair(
                    "Ghi loại giấy và số. Hồ sơ mang tên người xem.",
                    "Note the kind of paper and its number. The record names who saw it.",
                ),
            ),
            act: (pair("Ghi giấy tờ đã xem", "Note the papers"), "F4"),
            citizen: advice(pair("Nhân viên đã xem giấy tờ của Quý khách.", "Staff has seen your papers."), TO_DESK),
            icon: Icon::Eye,
            edge: Edge::Filled,
            tone: Tone::Indigo,
        },
        Word::Claimed => Said {
            title: pair("Tự khai", "Stated only"),
            chip: pair("Tự khai", "Stated only"),
            staff: advice(
                pair(
                    "Chỉ có lời khai hoặc mã QR. Chưa có gì được kiểm tra.",
                    "Only what was said, or a QR code. Nothing has been checked.",
                ),
                pair(
                    "Mời Quý khách đặt thẻ lên đầu đọc, hoặc cho xem giấy tờ.",
                    "Ask for the card on the reader, or for papers.",
                ),
            ),
            act: (pair("Đọc chip", "Read the chip"), "F2"),
            citizen: advice(
                pair(
                    "Máy mới có lời khai hoặc mã QR, chưa đọc chip.",
                    "There is only what you said, or a QR code: no chip was read.",
                ),
                pair("Mời Quý khách mang thẻ hoặc giấy tờ đến {desk}.", "Please take your card or papers to {desk}."),
            ),
            icon: Icon::Pencil,
            edge: Edge::Dashed,
            tone: Tone::Slate,
        },
        _ => Said {
            title: pair("Chưa đủ bằng chứng", "Not enough proof"),
            chip: pair("Chưa đủ bằng chứng", "Not enough proof"),
            staff: advice(
                pair(
                    "Đã đọc chip, không thấy gì sai, nhưng chưa chứng minh được đủ.",
                    "A chip was read and nothing is wrong with it, but too little could be proved.",
                ),
                pair("Đọc lại thẻ, hoặc xem giấy tờ và ghi lại.", "Read the card again, or see papers and note them."),
            ),
            act: (pair("Đọc lại chip", "Read the chip again"), "F2"),
            citizen: advice(
                pair(
                    "Đã đọc chip, không thấy gì sai, nhưng chưa đủ bằng chứng.",
                    "Nothing is wrong with the chip, but it could not prove enough.",
                ),
                pair("Mời Quý khách thử lại, hoặc đến {desk}.", "Please try again, or go to {desk}."),
            ),
            icon: Icon::Question,
            edge: Edge::Dashed,
            tone: Tone::Slate,
        },
    }
}

const fn not_in_force(word: Word) -> Said {
    match word {
        Word::Expired => Said {
            title: pair("Thẻ hết hạn", "Card expired"),
            chip: pair("Hết hạn", "Expired"),
            staff: advice(
                pair(
                    "Thẻ đã quá ngày hết hạn. Mức xác thực ghi riêng.",
                    "The card is after its date of expiry. What else is assured stands beside it.",
                ),
                pair(
                    "Trả thẻ, hướng dẫn Quý khách đổi thẻ và dùng giấy tờ khác.",
                    "Give the card back, say how to renew it, and use other papers.",
                ),
            ),
            act: OTHER_PAPERS,
            citizen: advice(
                pair("Thẻ của Quý khách đã quá ngày hết hạn.", "Your card is after its date of expiry."),
                pair("Mời Quý khách đến {desk}, hoặc dùng giấy tờ khác.", "Please go to {desk}, or use other papers."),
            ),
            icon: Icon::CalendarCross,
            edge: Edge::Filled,
            tone: Tone::Plum,
        },
        Word::NotYetValid => Said {
            title: pair("Thẻ chưa có hiệu lực", "Card not yet valid"),
            chip: pair("Chưa hiệu lực", "Not yet valid"),
            staff: advice(
                pair(
                    "Hôm nay trước ngày cấp thẻ. Có thể đồng hồ của máy sai.",
                    "Today is before the card's date of issue. The clock of this machine may be wrong.",
                ),
                pair(
                    "Kiểm tra ngày giờ của máy, rồi dùng giấy tờ khác.",
                    "Check the date and time of this machine, then use other papers.",
                ),
            ),
            act: OTHER_PAPERS,
            citizen: advice(
                pair("Hôm nay trước ngày cấp ghi trong thẻ.", "Today is before the date of issue in the card."),
                pair("Mời Quý khách đến {desk}, hoặc dùng giấy tờ khác.", "Please go to {desk}, or use other papers."),
            ),
            icon: Icon::CalendarCross,
            edge: Edge::Filled,
            tone: Tone::Plum,
        },
        _ => Said {
            title: pair("Thẻ đã báo mất hoặc thu hồi", "Card reported lost or withdrawn"),
            chip: pair("Đã thu hồi", "Withdrawn"),
            staff: advice(
                pair(
                    "Thẻ có trong danh sách báo mất hoặc thu hồi.",
                    "The card is on the list of lost and withdrawn cards.",
                ),
                CALM,
            ),
            act: IN_CHARGE,
            citizen: advice(
                pair(
                    "Thẻ này có trong danh sách báo mất hoặc thu hồi.",
                    "This card is on the list of lost and withdrawn cards.",
                ),
                pair("Mời Quý khách lấy lại thẻ và đến {desk}.", "Please take your card and go to {desk}."),
            ),
            icon: Icon::ShieldCross,
            edge: Edge::Filled,
            tone: Tone::Red,
        },
    }
}

const fn another(word: Word) -> Said {
    match word {
        Word::OtherDocument => Said {
            title: pair("Thẻ khác", "Another document"),
            chip: pair("Thẻ khác", "Another document"),
            staff: advice(
                pair("Giấy tờ này ngoài loại được nhận ở đây.", "This kind of document is not taken here."),
                pair(
                    "Trả thẻ, mời Quý khách đưa thẻ căn cước hoặc nhập tay.",
                    "Give it back; ask for a citizen card, or type the details.",
                ),
            ),
            act: OTHER_PAPERS,
            citizen: advice(
                pair("Máy này không nhận loại giấy tờ này.", "This machine does not take this kind of document."),
                pair("Mời Quý khách dùng thẻ khác, hoặc đến {desk}.", "Please use another card, or go to {desk}."),
            ),
            icon: Icon::Arrows,
            edge: Edge::Outlined,
            tone: Tone::Slate,
        },
        Word::OtherCard => Said {
            title: pair("Không đúng thẻ đã quét", "Not the card that was scanned"),
            chip: pair("Không đúng thẻ", "Not that card"),
            staff: advice(
                pair(
                    "Số trong chip không phải số đã quét, đã nhập hoặc trong danh sách.",
                    "The number in the chip is not the one that was scanned, typed or listed.",
                ),
                pair("Trả thẻ, quét lại mã của đúng thẻ này.", "Give the card back, then scan the code of this card."),
            ),
            act: (pair("Quét lại", "Scan again"), "F2"),
            citizen: advice(
                pair(
                    "Số trong chip khác với số đã quét hoặc đã nhập.",
                    "The number in the chip is not the one that was scanned or typed.",
                ),
                pair("Mời Quý khách quét lại đúng thẻ, hoặc đến {desk}.", "Please scan this card, or go to {desk}."),
            ),
            icon: Icon::Arrows,
            edge: Edge::Outlined,
            tone: Tone::Slate,
        },
        _ => Said {
            title: pair("Ảnh và người chưa khớp", "Face and portrait differ"),
            chip: pair("Chưa khớp ảnh", "Face differs"),
            staff: advice(
                pair("Khuôn mặt và ảnh trong chip không khớp.", "The face and the portrait in the chip do not match."),
                CALM,
            ),
            act: IN_CHARGE,
            citizen: advice(
                pair("Khuôn mặt và ảnh trong chip chưa khớp.", "Your face and the portrait in the chip do not match."),
                TO_DESK,
            ),
            icon: Icon::Arrows,
            edge: Edge::Outlined,
            tone: Tone::Slate,
        },
    }
}

/// Why a visit does not simply go on.
#[must_use]
pub const fn of_reason(because: Because) -> Pair {
    match because {
        Because::NotGenuine => {
            pair("Chữ ký, dữ liệu hoặc chip không đạt xác thực.", "Signature, data or chip failed authentication.")
        }
        Because::OtherCard => pair(
            "Thẻ trên đầu đọc không phải thẻ đã quét hoặc đã nhập.",
            "The card on the reader is not the one that was scanned or typed.",
        ),
        Because::OtherHolder => pair("Người và ảnh trong chip chưa khớp.", "The person and the portrait do not match."),
        Because::OtherDocument => pair("Nơi này không nhận loại giấy tờ này.", "This kind of document is not taken."),
        Because::Withdrawn => pair("Thẻ đã được báo mất hoặc thu hồi.", "The card was reported lost or withdrawn."),
        Because::Expired => pair("Thẻ đã quá ngày hết hạn.", "The card is after its date of expiry."),
        Because::NotYetValid => pair("Thẻ chưa đến ngày có hiệu lực.", "The card is before its date of issue."),
        Because::ValidityUnknown => {
            pair("Ngày của thẻ hoặc của máy chưa chắc chắn.", "The dates of the card or the machine are not certain.")
        }
        Because::Assurance => pair("Việc này cần mức xác thực cao hơn.", "This needs more to be assured."),
        Because::Weak => {
            pair("Thẻ dùng thuật toán cũ, chưa đủ cho việc này.", "The card leans on an old algorithm: too weak here.")
        }
    }
}

/// What is assured on a rung. Its name is the chip of its word.
#[must_use]
pub const fn of_rung(rung: Rung) -> Pair {
    match rung {
        Rung::Proved => pair("Đúng nơi cấp, chip không phải bản sao.", "The issuer is right, the chip is no copy."),
        Rung::Pinned => pair(
            "Đơn vị chấp nhận nơi ký, chip không phải bản sao.",
            "The site accepts the signer, the chip is no copy.",
        ),
        Rung::Signed => {
            pair("Chữ ký và chip đúng, chưa rõ nơi cấp.", "Signature and chip are right, the issuer is not known.")
        }
        Rung::Shown => pair("Có người đã xem giấy tờ.", "A person saw papers."),
        Rung::Claimed => pair("Chỉ có lời khai.", "Only what was said."),
    }
}
