//! What a service of the local site has written.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The most lines that are asked for at once.
pub const MAX_LINES: usize = 2_000;

wire_enum! {
    /// Where a line was written to.
    OutputStream {
        /// Standard output.
        Stdout = "stdout",
        /// Standard error.
        Stderr = "stderr",
    }
}

/// A line of a replica's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OutputLine {
    /// When it was written, where that is known.
    pub at: Option<DateTime<Utc>>,
    /// The replica's port.
    pub port: u16,
    /// Where it was written to, where that is known.
    pub stream: Option<OutputStream>,
    /// The line. What is no UTF-8 in it is replaced by U+FFFD.
    pub text: String,
    /// The line is longer than 16 kB and goes on in the next one of the same replica and stream.
    pub partial: bool,
}
