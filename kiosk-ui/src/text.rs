//! Every phrase in both languages.

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Language {
    Vietnamese,
    English,
}

macro_rules! phrases {
    ($($name:ident: $vi:literal, $en:literal;)*) => {
        /// Something that is said to a person.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the phrases stand beside the names")]
        pub enum Phrase {
            $($name,)*
        }

        impl Phrase {
            /// Every phrase.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, which recordings of it have.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The phrase in a language.
            #[must_use]
            pub const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::Vietnamese) => $vi,
                      (Self::$name, Language::English) => $en,)*
                }
            }
        }
    };
}

phrases! {
    PlaceCard: "Đặt thẻ lên đầu đọc", "Lay the card on the reader";
    KeepCard: "Giữ yên thẻ", "Leave the card where it is";
    PutCardBack: "Đặt lại thẻ lên đầu đọc để đọc tiếp", "Put the card back on the reader to go on";
    TakeCard: "Lấy lại thẻ", "Take the card back";
    TryAgain: "Thử lại", "Try again";
    CheckNumber: "Kiểm tra lại số thẻ", "Check the number on the card";
    CallStaff: "Gọi nhân viên", "Call staff";
    ScanOrType: "Quét mã QR hoặc nhập số thẻ", "Scan the QR code or type the card's number";
    ScanCitizenCard: "Vui lòng quét mã trên thẻ căn cước.", "Please scan your citizen card's code.";
    SelfService: "Quầy tự phục vụ", "Self-service desk";
    Welcome: "Xin chào!", "Welcome!";
    TouchToStart: "Chạm để bắt đầu", "Touch to start";
    StepIdentify: "Quét thẻ", "Scan card";
    StepRead: "Đọc chip", "Read chip";
    StepDone: "Kết quả", "Result";
    StepOf: "Bước", "Step";
    ConsentTitle: "Cho phép đọc thẻ căn cước?", "May your card be read?";
    ConsentErase: "Máy xóa dữ liệu ngay khi Quý khách rời đi.", "This machine erases it as soon as you leave.";
    Agree: "Tôi đồng ý", "I agree";
    Cancel: "Hủy", "Cancel";
    ScanTitle: "Quét mã QR trên thẻ", "Scan the QR code on your card";
    ScanHint: "Đưa mặt có mã QR vào máy quét.", "Hold the side with the QR code to the scanner.";
    TypeNumber: "Nhập số", "Type it";
    NumberTitle: "Nhập 12 chữ số trên thẻ", "Type the 12 digits on your card";
    NumberHidden: "Số được che khi bạn nhập.", "Your digits stay hidden.";
    NumberWrong: "Số chưa đúng. Vui lòng nhập lại.", "That number is wrong, please try again.";
    Erase: "Xóa", "Erase";
    Confirm: "Xong", "Done";
    PlaceHint: "Úp mặt có chip xuống và giữ yên thẻ.", "Chip side down, and leave it there.";
    ReadingTitle: "Đang đọc chip…", "Reading the chip…";
    DoNotLift: "Xin đừng nhấc thẻ ra", "Please do not lift the card";
    StepConnect: "Kết nối chip", "Connect to the chip";
    StepUnlock: "Mở khóa bảo mật", "Open the secure channel";
    StepText: "Đọc thông tin", "Read your details";
    StepPortrait: "Đọc ảnh chân dung", "Read your portrait";
    StepVerify: "Kiểm tra chữ ký số", "Check the signature";
    StaffWillHelp: "Nhân viên sẽ giúp Quý khách tại quầy.", "Staff will help you at the desk.";
    FaceDiffers: "Ảnh và người chưa khớp", "Face and portrait differ";
    Continue: "Tiếp tục", "Continue";
    OtherCard: "Dùng thẻ khác", "Other card";
    StaffLooksLater: "Nhân viên sẽ xem lại thẻ sau. Vui lòng mang thẻ theo.",
        "Staff will look later. Please keep your card.";
    StaffSeesPapers: "Nhân viên sẽ xem giấy tờ sau.", "Staff will see your papers later.";
    RenewCard: "Cấp đổi thẻ: Công an xã, phường, hoặc nộp hồ sơ trên ứng dụng VNeID.",
        "To renew: the police of your commune or ward, or the VNeID app.";
    TakeBack: "Vui lòng lấy lại thẻ khỏi đầu đọc.", "Please take your card off the reader.";
    TakePapersBack: "Vui lòng lấy giấy tờ khỏi đầu đọc.", "Please take your document off the reader.";
    LookAgain: "Xem lại thẻ", "See the card again";
    TicketTitle: "Số thứ tự của Quý khách", "Your number";
    QueueNext: "Sắp đến lượt Quý khách", "You are next";
    QueueAhead: "Còn {ahead} người trước Quý khách", "{ahead} before you";
    QueueAbout: "Còn {ahead} người, khoảng {minutes} phút", "{ahead} before you, about {minutes} min";
    FollowByPhone: "Quét bằng điện thoại để theo dõi", "Scan with your phone to follow";
    TakeCardTitle: "Nhớ lấy lại thẻ", "Remember your card";
    TakeCardHint: "Thẻ của Quý khách vẫn còn trên đầu đọc.", "Your card is still on the reader.";
    StaffTitle: "Đã báo nhân viên", "Staff has been told";
    StaffHint: "Vui lòng chờ tại máy. Lượt của Quý khách được giữ nguyên.", "Please wait here. Your visit is kept.";
    MoreTimeTitle: "Quý khách cần thêm thời gian?", "Do you need more time?";
    MoreTimeHint: "Nếu không, dữ liệu được xóa sau {seconds} giây.",
        "If not, your data are erased in {seconds} seconds.";
    MoreTime: "Thêm thời gian", "More time";
    OutOfServiceTitle: "Máy tạm ngừng phục vụ", "Out of service";
    OutOfServiceHint: "Mời Quý khách đến quầy.", "Please go to the desk.";
    TechnicianTitle: "Dành cho kỹ thuật viên", "For the technician";
    Checking: "Đang kiểm tra thiết bị…", "Checking the device…";
    CheckSettings: "Cấu hình", "Settings";
    CheckProfile: "Hồ sơ phục vụ", "Profile";
    CheckKeyStore: "Kho khóa", "Key store";
    CheckIdentity: "Định danh thiết bị", "Identity";
    CheckSiteKey: "Khóa của cơ sở", "Site's key";
    CheckCertificate: "Chứng thư thiết bị", "Certificate";
    CheckClock: "Đồng hồ", "Clock";
    CheckCentral: "Trung tâm", "Central";
    CheckAnchors: "Chứng thư gốc (CSCA)", "Trust anchors";
    CheckBundle: "Gói dữ liệu", "Bundle";
    CheckOutbox: "Nhật ký sự kiện", "Event log";
    CheckDisk: "Ổ đĩa", "Disk";
    CheckUpdate: "Cập nhật", "Update";
    EnrolTitle: "Thiết bị chờ cấp phép", "This device waits for approval";
    EnrolHint: "Kỹ thuật viên: quét mã và so sánh sáu từ.", "Technician: scan the code, compare the six words.";
    EnrolScanBack: "Đưa màn hình điện thoại vào máy quét.", "Hold the phone's screen to the scanner.";
    EnrolKeys: "Tạo khóa", "Make keys";
    EnrolRequest: "Lập yêu cầu", "Make the request";
    EnrolConfirm: "Chờ xác nhận", "Wait for confirmation";
    EnrolCertificate: "Nhận chứng thư", "Take the certificate";
    EnrolDone: "Đã được cấp phép", "Approved";
    TestPicture: "Ảnh thử", "Test picture";
    TestPictureHint: "Phải thấy đủ bốn cạnh khung, chữ đứng thẳng.",
        "All four edges of the frame must show, and the words be upright.";
    TouchMark: "Chạm giữa dấu", "Touch the mark";
    TouchAgain: "Chạm lệch, xin làm lại", "That was off the marks, once more";
    TouchGood: "Chạm đúng rồi", "Touch is right";
    NotStarted: "Ki-ốt chưa chạy được", "This kiosk cannot start";
    NotSetUp: "Máy chưa được cài đặt", "This device is not set up";
    NotEnrolled: "Máy chưa được ghi danh", "This device is not enrolled";
    TypeThere: "Kỹ thuật viên gõ lệnh trên máy:", "A technician types on the machine:";
    SerialNumber: "Số máy", "Serial number";
    TriesAgain: "sẽ tự thử lại", "tries again by itself";
    PartReader: "Đầu đọc thẻ", "Card reader";
    PartDisplay: "Màn hình", "Display";
    PartTouch: "Cảm ứng", "Touch";
    PartScanner: "Máy quét", "Scanner";
    PartPrinter: "Máy in", "Printer";
    PartSpeaker: "Loa", "Speaker";
    PartLines: "Đèn và còi", "Lights";
    PartCabinet: "Vỏ máy", "Cabinet";
    Works: "Bình thường", "Works";
    Since: "từ", "since";
    AllWork: "Mọi thiết bị hoạt động bình thường.", "Every device works.";
    UnsentEvents: "Sự kiện chưa gửi", "Events not sent";
    ScannerAway: "Máy quét đang hỏng. Vui lòng nhập số trên thẻ.", "The scanner is out of order: type the number.";
    RememberNumber: "Máy không in được phiếu. Vui lòng ghi nhớ số này.",
        "Nothing can be printed. Please remember this number.";
    TakeTicket: "Mời Quý khách lấy phiếu và thẻ.", "Please take your ticket and your card.";
    Shift: "Chữ hoa", "Capitals";
    Space: "Dấu cách", "Space";
    OtherKeys: "Chữ và số", "Letters and digits";
    Next: "Tiếp", "Next";
    FieldOf: "Mục", "Field";
    FieldEmpty: "Hãy điền mục này.", "Please fill this in.";
    TelexHint: "Gõ dấu: aa → â, as → á, dd → đ", "Telex accents: aa → â, as → á, dd → đ";
    ScanWithPhone: "Quét bằng điện thoại", "Scan with your phone";
    CardLifted: "Thẻ bị nhấc ra quá sớm", "The card was lifted too early";
    ConsentKeep: "Máy mã hóa dữ liệu, tự xóa sau {days} ngày.",
        "This machine keeps it encrypted and erases it after {days} days.";
    InsuranceTaken: "Đã nhận thẻ bảo hiểm y tế", "Health insurance card received";
    InsuranceNext: "Bây giờ hãy quét mã QR trên thẻ căn cước", "Now scan the QR code on your citizen card";
    CardWithdrawn: "Thẻ đã được báo mất", "This card was reported lost";
    NotOnList: "Không có tên trong danh sách", "Your name is not on the list";
    ListAway: "Chưa có danh sách, hoặc danh sách không còn hiệu lực", "The list is missing or has expired";
    ChildAlone: "Trẻ em làm thủ tục cùng người lớn, tại quầy", "Children come to the desk, with an adult";
    AlreadyDone: "Quý khách đã làm thủ tục này rồi", "You have done this already";
    WrongDirection: "Lượt vào và lượt ra không khớp", "Entry and exit do not match";
    SeeStaff: "Mời Quý khách gặp nhân viên", "Please see the staff";
    More: "Xem thêm", "More";
    WrongCard: "Thẻ không khớp với số đã nhập", "This card does not match the number";
    CodeInsurance: "Đây là mã thẻ bảo hiểm y tế", "This is a health insurance card";
    CodeVneid: "Đây là mã của ứng dụng VNeID", "This is a VNeID code";
    CodeLink: "Đây là mã của một trang web", "This is a web page's code";
    CodePayment: "Đây là mã thanh toán", "This is a payment code";
    CodeBoardingPass: "Đây là thẻ lên máy bay", "This is a boarding pass";
    CodeSeal: "Đây là con dấu số trên giấy tờ", "This is a digital seal";
    CodeOldNumber: "Đây là số CMND cũ, có 9 số", "This is an old ID number";
    CodePassport: "Đây là dòng mã của hộ chiếu", "These are a passport's lines";
    LinesMended: "Đã sửa các dòng mã theo số kiểm tra", "The printed lines were mended by their check digits";
    LinesNotRead: "Chưa đọc đúng các dòng mã", "The lines were not read right";
    CodeNotRead: "Chưa đọc đúng mã của thẻ", "The code was not read right";
    NotACardCode: "Đây không phải mã QR trên thẻ căn cước", "This is no citizen card's code";
    OtherKind: "Thẻ này không phải thẻ căn cước", "This card is not a citizen card";
    ScanUnclear: "Máy quét đọc chưa rõ", "The scanner did not read it clearly";
    LiftedTooLong: "Thẻ đã bị nhấc ra", "The card was taken away";
    NoCardCame: "Chưa thấy thẻ trên đầu đọc", "No card came to the reader";
    CardNotRead: "Chưa đọc được thẻ", "The card could not be read";
    PutCardFlat: "Đặt thẻ nằm phẳng trên đầu đọc", "Lay the card flat on the reader";
    TriesLeft: "Số lần thử còn lại", "Tries left";
    Monday: "Thứ Hai", "Monday";
    Tuesday: "Thứ Ba", "Tuesday";
    Wednesday: "Thứ Tư", "Wednesday";
    Thursday: "Thứ Năm", "Thursday";
    Friday: "Thứ Sáu", "Friday";
    Saturday: "Thứ Bảy", "Saturday";
    Sunday: "Chủ Nhật", "Sunday";
    SecondsLeft: "Tự đóng sau", "Closes in";
    Seconds: "giây", "seconds";
    OtherLanguage: "English", "Tiếng Việt";
    LargeText: "Chữ to", "Larger";
    NormalText: "Chữ vừa", "Smaller";
    ContrastTool: "Tương phản", "Contrast";
    SpeechTool: "Đọc to", "Read out";
    StaffTool: "Hỗ trợ", "Help";
    Hidden: "dấu sao", "asterisk";
    Finish: "Kết thúc", "Finish";
    CheckSignature: "Chữ ký của cơ quan cấp", "Issuer's signature";
    CheckChain: "Chứng thư của cơ quan cấp", "Issuer's certificate";
    CheckValidity: "Hiệu lực chứng thư", "Certificate validity";
    CheckRevocation: "Chứng thư chưa bị thu hồi", "Certificate not revoked";
    CheckHash: "Dữ liệu không bị sửa", "Data unaltered";
    CheckCopy: "Chip không bị sao chép", "Chip is no copy";
    CheckCardSecurity: "Chữ ký trên khóa của chip", "Signature over the chip's keys";
    CheckIssuingState: "Quốc gia cấp", "Issuing state";
    CheckAnchorScope: "Phạm vi chứng thư", "Scope of the anchor";
    CheckPurpose: "Mục đích chứng thư người ký", "Signer's purpose";
    CheckDocumentValidity: "Thời hạn thẻ", "Dates of the document";
    CheckSex: "Giới tính trên chip và mã QR", "Sex in chip and QR code";
    CheckSealContent: "Nội dung con dấu số", "What the seal must say";
    CheckConsistent: "Thông tin trên thẻ khớp nhau", "The card's details agree";
    Back: "Quay lại", "Back";
    BackToStep: "Tiếp tục bước đang làm", "Back to my step";
    NoCard: "Không có thẻ?", "No card?";
    NoCardTitle: "Quý khách không có thẻ căn cước?", "No citizen card with you?";
    NoCardPassport: "Hộ chiếu, thẻ cư trú: đưa các dòng chữ máy đọc vào máy quét, hoặc hỏi nhân viên.",
        "Passport or residence card: hold its machine-readable lines to the scanner, or ask staff.";
    NoCardStaff: "Mất thẻ, trẻ em, chỉ có VNeID: nhân viên làm thủ tục tại quầy.",
        "Lost card, children, VNeID only: staff serve you at the desk.";
    ConsentTakes: "Đọc", "Reads";
    ConsentTakesNothing: "Chỉ xác thực thẻ, không lấy thông tin", "Verifies the card and takes nothing";
    ConsentFor: "Cho", "For";
    ConsentScanned: "Đã nhận mã. Máy chỉ dùng khi Quý khách đồng ý.", "Code received. It is used only if you agree.";
    ToTicket: "lấy số", "get a number";
    ReviewTitle: "Thông tin đã đúng chưa?", "Is this right?";
    ReviewTicket: "Đúng, lấy số", "Right, get a number";
    ReviewSend: "Đúng, gửi", "Right, send it";
    ToReview: "Xem lại", "Review";
    Unanswered: "(để trống)", "(left empty)";
    StaffCalling: "Đang gọi nhân viên…", "Calling staff…";
    StaffTaken: "{who} đã nhận, đang đến", "{who} is coming";
    StaffAtDesk: "Nhân viên ở quầy", "Staff are at the desk";
    StaffAt: "Nhân viên ở {who}", "Staff are at {who}";
    StaffGo: "Mời Quý khách đến gặp. Máy này không gọi được nhân viên.", "Please go there. This machine cannot call anybody.";
    ReaderAbove: "Đầu đọc ở ngay trên màn hình", "The reader is above the screen";
    ReaderBelow: "Đầu đọc ở ngay dưới màn hình", "The reader is below the screen";
    ReaderLeft: "Đầu đọc ở bên trái màn hình", "The reader is left of the screen";
    ReaderRight: "Đầu đọc ở bên phải màn hình", "The reader is right of the screen";
    ScannerAbove: "Máy quét ở ngay trên màn hình", "The scanner is above the screen";
    ScannerBelow: "Máy quét ở ngay dưới màn hình", "The scanner is below the screen";
    ScannerLeft: "Máy quét ở bên trái màn hình", "The scanner is left of the screen";
    ScannerRight: "Máy quét ở bên phải màn hình", "The scanner is right of the screen";
    CardOf2021: "Thẻ cấp từ 2021: mã QR ở mặt trước", "Cards since 2021: QR code on the front";
    CardOf2024: "Thẻ cấp từ 7/2024: mã QR ở mặt sau", "Cards since 7/2024: QR code on the back";
}

impl Phrase {
    /// The phrase in both languages, Vietnamese first.
    #[must_use]
    pub fn both(self) -> String {
        format!("{} / {}", self.text(Language::Vietnamese), self.text(Language::English))
    }

    /// The day of the week; 0 is Monday.
    #[must_use]
    pub const fn weekday(day: u8) -> Self {
        match day {
            0 => Self::Monday,
            1 => Self::Tuesday,
            2 => Self::Wednesday,
            3 => Self::Thursday,
            4 => Self::Friday,
            5 => Self::Saturday,
            _ => Self::Sunday,
        }
    }

    /// What a check of the device is called, by its identifier.
    #[must_use]
    pub fn of_device_check(id: &str) -> Option<Self> {
        Some(match id {
            "settings" => Self::CheckSettings,
            "profile" => Self::CheckProfile,
            "key_store" => Self::CheckKeyStore,
            "identity" => Self::CheckIdentity,
            "site_key" => Self::CheckSiteKey,
            "certificate" => Self::CheckCertificate,
            "clock" => Self::CheckClock,
            "central" => Self::CheckCentral,
            "anchors" => Self::CheckAnchors,
            "bundle" => Self::CheckBundle,
            "outbox" => Self::CheckOutbox,
            "disk" => Self::CheckDisk,
            "update" => Self::CheckUpdate,
            _ => return None,
        })
    }

    /// What a check of this identifier is called.
    #[must_use]
    pub fn of_check(id: &str) -> Self {
        match id {
            "sod_signature" | "seal_signature" => Self::CheckSignature,
            "seal_content" => Self::CheckSealContent,
            "card_security" => Self::CheckCardSecurity,
            "issuing_state" => Self::CheckIssuingState,
            "anchor_scope" => Self::CheckAnchorScope,
            "dsc_purpose" => Self::CheckPurpose,
            "document_validity" => Self::CheckDocumentValidity,
            "chip_qr_sex" => Self::CheckSex,
            "dsc_chain" => Self::CheckChain,
            "dsc_validity" => Self::CheckValidity,
            "dsc_revocation" => Self::CheckRevocation,
            "active_authentication" | "chip_authentication" | "pace_cam" => Self::CheckCopy,
            id if id.starts_with("dg_hash.") => Self::CheckHash,
            _ => Self::CheckConsistent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_phrase_is_empty_or_the_same_in_both_languages() {
        let mut seen = BTreeSet::new();
        for phrase in Phrase::ALL {
            let (vi, en) = (phrase.text(Language::Vietnamese), phrase.text(Language::English));
            assert!(!vi.is_empty() && !en.is_empty() && vi != en, "{phrase:?}");
            assert!(seen.insert(vi), "{phrase:?} repeats {vi}");
        }
    }

    #[test]
    fn vietnamese_is_spelled_as_state_documents_are() {
        for phrase in Phrase::ALL {
            let text = phrase.text(Language::Vietnamese).to_lowercase();
            assert!(!["huỷ", "xoá", "khoá", "hoá"].into_iter().any(|old| text.contains(old)), "{text}");
        }
    }

    #[test]
    fn every_check_has_a_name_of_its_own_or_of_its_kind() {
        let own = ["issuing_state", "anchor_scope", "dsc_purpose", "document_validity", "card_security", "chip_qr_sex"];
        let names: BTreeSet<&str> = own.map(|id| Phrase::of_check(id).text(Language::Vietnamese)).into_iter().collect();
        assert_eq!(names.len(), own.len());
        assert_eq!(Phrase::of_check("dg_hash.1"), Phrase::CheckHash);
        assert!(own.iter().all(|id| Phrase::of_check(id) != Phrase::CheckConsistent));
    }
}
