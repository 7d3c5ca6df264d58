//! A real TCP proxy between workers and the coordinator, in bad weather: it cuts connections at a random byte,
//! lets them stall, closes one half, delays, trickles, swallows one direction, or answers nobody.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    Fair,
    /// Both directions end at once, at this byte of one of them.
    Cut,
    /// The connection stands still for a while in both directions, then goes on.
    Stall,
    /// One direction is closed at this byte; the other goes on.
    HalfClose,
    /// Each piece comes late.
    Delay,
    /// A few bytes at a time.
    Trickle,
    /// One direction is swallowed from this byte on, until the peers give up.
    Swallow,
    /// Accepted and closed without a word.
    Refuse,
}

/// Every fault there is, in the order of the counts.
pub(crate) const FAULTS: [Fault; 7] =
    [Fault::Cut, Fault::Stall, Fault::HalfClose, Fault::Delay, Fault::Trickle, Fault::Swallow, Fault::Refuse];

/// It.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<Option<SocketAddr>>,
    rng: Mutex<fastrand::Rng>,
    bad: AtomicBool,
    /// Connections in bad weather end when it clears up.
    clears: watch::Sender<u64>,
    /// How long a stall lasts, milliseconds.
    stall_ms: AtomicU64,
    counts: [AtomicU64; FAULTS.len()],
}

/// What is drawn for a connection.
#[derive(Clone, Copy)]
struct Fate {
    fault: Fault,
    /// Whether it befalls the direction to the coordinator.
    upwards: bool,
    /// From which byte of that direction on.
    byte: u64,
    /// How long a stall lasts.
    stall: Duration,
}

impl Proxy {
    /// Starts in fair weather, leading nowhere.
    pub(crate) async fn start(seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("the proxy")?;
        let shared = Arc::new(Shared {
            target: Mutex::new(None),
            rng: Mutex::new(fastrand::Rng::with_seed(seed)),
            bad: AtomicBool::new(false),
            clears: watch::channel(0).0,
            stall_ms: AtomicU64::new(3_000),
            counts: Default::default(),
        });
        let address = listener.local_addr()?.to_string();
        tokio::spawn({
            let shared = shared.clone();
            async move {
                loop {
                    // A failed accept is that client's own trouble.
                    let Ok((client, _)) = listener.accept().await else { continue };
                    tokio::spawn(shared.clone().carry(client));
                }
            }
        });
        Ok(Self { address, shared })
    }

    /// Where connections go.
    pub(crate) fn lead_to(&self, address: &str) -> Result<()> {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.parse()?);
        Ok(())
    }

    /// From here on each new connection has a fate; those there are are cut, so that all get one.
    pub(crate) fn storm(&self, stall: Duration) {
        self.shared.stall_ms.store(u64::try_from(stall.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
        self.shared.bad.store(true, Ordering::SeqCst);
        self.shared.clears.send_modify(|count| *count += 1);
    }

    /// Fair weather again: what was hit is cut, and what comes is carried.
    pub(crate) fn clear(&self) {
        self.shared.bad.store(false, Ordering::SeqCst);
        self.shared.clears.send_modify(|count| *count += 1);
    }

    /// How often each fault befell a connection, in the order of [`FAULTS`].
    pub(crate) fn counts(&self) -> [u64; FAULTS.len()] {
        self.shared.counts.each_ref().map(|count| count.load(Ordering::SeqCst))
    }
}

impl Shared {
    fn draw(&self) -> Fate {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let stall = Duration::from_millis(self.stall_ms.load(Ordering::SeqCst));
        let fair = Fate { fault: Fault::Fair, upwards: false, byte: 0, stall };
        if !self.bad.load(Ordering::SeqCst) || rng.u8(0..10) == 0 {
            return fair;
        }
        let index = rng.usize(0..FAULTS.len());
        let (Some(fault), Some(count)) = (FAULTS.get(index), self.counts.get(index)) else { return fair };
        count.fetch_add(1, Ordering::SeqCst);
        // Mostly inside a handshake or the first few results, now and then in the middle of bodies.
        let bits = rng.u32(8..20);
        let byte = rng.u64(0..1 << bits);
        Fate { fault: *fault, upwards: rng.bool(), byte, stall }
    }

    async fn carry(self: Arc<Self>, client: TcpStream) {
        let mut clears = self.clears.subscribe();
        clears.mark_unchanged();
        let fate = self.draw();
        let target = *self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(target) = target.filter(|_| fate.fault != Fault::Refuse) else { return };
        let Ok(server) = TcpStream::connect(target).await else { return };
        let fails = client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err();
        if fails {
            return;
        }
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let up = pipe(from_client, to_server, fate, fate.upwards);
        let down = pipe(from_server, to_client, fate, !fate.upwards);
        let both = async {
            let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
            // One half that ends by itself leaves the other; a cut ends both.
            tokio::select! {
                end = &mut up => if end == End::Closed { down.await; },
                end = &mut down => if end == End::Closed { up.await; },
            }
        };
        tokio::select! {
            () = both => {}
            // Whoever holds the other end learns that the weather has changed.
            _ = clears.changed() => {}
        }
    }
}

/// How one direction ended.
#[derive(PartialEq, Eq)]
enum End {
    /// Its source has said all, and its target knows.
    Closed,
    /// The connection is over.
    Cut,
}

/// Carries one direction; `hit`: the fault befalls it.
async fn pipe(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fate: Fate, hit: bool) -> End {
    let mut buffer = vec![0; 16 * 1024];
    let mut carried = 0_u64;
    let mut stalled = false;
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return End::Cut };
        let Some(mut piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else {
            return if to.shutdown().await.is_ok() { End::Closed } else { End::Cut };
        };
        let left = usize::try_from(fate.byte.saturating_sub(carried)).unwrap_or(usize::MAX);
        let struck = hit && left < piece.len();
        carried += piece.len() as u64;
        match fate.fault {
            Fault::Cut | Fault::HalfClose | Fault::Swallow if struck => {
                piece = piece.get(..left).unwrap_or_default();
                if to.write_all(piece).await.is_err() || fate.fault == Fault::Cut {
                    return End::Cut;
                }
                if fate.fault == Fault::HalfClose {
                    return if to.shutdown().await.is_ok() { End::Closed } else { End::Cut };
                }
                // What comes is taken and goes nowhere, as on a line that is dead behind the next hop.
                while from.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
                return std::future::pending().await;
            }
            Fault::Stall if !stalled && left < piece.len() => {
                stalled = true;
                sleep(fate.stall).await;
            }
            Fault::Delay => sleep(Duration::from_millis(100 + fate.byte % 400)).await,
            Fault::Trickle => {
                for few in piece.chunks(97) {
                    if to.write_all(few).await.is_err() {
                        return End::Cut;
                    }
                    sleep(Duration::from_millis(1)).await;
                }
                continue;
            }
            _ => {}
        }
        if to.write_all(piece).await.is_err() {
            return End::Cut;
        }
    }
}
