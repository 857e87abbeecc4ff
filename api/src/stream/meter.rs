//! Reads along on the bytes of a WebSocket, to find what is too large before it is held in memory:
//! actix collects a whole frame, however large, before it looks at its limit.

/// The most frames that one message may be cut into.
const FRAGMENTS_MAX: u32 = 64;
/// Two bytes, the long form of a length, and the mask.
const HEAD_MAX: usize = 2 + 8 + 4;

/// Follows the frames of a client.
#[derive(Debug, Clone)]
pub struct Meter {
    max: u64,
    head: [u8; HEAD_MAX],
    have: usize,
    /// Bytes of the present frame's content that are still to come.
    content: u64,
    /// Bytes of the present message so far.
    message: u64,
    fragments: u32,
    over: bool,
}

impl Meter {
    /// Messages may be this long.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        Self { max, head: [0; HEAD_MAX], have: 0, content: 0, message: 0, fragments: 0, over: false }
    }

    /// Whether something too large has begun.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Follows these bytes. False once something too large has begun.
    pub fn follow(&mut self, mut bytes: &[u8]) -> bool {
        while !self.over {
            if self.content > 0 {
                let skip = usize::try_from(self.content).unwrap_or(usize::MAX).min(bytes.len());
                self.content -= skip as u64;
                bytes = bytes.get(skip..).unwrap_or_default();
            }
            let Some((byte, rest)) = bytes.split_first() else { break };
            bytes = rest;
            self.head[self.have] = *byte;
            self.have += 1;
            if self.have == self.head_length() {
                self.begin();
            }
        }
        !self.over
    }

    /// How long the present frame's head is, as far as can be told.
    fn head_length(&self) -> usize {
        if self.have < 2 {
            return 2;
        }
        let length = match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { 4 };
        2 + length + mask
    }

    fn begin(&mut self) {
        let long = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let length = match self.head[1] & 0x7f {
            126 => long(&self.head[2..4]),
            127 => long(&self.head[2..10]),
            short => u64::from(short),
        };
        let (last, control) = (self.head[0] & 0x80 != 0, self.head[0] & 0x08 != 0);
        self.have = 0;
        self.content = length;
        self.over = length > self.max;
        if control {
            return;
        }
        self.message = self.message.saturating_add(length);
        self.fragments += 1;
        self.over |= self.message > self.max || self.fragments > FRAGMENTS_MAX;
        if last {
            self.message = 0;
            self.fragments = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Meter;

    /// A frame as a client writes it.
    fn frame(opcode: u8, last: bool, length: usize) -> Vec<u8> {
        let mut bytes = vec![if last { 0x80 | opcode } else { opcode }];
        if let Ok(short) = u8::try_from(length)
            && short < 126
        {
            bytes.push(0x80 | short);
        } else if let Ok(middle) = u16::try_from(length) {
            bytes.push(0x80 | 126);
            bytes.extend(middle.to_be_bytes());
        } else {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
        bytes.extend([1, 2, 3, 4]);
        bytes.extend(vec![0xff; length]);
        bytes
    }

    #[test]
    fn what_is_too_large_is_seen_by_its_head() {
        let head = |length| frame(1, true, length)[..8].to_vec();
        assert!(Meter::new(16_384).follow(&head(16_384)));
        assert!(!Meter::new(16_384).follow(&head(16_385)));
        assert!(!Meter::new(16_384).follow(&[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]));
    }

    #[test]
    fn a_message_in_pieces_counts_as_one() {
        let mut meter = Meter::new(100);
        assert!(meter.follow(&frame(1, false, 60)));
        assert!(meter.follow(&frame(9, true, 60)), "a ping in between is no part of it");
        assert!(!meter.clone().follow(&frame(0, true, 41)));
        assert!(meter.follow(&frame(0, true, 40)));
        assert!(meter.follow(&frame(1, true, 100)));
        assert!((0..200).all(|_| meter.follow(&frame(1, true, 1))), "whole messages are no pieces");
        let mut endless = Meter::new(100);
        assert!((0..64).all(|_| endless.follow(&frame(0, false, 0))));
        assert!(!endless.follow(&frame(0, false, 0)));
        assert!(endless.is_over());
    }

    proptest! {
        #[test]
        fn the_network_may_cut_anywhere(
            lengths in proptest::collection::vec(0_usize..70_000, 1..6),
            cuts in proptest::collection::vec(1_usize..9_000, 1..20),
        ) {
            let bytes: Vec<u8> = lengths.iter().flat_map(|length| frame(1, true, *length)).collect();
            let mut meter = Meter::new(60_000);
            let (mut rest, mut cuts) = (bytes.as_slice(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                meter.follow(now);
                rest = later;
            }
            prop_assert_eq!(meter.is_over(), lengths.iter().any(|length| *length > 60_000));
        }
    }
}
