//! Programs that were uploaded for the local site's services.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a digest begins with.
const ALGORITHM: &str = "sha256:";

wire_enum! {
    /// What an artifact is, by its content.
    ArtifactKind {
        /// A program: in the executable and linkable format, or a script that names its interpreter.
        Executable = "executable",
        /// A tar with at least one program, which may be packed by gzip.
        Archive = "archive",
    }
}

/// An uploaded program, or an archive with one. The same content is the same artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// The SHA-256 of what was uploaded, as `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// What the file was called that it was uploaded as first; none where that was not told.
    #[serde(default)]
    pub name: Option<String>,
    /// How large what was uploaded is, in bytes.
    pub size: u64,
    /// What it is.
    pub kind: ArtifactKind,
    /// When it was uploaded first.
    pub created_at: DateTime<Utc>,
    /// The services that run it or are to run it, in words.
    #[serde(default)]
    pub used_by: Vec<String>,
}

/// The hexadecimal digits of a digest; none where it is no digest.
pub fn digits(digest: &str) -> Option<&str> {
    let is_digit = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    digest.strip_prefix(ALGORITHM).filter(|digits| digits.len() == 64 && digits.bytes().all(is_digit))
}

/// The digest with these digits.
pub fn digest(digits: &str) -> String {
    format!("{ALGORITHM}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_never_a_path() {
        let digits_of_it = "0123456789abcdef".repeat(4);
        assert_eq!(digits(&digest(&digits_of_it)), Some(&*digits_of_it));
        for bad in [
            "",
            "sha256:",
            "sha256:../../../etc/passwd",
            &digits_of_it,
            &digest(&digits_of_it.to_uppercase()),
        ] {
            assert_eq!(digits(bad), None, "{bad}");
        }
    }
}
