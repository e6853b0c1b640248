//! In which forms the same lab is made and taken away, and what of it is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::shape::{Kind, Shape};
use crate::{private, process};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// netns-tool.
    Tool,
    /// The baseline of our own, without processes.
    Floor,
    /// The least that can be done by processes of `ip`.
    Batches,
    /// One process a step, `ip netns exec` for what belongs inside.
    Script,
    /// The same with `ip -n`.
    Short,
    Mininet,
    Pyroute2,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    Up,
    /// `up` once more, with nothing to be done.
    Again,
    Diff,
    Down,
}

impl Form {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tool => "netns-tool",
            Self::Floor => "netlink",
            Self::Batches => "ip -batch",
            Self::Script => "sh",
            Self::Short => "sh, ip -n",
            Self::Mininet => "Mininet",
            Self::Pyroute2 => "pyroute2",
        }
    }

    /// The forms that are worth their time. Of the chain, scripts take half a minute for 100 routers.
    pub fn of(shape: Shape, peers: &[Self]) -> Vec<Self> {
        let mut forms = vec![Self::Tool, Self::Floor, Self::Batches];
        if shape.kind == Kind::Star {
            forms.push(Self::Script);
            forms.extend((shape.count <= SCRIPTS).then_some(Self::Short));
            forms.extend(peers);
        }
        forms
    }
}

/// A naive script takes a minute for 1,000 namespaces: above this, only what takes them away is measured.
pub const SCRIPTS: u32 = 100;

impl Work {
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Again => "up again",
            Self::Diff => "diff",
            Self::Down => "down",
        }
    }
}

/// The files and programs of one lab.
pub struct Forms {
    shape: Shape,
    tool: PathBuf,
    file: PathBuf,
    scripts: [PathBuf; 3],
}

impl Forms {
    /// Writes the lab file and the scripts into the folder.
    pub fn write(shape: Shape, tool: &Path, folder: &Path) -> Result<Self> {
        let write = |name: &str, text: String| -> Result<PathBuf> {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {name}"))?;
            Ok(path)
        };
        let scripts = [
            write("up.sh", shape.script(|netns| format!("ip netns exec {netns} ip")))?,
            write("short.sh", shape.script(|netns| format!("ip -n {netns}")))?,
            write("down.sh", shape.removal())?,
        ];
        let file = write("measured.toml", shape.file())?;
        Ok(Self { shape, tool: tool.to_owned(), file, scripts })
    }

    /// What makes the lab, and whether its time counts.
    pub fn up(&self, form: Form) -> Result<(Command, bool)> {
        let is_typed = matches!(form, Form::Script | Form::Short);
        Ok(match form {
            Form::Tool => (self.tool("up"), true),
            _ if is_typed && self.shape.count > SCRIPTS => (self.floor("up")?, false),
            Form::Script => (sh(&self.scripts[0]), true),
            Form::Short => (sh(&self.scripts[1]), true),
            Form::Batches => (self.floor("batches")?, true),
            Form::Pyroute2 => (super::peers::pyroute2(self.shape.count), true),
            Form::Floor | Form::Mininet => (self.floor("up")?, true),
        })
    }

    /// What takes it away: scripts all do it in the quickest way.
    pub fn down(&self, form: Form) -> Result<(Command, bool)> {
        Ok(match form {
            Form::Tool => (self.tool("down"), true),
            Form::Floor => (self.floor("down")?, true),
            _ => (sh(&self.scripts[2]), form == Form::Script),
        })
    }

    pub fn tool(&self, word: &str) -> Command {
        let mut command = Command::new(&self.tool);
        command.arg(word).arg(&self.file);
        command
    }

    fn floor(&self, word: &str) -> Result<Command> {
        let kind = clap::ValueEnum::to_possible_value(&self.shape.kind).context("it has a name")?;
        let mut command = Command::new(private::myself()?);
        command.args(["lab-floor", word, kind.get_name(), &self.shape.count.to_string()]);
        Ok(command)
    }

    /// The tool's `up`, as the only child of a process that tells how much memory it took at most.
    pub fn memory(&self) -> Result<Command> {
        let mut command = Command::new(private::myself()?);
        command.arg("lab-memory").arg(&self.tool).arg(&self.file);
        Ok(command)
    }
}

fn sh(script: &Path) -> Command {
    let mut command = process::system("sh");
    command.arg("-eu").arg(script);
    command
}
