//! One thing asked of many devices at once: who did it, how far apart, and who took it back because
//! another did not.
use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use proto::{Delivery, Protocol, Stage, Time, resilience::Demand};

use crate::{Answer, Asked, Client};

/// One of the devices, and what is asked of it.
pub struct Member<'a, P: Protocol> {
    /// What people call it.
    pub name: Arc<str>,
    /// Who asks it, or why nobody can.
    pub client: Result<&'a Client<P>, Lost>,
    /// What is asked.
    pub request: P::Request,
    /// What takes that back, if it shall be taken back when another device fails; the device's protocol
    /// or its owner knows.
    pub undo: Option<P::Request>,
}

/// Why there is no way to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Where the way ends.
    pub stage: Stage,
    /// What is in it.
    pub detail: String,
}

/// How asking a device for one thing ended.
#[derive(Debug)]
pub enum End<R> {
    /// With an answer, or a failure.
    Answered(Answer<R>),
    /// It could not be asked.
    Lost(Lost),
    /// We were told to stop before it did. It ends with its client, at the latest.
    Open(Asked<R>),
}

/// What became of one device.
#[derive(Debug)]
pub struct Row<R> {
    /// What people call it.
    pub name: Arc<str>,
    /// What came of asking.
    pub end: End<R>,
    /// It got as far as was asked. An answer alone does not mean that: of some requests no more can be
    /// proved than of others.
    pub obeyed: bool,
    /// How taking it back ended; none where that was not tried.
    pub undone: Option<End<R>>,
}

/// What became of all of them, in the order they were given.
#[derive(Debug)]
pub struct Table<R> {
    /// A device each.
    pub rows: Vec<Row<R>>,
}

/// Asks all of them at once, with these demands for each, and waits for all, or until `stop`. If one
/// failed or could not be asked, those that answered and can take it back do; if we are told to stop,
/// nobody does.
///
/// A device that failed without a word may have obeyed all the same; nobody knows, and it is not asked
/// to take anything back. Its answer says how far it is known to have got.
pub async fn ask<P: Protocol>(
    members: Vec<Member<'_, P>>,
    demand: Demand,
    stop: impl Future<Output = ()>,
) -> Table<P::Reply> {
    let mut stop = Stop { stop: pin!(stop), told: false };
    let wanted = demand.level.unwrap_or(Delivery::Queued);
    let (mut asked, mut undo) = (Vec::new(), Vec::new());
    for Member { name, client, request, undo: back } in members {
        let (one, back) = match client {
            Ok(client) => {
                (Ok(client.demand(request, demand).await), back.map(|back| (client, back)))
            }
            Err(lost) => (Err(lost), None),
        };
        asked.push((name, one));
        undo.push(back);
    }
    let mut rows = Vec::with_capacity(asked.len());
    for (name, asked) in asked {
        let end = match asked {
            Ok(asked) => stop.or_end(asked).await,
            Err(lost) => End::Lost(lost),
        };
        let obeyed = matches!(&end, End::Answered(Ok(receipt)) if receipt.delivery >= wanted);
        rows.push(Row { name, end, obeyed, undone: None });
    }
    let mut table = Table { rows };
    if !table.all_obeyed() && !stop.told {
        table.take_back(undo, demand, &mut stop).await;
    }
    table
}

impl<R> Table<R> {
    /// Every one got as far as was asked.
    pub fn all_obeyed(&self) -> bool {
        self.rows.iter().all(|row| row.obeyed)
    }

    /// From when the first got there to when the last did; none if fewer than two did.
    pub fn spread(&self) -> Option<Duration> {
        let there = self.rows.iter().filter(|row| row.obeyed).filter_map(|row| match &row.end {
            End::Answered(Ok(receipt)) => Some(receipt.since + receipt.elapsed),
            End::Answered(Err(_)) | End::Lost(_) | End::Open(_) => None,
        });
        let there: Vec<Time> = there.collect();
        let spread = *there.iter().max()? - *there.iter().min()?;
        (there.len() > 1).then_some(spread)
    }

    async fn take_back<P: Protocol<Reply = R>>(
        &mut self,
        undo: Vec<Option<(&Client<P>, P::Request)>>,
        demand: Demand,
        stop: &mut Stop<'_, impl Future<Output = ()>>,
    ) {
        let mut asked = Vec::with_capacity(undo.len());
        for (row, undo) in self.rows.iter_mut().zip(undo) {
            let answered = matches!(row.end, End::Answered(Ok(_)));
            if let Some((client, back)) = undo.filter(|_| answered) {
                asked.push((row, client.demand(back, demand).await));
            }
        }
        for (row, asked) in asked {
            row.undone = Some(stop.or_end(asked).await);
        }
    }
}

/// Whether we were told to stop.
struct Stop<'a, S> {
    stop: std::pin::Pin<&'a mut S>,
    told: bool,
}

impl<S: Future<Output = ()>> Stop<'_, S> {
    /// Its end, if it comes before we are told to stop; what had ended by then has.
    async fn or_end<R>(&mut self, mut asked: Asked<R>) -> End<R> {
        let told = async {
            if !self.told {
                self.stop.as_mut().await;
            }
        };
        tokio::select! {
            biased;
            answer = asked.ended() => return End::Answered(answer),
            () = told => {}
        }
        self.told = true;
        End::Open(asked)
    }
}
