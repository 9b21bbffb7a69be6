//! LDIF (RFC 2849), the form in which the ICAO PKD gives its directory: entries apart by an empty line, values in
//! base64 behind `::`, long lines folded with a space.
//!
//! | attribute | content |
//! |---|---|
//! | `userCertificate;binary` | a document signer |
//! | `cACertificate;binary` | a CSCA or link |
//! | `certificateRevocationList;binary` | a revocation list |
//! | `pkdMasterListContent`, `CscaMasterListData` | a signed master list |
//! | `pkdDeviationListContent`, `DeviationListData` | a signed deviation list |

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Certificate,
    RevocationList,
    /// A master or deviation list.
    List,
    /// A value of one of these that is not base64.
    Malformed,
}

impl Kind {
    fn of(attribute: &[u8]) -> Option<Self> {
        let name = attribute.split(|b| *b == b';').next().unwrap_or_default().to_ascii_lowercase();
        Some(match &name[..] {
            b"usercertificate" | b"cacertificate" => Self::Certificate,
            b"certificaterevocationlist" | b"authorityrevocationlist" => Self::RevocationList,
            b"pkdmasterlistcontent" | b"cscamasterlistdata" | b"cscamasterlist" => Self::List,
            b"pkddeviationlistcontent" | b"deviationlistdata" | b"deviationlist" => Self::List,
            _ => return None,
        })
    }
}

/// Whether this is LDIF: its first line with anything in it but a comment begins an entry or names the version.
pub(super) fn is_ldif(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut lines = bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")).unwrap_or_default();
    [&b"dn:"[..], b"version:"].iter().any(|start| first.to_ascii_lowercase().starts_with(start))
}

/// Hands over every value of interest. `progress` is told after each entry how many of how many are done.
pub(super) fn read(bytes: &[u8], progress: &mut dyn FnMut(usize, usize), mut each: impl FnMut(Kind, &[u8])) {
    let starts = |line: &[u8]| line.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"dn:"));
    let lines = || bytes.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let total = lines().filter(|line| starts(line)).count();
    let mut done = 0;
    // The value that is being put together, and what it is.
    let mut open: Option<(Kind, Vec<u8>)> = None;
    let mut close = |open: &mut Option<(Kind, Vec<u8>)>| {
        if let Some((kind, encoded)) = open.take() {
            match std::str::from_utf8(&encoded).ok().and_then(|text| openssl::base64::decode_block(text).ok()) {
                Some(value) => each(kind, &value),
                None => each(Kind::Malformed, &[]),
            }
        }
    };
    for line in lines() {
        if let Some(more) = line.strip_prefix(b" ") {
            if let Some((_, encoded)) = &mut open {
                encoded.extend_from_slice(more.trim_ascii());
            }
            continue;
        }
        close(&mut open);
        if starts(line) {
            done += 1;
            progress(done, total);
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        if let (Some(kind), Some(value)) = (Kind::of(&line[..colon]), line[colon + 1..].strip_prefix(b":")) {
            open = Some((kind, value.trim_ascii().to_vec()));
        }
    }
    close(&mut open);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(Kind, Vec<u8>)> {
        let mut found = Vec::new();
        read(text.as_bytes(), &mut |_, _| (), |kind, value| found.push((kind, value.to_vec())));
        found
    }

    #[test]
    fn values_are_joined_across_folded_lines_and_line_ends_of_either_kind() {
        let text = "version: 1\n\ndn: o=one,c=VN\nuserCertificate;binary:: AQID\r\n BAUG\r\nsn: 1\n\n# a comment\ndn:: bz1\n two\ncACertificate;binary::\n Bwg=\nCscaMasterListData:: CQ==\npkdMasterListContent:: Cg==\ncertificateRevocationList;binary:: Cw==";
        assert!(is_ldif(text.as_bytes()));
        let expected = [
            (Kind::Certificate, vec![1, 2, 3, 4, 5, 6]),
            (Kind::Certificate, vec![7, 8]),
            (Kind::List, vec![9]),
            (Kind::List, vec![10]),
            (Kind::RevocationList, vec![11]),
        ];
        assert_eq!(values(text), expected);
    }

    #[test]
    fn what_is_not_base64_is_counted_and_the_rest_is_read() {
        let text =
            "dn: a\nuserCertificate;binary:: !!!!\n\ndn: b\nuserCertificate;binary:: AQID\nuserCertificate: AQID\n";
        assert_eq!(values(text), [(Kind::Malformed, vec![]), (Kind::Certificate, vec![1, 2, 3])]);
        for other in ["", "-----BEGIN CERTIFICATE-----", "\x30\x03", "name: x"] {
            assert!(!is_ldif(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn progress_counts_entries() {
        let mut told = Vec::new();
        read(b"dn: a\n\ndn: b\n\ndn: c\n", &mut |done, total| told.push((done, total)), |_, _| ());
        assert_eq!(told, [(1, 3), (2, 3), (3, 3)]);
    }
}
