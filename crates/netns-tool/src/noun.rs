//! What the subcommands have in common: each says what it wants to know, and turns what is there into a plan.

use crate::cli::{Cli, Command};
use crate::failure::{Failure, failed, usage};
use crate::kernel::namespaces::{Entry, OF_ANOTHER_KIND};
use crate::kernel::state::{Link, State};
use crate::kernel::{Snapshot, Wanted};
use crate::lab;
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::{Cmd, Place, Plan, Step};
use ipnet::IpNet;

/// A subcommand with its arguments.
pub trait Noun {
    /// What can be seen to be wrong with the arguments alone.
    ///
    /// # Errors
    /// Wrong usage; nothing has been looked at then.
    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// What has to be read before [`Noun::plan`].
    fn wanted(&self) -> Wanted;

    /// The plan that does what the arguments say on the host as it is. Pure: all it knows is in `facts`.
    ///
    /// # Errors
    /// Why it cannot be done; nothing has been changed then.
    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure>;
}

/// The noun of a command; `None` for those that only show something, and for `recover`, whose work is no plan but a
/// killed command's journal.
///
/// # Errors
/// Wrong usage: there is something wrong in a lab file.
pub fn of(cli: &Cli) -> Result<Option<Box<dyn Noun + '_>>, Failure> {
    Ok(Some(match &cli.command {
        Command::Create(args) => Box::new(args),
        Command::Delete(args) => Box::new(args),
        Command::Veth(args) => Box::new(args),
        Command::Bridge(args) => Box::new(args),
        Command::Nat(args) => Box::new(args),
        Command::Up(args) => Box::new(lab::Up::read(args, cli.global.timeout)?),
        Command::Down(args) => Box::new(lab::Down::of(args)?),
        Command::Plan(_)
        | Command::Diff(_)
        | Command::Check(_)
        | Command::Doctor(_)
        | Command::Labs(_)
        | Command::List(_)
        | Command::Show(_)
        | Command::Exec(_)
        | Command::Shell(_)
        | Command::Capture(_)
        | Command::Trace(_)
        | Command::Graph(_)
        | Command::Recover
        | Command::Run(_)
        | Command::Sandbox(_)
        | Command::Init(_)
        | Command::StandBy(_)
        | Command::Tether(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Complete(_) => return Ok(None),
    }))
}

impl<N: Noun + ?Sized> Noun for &N {
    fn check(&self) -> Result<(), Failure> {
        (**self).check()
    }

    fn wanted(&self) -> Wanted {
        (**self).wanted()
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        (**self).plan(facts)
    }
}

/// A plan, and what to say on stdout when it has been applied.
#[derive(Debug)]
pub struct Work {
    pub plan: Plan,
    pub report: Vec<String>,
    /// What the plan can do nothing about, for stderr: `warning: …` or `note: …`.
    pub notes: Vec<String>,
}

impl Work {
    /// Steps that build, all of them or none.
    pub fn build(steps: Vec<Step>, report: Vec<String>) -> Self {
        Self { plan: Plan::build(steps), report, notes: Vec::new() }
    }

    /// Steps that remove, going on past errors.
    pub fn remove(steps: Vec<Step>, report: Vec<String>) -> Self {
        Self { plan: Plan::remove(steps), report, notes: Vec::new() }
    }

    pub fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// Nothing is to be removed, and the message says why.
    pub fn nothing(message: &str) -> Self {
        let capital = message.chars().next().map(char::to_uppercase).into_iter().flatten();
        let report =
            capital.chain(message.chars().skip(1)).chain("; nothing to delete".chars()).collect();
        Self::remove(vec![], vec![report])
    }
}

/// No address is given twice.
pub fn check_distinct<'a>(addresses: impl Iterator<Item = &'a IpNet>) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for ip in addresses.map(IpNet::addr) {
        if seen.contains(&ip) {
            return Err(usage(format!("the address `{ip}` is given twice")));
        }
        seen.push(ip);
    }
    Ok(())
}

/// A name that is about to be given to an interface.
pub fn check_new(name: &InterfaceName) -> Result<(), Failure> {
    InterfaceName::new(name.as_str())
        .map(|_| ())
        .map_err(|why| usage(format!("`{name}` cannot be the name of a new interface: {why}")))
}

/// The place can be used: it is the host, or a namespace that is there and sound.
pub fn require_sound(at: &Place, facts: &Snapshot) -> Result<(), Failure> {
    let Some(name) = at else { return Ok(()) };
    match facts.namespaces.get(name).map(|netns| netns.entry) {
        Some(Entry::Sound { .. }) => Ok(()),
        Some(Entry::Broken) => Err(broken(name)),
        Some(Entry::Strange(what)) => Err(strange(name, what)),
        Some(Entry::Absent) | None => Err(failed(format!("network namespace `{name}` not found"))
            .hint(format!("netns-tool create {name}, or see which there are: ip netns list"))),
    }
}

/// A file of /run/netns on which no namespace is mounted.
pub fn broken(name: &NamespaceName) -> Failure {
    failed(format!("network namespace `{name}` is broken: its file has no namespace mounted on it"))
        .hint(format!("netns-tool delete {name}, and netns-tool create {name}"))
}

/// Something in /run/netns that is no namespace at all.
pub fn strange(name: &NamespaceName, what: &str) -> Failure {
    let path = name.path();
    let path = path.display();
    let look = if what == OF_ANOTHER_KIND { "findmnt" } else { "ls -ld" };
    failed(format!("{path} is {what}, which `ip netns` did not make"))
        .hint(format!("look who made it; {look} {path}"))
}

/// No interface of that name is there yet.
pub fn check_free(at: &Place, name: &InterfaceName, facts: &Snapshot) -> Result<(), Failure> {
    let Some(link) = facts.state(at).link(name) else { return Ok(()) };
    let made = if link.is_ours() { "made by netns-tool" } else { "not made by netns-tool" };
    let ip = Cmd::ip(at, &format!("link del dev {name}"));
    Err(failed(format!("interface `{name}` already exists{} ({made})", where_is(at)))
        .hint(format!("another name, or remove it: {ip}")))
}

/// The bridge of that name, with room for one more port.
pub fn find_bridge<'a>(
    at: &Place,
    name: &InterfaceName,
    facts: &'a Snapshot,
) -> Result<&'a Link, Failure> {
    let state = facts.state(at);
    let Some(link) = state.link(name) else {
        let option = at.as_ref().map(|netns| format!(" --ns {netns}")).unwrap_or_default();
        return Err(failed(format!("there is no bridge `{name}`{}", where_is(at)))
            .hint(format!("netns-tool bridge {name}{option}")));
    };
    if !link.is_kind("bridge") {
        return Err(failed(format!("`{name}`{} is not a bridge", where_is(at)))
            .hint(Cmd::ip(at, "-br link show type bridge").to_string()));
    }
    check_room(state, link, 1)?;
    Ok(link)
}

/// So many more ports fit on the bridge.
pub fn check_room(state: &State, bridge: &Link, more: usize) -> Result<(), Failure> {
    /// `BR_MAX_PORTS` of net/bridge/br_private.h less the one that is not used.
    const PORTS_MAX: usize = 1023;
    let ports = state.ports(bridge).count();
    if ports + more > PORTS_MAX {
        return Err(failed(format!(
            "bridge `{}` has {ports} ports; it takes at most {PORTS_MAX}",
            bridge.name
        )));
    }
    Ok(())
}

/// The place, as words after a name.
pub fn where_is(at: &Place) -> String {
    at.as_ref().map(|netns| format!(" in network namespace `{netns}`")).unwrap_or_default()
}
