//! Who signs for the treasury: a key in a file, or a program that has it, so that a module of hardware or another
//! machine fits.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use data_encoding::BASE64;
use ed25519_dalek::{Signer as _, SigningKey};
use lull_payout::address::Address;
use lull_payout::units::Signature;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use zeroize::{Zeroize, Zeroizing};

use super::config::SignerConfig;

/// Time a program has for an answer, milliseconds.
const ANSWER_MS_MAX: u64 = 10_000;
/// A program's answer, bytes.
const ANSWER_BYTES_MAX: u64 = 4_096;
/// A key file, bytes: 64 numbers, with room for spaces.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// Why nobody signs.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The key's file.
    #[error("{0}: {1}")]
    File(PathBuf, &'static str),
    /// The program.
    #[error("the signer {0}: {1}")]
    Program(PathBuf, String),
}

/// What waits for an answer.
pub(crate) type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, SignerError>> + Send + 'a>>;

/// Signs for the treasury.
pub(crate) trait Signer: Send {
    /// The treasury's address.
    fn address(&mut self) -> Waiting<'_, Address>;
    /// Its signature under a message. It is checked by whoever asked.
    fn sign<'a>(&'a mut self, message: &'a [u8]) -> Waiting<'a, Signature>;
}

/// The signer that is configured.
pub(crate) fn signer(config: &SignerConfig) -> Result<Box<dyn Signer>, SignerError> {
    Ok(match config {
        SignerConfig::Key(file) => Box::new(Key(key(file)?)),
        SignerConfig::Program(program) => Box::new(Program { path: program.clone(), running: None }),
    })
}

struct Key(SigningKey);

impl Signer for Key {
    fn address(&mut self) -> Waiting<'_, Address> {
        let address = Address::from(self.0.verifying_key().to_bytes());
        Box::pin(std::future::ready(Ok(address)))
    }
    fn sign<'a>(&'a mut self, message: &'a [u8]) -> Waiting<'a, Signature> {
        let signature = Signature(self.0.sign(message).to_bytes());
        Box::pin(std::future::ready(Ok(signature)))
    }
}

/// A JSON array of 64 numbers: the seed and the public key that follows from it.
fn key(path: &Path) -> Result<SigningKey, SignerError> {
    let refused = |why| SignerError::File(path.to_owned(), why);
    let file = File::open(path).map_err(|_| refused("can't be read: name the treasury's key file"))?;
    let mode = file.metadata().map_err(|_| refused("can't be read"))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(refused("can be read by others; make it yours alone (chmod 600)"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).map_err(|_| refused("is no text"))?;
    let form = "is not a key as solana-keygen writes it: an array of 64 numbers";
    let mut numbers: Vec<u8> = serde_json::from_str(&text).map_err(|_| refused(form))?;
    let key = <&[u8; 64]>::try_from(numbers.as_slice()).ok().and_then(|pair| SigningKey::from_keypair_bytes(pair).ok());
    numbers.zeroize();
    key.ok_or_else(|| refused(form))
}

/// A program that is started when it is first asked, and again after it failed.
///
/// `{"ask":"address"}` is answered with `{"address":"9xQe…"}` (base58), `{"ask":"sign","message":"…"}` (base64) with
/// `{"signature":"…"}` (base58), and what can't be done with `{"error":"…"}`. One line each.
struct Program {
    path: PathBuf,
    running: Option<Running>,
}

struct Running {
    /// Ends with this.
    _process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    address: Option<String>,
    signature: Option<String>,
    error: Option<String>,
}

impl Program {
    async fn ask(&mut self, question: &Value) -> Result<Answer, SignerError> {
        let asked = timeout(Duration::from_millis(ANSWER_MS_MAX), self.exchange(question)).await;
        let line = match asked {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return self.failed(error.to_string()),
            Err(_) => return self.failed(format!("no answer in {ANSWER_MS_MAX} ms")),
        };
        match serde_json::from_str(&line) {
            Ok(Answer { error: Some(error), .. }) => Err(SignerError::Program(self.path.clone(), error)),
            Ok(answer) => Ok(answer),
            Err(_) => self.failed("its answer is not a line of JSON with address, signature or error".into()),
        }
    }

    /// What comes after a failure could be the answer to something else.
    fn failed<T>(&mut self, why: String) -> Result<T, SignerError> {
        self.running = None;
        Err(SignerError::Program(self.path.clone(), why))
    }

    async fn exchange(&mut self, question: &Value) -> std::io::Result<String> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => start(&self.path)?,
        };
        running.to.write_all(format!("{question}\n").as_bytes()).await?;
        running.to.flush().await?;
        let mut line = String::new();
        (&mut running.from).take(ANSWER_BYTES_MAX).read_line(&mut line).await?;
        self.running = Some(running);
        Ok(line)
    }
}

fn start(path: &Path) -> std::io::Result<Running> {
    let mut process = Command::new(path).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let no_pipe = || std::io::Error::other("it has no standard input or output");
    let to = process.stdin.take().ok_or_else(no_pipe)?;
    let from = BufReader::new(process.stdout.take().ok_or_else(no_pipe)?);
    Ok(Running { _process: process, to, from })
}

impl Signer for Program {
    fn address(&mut self) -> Waiting<'_, Address> {
        Box::pin(async {
            let address = self.ask(&json!({ "ask": "address" })).await?.address;
            let address = address.and_then(|text| text.parse().ok());
            address.ok_or_else(|| SignerError::Program(self.path.clone(), "its address is not base58".into()))
        })
    }
    fn sign<'a>(&'a mut self, message: &'a [u8]) -> Waiting<'a, Signature> {
        Box::pin(async {
            let question = json!({ "ask": "sign", "message": BASE64.encode(message) });
            let signature = self.ask(&question).await?.signature.and_then(|text| text.parse().ok());
            signature.ok_or_else(|| SignerError::Program(self.path.clone(), "its signature is not base58".into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};

    fn file(folder: &tempfile::TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = folder.path().join(name);
        write(&path, text).unwrap();
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_key_file_is_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_bytes(&[7; 32]);
        let text = serde_json::to_string(&key.to_keypair_bytes().to_vec()).unwrap();
        let good = file(&folder, "good.json", &text, 0o600);
        let mut signer = signer(&SignerConfig::Key(good)).unwrap();
        assert_eq!(signer.address().await.unwrap().to_bytes(), key.verifying_key().to_bytes());
        assert_eq!(signer.sign(b"message").await.unwrap().0, key.sign(b"message").to_bytes());
        let refused = |path: PathBuf| super::signer(&SignerConfig::Key(path)).err().unwrap().to_string();
        assert!(refused(file(&folder, "open.json", &text, 0o644)).contains("chmod 600"));
        assert!(refused(file(&folder, "short.json", "[1,2]", 0o600)).contains("64 numbers"));
        let mut other = key.to_keypair_bytes();
        other[63] ^= 1;
        let other = serde_json::to_string(&other.to_vec()).unwrap();
        assert!(refused(file(&folder, "other.json", &other, 0o600)).contains("64 numbers"));
        assert!(refused(folder.path().join("none.json")).contains("name the treasury's key file"));
    }

    #[tokio::test]
    async fn a_program_is_asked_and_started_again_after_it_failed() {
        let folder = tempfile::tempdir().unwrap();
        let address = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
        let script = format!(
            "#!/bin/sh\nwhile read -r line; do case \"$line\" in *address*) echo '{{\"address\":\"{address}\"}}';; \
             *) echo '{{\"error\":\"locked\"}}'; exit 1;; esac; done\n"
        );
        let program = SignerConfig::Program(file(&folder, "sign", &script, 0o700));
        let mut signer = signer(&program).unwrap();
        for _ in 0..2 {
            assert_eq!(signer.address().await.unwrap().to_string(), address);
            assert!(signer.sign(b"message").await.unwrap_err().to_string().contains("locked"));
            // It has ended, which is found with the next question.
            assert!(signer.sign(b"message").await.is_err());
        }
        let mut none = super::signer(&SignerConfig::Program(folder.path().join("none"))).unwrap();
        assert!(none.address().await.is_err());
    }
}
