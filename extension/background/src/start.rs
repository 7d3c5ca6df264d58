//! The start: loads the trust root, the records and the key, and makes the machine.

use std::rc::Rc;

use js_sys::Promise;
use lull_browser::{describe, field, is_firefox, package_url};
use lull_view::{
    Account, Bandwidth, BandwidthState, Consent, Diagnostics, Limits, Link, LinkProblem, Never, Notice, Pops, Settings,
    TaskSet, View, Warnings, Wishes,
};
use lull_worker::limits::TAKE_BACK_MS;
use lull_worker::protocol::trust::{TrustError, TrustRoot};
use lull_worker::{Config, Worker};
use thiserror::Error;
use wasm_bindgen::prelude::*;
use web_sys::{RequestInit, Response};

use crate::global::{fetch, random};
use crate::key::{self, KeyError};
use crate::shell::Shell;
use crate::storage::{Storage, StorageError};
use crate::surroundings::{look, watch_idle};

/// The file of the package that names the coordinator.
const TRUST: &str = "trust.json";

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
}

impl Trouble {
    /// What the pages show instead of a machine's view.
    pub(crate) fn view(&self) -> View {
        let notice = match self {
            Self::Storage(_) | Self::Key(KeyError::Storage(_)) => Notice::Storage,
            Self::Key(_) => Notice::SetAside { record: "key".to_owned() },
            Self::Package(_) | Self::Trust(_) => Notice::SetAside { record: TRUST.to_owned() },
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
            notice: Some(notice),
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
    let shell = match load().await {
        Ok((storage, worker)) => Shell::new(Some(storage), Ok(worker)),
        Err(trouble) => {
            gloo::console::error!(trouble.to_string());
            Shell::new(None, Err(trouble))
        }
    };
    shell.begin(surroundings.await);
    shell
}

async fn load() -> Result<(Rc<Storage>, Worker), Trouble> {
    let trust = trust();
    let storage = Storage::open().await?;
    // The key first: it is opened while the records, which are many, are still on their way.
    let (key, records) = (storage.key(), storage.records());
    let trust = trust.await?;
    let key = key::load_or_make(&storage, key.await?).await?;
    let records = records.await?;
    let seed = random().map_err(|e| KeyError::Crypto(describe(&e)))?;
    let config = Config { trust, tasks: TaskSet::ALL, take_back_ms: TAKE_BACK_MS };
    let worker = Worker::new(config, key, u64::from_le_bytes(seed), records);
    // Chrome's `fetch` refuses private addresses by itself.
    Ok((storage, if is_firefox() { worker.looking_up_first() } else { worker }))
}

/// The file is fetched from before this function returns.
fn trust() -> impl Future<Output = Result<TrustRoot, Trouble>> {
    let response = fetch(&package_url(TRUST), &RequestInit::new()).into_future();
    let unreadable = |e: JsValue| Trouble::Package(describe(&e));
    async move {
        let response = response.await.map_err(unreadable)?;
        let json: Promise = response.unchecked_into::<Response>().json().map_err(unreadable)?;
        let trust = json.await.map_err(unreadable)?;
        let text = |name: &str| {
            let missing = || Trouble::Package(format!("it has no {name}"));
            field(&trust, name).as_string().ok_or_else(missing)
        };
        Ok(TrustRoot::new(&text("coordinator")?, &text("fingerprint")?)?)
    }
}
