//! A network of one's own: a namespace without a way out, public-looking addresses, own name server.
//! So the release package needs no test mode, and the servers' logs prove what arrived.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

/// Set inside the namespace, to the process that holds it as seen from outside.
const INSIDE: &str = "LULL_E2E_NAMESPACE";
/// The name server's address.
const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);
/// Life of an answer, seconds.
const TTL_S: u32 = 1;

/// The site whose documents buyers order.
pub(crate) const LIBRARY: (&str, Ipv4Addr) = ("harbour-library.org", Ipv4Addr::new(93, 184, 215, 10));
/// The site that the person browses.
pub(crate) const NEWS: (&str, Ipv4Addr) = ("daily-lantern.net", Ipv4Addr::new(93, 184, 215, 20));
/// A public name on a private address: what a redirect or a rebind would like to reach.
pub(crate) const PRINTER: (&str, Ipv4Addr) = ("printer.harbour-library.org", Ipv4Addr::new(10, 11, 12, 13));
/// A name that a test moves from a public to a private address.
pub(crate) const TIDE: (&str, Ipv4Addr) = ("tide.harbour-library.org", Ipv4Addr::new(93, 184, 215, 30));

/// Re-executes this program inside a new network namespace, unless it is there already. Returns inside.
pub(crate) fn enter() -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return set_up();
    }
    let root = as_root();
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    if !root {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .arg("--")
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, std::process::id().to_string());
    let error = command.exec();
    bail!("can't make a network namespace with unshare (util-linux): {error}")
}

/// How a shell outside runs a program inside the namespace; empty with the real network.
pub(crate) fn from_outside() -> String {
    match std::env::var(INSIDE) {
        Ok(holder) => {
            let sudo = if as_root() { "" } else { "sudo " };
            format!("{sudo}nsenter --target {holder} --net --mount -- ")
        }
        Err(_) => String::new(),
    }
}

/// Whether this is root: Chromium's own sandbox does not start then.
pub(crate) fn as_root() -> bool {
    run("id", &["-u"]).is_ok_and(|id| id.trim() == "0")
}

fn set_up() -> Result<()> {
    run("ip", &["link", "set", "lo", "up"])?;
    for (_, address) in [LIBRARY, NEWS, PRINTER, TIDE] {
        run("ip", &["address", "add", &format!("{address}/32"), "dev", "lo"])?;
    }
    // By the holder: in here every process of this kind has the same number.
    let file = std::env::temp_dir().join(format!("lull-resolv-{}.conf", std::env::var(INSIDE)?));
    std::fs::write(&file, format!("nameserver {NAME_SERVER}\noptions timeout:1 attempts:2\n"))?;
    let target = Path::new("/etc/resolv.conf");
    let real = target.canonicalize().unwrap_or_else(|_| target.to_owned());
    run("mount", &["--bind", path(&file)?, path(&real)?])?;
    std::fs::remove_file(file).context("resolv.conf stays mounted without its name")
}

/// A policy of who manages the browser, as long as it lives: Debian's Chromium reads it from a folder that is laid
/// over the machine's own in this namespace alone.
pub(crate) struct Policy;

/// Where Debian's Chromium looks for its configuration.
const CHROMIUM_ETC: &str = "/etc/chromium";

impl Policy {
    /// Sets it.
    pub(crate) fn set(policy: &serde_json::Value) -> Result<Self> {
        run("mount", &["-t", "tmpfs", "lull-policy", CHROMIUM_ETC])?;
        let set = Self;
        let folder = Path::new(CHROMIUM_ETC).join("policies/managed");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("lull.json"), policy.to_string())?;
        Ok(set)
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Err(error) = run("umount", &["-l", CHROMIUM_ETC]) {
            eprintln!("· {error}");
        }
    }
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    let out = Command::new(program).args(args).output().with_context(|| format!("can't start {program}"))?;
    ensure!(out.status.success(), "{program} {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
    Ok(String::from_utf8(out.stdout)?)
}

/// The name server: answers A questions from a table that tests may change, and keeps a count.
#[derive(Clone)]
pub(crate) struct NameServer {
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    addresses: BTreeMap<String, Ipv4Addr>,
    /// Where names move once they were answered.
    next: BTreeMap<String, Ipv4Addr>,
    questions: BTreeMap<String, u64>,
}

impl NameServer {
    /// Starts it with the sites' names.
    pub(crate) async fn start() -> Result<Self> {
        let addresses = [LIBRARY, NEWS, PRINTER, TIDE].map(|(name, address)| (name.to_owned(), address)).into();
        let server = Self { table: Arc::new(Mutex::new(Table { addresses, ..Table::default() })) };
        let socket = UdpSocket::bind((IpAddr::V4(NAME_SERVER), 53)).await.context("name server")?;
        tokio::spawn(server.clone().serve(socket));
        Ok(server)
    }

    /// Moves a name.
    pub(crate) fn point(&self, name: &str, address: Ipv4Addr) {
        self.lock().addresses.insert(name.to_owned(), address);
    }

    /// Moves a name as soon as its present address was told once more.
    pub(crate) fn point_after_next_answer(&self, name: &str, address: Ipv4Addr) {
        self.lock().next.insert(name.to_owned(), address);
    }

    /// How often a name's address was asked for.
    pub(crate) fn questions(&self, name: &str) -> u64 {
        self.lock().questions.get(name).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self, socket: UdpSocket) -> std::io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            let (len, from) = socket.recv_from(&mut buffer).await?;
            let answer = buffer.get(..len).and_then(|question| self.answer(question));
            if let Some(bytes) = answer {
                socket.send_to(&bytes, from).await?;
            }
        }
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?.clone();
        let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        let mut table = self.lock();
        let address = table.addresses.get(&name).copied();
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.authoritative = true;
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        match address {
            Some(address) if query.query_type() == RecordType::A => {
                if let Some(next) = table.next.remove(&name) {
                    table.addresses.insert(name.clone(), next);
                }
                *table.questions.entry(name).or_default() += 1;
                answer.add_answer(Record::from_rdata(query.name().clone(), TTL_S, RData::A(A(address))));
            }
            Some(_) => {}
            None => answer.metadata.response_code = ResponseCode::NXDomain,
        }
        answer.add_query(query);
        answer.to_vec().ok()
    }
}
