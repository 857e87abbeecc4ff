//! Where a call comes from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::problem::Problem;
use crate::address_ranges::AddressRanges;
use crate::auth::extract::app;

const FORWARDED_FOR: &str = "X-Forwarded-For";

/// The address of a client: its own, or what a trusted proxy says. It has no `Display`, so that it
/// gets into no log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// What tells one client from another: the address, or the network of an IPv6 address (/64), of which
    /// every customer of a provider has a whole one.
    #[must_use]
    pub fn distinguishing(self) -> Vec<u8> {
        match self.0 {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets()[..8].to_vec(),
        }
    }
}

impl fmt::Debug for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientAddress").finish_non_exhaustive()
    }
}

impl FromRequest for ClientAddress {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Every connection of ours is TCP, so there is a peer.
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let headers = request.headers().get_all(FORWARDED_FOR);
        let hops: Vec<&str> =
            headers.flat_map(|value| value.to_str().unwrap_or_default().split(',')).collect();
        std::future::ready(Ok(app(request).settings.trusted_proxies.client(peer, &hops)))
    }
}

/// Proxies whose word about the client's address is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(AddressRanges);

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl TrustedProxies {
    /// The client behind `peer`: the last of the hops that is not itself a trusted proxy. Only trusted
    /// ones are believed, each about the one before it; what a client writes into the header itself is
    /// further left.
    #[must_use]
    pub fn client(&self, peer: IpAddr, hops: &[&str]) -> ClientAddress {
        let mut client = peer.to_canonical();
        for hop in hops.iter().rev() {
            if !self.0.contain(client) {
                break;
            }
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        ClientAddress(client)
    }
}

/// Some proxies write the port as well.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse().or_else(|_| bare.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    parsed.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::{ClientAddress, TrustedProxies};

    fn client(proxies: &str, peer: &str, header: &str) -> ClientAddress {
        let proxies: TrustedProxies = proxies.parse().unwrap();
        proxies.client(peer.parse().unwrap(), &header.split(',').collect::<Vec<_>>())
    }

    fn is(address: &str) -> ClientAddress {
        ClientAddress(address.parse().unwrap())
    }

    #[test]
    fn nobody_is_believed_unless_trusted() {
        assert!(client("", "203.0.113.7", "198.51.100.1") == is("203.0.113.7"));
        assert!(client("10.0.0.0/8", "203.0.113.7", "198.51.100.1") == is("203.0.113.7"));
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_is_the_client() {
        let proxies = "10.0.0.0/8, 2001:db8::1";
        for (peer, header, expected) in [
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "192.0.2.9, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
            ("::ffff:10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
            ("2001:db8::1", "[2001:db8:1::5]:443", "2001:db8:1::5"),
            ("2001:db8::1", "::ffff:198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
            ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ] {
            assert!(client(proxies, peer, header) == is(expected), "{peer} {header}");
        }
    }

    #[test]
    fn ipv6_is_told_apart_by_its_network() {
        let network = |address| is(address).distinguishing();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for wrong in ["10.0.0.0/33", "proxy.example", "10.0.0", "1.2.3.4;5.6.7.8"] {
            assert!(wrong.parse::<TrustedProxies>().is_err(), "{wrong}");
        }
        assert_eq!(" ,".parse(), Ok(TrustedProxies::default()));
    }
}
