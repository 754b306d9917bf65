//! One thing asked of many devices at once: who did it, how far apart, and who took it back because
//! another did not.
use std::{sync::Arc, time::Duration};

use proto::{Protocol, Time, resilience::Demand};

use crate::{Answer, Client};

/// One of the devices, and what is asked of it.
pub struct Member<'a, P: Protocol> {
    /// What people call it.
    pub name: Arc<str>,
    /// Who asks it.
    pub client: &'a Client<P>,
    /// What is asked.
    pub request: P::Request,
    /// What takes that back, if it shall be taken back when another device fails; the device's protocol
    /// or its owner knows.
    pub undo: Option<P::Request>,
}

/// What became of one device.
#[derive(Debug)]
pub struct Row<R> {
    /// What people call it.
    pub name: Arc<str>,
    /// What came of asking.
    pub answer: Answer<R>,
    /// What came of taking it back; none where that was not tried.
    pub undone: Option<Answer<R>>,
}

/// What became of all of them, in the order they were given.
#[derive(Debug)]
pub struct Table<R> {
    /// A device each.
    pub rows: Vec<Row<R>>,
}

/// Asks all of them at once, and waits for all. If one failed, those that obeyed and can take it back do.
///
/// A device that failed without a word may have obeyed all the same; nobody knows, and it is not asked
/// to take anything back. Its answer says how far it is known to have got.
pub async fn ask<P: Protocol>(members: Vec<Member<'_, P>>) -> Table<P::Reply> {
    demand(members, Demand::default()).await
}

/// The same with demands for each of them, and for each that is taken back.
pub async fn demand<P: Protocol>(members: Vec<Member<'_, P>>, demand: Demand) -> Table<P::Reply> {
    let mut asked = Vec::with_capacity(members.len());
    let mut undo = Vec::with_capacity(members.len());
    for Member { name, client, request, undo: back } in members {
        asked.push((name, client.demand(request, demand).await));
        undo.push((client, back));
    }
    let mut rows = Vec::with_capacity(asked.len());
    for (name, asked) in asked {
        rows.push(Row { name, answer: asked.outcome().await, undone: None });
    }
    let mut table = Table { rows };
    if !table.all_obeyed() {
        table.take_back(undo, demand).await;
    }
    table
}

impl<R> Table<R> {
    /// Every one got as far as was asked.
    pub fn all_obeyed(&self) -> bool {
        self.rows.iter().all(|row| row.answer.is_ok())
    }

    /// From when the first got there to when the last did; none if nobody did.
    pub fn spread(&self) -> Option<Duration> {
        let ends = self.rows.iter().filter_map(|row| row.answer.as_ref().ok());
        let ends: Vec<Time> = ends.map(|receipt| receipt.since + receipt.elapsed).collect();
        Some(*ends.iter().max()? - *ends.iter().min()?)
    }

    async fn take_back<P: Protocol<Reply = R>>(
        &mut self,
        undo: Vec<(&Client<P>, Option<P::Request>)>,
        demand: Demand,
    ) {
        let mut asked = Vec::with_capacity(undo.len());
        for (row, (client, back)) in self.rows.iter_mut().zip(undo) {
            if let (true, Some(back)) = (row.answer.is_ok(), back) {
                asked.push((row, client.demand(back, demand).await));
            }
        }
        for (row, asked) in asked {
            row.undone = Some(asked.outcome().await);
        }
    }
}
