//! Faults for real: builds the native programs, then `lull-integration` takes over.

use std::process::Command;

use anyhow::Result;

use crate::progress::Steps;
use crate::shell::{command, logged, target};

/// The packages whose programs take part, each with the variable that names its program to the driver.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("lull-coordinator", "lull-coordinator", "LULL_COORDINATOR_BIN"),
    ("lull-cli", "lull", "LULL_CLI_BIN"),
    ("lull-native", "lull-native", "LULL_NATIVE_BIN"),
];

/// `lull-integration` with all it needs to know, once everything is built.
pub(crate) fn faults() -> Result<Command> {
    let mut steps = Steps::new(1);
    steps.step("native programs", || {
        let mut cargo = command("cargo");
        cargo.args(["build", "-p", "lull-integration"]);
        cargo.args(PROGRAMS.iter().flat_map(|(package, _, _)| ["-p", package]));
        logged(&mut cargo, &target()?.join("xtask/log/faults"))?;
        Ok("built".to_owned())
    })?;
    let debug = target()?.join("debug");
    let mut driver = command(debug.join("lull-integration"));
    driver.envs(PROGRAMS.iter().map(|(_, program, variable)| (variable, debug.join(program))));
    Ok(driver)
}
