//! Departures from the profile that were accepted, each with a name and with what it means for trust.

/// A departure from ICAO 9303-10 or 9303-12 that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Deviation {
    /// BER with indefinite lengths where DER is prescribed (seen: New Zealand).
    IndefiniteLength,
    /// eContentType is id-data instead of id-icao-ldsSecurityObject (seen: China).
    ContentTypeIsData,
    /// signatureAlgorithm names the key type only; the digestAlgorithm decides (seen: United States, Australia).
    SignatureAlgorithmIsKeyType,
    /// SHA-1 protects the content or the signature.
    Sha1,
    /// There are no signed attributes; the signature is over the content itself.
    NoSignedAttributes,
    /// A version number differs from the one that RFC 5652 computes.
    Version,
    /// digestAlgorithms does not list the signer's, or lists something that is no hash algorithm.
    DigestAlgorithms,
    /// The signer identifier names another certificate than the one whose key signed.
    SignerIdentifier,
    /// A certificate states one signature algorithm inside its signed part and another outside.
    CertificateAlgorithm,
    /// The document signer does not name its issuer's key, or names another one (seen: New Zealand, China).
    AuthorityKeyIdentifier,
    /// RSASSA-PSS with another hash in the mask, or a salt of another length than the hash.
    PssParameters,
    /// The version of the LDS security object does not go with what stands in it (LDS 1.7, 1.8).
    LdsVersion,
    /// The LDS security object states a version that is none (ICAO 9303-10 §4.6.2.2).
    LdsVersionText,
    /// There are signed attributes, but none says what kind of content is signed.
    ContentTypeMissing,
    /// The signed attributes are not in DER order.
    AttributesUnsorted,
    /// The signature is over the signed attributes in another order than they stand in.
    AttributesResorted,
    /// A length is written with more octets than it needs.
    LengthNotShortest,
    /// Bytes follow EF.SOD's object that are not padding.
    BytesAfterFile,
    /// Bytes follow the signed data inside EF.SOD.
    BytesAfterSignedData,
    /// Bytes follow the LDS security object inside the signed content.
    BytesAfterContent,
    /// The signing time cannot be read, or stands twice; the document is judged as if there were none.
    SigningTimeUnreadable,
    /// The signing time is later than now; the document is judged as if there were none.
    SigningTimeFuture,
    /// The document signer's private key signed outside its usage period.
    KeyUsagePeriod,
    /// The document signer's explicit curve lacks its cofactor.
    CurveWithoutCofactor,
    /// The document signer's own country is not its issuer's.
    SignerCountry,
    /// EF.SOD carries no certificate; the document signer's was found among those of the trust directory.
    SignerNotInSod,
    /// A certificate between document signer and anchor, or the anchor's own, is signed with SHA-1.
    Sha1Certificate,
    /// A key of the path is RSA with less than 2,048 bits.
    RsaShort,
    /// A key of the path is on a curve of less than 224 bits.
    CurveShort,
    /// Signed with what anybody can break: RSA under 1,024 bits, a curve under 160 bits, MD5. Counts as not signed.
    AlgorithmBroken,
}

/// What a departure means for trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Form only: what is signed, and by whom, is as certain as ever.
    Form,
    /// The protection is weaker than ICAO 9303-12 asks for today.
    Strength,
    /// There is no protection: it counts as not signed.
    Broken,
}

impl Severity {
    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Strength => "strength",
            Self::Broken => "broken",
        }
    }
}

impl Deviation {
    /// Every departure that can be reported.
    pub const ALL: [Self; 30] = [
        Self::IndefiniteLength,
        Self::ContentTypeIsData,
        Self::SignatureAlgorithmIsKeyType,
        Self::Sha1,
        Self::NoSignedAttributes,
        Self::Version,
        Self::DigestAlgorithms,
        Self::SignerIdentifier,
        Self::CertificateAlgorithm,
        Self::AuthorityKeyIdentifier,
        Self::PssParameters,
        Self::LdsVersion,
        Self::LdsVersionText,
        Self::ContentTypeMissing,
        Self::AttributesUnsorted,
        Self::AttributesResorted,
        Self::LengthNotShortest,
        Self::BytesAfterFile,
        Self::BytesAfterSignedData,
        Self::BytesAfterContent,
        Self::SigningTimeUnreadable,
        Self::SigningTimeFuture,
        Self::KeyUsagePeriod,
        Self::CurveWithoutCofactor,
        Self::SignerCountry,
        Self::SignerNotInSod,
        Self::Sha1Certificate,
        Self::RsaShort,
        Self::CurveShort,
        Self::AlgorithmBroken,
    ];

    /// What it means for trust.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            // Without attributes nothing says what kind of content was signed, nor when.
            Self::NoSignedAttributes | Self::ContentTypeIsData | Self::ContentTypeMissing => Severity::Strength,
            Self::Sha1 | Self::Sha1Certificate | Self::RsaShort | Self::CurveShort => Severity::Strength,
            Self::AlgorithmBroken => Severity::Broken,
            _ => Severity::Form,
        }
    }

    /// A stable identifier.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::IndefiniteLength => "ber_indefinite_length",
            Self::ContentTypeIsData => "econtent_type_id_data",
            Self::SignatureAlgorithmIsKeyType => "signature_algorithm_is_key_type",
            Self::Sha1 => "sha1",
            Self::NoSignedAttributes => "no_signed_attributes",
            Self::Version => "version",
            Self::DigestAlgorithms => "digest_algorithms",
            Self::SignerIdentifier => "signer_identifier",
            Self::CertificateAlgorithm => "certificate_algorithm",
            Self::AuthorityKeyIdentifier => "authority_key_identifier",
            Self::PssParameters => "pss_parameters",
            Self::LdsVersion => "lds_version",
            Self::LdsVersionText => "lds_version_text",
            Self::ContentTypeMissing => "content_type_missing",
            Self::AttributesUnsorted => "signed_attributes_unsorted",
            Self::AttributesResorted => "signature_over_sorted_attributes",
            Self::LengthNotShortest => "length_not_shortest",
            Self::BytesAfterFile => "bytes_after_file",
            Self::BytesAfterSignedData => "bytes_after_signed_data",
            Self::BytesAfterContent => "bytes_after_content",
            Self::SigningTimeUnreadable => "signing_time_unreadable",
            Self::SigningTimeFuture => "signing_time_future",
            Self::KeyUsagePeriod => "key_usage_period",
            Self::CurveWithoutCofactor => "curve_without_cofactor",
            Self::SignerCountry => "signer_country",
            Self::SignerNotInSod => "signer_not_in_sod",
            Self::Sha1Certificate => "sha1_certificate",
            Self::RsaShort => "rsa_under_2048",
            Self::CurveShort => "curve_under_224",
            Self::AlgorithmBroken => "algorithm_broken",
        }
    }
}
