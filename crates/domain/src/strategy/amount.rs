//! A number of replicas, or a share of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A number of replicas, such as `2`, or a share of those wanted, such as `"25%"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Amount {
    /// So many.
    Count(u16),
    /// A share.
    Share(Percent),
}

/// A share, from `0%` to `100%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, example = "25%"))]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u8);

impl Percent {
    /// `50%`.
    pub const HALF: Self = Self(50);
}

/// A text that is no share.
#[derive(Debug, thiserror::Error)]
#[error("“{0}” is no share: write it like 25%, 100% at most")]
pub struct NoPercent(String);

impl Amount {
    /// Whether it is none at all.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Count(0) | Self::Share(Percent(0)))
    }

    pub(super) fn rounded_up(self, of: u16) -> usize {
        match self {
            Self::Count(count) => usize::from(count),
            Self::Share(percent) => percent.rounded_up(of),
        }
    }

    pub(super) fn rounded_down(self, of: u16) -> usize {
        match self {
            Self::Count(count) => usize::from(count),
            Self::Share(Percent(percent)) => usize::from(of) * usize::from(percent) / 100,
        }
    }
}

impl Percent {
    pub(super) fn rounded_up(self, of: u16) -> usize {
        (usize::from(of) * usize::from(self.0)).div_ceil(100)
    }
}

impl FromStr for Percent {
    type Err = NoPercent;

    fn from_str(text: &str) -> Result<Self, NoPercent> {
        let number = text.strip_suffix('%').and_then(|number| number.parse().ok());
        number.filter(|number| *number <= 100).map(Self).ok_or_else(|| NoPercent(text.to_owned()))
    }
}

impl TryFrom<String> for Percent {
    type Error = NoPercent;

    fn try_from(text: String) -> Result<Self, NoPercent> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}
