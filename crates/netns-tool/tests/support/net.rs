//! Packets: what tests prove that a network works with.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::sh;
use nix::sched::{CloneFlags, setns};

/// The place that is no namespace of /run/netns, but the host.
pub const HOST: &str = "";

/// The longest that a connection over wires in one machine may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The words that run a command inside the place.
pub fn inside(place: &str) -> String {
    if place == HOST { String::new() } else { format!("ip netns exec {place} ") }
}

/// The address answers from the place.
pub fn ping(from: &str, to: &str) {
    ping_with(from, to);
}

/// The same with more options of `ping`.
pub fn ping_with(from: &str, words: &str) {
    let line = format!("{}ping -n -c 1 {words}", inside(from));
    let answer = sh(&format!("{line} 2>&1 || true"));
    let came = answer.contains("1 packets transmitted, 1 received");
    assert!(came, "`{line}`: no answer\n{answer}");
}

/// The address does not answer from the place.
pub fn no_ping(from: &str, to: &str) {
    let line = format!("{}ping -n -c 1 -W 0.4 {to}", inside(from));
    let answer = sh(&format!("{line} 2>&1 || true"));
    let is_dead =
        answer.contains("1 packets transmitted, 0 received") || answer.contains("unreachable");
    assert!(is_dead, "`{line}`: it answers, or cannot be asked\n{answer}");
}

/// Runs `work` on a thread of its own inside the place.
pub fn enter<T: Send>(place: &str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            go_to(place);
            work()
        });
        worker.join().expect("the work inside a namespace")
    })
}

fn go_to(place: &str) {
    if place != HOST {
        let file = File::open(format!("/run/netns/{place}")).expect("the file of the namespace");
        setns(file, CloneFlags::CLONE_NEWNET).expect("enter the namespace");
    }
}

/// Asks an HTTP server, listening at `address` in the place `server`, from the place `client`. It answers with a line
/// that says whom it sees.
///
/// # Errors
/// There was no connection, or no answer.
pub fn http_get(client: &str, server: &str, address: &str) -> io::Result<String> {
    let address: SocketAddr = address.parse().expect("an address with a port");
    let listener =
        enter(server, || TcpListener::bind(address).expect("listen in the server's namespace"));
    listener.set_nonblocking(true).expect("set up the listener");
    thread::scope(|scope| {
        let asking = scope.spawn(move || {
            go_to(client);
            get(address)
        });
        let end = Instant::now() + 2 * LIMIT;
        while !asking.is_finished() && Instant::now() < end {
            match listener.accept() {
                Ok((stream, peer)) => answer(stream, peer)?,
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        asking.join().expect("the client's thread")
    })
}

/// The server's side: a socket stays in the namespace it was made in.
fn answer(mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut request = [0; 1024];
    let length = stream.read(&mut request)?;
    assert!(request[..length].starts_with(b"GET / HTTP/1.0\r\n"), "not what the client sent");
    let body = format!("you are {}\n", peer.ip());
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn get(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(700))?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(stream, "GET / HTTP/1.0\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").expect("an HTTP response");
    assert!(head.starts_with("HTTP/1.0 200 OK"), "{head}");
    Ok(body.trim_end().to_owned())
}

/// Starts a shell line inside the place and does not wait for its end. It ends with the test at the latest.
#[expect(clippy::disallowed_methods, reason = "a process that goes on while the test looks")]
pub fn start(place: &str, script: &str) -> Child {
    let mut command = if place == HOST {
        Command::new("sh")
    } else {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", place, "sh"]);
        command
    };
    let piped = command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = piped.spawn().expect("start a shell");
    // It says `ready` when it has set itself up.
    let mut word = [0; 6];
    let stdout = child.stdout.as_mut().expect("its output");
    stdout.read_exact(&mut word).expect("the word `ready`");
    assert_eq!(&word, b"ready\n");
    child
}
