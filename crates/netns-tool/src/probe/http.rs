//! As much of HTTP/1.1 (RFC 9112) as it takes to ask for a page and to know whether it is there.

use std::net::{IpAddr, SocketAddr};

/// How long a head may be in which no status has come, in bytes.
const HEAD_MAX: usize = 1024;

pub fn request(to: IpAddr, port: u16, path: &str) -> String {
    let host = SocketAddr::new(to, port);
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: netns-tool\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
}

/// The status of what has been read so far; `None`: more is to be read.
///
/// # Errors
/// It is no HTTP.
pub fn status(head: &[u8], is_all: bool) -> Result<Option<u16>, String> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_whole = line.len() < head.len();
    if !is_whole && !is_all && head.len() < HEAD_MAX {
        return Ok(None);
    }
    let line = String::from_utf8_lossy(line);
    let status = line.strip_prefix("HTTP/").and_then(|rest| rest.split(' ').nth(1));
    let status = status.and_then(|status| status.trim_end().parse().ok());
    match status {
        Some(status) => Ok(Some(status)),
        None if head.is_empty() => Err("it closed the connection without an answer".to_owned()),
        None => Err("what it answered is no HTTP".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_in_the_first_line() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nServer: x\r\n", false), Ok(Some(200)));
        assert_eq!(status(b"HTTP/1.0 404\r\n", false), Ok(Some(404)));
        assert_eq!(status(b"HTTP/1.1 20", false), Ok(None));
        assert!(status(b"HTTP/1.1 20x OK\n", false).is_err());
        assert!(status(b"", true).is_err() && status(b"SSH-2.0-OpenSSH\r\n", false).is_err());
        assert!(status(&[b'x'; HEAD_MAX], false).is_err());
    }

    #[test]
    fn an_address_of_ipv6_stands_in_brackets() {
        let request = request("fd00::1".parse().unwrap(), 80, "/health");
        assert!(request.starts_with("GET /health HTTP/1.1\r\nHost: [fd00::1]:80\r\n"));
    }
}
