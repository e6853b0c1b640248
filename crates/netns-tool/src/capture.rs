//! `capture`: tcpdump in the right place, or in several at once.

mod order;
mod packets;
mod text;

use crate::act::say;
use crate::cli::{CaptureArgs, Global, Kind};
use crate::exec::enterable;
use crate::failure::{failed, in_words, missing, printable_word, usage};
use crate::kernel::Snapshot;
use crate::name::InterfaceName;
use crate::named::{self, Meant};
use crate::plan::{Cmd, Place, Tool, quote, quote_all};
use crate::run::Settings;
use crate::suggest::shown;
use crate::system::{child, rights, tools};
use crate::topology::{self, Interface, Owner, Topology, label};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::stdout;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// How tcpdump is told to print what it sees. Otherwise than at once, it gets packets from the kernel a bunch at a time,
/// and those that it has not got yet when it is interrupted are lost.
const TO_SCREEN: [&str; 3] = ["-l", "-n", "--immediate-mode"];
const TO_FILE: [&str; 4] = ["-U", "--immediate-mode", "-w", "-"];

/// Where packets are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    at: Place,
    /// `None`: on all interfaces.
    device: Option<InterfaceName>,
}

/// Becomes tcpdump in the one place, or merges what is seen in several.
///
/// # Errors
/// There is no such place, or no tcpdump; or the file cannot be written.
pub fn capture(args: &CaptureArgs, settings: Settings, global: &Global) -> Result<ExitCode> {
    let program = tools::find(Tool::Tcpdump)?;
    let facts = Snapshot::read(&topology::wanted(), settings.limit)?;
    let topology = Topology::standing(&facts);
    let is_merged = |spots: &[Spot]| spots.len() > 1 && args.write.is_some();
    let mut filter = args.filter.clone();
    let mut spots = match &args.all_of {
        Some(lab) => {
            filter.splice(0..0, args.place.clone());
            all_of(lab, &topology)?
        }
        None => spots(args.place.as_deref().unwrap_or_default(), &topology)?,
    };
    if is_merged(&spots) {
        // What is seen on "any" has another form, and few programs read a file with several.
        spots = spots.into_iter().flat_map(|spot| spot.devices(&topology)).collect();
    }
    if global.dry_run {
        say(&typed(&spots, &filter, args.write.as_deref()))?;
        return Ok(ExitCode::SUCCESS);
    }
    for netns in spots.iter().filter_map(|spot| spot.at.as_ref()) {
        enterable(netns.as_str())?;
    }
    check_rights()?;
    // Before a file is made, in the place of one that may be dear to somebody.
    check_filter(&filter, settings)?;
    let file = args.write.as_deref().map(create).transpose()?;
    let tcpdump = |spot: &Spot, words: &[&str]| spot.tcpdump(&program, words, &filter);
    match (spots.as_slice(), file) {
        ([spot], None) => become_it(&mut tcpdump(spot, &TO_SCREEN)?),
        ([spot], Some(file)) => become_it(tcpdump(spot, &TO_FILE)?.stdout(file)),
        (spots, file) => merge(spots, tcpdump, file, global),
    }
}

fn become_it(tcpdump: &mut Command) -> Result<ExitCode> {
    Err(tcpdump.exec()).context("cannot start tcpdump")
}

/// Runs one in each place, and puts together what all see.
fn merge(
    spots: &[Spot],
    tcpdump: impl Fn(&Spot, &[&str]) -> Result<Command>,
    file: Option<File>,
    global: &Global,
) -> Result<ExitCode> {
    let all = |words: &[&str]| {
        let all = spots.iter().map(|spot| {
            let mut tcpdump = tcpdump(spot, words)?;
            tcpdump.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            Ok((spot.label(), tcpdump))
        });
        all.collect::<Result<Vec<(String, Command)>>>()
    };
    Ok(ExitCode::from(match file {
        None => text::merge(all(&[&TO_SCREEN[..], &["-tt"]].concat())?, global)?,
        Some(file) => packets::merge(all(&TO_FILE)?, file, global)?,
    }))
}

/// tcpdump gives up root's rights for those of another user; where there is none, most of them do not run.
fn check_rights() -> Result<()> {
    /// By then it has done so.
    const TRIAL: Duration = Duration::from_millis(500);
    if rights::are_for_all_users() {
        return Ok(());
    }
    let trial = Cmd::run(Tool::Tcpdump, ["-n", "-i", "lo"]);
    let output = child::run(&trial, TRIAL, false)?;
    if !output.stderr.contains("Couldn't change to") {
        return Ok(());
    }
    let reason = "it wants to become another user, and in a private host of an ordinary user there is root alone";
    Err(missing("tcpdump cannot run here")
        .note("reason", reason)
        .hint("the same as root (sudo)")
        .into())
}

/// tcpdump takes the filter.
fn check_filter(filter: &[String], settings: Settings) -> Result<()> {
    let words = ["-y", "EN10MB", "-d", "--"].into_iter().chain(filter.iter().map(String::as_str));
    let trial = Cmd::run(Tool::Tcpdump, words);
    let output = child::run(&trial, settings.limit, false)?;
    if output.is_success() {
        return Ok(());
    }
    let why = output.reason(settings.limit);
    let why = why.lines().last().unwrap_or_default().trim_start_matches("tcpdump: ").to_owned();
    let shown = shown(&filter.join(" "));
    Err(usage(format!("tcpdump does not take the filter `{shown}`: {why}"))
        .hint("man pcap-filter; such as icmp, or host 10.0.0.2 and tcp port 80")
        .into())
}

/// As one types it; what is written is merged by a program of Wireshark.
fn typed(spots: &[Spot], filter: &[String], file: Option<&Path>) -> String {
    let file = file.map(|file| quote_all([file]));
    match (spots, &file) {
        ([spot], _) => spot.typed(filter, file),
        (_, None) => {
            let line = |spot: &Spot| spot.typed(filter, None).trim_end().to_owned() + " &\n";
            spots.iter().map(line).collect::<String>() + "wait\n"
        }
        (_, Some(file)) => {
            let part = |spot: &Spot| format!("{file}.{}", quote(&spot.label()));
            let line = |spot: &Spot| spot.typed(filter, Some(part(spot))).trim_end().to_owned();
            let lines: String = spots.iter().map(|spot| line(spot) + " &\n").collect();
            let parts: Vec<String> = spots.iter().map(part).collect();
            format!("{lines}wait\nmergecap -w {file} {}\n", parts.join(" "))
        }
    }
}

fn create(path: &Path) -> Result<File> {
    if path == Path::new("-") {
        return Ok(File::from(stdout().as_fd().try_clone_to_owned()?));
    }
    File::create(path).map_err(|error| {
        let shown = printable_word(path.as_os_str());
        failed(format!("cannot write {shown}: {}", in_words(&error))).into()
    })
}

/// Those that are meant by a name: of a veth pair that is meant without its namespace, both ends.
fn spots(name: &str, topology: &Topology) -> Result<Vec<Spot>> {
    // Namespaces are what is looked into mostly; a lab or an interface may have the name of one.
    let kinds = [Some(Kind::Namespace), Some(Kind::Interface), None];
    let found = kinds.into_iter().map(|kind| named::find(name, kind, topology));
    Ok(match found.reduce(|known, next| known.or(next)).context("it was looked for")?? {
        Meant::Namespace(netns) => vec![Spot { at: Some(netns), device: None }],
        Meant::Interface(at, device) => {
            let one = topology.spot(&at).and_then(|spot| spot.interface(&device));
            let far = one.and_then(|one| topology.peer(one)).filter(|_| !name.contains(':'));
            let far = far.map(|(at, one)| Spot { at: at.clone(), device: Some(one.name.clone()) });
            [Spot { at, device: Some(device) }].into_iter().chain(far).collect()
        }
        Meant::Lab(lab) => {
            return Err(failed(format!("`{lab}` is a lab, which has many places"))
                .hint(format!("netns-tool capture --all-of {lab}"))
                .into());
        }
    })
}

/// All namespaces of a lab; on the host its bridges, its ends that are ports of none, and the uplinks of its NATs.
fn all_of(lab: &str, topology: &Topology) -> Result<Vec<Spot>> {
    named::find(lab, Some(Kind::Lab), topology)?;
    let is_its = |owner: &Owner| matches!(owner, Owner::Lab(name) if name.as_str() == lab);
    let places = topology.named_once().filter(|spot| spot.at.is_some() && is_its(&spot.owner));
    let namespaces = places.map(|spot| Spot { at: spot.at.clone(), device: None });
    let on_host = topology.interfaces().filter(|(at, one)| at.is_none() && is_its(&one.owner));
    let is_shown = |one: &Interface| one.master.is_none();
    let on_host = on_host.filter(|(_, one)| is_shown(one)).map(|(_, one)| one.name.clone());
    let nats = topology.nats.iter().filter(|nat| is_its(&nat.owner));
    let mut devices: Vec<InterfaceName> =
        on_host.chain(nats.filter_map(|nat| nat.uplink.clone())).collect();
    devices.sort();
    devices.dedup();
    let host = devices.into_iter().map(|device| Spot { at: None, device: Some(device) });
    Ok(namespaces.chain(host).collect())
}

impl Spot {
    fn label(&self) -> String {
        match (&self.at, &self.device) {
            (at, Some(device)) => label(at, device),
            (Some(netns), None) => netns.to_string(),
            (None, None) => "host".to_owned(),
        }
    }

    /// The same for each interface by itself.
    fn devices(self, topology: &Topology) -> Vec<Self> {
        let Self { at, device: None } = self else { return vec![self] };
        let interfaces = topology.spot(&at).map_or(&[][..], |spot| &spot.interfaces);
        let others = interfaces.iter().filter(|one| !one.is_loopback());
        others.map(|one| Self { at: at.clone(), device: Some(one.name.clone()) }).collect()
    }

    fn device(&self) -> &str {
        self.device.as_ref().map_or("any", |device| device.as_str())
    }

    fn tcpdump(&self, program: &Path, words: &[&str], filter: &[String]) -> Result<Command> {
        let mut command = match &self.at {
            None => child::of_caller(program),
            Some(netns) => {
                let mut command = child::of_caller(tools::find(Tool::Ip)?);
                command.args(["netns", "exec", netns.as_str()]).arg(program);
                command
            }
        };
        command.args(words).args(["-i", self.device(), "--"]).args(filter);
        Ok(command)
    }

    /// As one types it.
    fn typed(&self, filter: &[String], file: Option<String>) -> String {
        let at = self.at.as_ref().map(|netns| format!("ip netns exec {} ", quote(netns.as_str())));
        let filter: String = filter.iter().map(|word| format!(" {}", quote(word))).collect();
        let file = file.map(|file| format!(" > {file}"));
        let words = if file.is_some() { TO_FILE.as_slice() } else { &TO_SCREEN };
        format!(
            "{}tcpdump {} -i {}{filter}{}\n",
            at.unwrap_or_default(),
            words.join(" "),
            quote(self.device()),
            file.unwrap_or_default()
        )
    }
}
