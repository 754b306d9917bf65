//! What `socat -x` and `socat -x -v` write about the bytes they carry.
//!
//! ```text
//! > 2025/11/06 12:34:56.000123456  length=7 from=0 to=6
//!  28 00 00 00 02 00 00                             (......
//! --
//! ```
//! `>` is from its first address to its second, which is up: who listens first and carries to a second
//! address is dialled there. The places `from` and `to` count the bytes of one direction, by which
//! connections are told apart where several share a file.
use std::collections::VecDeque;

use bytes::BytesMut;
use jiff::Timestamp;
use net::Flow;

use super::{Reading, Said, What, when};

/// Bytes of a block; socat reads 8192 at once unless told otherwise.
const MOST_BLOCK: usize = 1 << 20;
/// Connections that may go on; the one silent for the longest is given up for a new one.
const MOST_OPEN: usize = 1024;

/// A capture of socat's.
#[derive(Debug, Default)]
pub struct Socat {
    block: Option<Block>,
    open: VecDeque<Open>,
    begun: u64,
    passed_over: u64,
}

/// A block that has begun.
#[derive(Debug)]
struct Block {
    head: Head,
    bytes: BytesMut,
}

/// The line that begins a block.
#[derive(Clone, Copy, Debug)]
struct Head {
    at: Timestamp,
    flow: Flow,
    length: usize,
    from: u64,
}

/// A connection, the one that spoke last at the end of the list.
#[derive(Debug)]
struct Open {
    conn: u64,
    up: u64,
    down: u64,
}

impl Open {
    fn place(&mut self, flow: Flow) -> &mut u64 {
        match flow {
            Flow::Up => &mut self.up,
            Flow::Down => &mut self.down,
        }
    }
}

/// Whether a line is the first of one of socat's blocks.
pub fn begins(line: &str) -> bool {
    (line.starts_with("> ") || line.starts_with("< ")) && line.contains(" length=")
}

impl Reading for Socat {
    fn line(&mut self, line: &str, tells: &mut Vec<Said>) -> Result<(), String> {
        if begins(line) {
            let ended = self.finish(tells);
            let head = Head::of(line)?;
            self.block = Some(Block { head, bytes: BytesMut::new() });
            return ended;
        }
        match &mut self.block {
            Some(_) if line == "--" => self.finish(tells),
            Some(block) if line.starts_with(' ') || line.is_empty() => block.add(line),
            // Its log about itself goes to the same place.
            _ if is_log(line) || line.trim().is_empty() || line == "--" => {
                self.passed_over += u64::from(is_log(line));
                Ok(())
            }
            _ => Err("neither the head of a block (`> DATE TIME length=…`) nor its bytes".into()),
        }
    }
    fn end(&mut self, tells: &mut Vec<Said>) -> Result<(), String> {
        self.finish(tells)
    }
    fn passed_over(&self) -> u64 {
        self.passed_over
    }
}

/// `2025/11/06 12:34:56 socat[4711] N accepting connection …`
fn is_log(line: &str) -> bool {
    line.contains(" socat[")
}

impl Head {
    fn of(line: &str) -> Result<Self, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        let flow = if line.starts_with('>') { Flow::Up } else { Flow::Down };
        let found = when::find(&words[1..]).ok_or("no date and time like 2025/11/06 12:34:56.0")?;
        let number = |key: &str| {
            let value = words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
            value
                .and_then(|value| value.parse::<u64>().ok())
                .ok_or(format!("no `{key}=` and a number"))
        };
        let length = usize::try_from(number("length")?).unwrap_or(usize::MAX);
        if length > MOST_BLOCK {
            return Err(format!("a block of {length} bytes; over {MOST_BLOCK} none is read"));
        }
        Ok(Self { at: found.at, flow, length, from: number("from")? })
    }
}

impl Block {
    /// Takes the bytes of a line; with `-v` their text follows after at least two spaces.
    fn add(&mut self, line: &str) -> Result<(), String> {
        for group in line.as_bytes().chunks(3) {
            let &[b' ', high, low] = group else { break };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (Some(high), Some(low)) = (digit(high), digit(low)) else { break };
            if self.bytes.len() == self.head.length {
                return Err(format!("more bytes than the {} that were told", self.head.length));
            }
            self.bytes.extend_from_slice(&[(high << 4 | low) as u8]);
        }
        Ok(())
    }
}

impl Socat {
    fn finish(&mut self, tells: &mut Vec<Said>) -> Result<(), String> {
        let Some(Block { head, bytes }) = self.block.take() else { return Ok(()) };
        let Head { at, flow, length, from } = head;
        let (has, bytes) = (bytes.len(), bytes.freeze());
        let (conn, missing) = self.conn(flow, from, length as u64);
        tells.push(Said { at: Some(at), conn, flow, what: What::Bytes(bytes) });
        let short = (has < length).then(|| format!("a block of {length} bytes has {has}"));
        let gap = missing.map(|n| format!("{n} bytes before byte {from} are in no block"));
        short.into_iter().chain(gap).next().map_or(Ok(()), Err)
    }

    /// Which connection's bytes these are, and how many before them are missing.
    fn conn(&mut self, flow: Flow, from: u64, length: u64) -> (u64, Option<u64>) {
        let mut find = |is: &dyn Fn(u64) -> bool| {
            let n = self.open.iter_mut().rposition(|open| is(*open.place(flow)))?;
            self.open.remove(n)
        };
        // Lines may be lost, but not on a connection that has not begun.
        let known = find(&|place| place == from);
        let gapped = known.or_else(|| find(&|place| from > 0 && place < from));
        let mut open = gapped.unwrap_or_else(|| {
            self.begun += 1;
            Open { conn: self.begun, up: 0, down: 0 }
        });
        let missing = Some(from - *open.place(flow)).filter(|n| *n > 0);
        *open.place(flow) = from + length;
        let conn = open.conn;
        if self.open.len() == MOST_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(open);
        (conn, missing)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    type Words = Vec<(u64, Flow, Vec<u8>)>;

    /// All it tells: connection, direction, bytes; and what it complains of, by line.
    fn read(text: &str) -> (Words, Vec<(usize, String)>) {
        let (mut socat, mut tells, mut wrong) = (Socat::default(), Vec::new(), Vec::new());
        for (n, line) in text.lines().enumerate() {
            wrong.extend(socat.line(line, &mut tells).err().map(|why| (n + 1, why)));
        }
        wrong.extend(socat.end(&mut tells).err().map(|why| (0, why)));
        let bytes = |what: What| match what {
            What::Bytes(bytes) => bytes.to_vec(),
            What::Fin | What::Reset => panic!("socat tells of no ends"),
        };
        (tells.into_iter().map(|said| (said.conn, said.flow, bytes(said.what))).collect(), wrong)
    }

    /// What is printed as text may look like bytes, or break the line.
    const VERBOSE: &str = "\
> 2025/11/06 12:34:56.000123  length=6 from=0 to=5
 41 31 20 0a                                       A1 

 7e 00                                             ~.
--
< 2025/11/06 12:34:56.000456  length=17 from=0 to=16
 20 34 31 20 34 32 20 34 33 20 34 34 20 34 35 20    41 42 43 44 45 
 46                                                F
--
";

    /// As socat 1.7.4.4 wrote it between a client and a server of a test.
    const WRITTEN: &str = "\
> 2026/11/21 18:38:46.000476197  length=31 from=0 to=30
 23 00 00 00 1a 03 64 57 e7 f2 00 10 63 30 66 66  #.....dW....c0ff
 65 65 35 65 63 34 65 37 62 31 30 35 0a           ee5ec4e7b105.
 7e 3c                                            ~<
--
< 2026/11/21 18:38:46.000477596  length=7 from=0 to=6
 28 00 00 00 02 00 00                             (......
--
> 2026/11/21 18:38:46.000477757  length=5 from=31 to=35
 d3 00 00 00 00                                   .....
--
";

    #[test]
    fn what_socat_wrote_is_read_whole() {
        let (told, wrong) = read(WRITTEN);
        let login = b"#\0\0\0\x1a\x03dW\xe7\xf2\0\x10c0ffee5ec4e7b105\n~<".to_vec();
        let ack = b"\x28\0\0\0\x02\0\0".to_vec();
        let ping = b"\xd3\0\0\0\0".to_vec();
        let expected = [(1, Flow::Up, login), (1, Flow::Down, ack), (1, Flow::Up, ping)];
        assert_eq!((told, wrong), (expected.to_vec(), vec![]));
    }

    #[test]
    fn the_text_beside_the_bytes_is_not_taken_for_bytes() {
        let (told, wrong) = read(VERBOSE);
        let expected =
            [(1, Flow::Up, b"A1 \n~\0".to_vec()), (1, Flow::Down, b" 41 42 43 44 45 F".to_vec())];
        assert_eq!((told, wrong), (expected.to_vec(), vec![]));
    }

    #[test]
    fn without_v_all_bytes_are_on_one_line_and_no_dashes_follow() {
        let text = "2025/11/06 12:34:55 socat[7] N accepting\n\
            > 2025/11/06 12:34:56.1 length=20 from=0 to=19\n 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13\n\
            > 2025/11/06 12:34:56.2  length=1 from=20 to=20\n 14\n";
        let (told, wrong) = read(text);
        assert_eq!(told, [(1, Flow::Up, (0..20).collect()), (1, Flow::Up, vec![20])]);
        assert_eq!(wrong, []);
    }

    #[test]
    fn connections_are_told_apart_by_the_places_of_their_bytes() {
        let block = |way: char, from: u64, byte: u8| {
            format!(
                "{way} 2025/11/06 12:34:56.1  length=1 from={from} to={from}\n {byte:02x}\n--\n"
            )
        };
        let text = [
            block('>', 0, 1),
            block('<', 0, 2),
            block('>', 1, 3),
            // Another one begins, and then the first goes on.
            block('>', 0, 4),
            block('<', 1, 5),
            block('>', 2, 6),
            block('>', 1, 7),
        ];
        let (told, wrong) = read(&text.concat());
        let conns: Vec<_> = told.iter().map(|(conn, ..)| *conn).collect();
        assert_eq!((conns, wrong), (vec![1, 1, 1, 2, 1, 1, 2], vec![]));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_with_its_line() {
        let told = |text: &str| {
            read(text).1.into_iter().map(|(n, why)| format!("{n}: {why}")).collect::<Vec<_>>()
        };
        let head = |length: usize, from: u64| {
            format!("> 2025/11/06 12:34:56.1  length={length} from={from} to=0\n")
        };
        assert_eq!(told(&(head(3, 0) + " 01 02\n--\n")), ["3: a block of 3 bytes has 2"]);
        assert_eq!(
            told(&(head(1, 0) + " 01 02\n--\n")),
            ["2: more bytes than the 1 that were told"]
        );
        assert_eq!(
            told(&(head(1, 0) + " 01\n--\n" + &head(1, 5) + " 02\n--\n")),
            ["6: 4 bytes before byte 5 are in no block"]
        );
        assert_eq!(
            told("> 2025/11/06 12:34:56.1 length=x from=0\n"),
            ["1: no `length=` and a number"]
        );
        assert_eq!(
            told("> yesterday length=1 from=0\n"),
            ["1: no date and time like 2025/11/06 12:34:56.0"]
        );
        assert!(told("hello\n")[0].starts_with("1: neither the head"));
        assert!(told(&head(2 << 20, 0))[0].contains("none is read"));
        assert_eq!(told(&(head(1, 0) + " 01")).len(), 0, "the file may end with the last bytes");
    }
}
