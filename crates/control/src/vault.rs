//! Seals tokens and secret values at rest: XChaCha20-Poly1305, a random nonce each, the key's id beside the ciphertext.

use std::{fs, io::Write as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Key, KeyInit, Payload},
};
use domain::secret::Secret;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use store::SealedToken;

const NONCE: usize = 24;

/// The key that tokens and secret values are sealed with.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    fingerprints: [u8; 32],
    key_id: String,
}

/// What can go wrong with the key.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key's file cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The key is no key.
    #[error("a key is 32 bytes in base64; {0} holds something else")]
    Key(String),
    /// A token or a value was sealed with another key, or was tampered with.
    #[error("it was sealed with key {0}, which is not the one in use: give the token or the value again")]
    OtherKey(String),
}

impl Vault {
    /// Uses a key given in base64, such as an environment variable's.
    pub fn from_base64(text: &str, origin: &str) -> Result<Self, VaultError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| VaultError::Key(origin.to_owned()))?;
        let key = Key::<XChaCha20Poly1305>::try_from(bytes.as_slice())
            .map_err(|_| VaultError::Key(origin.to_owned()))?;
        let key_id = Sha256::digest(&bytes).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let fingerprints = hmac(&bytes, b"lockstep: fingerprints of secret values");
        Ok(Self { cipher: XChaCha20Poly1305::new(&key), fingerprints, key_id })
    }

    /// Uses the key in a file that only its owner may read; makes both where there is none.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let failed = |source| VaultError::File { path: path.display().to_string(), source };
        if !path.exists() {
            let key = STANDARD.encode(Key::<XChaCha20Poly1305>::generate());
            private_file(path).and_then(|mut file| file.write_all(key.as_bytes())).map_err(failed)?;
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        Self::from_base64(&text, &path.display().to_string())
    }

    /// Seals a token or a value. It opens only for the same `owner`, so one site's token cannot be passed off as another's.
    pub fn seal(&self, owner: &str, token: &Secret) -> SealedToken {
        let nonce = XNonce::generate();
        let message = Payload { msg: token.expose().as_bytes(), aad: owner.as_bytes() };
        let sealed = self.cipher.encrypt(&nonce, message).expect("sealing fails only beyond 256 GiB");
        SealedToken { cipher: [nonce.as_slice(), &sealed].concat(), key_id: self.key_id.clone() }
    }

    /// The same for the same secret, so that two can be told equal or different unopened. Who has not the key cannot try
    /// guesses against it.
    pub fn fingerprint(&self, secret: &Secret) -> String {
        STANDARD.encode(hmac(&self.fingerprints, secret.expose().as_bytes()))
    }

    /// Opens a sealed token.
    pub fn open(&self, owner: &str, sealed: &SealedToken) -> Result<Secret, VaultError> {
        let refused = || VaultError::OtherKey(sealed.key_id.clone());
        let (nonce, cipher) = sealed.cipher.split_at_checked(NONCE).ok_or_else(refused)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| refused())?;
        let message = Payload { msg: cipher, aad: owner.as_bytes() };
        let plain = self.cipher.decrypt(&nonce, message).map_err(|_| refused())?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| refused())
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(message).finalize().into_bytes().into()
}

fn private_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_for_its_owner_and_key_only() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::from_file(&dir.path().join("key")).unwrap();
        let again = Vault::from_file(&dir.path().join("key")).unwrap();
        let other = Vault::from_file(&dir.path().join("other")).unwrap();
        let sealed = vault.seal("site-1", &Secret::new("token-abc"));
        assert!(!String::from_utf8_lossy(&sealed.cipher).contains("token-abc"));
        assert_eq!(again.open("site-1", &sealed).unwrap().expose(), "token-abc");
        assert!(vault.open("site-2", &sealed).is_err());
        assert!(other.open("site-1", &sealed).is_err());
    }

    #[test]
    fn a_fingerprint_is_the_same_under_one_key_only() {
        let vault = |byte: u8| Vault::from_base64(&STANDARD.encode([byte; 32]), "test").unwrap();
        let of = |byte: u8, text: &str| vault(byte).fingerprint(&Secret::new(text));
        assert_eq!(of(1, "hunter2"), of(1, "hunter2"));
        assert_ne!(of(1, "hunter2"), of(1, "hunter3"));
        assert_ne!(of(1, "hunter2"), of(2, "hunter2"));
    }
}
