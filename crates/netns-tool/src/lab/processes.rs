//! The programs of a lab: they run inside its namespaces for as long as it is up.

use super::course::Course;
use super::model::Process;
use crate::item::Item;
use crate::kernel::Snapshot;
use crate::kernel::namespaces::Running;
use crate::mark::{LabName, fnv64};
use crate::name::NamespaceName;
use crate::plan::{Cmd, Fact, Step, Undo};

/// Where the output of the programs of all labs is.
pub const FOLDER: &str = "/run/netns-tool-labs";

/// The folder of one lab.
pub fn folder(lab: &LabName) -> String {
    format!("{FOLDER}/{lab}")
}

fn output(lab: &LabName, netns: &NamespaceName, name: &str) -> String {
    format!("{}/{netns}.{name}.log", folder(lab))
}

/// The mark of a process, which tells a changed command from the one that runs.
fn mark(lab: &LabName, process: &Process) -> String {
    let hash = fnv64(&process.command.join("\0"));
    format!("{lab}/{}/{}/{hash:016x}", process.at, process.name)
}

/// The lab, the namespace, and the name of the process that bears the mark.
fn of_mark(mark: &str) -> Option<(&str, &str, &str)> {
    let mut parts = mark.split('/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

impl Course<'_> {
    /// Starts what is to run, and ends what is not to run any more.
    pub fn processes(&mut self) {
        let lab = &self.lab.name;
        let wanted: Vec<(String, &Process)> =
            self.lab.processes.iter().map(|process| (mark(lab, process), process)).collect();
        let running: Vec<Running> =
            self.facts.namespaces.values().flat_map(|netns| netns.running.clone()).collect();
        for found in &running {
            let is_wanted = wanted.iter().any(|(mark, _)| *mark == found.mark);
            if !is_wanted && of_mark(&found.mark).is_some_and(|(of, ..)| of == lab.as_str()) {
                self.end(found);
            }
        }
        let is_missing = |mark: &str| !running.iter().any(|found| found.mark == mark);
        let missing = || wanted.iter().filter(|(mark, _)| is_missing(mark));
        let is_replaced = |process: &Process| {
            let is_it = |found: &&Running| {
                found.netns == process.at
                    && of_mark(&found.mark).is_some_and(|(_, _, name)| name == process.name)
            };
            running.iter().any(|found| is_it(&found))
        };
        for (mark, process) in missing() {
            let what =
                if is_replaced(process) { "runs with another command" } else { "does not run" };
            self.differs(object(&process.name, &process.at), what);
            self.start(mark, process);
        }
        // All are started before the first is waited for: one may need another.
        for (mark, process) in missing() {
            self.wait(mark, process);
        }
    }

    fn start(&mut self, mark: &str, process: &Process) {
        let lab = &self.lab.name;
        let (netns, name) = (&process.at, &process.name);
        let output = output(lab, netns, name);
        let directories = [FOLDER.to_owned(), folder(lab)];
        for path in directories {
            if !self.facts.logs.has(&path) {
                self.step(
                    Item::Directory { path: path.clone() }
                        .make(format!("make the directory {path}")),
                );
            }
        }
        if !self.facts.logs.has(&output) {
            let why = format!("make the file for what {name} of {netns} prints");
            self.step(Item::Log { path: output.clone() }.make(why));
        }
        let made = Fact::Process { netns: netns.clone(), mark: mark.to_owned() };
        let stop = Cmd::Stop { netns: netns.clone(), mark: mark.to_owned() };
        let run = Cmd::Start {
            netns: netns.clone(),
            mark: mark.to_owned(),
            command: process.command.clone(),
            output,
            is_awaited: process.ready.is_some(),
        };
        let why = format!("start {name} inside {netns}");
        let step = Step::new(why, run).gives([made.clone()]).undo([Undo::new(made, stop)]);
        self.step(step);
    }

    fn wait(&mut self, mark: &str, process: &Process) {
        let Some(ready) = &process.ready else { return };
        let (netns, name) = (process.at.clone(), &process.name);
        let output = output(&self.lab.name, &netns, name);
        let why = format!("see {name} inside {netns} become ready");
        let (mark, ready, seconds) = (mark.to_owned(), ready.clone(), self.patience);
        let run = Cmd::Await { netns, mark, ready, output, seconds };
        self.step(Step::new(why, run));
    }

    fn end(&mut self, found: &Running) {
        let Some((_, _, name)) = of_mark(&found.mark) else { return };
        let (netns, mark) = (found.netns.clone(), found.mark.clone());
        let is_known = |process: &Process| process.at == netns && process.name == name;
        if !self.lab.processes.iter().any(is_known) {
            self.differs(object(name, &netns), "is not in the file");
        }
        let why = format!("end {name} inside {netns}");
        let gone = Fact::not(Fact::Process { netns: netns.clone(), mark: mark.clone() });
        let output = output(&self.lab.name, &netns, name);
        let back = Cmd::Start {
            netns: netns.clone(),
            mark: mark.clone(),
            command: found.command.clone(),
            output,
            is_awaited: false,
        };
        let step = Step::new(why, Cmd::Stop { netns, mark });
        self.step(step.gives([gone.clone()]).undo([Undo::new(gone, back)]));
    }

    /// Removes the output of programs that the file does not know.
    pub fn clear_logs(&mut self) {
        let lab = &self.lab.name;
        let known: Vec<String> = self
            .lab
            .processes
            .iter()
            .map(|process| output(lab, &process.at, &process.name))
            .collect();
        let doomed: Vec<String> = self
            .facts
            .logs
            .of(lab)
            .filter(|path| !known.iter().any(|known| known == path))
            .map(str::to_owned)
            .collect();
        let is_last = known.is_empty();
        for path in doomed {
            let why = format!("remove {path}");
            self.removes(Item::Log { path }.remove(why));
        }
        if is_last {
            clear_folders(lab, &self.facts).into_iter().for_each(|step| self.removes(step));
        }
    }
}

/// Removes the output of all programs of the lab.
pub fn clear(lab: &LabName, facts: &Snapshot) -> Vec<Step> {
    let logs = facts.logs.of(lab).map(|path| {
        let why = format!("remove {path}");
        Item::Log { path: path.to_owned() }.remove(why)
    });
    logs.chain(clear_folders(lab, facts)).collect()
}

/// The folders of the lab's output, of which that of all labs goes with the last.
fn clear_folders(lab: &LabName, facts: &Snapshot) -> Vec<Step> {
    let own = folder(lab);
    if !facts.logs.has(&own) {
        return Vec::new();
    }
    let is_last = facts.logs.labs() == 1;
    let paths = std::iter::once(own).chain(is_last.then(|| FOLDER.to_owned()));
    let remove = |path: String| {
        let why = format!("remove the directory {path}, which is empty now");
        Item::Directory { path }.remove(why)
    };
    paths.map(remove).collect()
}

fn object(name: &str, netns: &NamespaceName) -> String {
    format!("process `{name}` in network namespace `{netns}`")
}
