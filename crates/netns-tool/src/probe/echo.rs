//! Echo requests (RFC 792, RFC 4443), and the token by which each packet of ours is known again, whatever NAT makes of
//! its header.

use std::fs::File;
use std::io::{self, Read};

/// Stands at the begin of what our packets carry, for whoever looks at them.
const NAME: &[u8; 16] = b"netns-tool check";

/// What tells the packets of one run from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token([u8; 8]);

impl Token {
    /// # Errors
    /// The kernel's source of randomness cannot be read.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; 8];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// What a packet carries: the number of the question, and that of the try.
    pub fn payload(&self, number: u32, attempt: u32) -> Vec<u8> {
        [&NAME[..], &self.0, &number.to_be_bytes(), &attempt.to_be_bytes()].concat()
    }

    /// The two numbers, wherever in the bytes they are.
    pub fn find(&self, bytes: &[u8]) -> Option<(u32, u32)> {
        let mark = [&NAME[..], &self.0].concat();
        let begin = bytes.windows(mark.len()).position(|window| window == mark)? + mark.len();
        let number = |at: usize| {
            let four = bytes.get(begin + at..begin + at + 4)?;
            Some(u32::from_be_bytes(four.try_into().ok()?))
        };
        Some((number(0)?, number(4)?))
    }

    /// An identifier for echo requests.
    pub fn identifier(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }
}

/// An echo request. The checksum of ICMPv6 is the kernel's affair.
pub fn request(is_ipv4: bool, token: &Token, number: u32, attempt: u32) -> Vec<u8> {
    let mut message = vec![if is_ipv4 { 8 } else { 128 }, 0, 0, 0];
    message.extend(token.identifier().to_be_bytes());
    message.extend(((number as u16).wrapping_mul(8) + attempt as u16).to_be_bytes());
    message.extend(token.payload(number, attempt));
    if is_ipv4 {
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    message
}

/// That of RFC 1071; our messages have an even length.
fn checksum(message: &[u8]) -> u16 {
    let words =
        message.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_known_again_by_what_it_carries() {
        let token = Token([1, 2, 3, 4, 5, 6, 7, 8]);
        let message = request(true, &token, 7, 2);
        assert_eq!(checksum(&message), 0, "with its checksum the sum is zero");
        assert_eq!(token.find(&[&[0x45; 20], &message[..]].concat()), Some((7, 2)));
        assert_eq!(Token([0; 8]).find(&message), None);
        assert_eq!(token.find(&message[..message.len() - 1]), None);
    }
}
