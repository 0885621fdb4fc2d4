//! How much of its machine a replica may use, and how that is kept.

use serde::{Deserialize, Serialize};

use crate::problem::FieldError;

/// The least CPU: below it the system's own share of time is coarser than the limit.
const LEAST_CPU_MILLIS: u32 = 10;
/// The most CPU: a thousand processors.
const MOST_CPU_MILLIS: u32 = 1_000_000;
/// The least memory, in bytes: below it hardly a program is loaded.
const LEAST_MEMORY: u64 = 4 << 20;
/// The most memory, in bytes: a pebibyte, which every language reads as a whole number.
const MOST_MEMORY: u64 = 1 << 50;

/// How much of its machine each replica may use; what is left out is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// CPU time, in thousandths of a processor's: 1500 is one and a half.
    #[serde(default)]
    pub cpu_millis: Option<u32>,
    /// Memory, in bytes.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

wire_enum! {
    /// What keeps a limit.
    LimitedBy {
        /// A control group of the second version.
        CgroupV2 = "cgroup_v2",
        /// A control group of the first version.
        CgroupV1 = "cgroup_v1",
        /// The limits of each process by itself.
        Rlimits = "rlimits",
        /// Nothing does.
        Nothing = "nothing",
    }
}

/// How a limit that is asked for is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitKept {
    /// By what.
    pub by: LimitedBy,
    /// Why it is not kept, or not as well as by a control group.
    pub reason: Option<String>,
}

/// How a replica's limits are kept; none where none is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitsKept {
    /// That of CPU time.
    pub cpu: Option<LimitKept>,
    /// That of memory.
    pub memory: Option<LimitKept>,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with them, each at its field.
    pub fn faults(&self) -> Vec<FieldError> {
        let cpu = self.cpu_millis.is_none_or(|cpu| (LEAST_CPU_MILLIS..=MOST_CPU_MILLIS).contains(&cpu));
        let memory = self.memory_bytes.is_none_or(|bytes| (LEAST_MEMORY..=MOST_MEMORY).contains(&bytes));
        let cpu = (!cpu)
            .then(|| FieldError::new("limits.cpuMillis", "From 10 to 1,000,000 thousandths of a processor."));
        let memory =
            (!memory).then(|| FieldError::new("limits.memoryBytes", "From 4 MiB to 1 PiB, in bytes."));
        cpu.into_iter().chain(memory).collect()
    }
}

/// An amount of memory in words: in MiB or MB where it is a whole number of them.
pub fn memory_in_words(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1_000_000) => format!("{} MB", bytes / 1_000_000),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_limits_are_refused_at_their_fields() {
        let fields = |cpu_millis, memory_bytes| -> Vec<String> {
            Limits { cpu_millis, memory_bytes }.faults().into_iter().map(|fault| fault.field).collect()
        };
        assert_eq!(fields(None, None), [""; 0]);
        assert_eq!(fields(Some(10), Some(4 << 20)), [""; 0]);
        assert_eq!(fields(Some(0), Some(0)), ["limits.cpuMillis", "limits.memoryBytes"]);
        assert_eq!(fields(Some(u32::MAX), Some(u64::MAX)), ["limits.cpuMillis", "limits.memoryBytes"]);
    }

    #[test]
    fn memory_is_told_as_it_was_meant() {
        assert_eq!(memory_in_words(64 << 20), "64 MiB");
        assert_eq!(memory_in_words(64_000_000), "64 MB");
        assert_eq!(memory_in_words(5_000_001), "5000001 bytes");
    }
}
