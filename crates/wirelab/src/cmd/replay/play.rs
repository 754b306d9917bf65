//! Plays one side of one connection to a real other side.
use std::{collections::VecDeque, io, time::Duration};

use lab::registry::AnyProtocol;
use proto::cover::{NewCover, covered};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    score::{Difference, Frames, Ids, compare, ended},
    tape::{Beat, End, Scene},
};

/// The other side may say so much more than it did; then nobody listens.
const MORE: usize = 64 * 1024;

/// Plays a scene; what differed, and in what the connection ended early.
pub(super) async fn play(
    connection: usize,
    scene: &Scene,
    stream: TcpStream,
    (protocol, cover): (Option<&'static dyn AnyProtocol>, NewCover),
    patience: Duration,
) -> Vec<Difference> {
    let frames = |all: &[u8]| match protocol {
        Some(protocol) => Frames::of(protocol, all),
        None => Frames::new(None),
    };
    // Small frames are not to wait for others; that it cannot be set is no reason not to play.
    let _ = stream.set_nodelay(true);
    let mut player = Player {
        stream,
        patience,
        protocol,
        wanted: frames(&scene.theirs),
        came: Frames::new(protocol),
        said: 0,
        mine: frames(&scene.ours),
        ours: scene.ours.clone(),
        heard: Vec::new(),
        room: scene.theirs.len() + MORE,
        end: None,
        ids: Ids::default(),
    };
    let mut beats: VecDeque<Beat> = scene.beats.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(beat) = beats.pop_front() {
        if let Err(expected) = player.beat(scene, beat).await {
            // What was said is compared below, and shows what is missing.
            let silent = player.end.is_none() && expected.is_none();
            if !silent {
                found.push(ended(connection, player.heard.len(), expected, player.end));
            }
            break;
        }
    }
    // As the recording was covered, so is what is held against it.
    let shown = covered(cover, &player.heard);
    let heard = shown.as_deref().unwrap_or(&player.heard);
    found.splice(0..0, compare(connection, scene, heard, protocol));
    found
}

struct Player {
    stream: TcpStream,
    patience: Duration,
    protocol: Option<&'static dyn AnyProtocol>,
    /// What was recorded of them, cut into frames.
    wanted: Frames,
    /// What comes now.
    came: Frames,
    mine: Frames,
    ours: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
    room: usize,
    end: Option<End>,
    ids: Ids,
}

/// What the other side should have done, and did not; none if it should have gone on.
type Missed = Option<End>;

impl Player {
    async fn beat(&mut self, scene: &Scene, beat: Beat) -> Result<(), Missed> {
        match beat {
            Beat::Heard(upto) => self.hear(scene, upto).await,
            Beat::Said(upto) => self.say(upto).await,
            Beat::TheyEnded(end) => self.hear_end(end).await,
            Beat::WeEnded(End::Fin) => {
                // If they are gone, what they said or did not say tells.
                let _ = self.stream.shutdown().await;
                Ok(())
            }
            Beat::WeEnded(End::Rst) => {
                let _ = self.stream.set_zero_linger();
                Ok(())
            }
        }
    }

    /// Until they have said as much as they had.
    async fn hear(&mut self, scene: &Scene, upto: usize) -> Result<(), Missed> {
        while !self.has_heard(upto) {
            if self.end.is_some() {
                return Err(None);
            }
            match timeout(self.patience, self.stream.read_buf(&mut self.heard)).await {
                Ok(read) => self.took(read),
                Err(_) => return Err(None),
            }
        }
        self.ids.learn(scene, &self.wanted, &self.heard, &self.came);
        Ok(())
    }

    fn has_heard(&self, upto: usize) -> bool {
        match self.protocol {
            Some(_) => self.came.len() >= self.wanted.before(upto),
            None => self.heard.len() >= upto,
        }
    }

    fn took(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.end = Some(End::Fin),
            Ok(_) => self.came.grow(&self.heard),
            Err(_) => self.end = Some(End::Rst),
        }
    }

    /// Says what we said, and listens meanwhile, lest both wait for each other.
    async fn say(&mut self, upto: usize) -> Result<(), Missed> {
        self.ids.put(&mut self.ours, &self.mine, self.said..upto);
        while self.said < upto {
            let (mut from, mut to) = self.stream.split();
            let listens = self.end.is_none() && self.heard.len() < self.room;
            let turn = async {
                tokio::select! {
                    biased;
                    wrote = to.write(&self.ours[self.said..upto]) => (Some(wrote), None),
                    read = from.read_buf(&mut self.heard), if listens => (None, Some(read)),
                }
            };
            match timeout(self.patience, turn).await {
                Ok((Some(Ok(n)), _)) => self.said += n,
                Ok((Some(Err(_)), _)) => {
                    self.end = Some(End::Rst);
                    return Err(None);
                }
                Ok((None, Some(read))) => self.took(read),
                Ok((None, None)) | Err(_) => return Err(None),
            }
        }
        Ok(())
    }

    /// Until they end, as they did.
    async fn hear_end(&mut self, end: End) -> Result<(), Missed> {
        while self.end.is_none() && self.heard.len() < self.room {
            match timeout(self.patience, self.stream.read_buf(&mut self.heard)).await {
                Ok(read) => self.took(read),
                Err(_) => return Err(Some(end)),
            }
        }
        if self.end == Some(end) { Ok(()) } else { Err(Some(end)) }
    }
}
