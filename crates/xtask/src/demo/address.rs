//! "Which address do you see me from?": a server for one visitor, and its client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers one visitor with the address it comes from, and says so on stdout.
pub fn tell(listen: SocketAddr) -> Result<()> {
    let listener =
        TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    announce(&format!("listening on {}", listener.local_addr()?))?;
    let (mut visitor, from) = listener.accept().context("no visitor")?;
    visitor.set_write_timeout(Some(PATIENCE))?;
    writeln!(visitor, "{}", from.ip())?;
    announce(&format!("a visitor from {}", from.ip()))
}

/// Prints what the server answers.
pub fn ask(server: SocketAddr) -> Result<()> {
    let mut connection = TcpStream::connect_timeout(&server, PATIENCE)
        .with_context(|| format!("no connection to {server}"))?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).with_context(|| format!("no answer from {server}"))?;
    ensure!(!answer.trim().is_empty(), "an empty answer from {server}");
    announce(&format!("{server} sees me as {}", answer.trim()))
}

/// A whole line at once: the other side of the pipe waits for it.
fn announce(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_there_is_an_error_that_names_the_server() {
        // A port that was just free: bound, read and given back.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = format!("{:#}", ask(free).unwrap_err());
        assert!(error.contains(&free.to_string()), "{error}");
    }
}
