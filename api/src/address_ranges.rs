//! Lists of addresses and ranges, as settings have them.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Addresses and ranges, with commas between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressRanges(Vec<IpNet>);

impl FromStr for AddressRanges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let range = |part: &str| {
            let single = part.parse::<IpAddr>().map(IpNet::from);
            single.or_else(|_| part.parse()).map_err(|_| {
                format!("{part:?} is neither an address nor a range; write it like 10.0.0.1 or 10.0.0.0/8")
            })
        };
        parts.map(range).collect::<Result<_, _>>().map(Self)
    }
}

impl AddressRanges {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an address.
    pub fn add(&mut self, address: IpAddr) {
        self.0.push(address.into());
    }

    /// Is this address in one of them? An IPv4 address may be written as one of IPv6.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}
