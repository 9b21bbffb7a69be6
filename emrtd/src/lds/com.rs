//! EF.COM (ICAO 9303-10 §4.6.1): versions and the list of data groups. Unsigned, so a hint only.

use crate::file::FileId;
use crate::tlv::{self, TlvError};

/// The content of EF.COM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Com {
    /// LDS version, for example `0107`.
    pub lds_version: String,
    /// Unicode version, for example `040000`.
    pub unicode_version: String,
    /// Data groups announced, in the order of the list; unknown tags are left out.
    pub data_groups: Vec<FileId>,
}

impl Com {
    /// Reads the file.
    ///
    /// # Errors
    /// When the structure is malformed.
    pub fn parse(file: &[u8]) -> Result<Self, TlvError> {
        let com = tlv::first(file, 0x60)?;
        let text = |tag| -> Result<String, TlvError> {
            let object = tlv::find(com.value, tag)?.ok_or(TlvError::Missing(tag))?;
            String::from_utf8(object.value.to_vec()).map_err(|_| TlvError::Value("version"))
        };
        let list = tlv::find(com.value, 0x5C)?.ok_or(TlvError::Missing(0x5C))?;
        Ok(Self {
            lds_version: text(0x5F01)?,
            unicode_version: text(0x5F36)?,
            data_groups: list.value.iter().filter_map(|tag| FileId::from_tag(*tag)).collect(),
        })
    }
}
