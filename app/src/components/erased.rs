//! Parts of a view that follow signals, compiled once for all of them.
//!
//! Leptos compiles a view's every type and closure for itself, which is fast and large. What the first visit loads goes
//! through here instead: the same code behind a pointer.

use leptos::prelude::*;

/// A part that is drawn again when what it reads changes.
pub(crate) fn dynamic(draw: impl Fn() -> AnyView + Send + 'static) -> AnyView {
    behind_pointer(Box::new(draw))
}

fn behind_pointer(draw: Box<dyn Fn() -> AnyView + Send>) -> AnyView {
    (move || draw()).into_any()
}

/// A part that is there only while there is something to draw.
pub(crate) fn maybe(draw: impl Fn() -> Option<AnyView> + Send + 'static) -> AnyView {
    dynamic(move || draw().unwrap_or_else(|| ().into_any()))
}

/// Words that follow signals.
pub(crate) fn text(words: impl Fn() -> String + Send + 'static) -> AnyView {
    dynamic(move || words().into_any())
}

/// An attribute that follows signals, and is there only while it has a value.
pub(crate) fn attr(value: impl Fn() -> Option<String> + Send + Sync + 'static) -> Signal<Option<String>> {
    Signal::derive(value)
}

/// A flag that follows signals.
pub(crate) fn flag(value: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    Signal::derive(value)
}

/// Gives a view away as one of the kinds that all views are made of.
///
/// `into_any` would make another kind of what `view!` wraps around it.
pub(crate) trait Erase {
    /// The view, without its wrapper and its type.
    fn erase(self) -> AnyView;
}

impl<T: IntoAny> Erase for View<T> {
    fn erase(self) -> AnyView {
        self.into_inner().into_any()
    }
}
