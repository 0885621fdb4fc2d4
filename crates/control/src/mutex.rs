//! Mutexes whose values are whole at any moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes a mutex whose value is changed by one message at a time or replaced as a whole, so that it is whole even if a holder
/// panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
