//! Prints `tests/vectors/v1.json`. New lines are added at the end of the fixture's list; a line that
//! was published never changes, and the tests hold it.

#[path = "../tests/fixture/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod fixture;

fn main() -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string_pretty(&fixture::vectors())?);
    Ok(())
}
