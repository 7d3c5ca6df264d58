//! Which answering addresses pass.

use crate::Refusal;

/// Judges the textual address that answered a hop.
pub fn judge_address(address: Option<&str>) -> Result<(), Refusal> {
    let text = address.ok_or(Refusal::NoAddress)?;
    text.parse::<core::net::IpAddr>().map_err(|_| Refusal::NoAddress)?;
    Ok(())
}
