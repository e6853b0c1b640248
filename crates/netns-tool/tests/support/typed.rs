//! Scripts in which `netns-tool` is typed as a person types it.

use std::process::{Command, Output};
use testhost::binary;

/// Root without root's rights, who needs a user namespace, as anybody does. He has the right to have root in it.
pub const WITHOUT_RIGHTS: &str = "setpriv --bounding-set=-all,+setfcap --inh-caps=-all";

/// Runs a script of `sh` in /run/tmp.
pub fn script(text: &str) -> Output {
    let folder = binary("netns-tool").parent().expect("its folder").display().to_string();
    let path = format!("{folder}:/usr/sbin:/usr/bin:/sbin:/bin");
    #[expect(clippy::disallowed_methods, reason = "a script")]
    let mut command = Command::new("sh");
    command.args(["-c", text]).current_dir("/run/tmp").env("PATH", path).output().expect("run sh")
}

/// The same, which must work; what it printed on stdout.
pub fn said(text: &str) -> String {
    let output = script(text);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Its exit code.
pub fn code(text: &str) -> i32 {
    script(text).status.code().expect("an exit code")
}

/// What it printed on stderr.
pub fn complained(text: &str) -> String {
    String::from_utf8_lossy(&script(text).stderr).into_owned()
}
