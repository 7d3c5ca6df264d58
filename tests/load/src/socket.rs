//! What one small message costs the coordinator's socket, beside a TCP echo of the same bytes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::frames::{Seen, client_frame};
use crate::machine::Times;
use crate::server::Server;
use crate::swarm::{Swarm, ping};

/// Connections that send.
const PEERS: usize = 500;
/// Connections that wait for an answer at a time.
const WINDOW: usize = 64;

/// CPU microseconds per heartbeat of the coordinator and per echo, `depth` messages in one write.
pub(crate) fn cpu_us(server: &Server, echo: &Server, depth: usize, messages: usize) -> Result<(f64, f64)> {
    let frame = client_frame(&ping());
    let burst = frame.repeat(depth);
    let turns = messages / depth;
    let mut seen = Vec::new();
    let mut swarm = Swarm::new()?;
    swarm.grow(server.target, PEERS)?;
    let before = Times::read(server.id())?;
    exchange(
        turns,
        &mut swarm,
        &burst,
        |swarm, back| {
            swarm.look(Duration::from_millis(100), &mut seen)?;
            back.extend(seen.drain(..).filter(|(_, seen)| *seen == Seen::Pong).map(|_| 1));
            Ok(())
        },
        depth,
    )?;
    let pings = Times::read(server.id())?.since(&before);
    let mut echoes = Swarm::new()?;
    (0..PEERS).try_for_each(|_| echoes.add_bare(echo.target.address))?;
    let before = Times::read(echo.id())?;
    exchange(
        turns,
        &mut echoes,
        &burst,
        |swarm, back| {
            swarm.receive(Duration::from_millis(100), |_, bytes| {
                back.push(bytes.len());
                Ok(bytes.len())
            })
        },
        burst.len(),
    )?;
    let echoed = Times::read(echo.id())?.since(&before);
    let each = |cpu: f64| cpu * 1e6 / (turns * depth) as f64;
    Ok((each(pings.server), each(echoed.server)))
}

/// Sends the burst on one connection after the other, until `whole` has come back for each.
fn exchange(
    turns: usize,
    swarm: &mut Swarm,
    burst: &[u8],
    mut receive: impl FnMut(&mut Swarm, &mut Vec<usize>) -> Result<()>,
    whole: usize,
) -> Result<()> {
    let (mut sent, mut done, mut came, mut back) = (0, 0, 0, Vec::new());
    let mut heard = Instant::now();
    while done < turns {
        while sent < turns && sent - done < WINDOW {
            swarm.send(sent % PEERS, burst)?;
            sent += 1;
        }
        receive(swarm, &mut back)?;
        for part in back.drain(..) {
            heard = Instant::now();
            came += part;
        }
        done = came / whole;
        if heard.elapsed() > Duration::from_secs(30) {
            bail!("{done} of {sent} bursts came back, and no more come");
        }
    }
    Ok(())
}
