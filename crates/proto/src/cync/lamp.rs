//! What a lamp is like, in the three shapes in which devices say so: a report, a record of a sync, and
//! an entry of a query's answer.
use serde::Serialize;

/// A colour temperature that means: it shows a colour.
pub(super) const SHOWS_RGB: u8 = 254;

/// A lamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lamp {
    /// Its bridge can reach it.
    pub online: bool,
    /// It is on.
    pub on: bool,
    /// 0 to 100.
    pub brightness: u8,
    /// 0 to 100; 254 for a lamp that shows a colour.
    pub temperature: u8,
    /// Red, green, blue.
    pub rgb: [u8; 3],
}

impl Default for Lamp {
    fn default() -> Self {
        Self { online: true, on: false, brightness: 100, temperature: 50, rgb: [0xff; 3] }
    }
}

/// Bytes of a report's body.
pub(super) const REPORT: usize = 19;
/// Bytes of a record of a sync.
pub(super) const RECORD: usize = 16;
/// Bytes of an entry of a query's answer.
pub(super) const ENTRY: usize = 24;
/// The operation of a report, and the vendor.
pub(super) const REPORTS: [u8; 3] = [0xdb, 0x11, 0x02];

impl Lamp {
    /// The lamp of this report, and its id in the mesh; none if the event is another one.
    pub fn of_report(body: &[u8]) -> Option<(u16, Self)> {
        let &[
            _,
            _,
            _,
            i0,
            i1,
            _,
            _,
            op,
            v0,
            v1,
            online,
            on,
            brightness,
            temperature,
            r,
            g,
            b,
            _,
            _,
        ] = body
        else {
            return None;
        };
        let lamp =
            Self { online: online != 0, on: on != 0, brightness, temperature, rgb: [r, g, b] };
        ([op, v0, v1] == REPORTS).then(|| (u16::from_le_bytes([i0, i1]), lamp))
    }

    /// The body of a report. `serial` is what the bridge counts.
    pub fn report(&self, serial: [u8; 3], mesh: u16) -> [u8; REPORT] {
        let Self { online, on, brightness, temperature, rgb: [r, g, b] } = *self;
        let ([s0, s1, s2], [i0, i1], [op, v0, v1]) = (serial, mesh.to_le_bytes(), REPORTS);
        let (online, on) = (online.into(), on.into());
        [s0, s1, s2, i0, i1, i0, i1, op, v0, v1, online, on, brightness, temperature, r, g, b, 0, 0]
    }

    /// The lamp of a state record, and the low byte of its id; none if the record is none of those.
    pub fn of_record(data: &[u8]) -> Option<(u8, Self)> {
        let &[mesh, on, brightness, temperature, r, g, b, online, ..] = data else { return None };
        let lamp =
            Self { online: online != 0, on: on != 0, brightness, temperature, rgb: [r, g, b] };
        (data.len() == RECORD).then_some((mesh, lamp))
    }

    /// The data of a state record. Its tail is unknown, and 0 as in most captures.
    pub fn record(&self, mesh: u8) -> [u8; RECORD] {
        let Self { online, on, brightness, temperature, rgb: [r, g, b] } = *self;
        let mut data = [0; RECORD];
        data[..8].copy_from_slice(&[
            mesh,
            on.into(),
            brightness,
            temperature,
            r,
            g,
            b,
            online.into(),
        ]);
        data
    }

    /// The lamp of an entry of a query's answer, and its id.
    pub fn of_entry(entry: &[u8]) -> Option<(u16, Self)> {
        let entry: &[u8; ENTRY] = entry.try_into().ok()?;
        let rgb = [entry[20], entry[21], entry[22]];
        let lamp = Self {
            online: entry[3] != 0,
            on: entry[8] != 0,
            brightness: entry[12],
            temperature: entry[16],
            rgb,
        };
        Some((u16::from_le_bytes([entry[0], entry[1]]), lamp))
    }

    /// An entry of a query's answer. What is unknown of it is 0 or as in captures.
    pub fn entry(&self, mesh: u16) -> [u8; ENTRY] {
        /// What most lamps of the captures call their kind.
        const KIND: u8 = 0x51;
        let mut entry = [0; ENTRY];
        entry[..2].copy_from_slice(&mesh.to_le_bytes());
        entry[2..8].copy_from_slice(&[KIND, self.online.into(), 0, 0, KIND, 1]);
        entry[8] = self.on.into();
        entry[12] = self.brightness;
        entry[16] = self.temperature;
        entry[20..23].copy_from_slice(&self.rgb);
        entry
    }

    /// On one line, for reading.
    pub fn in_words(&self) -> String {
        let Self { online, on, brightness, temperature, rgb: [r, g, b] } = self;
        let on = if *on { "on" } else { "off" };
        let reach = if *online { "" } else { ", out of reach" };
        match *temperature {
            SHOWS_RGB => format!("{on}, {brightness} %, #{r:02x}{g:02x}{b:02x}{reach}"),
            temperature => format!("{on}, {brightness} %, temperature {temperature}{reach}"),
        }
    }
}

/// The lamps of a query's answer: a head of six bytes, the last two of which count, then entries. None
/// if the count is another than there is room for.
pub(super) fn page(body: &[u8]) -> Option<Vec<(u16, Lamp)>> {
    let (&[_, _, _, _, n0, n1], entries) = body.split_first_chunk::<6>()?;
    let count = usize::from(u16::from_le_bytes([n0, n1]));
    let fits = entries.len() == count * ENTRY;
    fits.then(|| entries.chunks(ENTRY).filter_map(Lamp::of_entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_brings_a_lamp_back() {
        let lamp =
            Lamp { online: false, on: true, brightness: 7, temperature: 254, rgb: [1, 2, 3] };
        assert_eq!(Lamp::of_report(&lamp.report([9; 3], 0x1234)), Some((0x1234, lamp)));
        assert_eq!(Lamp::of_record(&lamp.record(80)), Some((80, lamp)));
        assert_eq!(Lamp::of_entry(&lamp.entry(0x1234)), Some((0x1234, lamp)));
    }
}
