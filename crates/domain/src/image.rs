//! Container image references and what makes two of them the same version.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// A parsed image reference: `repository[:tag][@digest]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageRef {
    /// Registry and path, without tag and digest.
    pub repository: String,
    /// The tag; `None` where only a digest is given, or nothing.
    pub tag: Option<String>,
    /// `sha256:…` where the reference pins one.
    pub digest: Option<String>,
}

impl ImageRef {
    /// Parses a reference. Never fails: what is no reference becomes a repository without a tag.
    pub fn parse(reference: &str) -> Self {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (reference, None),
        };
        // A colon before the last slash is a registry's port.
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match rest[name_start..].split_once(':') {
            Some((name, tag)) => (format!("{}{name}", &rest[..name_start]), Some(tag.to_owned())),
            None => (rest.to_owned(), None),
        };
        Self { repository, tag, digest }
    }

    /// The tag a person reads: the tag, else a short digest, else `latest`, which is what runs then.
    pub fn version(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => tag.clone(),
            (None, Some(digest)) => short_digest(digest),
            (None, None) => "latest".to_owned(),
        }
    }

    /// This image in another version, which is a tag, a digest or a whole reference; `None` for what is none of them.
    pub fn in_version(&self, version: &str) -> Option<Self> {
        let version = version.trim();
        let plain = !version.is_empty() && !version.chars().any(|c| c.is_whitespace() || c.is_control());
        if !plain || version.len() > MAX_REFERENCE {
            return None;
        }
        if let Some(hex) = version.strip_prefix("sha256:") {
            let is_digest = hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit());
            let repository = self.repository.clone();
            return is_digest.then(|| Self { repository, tag: None, digest: Some(version.to_owned()) });
        }
        if version.contains(['/', ':', '@']) {
            let whole = Self::parse(version);
            let named = !whole.repository.is_empty() && (whole.tag.is_some() || whole.digest.is_some());
            return (named && whole.tag.as_deref().is_none_or(is_tag)).then_some(whole);
        }
        let repository = self.repository.clone();
        is_tag(version).then(|| Self { repository, tag: Some(version.to_owned()), digest: None })
    }

    /// This repository with another reference's tag and digest.
    pub fn with_version_of(&self, source: &ImageRef) -> Self {
        Self { repository: self.repository.clone(), tag: source.tag.clone(), digest: source.digest.clone() }
    }
}

impl std::fmt::Display for ImageRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The longest reference that is taken from a person, in bytes.
const MAX_REFERENCE: usize = 512;

/// As the OCI distribution specification has it: up to 128 of letters, digits, `_`, `.` and `-`, beginning with neither
/// of the last two.
fn is_tag(tag: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !tag.is_empty() && tag.len() <= 128 && !tag.starts_with(['.', '-']) && tag.chars().all(fits)
}

/// The first twelve hexadecimal digits of a digest, as `docker images` shows them.
pub fn short_digest(digest: &str) -> String {
    digest.rsplit(':').next().unwrap_or(digest).chars().take(12).collect()
}

/// The repository digest in a pod's `imageID`, if the runtime gives one.
///
/// `docker-pullable://repo@sha256:…` and `repo@sha256:…` do; `docker://sha256:…` is the id of the local
/// image configuration, which differs from the repository's digest and must not be compared with it.
pub fn digest_of_image_id(image_id: &str) -> Option<String> {
    image_id.split_once('@').map(|(_, digest)| digest.to_owned())
}

/// Orders two tags as semantic versions, `v` prefixes and missing parts forgiven; `None` where either is none.
pub fn compare_tags(a: &str, b: &str) -> Option<Ordering> {
    Some(lenient_semver(a)?.cmp_precedence(&lenient_semver(b)?))
}

fn lenient_semver(tag: &str) -> Option<semver::Version> {
    let tag = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
    let core_end = tag.find(['-', '+']).unwrap_or(tag.len());
    let (core, rest) = tag.split_at(core_end);
    let parts: Vec<u64> = core.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let padded = match parts[..] {
        // A lone number is as likely a build number or a date, but both grow with time.
        [major] => format!("{major}.0.0"),
        [major, minor] => format!("{major}.{minor}.0"),
        [major, minor, patch] => format!("{major}.{minor}.{patch}"),
        _ => return None,
    };
    semver::Version::parse(&format!("{padded}{rest}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_version_is_a_tag_a_digest_or_a_whole_reference() {
        let image = ImageRef::parse("registry.example.com:5000/shop/cart:1.2");
        let becomes = |version: &str| image.in_version(version).map(|image| image.to_string());
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(becomes(" 1.3 ").as_deref(), Some("registry.example.com:5000/shop/cart:1.3"));
        assert_eq!(becomes(&digest), Some(format!("registry.example.com:5000/shop/cart@{digest}")));
        assert_eq!(becomes("other/cart:2").as_deref(), Some("other/cart:2"));
        for wrong in ["", "two words", "-1", "sha256:abc", "other/cart", ":1", "cart:a b", "1.\n3", "🚀"] {
            assert_eq!(becomes(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn ports_tags_and_digests_are_told_apart() {
        let image = ImageRef::parse("registry.example.com:5000/shop/cart:1.2@sha256:abc");
        assert_eq!(image.repository, "registry.example.com:5000/shop/cart");
        assert_eq!(image.tag.as_deref(), Some("1.2"));
        assert_eq!(image.digest.as_deref(), Some("sha256:abc"));
        assert_eq!(ImageRef::parse("localhost:5000/web").tag, None);
        assert_eq!(ImageRef::parse("web").version(), "latest");
    }

    #[test]
    fn tags_order_as_versions() {
        assert_eq!(compare_tags("v1.9.0", "1.10.0"), Some(Ordering::Less));
        assert_eq!(compare_tags("1.2", "1.2.0"), Some(Ordering::Equal));
        assert_eq!(compare_tags("2.0.0-rc.1", "2.0.0"), Some(Ordering::Less));
        assert_eq!(compare_tags("latest", "1.0.0"), None);
    }

    #[test]
    fn a_local_image_id_is_no_digest() {
        assert_eq!(digest_of_image_id("docker://sha256:abc"), None);
        assert_eq!(digest_of_image_id("docker-pullable://a/b@sha256:abc").as_deref(), Some("sha256:abc"));
    }

    proptest! {
        #[test]
        fn parsing_is_undone_by_printing(text in "[a-z0-9./:-]{0,40}(@sha256:[a-f0-9]{4})?") {
            prop_assert_eq!(ImageRef::parse(&text).to_string(), text);
        }

        #[test]
        fn moving_a_version_keeps_the_repository(a in "[a-z/]{1,20}:[0-9.]{1,8}", b in "[a-z/]{1,20}:[0-9.]{1,8}") {
            let (a, b) = (ImageRef::parse(&a), ImageRef::parse(&b));
            let moved = a.with_version_of(&b);
            prop_assert_eq!(moved.repository, a.repository);
            prop_assert_eq!(moved.tag, b.tag);
        }
    }
}
