//! Services that say whom they see, and questions to them: who gets where, as whom, over TCP and over UDP.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};

use super::net::{HOST, enter};

/// What says that there is an answer waits for it so long, also on a busy machine.
const GUARD: Duration = Duration::from_secs(60);
/// What asks whether there is one, so long.
const PATIENCE: Duration = Duration::from_secs(2);
/// A question that is not answered within this never will be: nothing here is further than a few hops away.
const IMPATIENCE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub const BOTH: [Self; 2] = [Self::Tcp, Self::Udp];
}

/// As the command line has it.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Tcp { "tcp" } else { "udp" })
    }
}

/// Answers TCP connections and UDP packets to the port, of all addresses of the place, with `you are IP on PLACE:PORT`
/// until the test ends.
pub fn serve(place: &str, port: u16) {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let (listener, socket) = enter(place, || {
        let listener = TcpListener::bind(any).expect("listen");
        (listener, UdpSocket::bind(any).expect("a UDP socket"))
    });
    let name = if place == HOST { "host" } else { place };
    let answer = move |to: SocketAddr, name: &str| {
        format!("you are {} on {name}:{port}", to.ip().to_canonical()).into_bytes()
    };
    let (tcp_name, udp_name) = (name.to_owned(), name.to_owned());
    thread::spawn(move || {
        while let Ok((mut stream, peer)) = listener.accept() {
            // Who has gone away meanwhile gets no answer.
            let _gone = stream.write_all(&answer(peer, &tcp_name));
        }
    });
    thread::spawn(move || {
        let mut question = [0; 64];
        loop {
            // What comes as an error is the fate of an answer before.
            if let Ok((_, peer)) = socket.recv_from(&mut question) {
                let _gone = socket.send_to(&answer(peer, &udp_name), peer);
            }
        }
    });
}

/// The same for many ports.
pub fn serve_all(place: &str, ports: RangeInclusive<u16>) {
    ports.for_each(|port| serve(place, port));
}

/// What the service at the address answers over TCP.
///
/// # Errors
/// There was no connection, or no answer.
pub fn tcp_ask(from: &str, to: &str) -> io::Result<String> {
    ask(Protocol::Tcp, from, to)
}

/// What the service at the address answers over UDP.
///
/// # Errors
/// There was no answer.
pub fn udp_ask(from: &str, to: &str) -> io::Result<String> {
    ask(Protocol::Udp, from, to)
}

/// The same by the name of the protocol.
///
/// # Errors
/// There was no answer.
pub fn ask(protocol: Protocol, from: &str, to: &str) -> io::Result<String> {
    ask_within(PATIENCE, protocol, from, to)
}

fn ask_within(limit: Duration, protocol: Protocol, from: &str, to: &str) -> io::Result<String> {
    let to: SocketAddr = to.parse().unwrap_or_else(|_| panic!("`{to}` is no address with a port"));
    enter(from, || match protocol {
        Protocol::Tcp => ask_tcp(to, limit),
        Protocol::Udp => ask_udp(to, limit),
    })
}

fn ask_tcp(to: SocketAddr, limit: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, limit)?;
    stream.set_read_timeout(Some(limit))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.is_empty() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
}

/// Asks again a few times: what comes before the neighbour is known may be lost.
fn ask_udp(to: SocketAddr, limit: Duration) -> io::Result<String> {
    let any: &str = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(limit.min(3 * IMPATIENCE)))?;
    let end = Instant::now() + limit;
    let mut answer = [0; 128];
    loop {
        socket.send(b"who?")?;
        match socket.recv(&mut answer) {
            Ok(length) => return Ok(String::from_utf8_lossy(&answer[..length]).into_owned()),
            Err(error) if Instant::now() >= end || error.kind() != ErrorKind::WouldBlock => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
}

/// The service at the address gives this answer, over TCP and over UDP.
pub fn reaches(from: &str, to: &str, answer: &str) {
    for protocol in Protocol::BOTH {
        reaches_by(protocol, from, to, answer);
    }
}

/// The same over one of them.
pub fn reaches_by(protocol: Protocol, from: &str, to: &str, answer: &str) {
    let named = if from == HOST { "the host" } else { from };
    match ask_within(GUARD, protocol, from, to) {
        Ok(got) => assert_eq!(got, answer, "{protocol} from {named} to {to}"),
        Err(error) => panic!("{protocol} from {named} to {to}: {error}"),
    }
}

/// Nothing at the address answers, neither over TCP nor over UDP. It takes a third of a second, or less where the
/// answer is no.
pub fn cannot(from: &str, to: &str) {
    cannot_any(from, &[to]);
}

/// The same for many addresses, all at once.
pub fn cannot_any(from: &str, to: &[&str]) {
    let all: Vec<(Protocol, &str)> =
        to.iter().flat_map(|&to| Protocol::BOTH.map(|protocol| (protocol, to))).collect();
    cannot_by(from, &all);
}

/// The same for protocols and addresses.
pub fn cannot_by(from: &str, all: &[(Protocol, &str)]) {
    let answers: Vec<String> = thread::scope(|scope| {
        let asking: Vec<_> = all
            .iter()
            .map(|&(protocol, to)| {
                let ask = move || ask_within(IMPATIENCE, protocol, from, to);
                (protocol, to, scope.spawn(ask))
            })
            .collect();
        asking
            .into_iter()
            .filter_map(|(protocol, to, asking)| {
                let answer = asking.join().expect("the client's thread").ok()?;
                Some(format!("{protocol} to {to}: {answer}"))
            })
            .collect()
    });
    assert!(answers.is_empty(), "from {from} something answers:\n{}", answers.join("\n"));
}

/// Something that occupies a port of the host (`0.0.0.0:8080`) until it is dropped, as a server of the host would.
#[derive(Debug)]
pub enum Occupant {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Occupant {
    pub fn of(protocol: Protocol, address: &str) -> Self {
        match protocol {
            Protocol::Tcp => Self::Tcp(TcpListener::bind(address).expect("listen")),
            Protocol::Udp => Self::Udp(UdpSocket::bind(address).expect("a UDP socket")),
        }
    }
}

/// The service of that name (`a:80`) answers at the address over both protocols, whomever it sees.
pub fn reaches_service(from: &str, to: &str, service: &str) {
    let named = if from == HOST { "the host" } else { from };
    for protocol in Protocol::BOTH {
        match ask_within(GUARD, protocol, from, to) {
            Ok(got) => assert!(got.ends_with(&format!(" on {service}")), "{from} to {to}: {got}"),
            Err(error) => panic!("{protocol} from {named} to {to}: {error}"),
        }
    }
}
