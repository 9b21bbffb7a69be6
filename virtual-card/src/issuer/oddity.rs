//! Where EF.SOD and the certificates behind it depart from ICAO 9303-10, 9303-11 and 9303-12, from RFC 5280 and from
//! RFC 5652: some as those of real issuers do, some as only a forger's would.

/// A departure. Those of CSCA and link are in what the operator is given ([`super::Issuer::odd`]), the others in EF.SOD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Oddity {
    /// No departure.
    #[default]
    None,
    /// No departure: LDS 1.8 states its version.
    Lds18,
    /// No departure: an extended key usage that allows everything.
    AnyPurpose,
    /// No departure: the document type list has identity cards in it.
    RightDocumentType,
    /// No departure that weakens anything: the document signer signs in the plain form of TR-03111.
    PlainSignature,
    /// The same of the CSCA, in certificates and its revocation list.
    CscaPlainSignature,
    /// BER with an indefinite length.
    IndefiniteLength,
    /// eContentType id-data.
    ContentTypeIsData,
    /// signatureAlgorithm id-ecPublicKey.
    SignatureAlgorithmIsKeyType,
    /// SHA-1 everywhere in EF.SOD.
    Sha1,
    /// The signature is over the content itself.
    NoSignedAttributes,
    /// SignedData of version 4.
    Version,
    /// digestAlgorithms is empty.
    DigestAlgorithms,
    /// The signer identifier names another serial number.
    SignerIdentifier,
    /// The certificate names another algorithm inside than outside.
    CertificateAlgorithm,
    /// The document signer names another key of its issuer.
    AuthorityKeyIdentifier,
    /// PSS with another hash in its mask.
    PssParameters,
    /// LDS object of version 1 without a version.
    LdsVersion,
    /// LDS version 9999.
    LdsVersionText,
    /// No contentType attribute.
    ContentTypeMissing,
    /// Signed attributes in another order than DER's, signed as they stand.
    AttributesUnsorted,
    /// The same, signed in DER order.
    AttributesResorted,
    /// A length of more octets than it needs.
    LengthNotShortest,
    /// Bytes after the file's object.
    BytesAfterFile,
    /// Bytes inside the file's object, after the signed data.
    BytesAfterSignedData,
    /// Bytes after the LDS object, signed with it.
    BytesAfterContent,
    /// No signing time.
    SigningTimeMissing,
    /// A signing time that is none.
    SigningTimeUnreadable,
    /// Two signing times.
    SigningTimeTwice,
    /// A signing time in 2045.
    SigningTimeFuture,
    /// The private key signs after its usage period.
    KeyUsagePeriod,
    /// The signer's explicit curve lacks its cofactor.
    CurveWithoutCofactor,
    /// The document signer's own country is another.
    SignerCountry,
    /// EF.SOD carries no certificate.
    NoCertificate,
    /// EF.SOD carries the certificate of another signer only.
    ForeignCertificate,
    /// ecdsa-with-SHA1 over a content hash of SHA-256.
    Sha1Signature,
    /// PSS without parameters, which is SHA-1.
    Sha1PssDefaults,
    /// The document signer's certificate is signed with SHA-1.
    Sha1Certificate,
    /// The CSCA's own certificate is signed with SHA-1.
    Sha1Csca,
    /// The document signer has RSA of 1,024 bits.
    Rsa1024,
    /// The document signer is on a curve of 192 bits.
    P192,
    /// The CSCA has RSA of 1,024 bits.
    CscaRsa1024,
    /// The CSCA is on a curve of 192 bits.
    CscaP192,
    /// The document signer has RSA of 512 bits.
    Rsa512,
    /// The CSCA has RSA of 512 bits.
    CscaRsa512,
    /// The document signer's RSA exponent is one: anybody signs.
    RsaExponentOne,
    /// md5WithRSAEncryption.
    Md5Signature,
    /// A content hash of MD5.
    Md5Digest,
    /// The document signer's key is the point at infinity.
    InfinitePoint,
    /// The document signer's key is no point of its curve.
    PointOffCurve,
    /// A signature algorithm that nobody knows.
    UnknownSignatureAlgorithm,
    /// The document signer is for bar codes.
    BarcodeSigner,
    /// The document signer is for master lists.
    MasterListSigner,
    /// The document signer is for deviation lists.
    DeviationListSigner,
    /// The document signer is for web servers.
    OtherPurpose,
    /// The document signer's key is not for signatures.
    NoDigitalSignature,
    /// The document signer's key is for certificates.
    KeyCertSign,
    /// The document signer has a critical extension that nobody knows.
    UnknownCritical,
    /// The document signer is for passports only.
    OtherDocumentType,
    /// basicConstraints makes the document signer an authority.
    SignerIsAuthority,
    /// keyUsage stands twice in the document signer's certificate.
    RepeatedExtension,
    /// The document signer's keyUsage is no BIT STRING.
    UnreadableKeyUsage,
    /// The document signer's name has control characters.
    HostileName,
    /// The CSCA's basicConstraints say that it is none.
    CscaNotAuthority,
    /// The CSCA has no basicConstraints.
    CscaNoBasicConstraints,
    /// The CSCA's key is for signatures only.
    CscaNoCertSign,
    /// The CSCA's key is for certificates, not for revocation lists.
    CscaNoListSign,
    /// The CSCA's own signature is wrong.
    CscaSelfSignatureWrong,
    /// The link's basicConstraints say that it is no authority.
    LinkNotAuthority,
    /// The signature is wrong.
    WrongSignature,
    /// The messageDigest is of something else.
    WrongContentHash,
    /// The contentType attribute names something else.
    WrongContentType,
    /// Two messageDigest attributes, the last one right.
    TwoMessageDigests,
    /// One messageDigest attribute with two values, the first one right.
    TwoDigestValues,
    /// Two contentType attributes.
    TwoContentTypes,
    /// No messageDigest attribute.
    MessageDigestMissing,
    /// eContentType of a master list.
    OtherContent,
    /// Two signers.
    TwoSigners,
    /// Hashes of another length than the algorithm's.
    ShortHashes,
    /// A data group that is listed twice.
    GroupTwice,
    /// The file ends early.
    Truncated,
}

impl Oddity {
    /// Every one.
    pub const ALL: [Self; 81] = [
        Self::None,
        Self::Lds18,
        Self::AnyPurpose,
        Self::RightDocumentType,
        Self::PlainSignature,
        Self::CscaPlainSignature,
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
        Self::SigningTimeMissing,
        Self::SigningTimeUnreadable,
        Self::SigningTimeTwice,
        Self::SigningTimeFuture,
        Self::KeyUsagePeriod,
        Self::CurveWithoutCofactor,
        Self::SignerCountry,
        Self::NoCertificate,
        Self::ForeignCertificate,
        Self::Sha1Signature,
        Self::Sha1PssDefaults,
        Self::Sha1Certificate,
        Self::Sha1Csca,
        Self::Rsa1024,
        Self::P192,
        Self::CscaRsa1024,
        Self::CscaP192,
        Self::Rsa512,
        Self::CscaRsa512,
        Self::RsaExponentOne,
        Self::Md5Signature,
        Self::Md5Digest,
        Self::InfinitePoint,
        Self::PointOffCurve,
        Self::UnknownSignatureAlgorithm,
        Self::BarcodeSigner,
        Self::MasterListSigner,
        Self::DeviationListSigner,
        Self::OtherPurpose,
        Self::NoDigitalSignature,
        Self::KeyCertSign,
        Self::UnknownCritical,
        Self::OtherDocumentType,
        Self::SignerIsAuthority,
        Self::RepeatedExtension,
        Self::UnreadableKeyUsage,
        Self::HostileName,
        Self::CscaNotAuthority,
        Self::CscaNoBasicConstraints,
        Self::CscaNoCertSign,
        Self::CscaNoListSign,
        Self::CscaSelfSignatureWrong,
        Self::LinkNotAuthority,
        Self::WrongSignature,
        Self::WrongContentHash,
        Self::WrongContentType,
        Self::TwoMessageDigests,
        Self::TwoDigestValues,
        Self::TwoContentTypes,
        Self::MessageDigestMissing,
        Self::OtherContent,
        Self::TwoSigners,
        Self::ShortHashes,
        Self::GroupTwice,
        Self::Truncated,
    ];

    /// Whether it is in what the operator is given.
    #[must_use]
    pub const fn is_of_authority(self) -> bool {
        matches!(
            self,
            Self::CscaNotAuthority
                | Self::CscaNoBasicConstraints
                | Self::CscaNoCertSign
                | Self::CscaNoListSign
                | Self::CscaSelfSignatureWrong
                | Self::CscaRsa512
                | Self::CscaRsa1024
                | Self::CscaP192
                | Self::CscaPlainSignature
                | Self::Sha1Csca
                | Self::LinkNotAuthority
        )
    }
}
