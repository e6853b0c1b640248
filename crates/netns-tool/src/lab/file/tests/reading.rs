//! Which files are read at all.

use super::super::read;
use crate::failure::Kind;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory of its own, which goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("netns-tool-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is said of the file, without its directory.
fn refused(folder: &Folder, path: &Path) -> String {
    let failure = read(path, None).unwrap_err();
    assert_eq!(failure.kind, Kind::Usage);
    failure.to_string().replace(&format!("{}/", folder.0.display()), "")
}

#[test]
fn a_lab_is_named_after_its_file() {
    let folder = Folder::new("named");
    let path = folder.file("two-words.toml", b"[namespace.web]\r\n");
    let lab = read(&path, None).unwrap();
    assert_eq!((lab.name.as_str(), &lab.file), ("two-words", &path));
    assert!(lab.file.is_absolute());
}

#[test]
fn only_regular_files_of_text_that_are_not_too_long_are_read() {
    let folder = Folder::new("refused");
    let fifo = folder.0.join("fifo");
    mkfifo(&fifo, Mode::S_IRUSR).unwrap();
    let long = folder.file("long", "#".repeat((1 << 20) + 1).as_bytes());
    let just =
        folder.file("just", &[b"[namespace.a]\n#", &b"#".repeat((1 << 20) - 15)[..]].concat());
    assert!(read(&just, None).is_ok());
    for (path, why) in [
        (folder.0.join("absent"), "cannot read absent: No such file or directory"),
        (fifo, "fifo is not a regular file, which a lab file has to be"),
        (long, "long has more than 1048576 bytes, the most of a lab file"),
        (folder.file("latin", b"a = 1\nb = \"\xfc\"\n"), "latin is not text (UTF-8): see line 2"),
        (
            folder.file("a\x1b\n", b"[namespace.a]"),
            "the lab cannot be called `a\\u{1b}\\n`, like its file: a \
          name has only the letters a-z and A-Z, digits, `-` and `_`\n --> a\\u{1b}\\n:1:1\n  |\n1 | [namespace.a]\n  \
          | ^ name = \"…\" gives it another name",
        ),
    ] {
        assert_eq!(refused(&folder, &path), why);
    }
    assert!(
        refused(&folder, &folder.0).ends_with("is not a regular file, which a lab file has to be")
    );
}
