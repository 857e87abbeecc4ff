//! Which addresses may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};

use crate::address_ranges::AddressRanges;

/// Networks that may be called although they are nobody's in the public Internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedRanges(AddressRanges);

impl FromStr for AllowedRanges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl AllowedRanges {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These, and the addresses of this machine: for a server whose providers are on it.
    #[must_use]
    pub fn and_loopback(mut self) -> Self {
        self.0.add(Ipv4Addr::LOCALHOST.into());
        self.0.add(Ipv6Addr::LOCALHOST.into());
        self
    }

    /// May this address be called?
    #[must_use]
    pub fn allow(&self, address: IpAddr) -> bool {
        is_public(address.to_canonical()) || self.list(address)
    }

    /// Is this address in one of them?
    #[must_use]
    pub fn list(&self, address: IpAddr) -> bool {
        self.0.contain(address)
    }
}

/// What is somebody's in the public Internet (the special-purpose registries of IANA).
fn is_public(address: IpAddr) -> bool {
    const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
        Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
    }
    const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
        Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
    }
    const SPECIAL_V4: [Ipv4Net; 15] = [
        v4(0, 0, 0, 8),
        v4(10, 0, 0, 8),
        v4(100, 64, 0, 10),
        v4(127, 0, 0, 8),
        v4(169, 254, 0, 16),
        v4(172, 16, 0, 12),
        v4(192, 0, 0, 24),
        v4(192, 0, 2, 24),
        v4(192, 88, 99, 24),
        v4(192, 168, 0, 16),
        v4(198, 18, 0, 15),
        v4(198, 51, 100, 24),
        v4(203, 0, 113, 24),
        v4(224, 0, 0, 4),
        v4(240, 0, 0, 4),
    ];
    // Of IPv6 only this much is given out; within it are ways to write other addresses, and examples.
    const GIVEN_OUT_V6: Ipv6Net = v6(0x2000, 0, 3);
    const SPECIAL_V6: [Ipv6Net; 4] =
        [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => {
            GIVEN_OUT_V6.contains(&address) && !SPECIAL_V6.iter().any(|range| range.contains(&address))
        }
    }
}
