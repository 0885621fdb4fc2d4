//! The encoding of server functions: JSON, read as text.
//!
//! Leptos' own reads bytes, while the answers in a rendered page are read as text. Either is compiled for every type,
//! so one of the two is enough, and the WASM is that much smaller.
//!
//! The browser takes JSON apart itself: its reader is there already, ours would be a tenth of the first visit.

use bytes::Bytes;
use leptos::server_fn::{ContentType, Decodes, Encodes, Format, FormatType, codec::Post};
use serde::{Serialize, de::DeserializeOwned};

/// A value from JSON.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    #[cfg(not(target_arch = "wasm32"))]
    return serde_json::from_str(text);
    #[cfg(target_arch = "wasm32")]
    {
        let unfit = |_| serde::de::Error::custom("not understood");
        let value = js_sys::JSON::parse(text).map_err(unfit)?;
        serde_wasm_bindgen::from_value(value).map_err(|error| unfit(error.into()))
    }
}

/// JSON, read as text.
pub struct JsonText;

/// Arguments and answers as JSON in the body of a `POST` request.
pub type Json = Post<JsonText>;

impl ContentType for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonText {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonText {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_string(output).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonText {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        let text = std::str::from_utf8(&bytes).map_err(serde::de::Error::custom)?;
        read(text)
    }
}
