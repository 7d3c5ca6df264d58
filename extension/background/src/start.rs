//! The start: loads the trust root, the records and the key, and makes the machine.

use std::rc::Rc;

use lull_browser::{describe, is_firefox};
use lull_vault::{KeyError, TRUST, TrustFile, random, trust};
use lull_view::{
    Account, Bandwidth, BandwidthState, Consent, Diagnostics, Limits, Link, LinkProblem, Never, Notice, Pops, Settings,
    TaskSet, View, Warnings, Wishes,
};
use lull_worker::limits::TAKE_BACK_MS;
use lull_worker::protocol::trust::{TrustError, TrustRoot};
use lull_worker::{Config, Worker};
use thiserror::Error;

use crate::key;
use crate::shell::Shell;
use crate::storage::{Storage, StorageError};
use crate::surroundings::{look, watch_idle};

/// Why there is no machine. Nothing stored is touched.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    /// Storage can't be opened or read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The package names no coordinator.
    #[error("the package has no readable {TRUST}: {0}")]
    Package(String),
    /// The package names a coordinator that may not be dialled.
    #[error("{TRUST}: {0}")]
    Trust(#[from] TrustError),
    /// There will be one in a moment.
    #[error("what is stored is being changed")]
    Changing,
}

impl Trouble {
    /// What the pages show instead of a machine's view.
    pub(crate) fn view(&self) -> View {
        let notice = match self {
            Self::Storage(_) | Self::Key(KeyError::Storage(_)) => Some(Notice::Storage),
            Self::Key(_) => Some(Notice::SetAside { record: "key".to_owned() }),
            Self::Package(_) | Self::Trust(_) => Some(Notice::SetAside { record: TRUST.to_owned() }),
            Self::Changing => None,
        };
        View {
            link: Link::Stopped { reason: LinkProblem::Storage },
            settings: Settings::default(),
            operator: None,
            worker: String::new(),
            account: Account::default(),
            judgment: None,
            judgments_waiting: 0,
            bandwidth: Bandwidth { state: BandwidthState::Off, site: None, bytes: 0, fetches: 0 },
            consent: Consent::default(),
            limits: Limits::default(),
            activities: Vec::new(),
            outbox: 0,
            diagnostics: Diagnostics::default(),
            notice,
            never: Never::default(),
            take_back: None,
            pops: Pops::default(),
            practice: None,
            warnings: Warnings::default(),
            wishes: Wishes::default(),
            contested: None,
            reviews: 0,
            wallet: lull_view::WalletGlance::default(),
            next: None,
        }
    }
}

/// Makes the shell around a machine, or around the trouble that keeps one from being made. Whatever can be
/// asked for is asked for before anything is waited for: somebody may be looking at an empty page.
pub(crate) async fn start() -> Rc<Shell> {
    watch_idle();
    let surroundings = look();
    let trust = trust();
    let shell = match Storage::open().await {
        Ok(storage) => {
            let made = machine(&storage, trust).await;
            Shell::new(Some(storage), made.inspect_err(report))
        }
        Err(error) => {
            let trouble = Trouble::from(error);
            report(&trouble);
            Shell::new(None, Err(trouble))
        }
    };
    shell.begin(surroundings.await);
    shell
}

/// A machine of what is stored now.
pub(crate) async fn anew(storage: &Storage) -> Result<Worker, Trouble> {
    machine(storage, trust()).await.inspect_err(report)
}

fn report(trouble: &Trouble) {
    gloo::console::error!(trouble.to_string());
}

async fn machine(storage: &Storage, trust: impl Future<Output = Result<TrustFile, String>>) -> Result<Worker, Trouble> {
    // The key first: it is opened while the records, which are many, are still on their way.
    let (key, records) = (storage.key(), storage.records());
    let TrustFile { coordinator, fingerprint } = trust.await.map_err(Trouble::Package)?;
    let trust = TrustRoot::new(&coordinator, &fingerprint)?;
    let key = key::load_or_make(storage, key.await?).await?;
    let records = records.await?;
    let seed = random().map_err(|e| KeyError::Crypto(describe(&e)))?;
    let config = Config { trust, tasks: TaskSet::ALL, take_back_ms: TAKE_BACK_MS };
    let worker = Worker::new(config, key, u64::from_le_bytes(seed), records);
    // Chrome's `fetch` refuses private addresses by itself.
    Ok(if is_firefox() { worker.looking_up_first() } else { worker })
}
