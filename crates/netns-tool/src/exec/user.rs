//! Somebody else, as whom a command is run.

use crate::failure::{Failure, failed, missing, usage};
use crate::suggest::shown;
use nix::errno::Errno;
use nix::unistd::{Uid, geteuid, initgroups, setgid, setuid};
use std::ffi::{CString, OsString};

pub struct User {
    pub name: String,
    found: nix::unistd::User,
}

impl User {
    /// By name or number.
    ///
    /// # Errors
    /// There is nobody of that name.
    pub fn find(name: &str) -> Result<Self, Failure> {
        let by_name = nix::unistd::User::from_name(name);
        let by_number = |number: u32| nix::unistd::User::from_uid(Uid::from_raw(number));
        let found = match (by_name, name.parse()) {
            (Ok(None), Ok(number)) => by_number(number),
            (found, _) => found,
        };
        match found {
            Ok(Some(found)) => Ok(Self { name: found.name.clone(), found }),
            Ok(None) => Err(usage(format!("there is no user `{}`", shown(name)))
                .hint("the name of a user (getent passwd lists them)")),
            Err(error) => {
                Err(failed(format!("cannot look up the user `{}`: {}", shown(name), error.desc())))
            }
        }
    }

    pub fn uid(&self) -> Uid {
        self.found.uid
    }

    /// His shell, if he has one: services have a program that refuses.
    pub fn shell(&self) -> Option<OsString> {
        let shell = &self.found.shell;
        let refuses = ["nologin", "false", "sync"];
        let is_one = shell.file_name().is_some_and(|name| refuses.iter().all(|one| name != *one));
        is_one.then(|| shell.clone().into_os_string())
    }

    /// This process becomes his, for good. What the environment is to tell of it.
    ///
    /// # Errors
    /// It may not.
    pub fn become_it(&self) -> Result<Vec<(&'static str, OsString)>, Failure> {
        let refused = |error: Errno| {
            let what = format!("cannot become the user `{}`: {}", self.name, error.desc());
            missing(what).hint(
                "run it as root (sudo); in a private host of an ordinary user there is root alone",
            )
        };
        let name = CString::new(self.name.as_str()).map_err(|_| refused(Errno::EINVAL))?;
        // In a private host of an ordinary user nobody may change his groups; who is he already need not.
        if geteuid() != self.found.uid {
            initgroups(&name, self.found.gid).map_err(refused)?;
            setgid(self.found.gid).map_err(refused)?;
            setuid(self.found.uid).map_err(refused)?;
        }
        Ok(self.environment())
    }

    /// What the environment tells of him.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let name = OsString::from(&self.name);
        vec![
            ("HOME", self.found.dir.clone().into_os_string()),
            ("SHELL", self.found.shell.clone().into_os_string()),
            ("USER", name.clone()),
            ("LOGNAME", name),
        ]
    }
}
