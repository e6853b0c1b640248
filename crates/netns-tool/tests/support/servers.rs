//! Servers that behave in ways of their own.

use super::net::enter;
use std::io::{Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

/// Takes datagrams and says nothing, until it is dropped.
pub fn silent(place: &str, port: u16) -> UdpSocket {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    enter(place, || UdpSocket::bind(any).expect("a UDP socket"))
}

/// A server of pages: `/` is there, `/late` after a second, `/queue` one after the other; `/slow` is never answered,
/// `/garbage` in another language; others are not there.
pub fn pages(place: &str, port: u16) {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let listener = enter(place, || TcpListener::bind(any).expect("listen"));
    thread::spawn(move || {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 512];
            let length = stream.read(&mut request).unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let status = match request.split(' ').nth(1) {
                Some("/") => "200 OK",
                Some("/queue") => {
                    thread::sleep(Duration::from_millis(150));
                    "200 OK"
                }
                Some("/late") => {
                    thread::spawn(move || {
                        thread::sleep(Duration::from_secs(1));
                        answer(stream, "200 OK");
                    });
                    continue;
                }
                Some("/slow") => {
                    open.push(stream);
                    continue;
                }
                Some("/garbage") => {
                    let _gone = stream.write_all(b"SSH-2.0-OpenSSH\r\n");
                    continue;
                }
                _ => "404 Not Found",
            };
            answer(stream, status);
        }
    });
}

/// Who has gone away meanwhile gets no answer.
fn answer(mut stream: TcpStream, status: &str) {
    let _gone = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
}
