//! The build folder, and how it is shown to a user who cannot reach it where it is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Runs as root before becoming an ordinary user, who may be unable to reach the build folder.
/// `$1` is the build folder, `$2` an empty folder that everybody reaches.
pub(crate) const SHARE_BUILD: &str = r#"set -e
mount -t tmpfs -o mode=755 testhost "$2"
mkdir "$2/build"
mount --bind "$1" "$2/build"
shift 2
exec "$@""#;

/// Shows the build folder to a user who cannot reach it where it is.
pub(crate) struct Share {
    pub(crate) build: PathBuf,
    pub(crate) place: PathBuf,
}

impl Share {
    pub(crate) fn new() -> Self {
        let build = build_folder();
        // The tmpfs must not hide the build folder itself.
        let place = ["/mnt", "/media", "/srv", "/opt"]
            .map(PathBuf::from)
            .into_iter()
            .find(|place| place.is_dir() && !build.starts_with(place))
            .expect("one of the folders /mnt, /media, /srv, /opt");
        Self { build, place }
    }

    pub(crate) fn translate(&self, arg: &OsStr) -> OsString {
        match Path::new(arg).strip_prefix(&self.build) {
            Ok(rest) => self.place.join("build").join(rest).into(),
            Err(_) => arg.to_owned(),
        }
    }
}

/// `target/debug`, from the path of a test (`target/debug/deps/x`) or a program (`target/debug/x`).
pub(crate) fn build_folder() -> PathBuf {
    let exe = env::current_exe().expect("the path of the running program");
    let folder = exe.parent().expect("the folder of the running program");
    match folder.file_name().and_then(OsStr::to_str) {
        Some("deps" | "examples") => folder.parent().expect("the build folder").to_owned(),
        _ => folder.to_owned(),
    }
}
