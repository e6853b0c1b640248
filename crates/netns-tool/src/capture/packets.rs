//! Packets of several places in one file, which has an interface for each place (pcapng).

use super::order::Seen;
use super::text::run;
use crate::cli::Global;
use anyhow::{Context, Result};
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::process::Command;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// The resolution of the times: nanoseconds, as a power of ten.
const NANOSECONDS: u8 = 9;

/// What is told of a place.
enum News {
    /// What kind of packets it has, before the first.
    Link(DataLink),
    Packet {
        /// In bytes, as it was on the wire.
        length: u32,
        data: Vec<u8>,
    },
}

/// Writes what all see. The exit code.
///
/// # Errors
/// As [`run`].
pub fn merge(mut commands: Vec<(String, Command)>, file: File, global: &Global) -> Result<u8> {
    let labels: Vec<String> = commands.iter().map(|(label, _)| label.clone()).collect();
    let mut writer = PcapNgWriter::new(BufWriter::new(file)).context("cannot write the file")?;
    // By the places; each has one, also if it sees nothing.
    let mut interfaces: HashMap<usize, u32> = HashMap::new();
    run(&mut commands, global, read, move |seen: Seen<News>, _: Duration| {
        let Seen { time, place, what } = seen;
        match what {
            News::Link(link) => {
                interfaces.insert(place, u32::try_from(interfaces.len())?);
                writer.write_pcapng_block(describe(&labels[place], link)).map_err(plain)?;
            }
            News::Packet { length, data } => {
                let block = EnhancedPacketBlock {
                    interface_id: *interfaces.get(&place).context("it has been described")?,
                    timestamp: time,
                    original_len: length,
                    data: data.into(),
                    options: Vec::new(),
                };
                writer.write_pcapng_block(block).map_err(plain)?;
            }
        }
        // Whoever looks at it meanwhile sees whole packets.
        Ok(writer.get_mut().flush()?)
    })
}

/// What the system said.
fn plain(error: PcapError) -> anyhow::Error {
    match error {
        PcapError::IoError(error) => error.into(),
        other => other.into(),
    }
}

fn describe(label: &str, linktype: DataLink) -> InterfaceDescriptionBlock<'static> {
    let name = InterfaceDescriptionOption::IfName(label.to_owned().into());
    let resolution = InterfaceDescriptionOption::IfTsResol(NANOSECONDS);
    InterfaceDescriptionBlock { linktype, snaplen: 0, options: vec![name, resolution] }
}

/// The packets of one of them.
fn read(pipe: Box<dyn Read + Send>, place: usize, sender: Sender<Seen<News>>) {
    // It ends, and says why, before it has written anything.
    let Ok(mut packets) = PcapReader::new(pipe) else { return };
    // In the order of the places.
    let time = Duration::from_nanos(u64::try_from(place).unwrap_or_default());
    let link = Seen { time, place, what: News::Link(packets.header().datalink) };
    if sender.send(link).is_err() {
        return;
    }
    while let Some(Ok((time, length, data))) = next(&mut packets) {
        if sender.send(Seen { time, place, what: News::Packet { length, data } }).is_err() {
            return;
        }
    }
}

type Raw = (Duration, u32, Vec<u8>);

fn next(packets: &mut PcapReader<Box<dyn Read + Send>>) -> Option<Result<Raw, PcapError>> {
    let packet = packets.next_packet()?;
    Some(packet.map(|packet| (packet.timestamp, packet.orig_len, packet.data.into_owned())))
}
