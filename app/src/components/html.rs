//! HTML as text, for the rows of large tables, written on the server only.
//!
//! A page of the matrix is thousands of elements. The browser reads them as text ten times as fast as it could make each
//! of them, and needs no code to write them.

use std::fmt::{self, Display, Write};

/// HTML that is being written. Markup stands in the sources; every word that comes from elsewhere is escaped.
#[derive(Default)]
pub(crate) struct Html(String);

/// Writes markup, and words into its gaps.
macro_rules! html {
    ($out:expr, $markup:literal $(, $word:expr)* $(,)?) => {
        $out.write(format_args!($markup $(, $crate::components::html::Escaped(&$word))*))
    };
}
pub(crate) use html;

impl Html {
    /// For [`html!`].
    pub(crate) fn write(&mut self, markup: fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.0.write_fmt(markup);
    }

    /// What was written.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Words that are not markup, whatever they look like.
pub(crate) struct Escaped<'a>(pub(crate) &'a dyn Display);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&html_escape::encode_quoted_attribute(&self.0.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        let mut out = Html::default();
        html!(out, "<a title='{}'>{}</a>", "it's \"<b>\"", "R&D");
        assert_eq!(out.into_string(), "<a title='it&#x27;s &quot;&lt;b&gt;&quot;'>R&amp;D</a>");
    }
}
