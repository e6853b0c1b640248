//! Name servers of namespaces: `/etc/netns/NAME/resolv.conf`, which `ip netns exec` shows in place of
//! `/etc/resolv.conf`.
//!
//! The file says itself who made it, so that nothing else has to remember: `create` for the namespace, or `veth` for as
//! long as its pair is there.

mod resolv_conf;

use crate::failure::{Failure, failed};
use crate::item::Item;
use crate::kernel::Snapshot;
use crate::kernel::etc::{self, Etc, File, Folder, Hosts, resolv_conf};
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::Step;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::IpAddr;

use resolv_conf::is_loopback;
pub use resolv_conf::{ResolvConf, check, loopback_resolver};

/// Adds the steps that give name servers to the namespace. A file of ours that was left by an earlier namespace, or pair,
/// of the name is replaced.
///
/// # Errors
/// There is a file already which says something else, or which is not ours.
pub fn give(
    steps: &mut Vec<Step>,
    name: &NamespaceName,
    wanted: &ResolvConf,
    is_left: bool,
    etc: &Etc,
) -> Result<(), Failure> {
    let found = etc.of(name);
    let path = resolv_conf(name);
    match &found.resolv_conf {
        File::Absent => {}
        File::Ours(there) if there == wanted || (!is_left && there.servers == wanted.servers) => {
            return Ok(());
        }
        File::Ours(there) if is_left => {
            let why = format!("remove the name servers that an earlier {name} has left");
            steps.push(there.item(name).remove(why));
        }
        File::Ours(there) => {
            return Err(failed(format!("{path} has other name servers: {}", list(&there.servers)))
                .hint(format!("rm {path}, and the same command again")));
        }
        File::Foreign => {
            return Err(failed(format!(
                "{path} is there already, and not as netns-tool writes it"
            ))
            .hint(format!("the command without --dns, which leaves it in force; or: rm {path}")));
        }
    }
    make_folders(steps, name, etc)?;
    steps.push(
        wanted.item(name).make(format!("give {name} the name servers {}", list(&wanted.servers))),
    );
    Ok(())
}

/// Makes the directories that are not there.
fn make_folders(steps: &mut Vec<Step>, name: &NamespaceName, etc: &Etc) -> Result<(), Failure> {
    let found = etc.of(name);
    for (folder, path) in
        [(&etc.folder, etc::FOLDER.to_owned()), (&found.folder, etc::folder(name))]
    {
        if let Folder::Strange(what) = folder {
            return Err(failed(format!("{path} is {what}, where a directory is needed"))
                .hint(format!("look who made it; ls -ld {path}")));
        }
        let is_planned =
            |step: &Step| matches!(&step.run, crate::plan::Cmd::Make(item) if item.path() == path);
        if folder.is_absent() && !steps.iter().any(is_planned) {
            let why = format!("make the directory {path}");
            steps.push(Item::Directory { path }.make(why));
        }
    }
    Ok(())
}

/// The first lines of every file of names.
pub const HOSTS_HEAD: &str = "# netns-tool\n127.0.0.1 localhost\n::1 localhost\n";

/// How long such a file may be, in bytes.
pub const HOSTS_MAX: usize = 1 << 20;

/// Adds the steps that give the namespace names; none where it has just these, or where there are none to give.
///
/// # Errors
/// There is a file already which is not ours.
pub fn give_hosts(
    steps: &mut Vec<Step>,
    name: &NamespaceName,
    wanted: &[(IpAddr, String)],
    etc: &Etc,
) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let path = etc::hosts(name);
    let lines = wanted.iter().map(|(ip, host)| format!("{ip} {host}\n"));
    let text = HOSTS_HEAD.to_owned() + &lines.collect::<String>();
    match etc.of(name).hosts {
        Hosts::Absent => {}
        Hosts::Ours(there) if there == text => return Ok(()),
        Hosts::Ours(there) => {
            let old = Item::File { path: path.clone(), text: there };
            steps.push(old.remove(format!("remove the names that {name} had")));
        }
        Hosts::Foreign => {
            return Err(failed(format!(
                "{path} is there already, and not as netns-tool writes it"
            ))
            .hint(format!("the lab without `hosts` for {name}; or: rm {path}")));
        }
    }
    make_folders(steps, name, etc)?;
    let count = wanted.len();
    let why = format!("tell {name} the addresses of {count} names");
    steps.push(Item::File { path, text }.make(why));
    Ok(())
}

/// What goes of the files of a namespace.
pub struct Doomed<'a> {
    pub name: &'a NamespaceName,
    pub name_servers: bool,
    pub hosts: bool,
}

/// The steps that remove the files of ours of these namespaces, and the directories that are empty then.
pub fn take_back(names: &[&NamespaceName], etc: &Etc) -> Vec<Step> {
    take_away(names.iter().map(|name| Doomed { name, name_servers: true, hosts: true }), etc)
}

/// The same for some of the files.
pub fn take_away<'a>(all: impl IntoIterator<Item = Doomed<'a>>, etc: &Etc) -> Vec<Step> {
    let (mut steps, mut emptied) = (Vec::new(), BTreeSet::new());
    for Doomed { name, name_servers, hosts } in all {
        let found = etc.of(name);
        let mut doomed: BTreeSet<OsString> = BTreeSet::new();
        if let (File::Ours(there), true) = (&found.resolv_conf, name_servers) {
            steps.push(there.item(name).remove(format!("remove the name servers of {name}")));
            doomed.insert("resolv.conf".into());
        }
        if let (Hosts::Ours(text), true) = (found.hosts, hosts) {
            let file = Item::File { path: etc::hosts(name), text };
            steps.push(file.remove(format!("remove the names that {name} knows")));
            doomed.insert("hosts".into());
        }
        if !doomed.is_empty() && has_only(&found.folder, &doomed) {
            let why = format!("remove the directory of {name}, which is empty now");
            steps.push(Item::Directory { path: etc::folder(name) }.remove(why));
            emptied.insert(OsString::from(name.as_str()));
        }
    }
    if has_only(&etc.folder, &emptied) && !emptied.is_empty() {
        let why = format!("remove {}, which is empty now", etc::FOLDER);
        steps.push(Item::Directory { path: etc::FOLDER.to_owned() }.remove(why));
    }
    steps
}

fn has_only(folder: &Folder, names: &BTreeSet<OsString>) -> bool {
    matches!(folder, Folder::Sound(there) if there.is_subset(names))
}

/// Whether the namespace has a file of ours; with `pair`, one that goes with this pair.
pub fn is_ours(name: &NamespaceName, pair: Option<&InterfaceName>, etc: &Etc) -> bool {
    match etc.of(name).resolv_conf {
        File::Ours(there) => pair.is_none() || there.pair.as_ref() == pair,
        _ => false,
    }
}

/// What to say about a file of ours that is removed because its namespace is gone.
pub fn left_line(name: &NamespaceName, etc: &Etc) -> Option<String> {
    let path = resolv_conf(name);
    is_ours(name, None, etc).then(|| format!("Removed {path}, left by an earlier `{name}`"))
}

/// What to say about a file that stays when the namespace goes.
pub fn kept_line(name: &NamespaceName, etc: &Etc) -> Option<String> {
    matches!(etc.of(name).resolv_conf, File::Foreign)
        .then(|| format!("note: {} stays: it is not as netns-tool writes it", resolv_conf(name)))
}

/// What to say about the name servers that a namespace has got.
pub fn given_lines(name: &NamespaceName, servers: &[IpAddr]) -> Vec<String> {
    if servers.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("Name servers: {} ({})", list(servers), resolv_conf(name))];
    lines.extend(servers.iter().find(|ip| is_loopback(ip)).map(|ip| {
        format!("note: {ip} is on the namespace's own loopback: a resolver has to listen inside `{name}`")
    }));
    lines
}

fn list(servers: &[IpAddr]) -> String {
    servers.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

/// What to say where namespaces get a way out, but would ask a resolver that they cannot reach.
pub fn unreachable_note(facts: &Snapshot) -> Option<String> {
    facts.loopback_resolver.map(|ip| {
        format!("note: the resolver of this host, {ip}, cannot be reached from a namespace; give namespaces one: netns-tool create NAME --dns ADDR")
    })
}
