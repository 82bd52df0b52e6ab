//! Conditions: checked and acted upon as one step.

use super::{StoreUnderTest, bytes, refused};
use crate::{Commit, Condition, Error};

pub fn absent_refuses_an_object_that_exists(subject: &StoreUnderTest) {
    subject.put_if("file", b"first", Condition::Absent).unwrap();
    refused!(subject.create("file", Condition::Absent), Exists);
    assert_eq!(subject.get("file").unwrap(), b"first");
    subject.remove("file").unwrap();
    subject.put_if("file", b"again", Condition::Absent).unwrap();
}

pub fn absent_lets_only_one_of_many_in(subject: &StoreUnderTest) {
    let outcomes = subject.together(8, |own, index| {
        own.put_if("file", &bytes(50_000, index as u64), Condition::Absent)
    });
    let winners: Vec<_> = (0..8).filter(|&index| outcomes[index].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert!(
        outcomes
            .iter()
            .flat_map(|outcome| outcome.as_ref().err())
            .all(|error| matches!(error, Error::Exists))
    );
    assert!(subject.get("file").unwrap() == bytes(50_000, winners[0] as u64));
}

pub fn matches_lets_only_its_version_be_replaced(subject: &StoreUnderTest) {
    refused!(
        subject.create("file", Condition::Matches("x".into())),
        ConditionFailed
    );
    refused!(
        subject.create("new/file", Condition::Matches("x".into())),
        ConditionFailed
    );
    let first = subject.put("file", b"first");
    let second = subject
        .put_if("file", b"again", Condition::Matches(first.etag.clone()))
        .unwrap();
    refused!(
        subject.create("file", Condition::Matches(first.etag)),
        ConditionFailed
    );
    assert_eq!(subject.get("file").unwrap(), b"again");
    subject
        .put_if("file", b"third", Condition::Matches(second.etag))
        .unwrap();
}

/// A counter that several threads count up: a version that is taken for another one loses a count.
pub fn matches_lets_only_one_of_many_in_each_round(subject: &StoreUnderTest) {
    const THREADS: usize = 4;
    const COUNTS: u64 = 25;
    subject.put("counter", &0_u64.to_le_bytes());
    let count_up = |own: &StoreUnderTest| loop {
        let mut reader = own.open("counter").unwrap();
        let etag = reader.meta().etag.clone();
        let count = u64::from_le_bytes(own.rest(&mut *reader, 0).try_into().unwrap());
        match own.put_if("counter", &(count + 1).to_le_bytes(), Condition::Matches(etag)) {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, Error::ConditionFailed), "{error:?}"),
        }
    };
    subject.together(THREADS, |own, _| (0..COUNTS).for_each(|_| count_up(own)));
    let counted = u64::from_le_bytes(subject.get("counter").unwrap().try_into().unwrap());
    assert_eq!(counted, THREADS as u64 * COUNTS);
}

pub fn a_condition_is_checked_again_at_the_commit(subject: &StoreUnderTest) {
    let absent = subject.create("new", Condition::Absent).unwrap();
    subject.put("new", b"faster");
    refused!(subject.wait(absent.commit(Commit::default())), Exists);
    assert_eq!(subject.get("new").unwrap(), b"faster");

    let etag = subject.stat("new").unwrap().etag;
    let late = subject.create("new", Condition::Matches(etag)).unwrap();
    subject.put("new", b"third!");
    refused!(subject.wait(late.commit(Commit::default())), ConditionFailed);

    let etag = subject.stat("new").unwrap().etag;
    let removed = subject.create("new", Condition::Matches(etag)).unwrap();
    subject.remove("new").unwrap();
    refused!(subject.wait(removed.commit(Commit::default())), ConditionFailed);
    assert!(subject.names("").unwrap().is_empty());
}
