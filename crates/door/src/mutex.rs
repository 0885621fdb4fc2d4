//! Locks of this crate.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is locked here is changed in one go, so it is whole even if a holder of the lock panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
