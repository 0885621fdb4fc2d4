//! What names, addresses and colours may be. Every failure names its field.

use std::net::IpAddr;

use crate::problem::FieldError;

/// The longest display name, in characters.
pub const MAX_NAME: usize = 100;
/// The longest free text, in characters.
pub const MAX_TEXT: usize = 4_000;

/// A display name: any characters but control characters, trimmed, 1 to [`MAX_NAME`] of them.
pub fn name(field: &str, value: &str) -> Result<String, FieldError> {
    let value = value.trim();
    if value.is_empty() {
        return Err(FieldError::new(field, "Give it a name."));
    }
    if value.chars().count() > MAX_NAME {
        return Err(FieldError::new(field, format!("At most {MAX_NAME} characters.")));
    }
    if value.chars().any(char::is_control) {
        return Err(FieldError::new(field, "Line breaks and control characters are not allowed."));
    }
    Ok(value.to_owned())
}

/// A free text of up to [`MAX_TEXT`] characters.
pub fn text(field: &str, value: &str) -> Result<String, FieldError> {
    if value.chars().count() > MAX_TEXT {
        return Err(FieldError::new(field, format!("At most {MAX_TEXT} characters.")));
    }
    if value.contains('\0') {
        return Err(FieldError::new(field, "A NUL character is not allowed."));
    }
    Ok(value.trim().to_owned())
}

/// A link that may be followed: `http://` or `https://`, or nothing.
pub fn link(field: &str, value: &str) -> Result<String, FieldError> {
    let value = text(field, value)?;
    let safe = ["https://", "http://"].iter().any(|scheme| value.starts_with(scheme));
    if value.is_empty() || safe && !value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Ok(value);
    }
    Err(FieldError::new(field, "Give a link that begins with https:// or http://."))
}

/// A colour as `#RRGGBB`.
pub fn color(field: &str, value: &str) -> Result<String, FieldError> {
    let digits = value.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(value.to_owned());
    }
    Err(FieldError::new(field, "Give a colour such as #4CAF50."))
}

/// A Kubernetes namespace: an RFC 1123 label.
pub fn namespace(field: &str, value: &str) -> Result<String, FieldError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = !value.starts_with('-') && !value.ends_with('-');
    if !value.is_empty() && value.len() <= 63 && edges && value.chars().all(fits) {
        return Ok(value.to_owned());
    }
    Err(FieldError::new(field, "A namespace has up to 63 lower-case letters, digits and hyphens."))
}

/// Whether an address must never be connected to: link-local addresses serve cloud credentials.
pub fn is_forbidden_address(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_forbidden_address(IpAddr::V4(ip)),
            // fe80::/10 is link-local; fd00:ec2::254 is a cloud's metadata address.
            None => {
                (ip.segments()[0] & 0xffc0) == 0xfe80
                    || ip.is_unspecified()
                    || ip.is_multicast()
                    || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_emoji_and_lose_surrounding_space() {
        assert_eq!(name("name", "  Prod 🚀 'x' ../<b>  ").unwrap(), "Prod 🚀 'x' ../<b>");
        assert!(name("name", " \t ").is_err());
        assert!(name("name", &"x".repeat(10_000_000)).is_err());
        assert!(name("name", "a\nb").is_err());
    }

    #[test]
    fn links_cannot_run_scripts() {
        assert!(link("ticket", "javascript:alert(1)").is_err());
        assert!(link("ticket", "https://tracker.example.com/T-1").is_ok());
        assert!(link("ticket", "").is_ok());
    }

    #[test]
    fn metadata_addresses_are_forbidden() {
        for ip in ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0"] {
            assert!(is_forbidden_address(ip.parse().unwrap()), "{ip}");
        }
        assert!(!is_forbidden_address("10.0.0.1".parse().unwrap()));
        assert!(!is_forbidden_address("127.0.0.1".parse().unwrap()));
    }
}
