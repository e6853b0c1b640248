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

struct Packet {
    link: DataLink,
    /// In bytes, as it was on the wire.
    length: u32,
    data: Vec<u8>,
}

/// Writes what all see. Whether all went well.
///
/// # Errors
/// tcpdump cannot be started.
pub fn merge(mut commands: Vec<(String, Command)>, file: File, global: &Global) -> Result<bool> {
    let labels: Vec<String> = commands.iter().map(|(label, _)| label.clone()).collect();
    let mut writer = PcapNgWriter::new(BufWriter::new(file)).context("cannot write the file")?;
    let mut interfaces: HashMap<usize, u32> = HashMap::new();
    run(&mut commands, global, read, move |seen: Seen<Packet>, _: Duration| {
        let Seen { time, place, what } = seen;
        let next = u32::try_from(interfaces.len())?;
        let interface = match interfaces.get(&place) {
            Some(interface) => *interface,
            None => {
                writer.write_pcapng_block(describe(&labels[place], what.link))?;
                *interfaces.entry(place).or_insert(next)
            }
        };
        writer.write_pcapng_block(EnhancedPacketBlock {
            interface_id: interface,
            timestamp: time,
            original_len: what.length,
            data: what.data.into(),
            options: Vec::new(),
        })?;
        // Whoever looks at it meanwhile sees whole packets.
        Ok(writer.get_mut().flush()?)
    })
}

fn describe(label: &str, linktype: DataLink) -> InterfaceDescriptionBlock<'static> {
    let name = InterfaceDescriptionOption::IfName(label.to_owned().into());
    let resolution = InterfaceDescriptionOption::IfTsResol(NANOSECONDS);
    InterfaceDescriptionBlock { linktype, snaplen: 0, options: vec![name, resolution] }
}

/// The packets of one of them.
fn read(pipe: Box<dyn Read + Send>, place: usize, sender: Sender<Seen<Packet>>) {
    // It ends, and says why, before it has written anything.
    let Ok(mut packets) = PcapReader::new(pipe) else { return };
    let link = packets.header().datalink;
    while let Some(Ok(packet)) = next(&mut packets) {
        let what = Packet { link, length: packet.1, data: packet.2 };
        if sender.send(Seen { time: packet.0, place, what }).is_err() {
            return;
        }
    }
}

type Raw = (Duration, u32, Vec<u8>);

fn next(packets: &mut PcapReader<Box<dyn Read + Send>>) -> Option<Result<Raw, PcapError>> {
    let packet = packets.next_packet()?;
    Some(packet.map(|packet| (packet.timestamp, packet.orig_len, packet.data.into_owned())))
}
