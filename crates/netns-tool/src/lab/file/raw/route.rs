//! `routes = [ { to = …, via = …, interface = … } ]`.

use super::lacks;
use crate::lab::file::problem::{At, Problem, Problems, Span};
use crate::lab::file::value::Value;
use ipnet::IpNet;
use std::net::IpAddr;

#[derive(Debug)]
pub struct Route {
    pub span: Span,
    pub to: At<To>,
    pub via: Option<At<IpAddr>>,
    /// There is always `via` or this.
    pub interface: Option<At<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The whole internet, of the family of `via`.
    Default,
    Net(IpNet),
}

impl Route {
    pub fn list(value: Option<Value>, problems: &mut Problems) -> Vec<Self> {
        let values = value.map(|value| value.list(problems)).unwrap_or_default();
        values.iter().filter_map(|value| Self::read(value, problems)).collect()
    }

    fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        let mut table = value.table("a route", problems)?;
        let before = problems.len();
        let to = table.take("to").and_then(|value| value.parsed(to, problems));
        let via = table.take("via").and_then(|value| value.parsed(via, problems));
        let interface = table.take("interface").and_then(|value| value.owned(problems));
        table.finish(problems);
        if problems.len() > before {
            return None;
        }
        let Some(to) = to else {
            lacks(&value.span, "a route needs `to`", "such as to = \"10.2.0.0/16\"", problems);
            return None;
        };
        if via.is_none() && interface.is_none() {
            let example = "such as via = \"10.0.0.254\"";
            lacks(&value.span, "a route needs `via` or `interface`", example, problems);
            return None;
        }
        if let (To::Net(net), Some(via)) = (to.value, &via)
            && net.addr().is_ipv4() != via.value.is_ipv4()
        {
            let message = format!("`{net}` and `{}` are not of one family", via.value);
            problems.add(
                Problem::new(&via.span, message)
                    .label("a route of one family goes over a router of the same"),
            );
            return None;
        }
        Some(Self { span: value.span.clone(), to, via, interface })
    }

    /// Where it leads to.
    pub fn net(&self) -> IpNet {
        match (self.to.value, &self.via) {
            (To::Net(net), _) => net,
            (To::Default, Some(At { value: IpAddr::V6(_), .. })) => default(false),
            (To::Default, _) => default(true),
        }
    }
}

/// The whole internet of a family.
pub fn default(is_ipv4: bool) -> IpNet {
    if is_ipv4 {
        IpNet::V4(ipnet::Ipv4Net::default())
    } else {
        IpNet::V6(ipnet::Ipv6Net::default())
    }
}

fn to(text: &str) -> Result<To, String> {
    const FORM: &str = "it is `default`, or a network such as 10.2.0.0/16 or fd01::/64";
    if text == "default" {
        return Ok(To::Default);
    }
    let (ip, prefix) = text.split_once('/').map_or((text, None), |(ip, rest)| (ip, Some(rest)));
    let ip: IpAddr = ip.parse().map_err(|_| FORM)?;
    let length = match prefix {
        None => IpNet::from(ip).max_prefix_len(),
        Some(prefix) => {
            let length = prefix.parse().ok().filter(|length: &u8| length.to_string() == prefix);
            length.ok_or(FORM)?
        }
    };
    let net = IpNet::new(ip, length).map_err(|_| FORM)?;
    if ip.is_multicast() {
        return Err("no route of this kind leads to a group (multicast)".to_owned());
    }
    if net.trunc() != net {
        return Err(format!("the network of that address is {}", net.trunc()));
    }
    Ok(To::Net(net))
}

/// The address of a router.
pub fn via(text: &str) -> Result<IpAddr, String> {
    let ip: IpAddr =
        text.parse().map_err(|_| "it is an address such as 10.0.0.1, without a prefix")?;
    if ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() {
        return Err("no router can have this address".to_owned());
    }
    Ok(ip)
}
