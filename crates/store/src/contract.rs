//! What every store promises, as tests that know nothing of how it is done. `contract!` runs all of them over one store.

mod changes;
mod subject;

use std::time::{Duration, SystemTime};

pub(crate) use self::changes::*;
pub(crate) use self::subject::{Executor, Inspector, Nothing, StoreUnderTest, bytes, key};
use crate::{Commit, Condition, Detail, Error, NodeKind, Page};

macro_rules! contract {
    ($($suite:ident => $subject:expr;)*) => {
        $(mod $suite {
            #[allow(unused_imports, reason = "not every subject needs what lies around it")]
            use super::*;
            $crate::contract::cases! { $subject }
        })*
    };
}
pub(crate) use contract;

macro_rules! cases {
    ($subject:expr) => {
        $crate::contract::cases! { $subject;
            content_of_every_size_survives_the_way_there_and_back
            reading_anywhere_gives_what_was_written_there
            unusual_names_are_kept_as_they_are
            a_listing_is_sorted_and_tells_files_from_folders
            a_full_listing_tells_size_and_time
            listing_what_is_no_folder_is_refused
            an_upload_replaces_what_was_there
            absent_refuses_an_object_that_exists
            absent_lets_only_one_of_many_in
            matches_lets_only_its_version_be_replaced
            matches_lets_only_one_of_many_in_each_round
            a_condition_is_checked_again_at_the_commit
            a_writer_that_is_dropped_leaves_nothing
            a_refused_commit_leaves_nothing
            a_writer_that_is_renamed_is_published_under_its_new_name_only
            nothing_is_seen_of_a_file_in_flight
            concurrent_uploads_of_one_name_leave_one_whole_file
            uploads_into_one_new_folder_all_arrive
            a_reader_keeps_its_version_after_a_replacement_and_a_removal
            a_folder_is_no_object
            an_object_is_no_folder
            what_is_not_there_is_not_found
            removing_takes_the_object_away_and_nothing_else
            the_etag_is_the_same_for_all_who_see_one_version
            the_etag_changes_with_every_version
            the_digest_is_kept_with_the_object_it_was_given_for
            reading_changes_neither_etag_nor_time
            a_commit_sets_the_time_and_the_permissions_that_it_was_given
            an_upload_keeps_the_permissions_of_what_it_replaces
            an_empty_folder_can_be_removed_and_nothing_else_with_it
            removing_what_is_no_empty_folder_is_refused
            a_digest_computed_later_is_kept_with_its_version_only
            a_folder_can_be_made_and_is_empty
            a_folder_is_made_only_where_nothing_is_and_its_parent_is
            an_upload_that_requires_its_folder_makes_none
            a_size_hint_binds_nobody
            an_aborted_writer_leaves_nothing
            pages_hold_each_entry_once_and_in_order
            a_renamed_object_keeps_everything_but_its_name
            a_rename_replaces_an_object_only_where_it_may
            a_rename_that_makes_no_sense_is_refused_and_changes_nothing
            a_renamed_folder_takes_all_that_is_in_it_along
            an_object_that_is_renamed_is_never_gone
            of_many_that_rename_to_one_name_one_is_let_in
            renames_against_each_other_end_and_lose_nothing
            a_copy_is_an_object_of_its_own
            a_copy_replaces_an_object_only_where_it_may
            an_object_without_a_digest_is_copied_without_one
            a_time_that_is_set_is_told_and_leaves_the_content_alone
        }
    };
    ($subject:expr; $($case:ident)*) => {
        $(#[test]
        fn $case() {
            let subject = $subject;
            $crate::contract::$case(&subject);
            assert_eq!(subject.inspector.residue(), Vec::<String>::new());
        })*
    };
}
pub(crate) use cases;

macro_rules! refused {
    ($result:expr, $kind:ident) => {{
        let result = $result.map(|_| ());
        assert!(
            matches!(result, Err(crate::Error::$kind { .. })),
            "{} gave {result:?}",
            stringify!($result)
        );
    }};
}
pub(crate) use refused;

pub(crate) fn content_of_every_size_survives_the_way_there_and_back(subject: &StoreUnderTest) {
    for (index, size) in [0, 1, 2, 4095, 4096, 4097, 65_537, 262_144, 3 << 20]
        .into_iter()
        .enumerate()
    {
        let content = bytes(size, index as u64);
        let meta = subject.put("file", &content);
        assert_eq!(meta.size, size as u64);
        assert_eq!(subject.stat("file").unwrap(), meta);
        assert!(subject.get("file").unwrap() == content, "{size} bytes");
    }
}

pub(crate) fn reading_anywhere_gives_what_was_written_there(subject: &StoreUnderTest) {
    let content = bytes(300_000, 1);
    subject.put("file", &content);
    let mut reader = subject.open("file").unwrap();
    for offset in [299_999, 0, 1, 4095, 131_073, 299_000] {
        assert!(
            subject.rest(&mut *reader, offset as u64) == content[offset..],
            "from {offset}"
        );
    }
    let mut chunk = [7; 16];
    for beyond in [300_000, 300_001, 1 << 40, i64::MAX as u64, u64::MAX] {
        assert_eq!(
            subject.wait(reader.read_at(beyond, &mut chunk)).unwrap(),
            0,
            "from {beyond}"
        );
    }
    assert_eq!(subject.wait(reader.read_at(0, &mut [])).unwrap(), 0);
}

pub(crate) fn unusual_names_are_kept_as_they_are(subject: &StoreUnderTest) {
    let names = [
        " ",
        "\"quoted\"",
        "%41",
        "'",
        "...",
        ".hidden",
        "a b  c",
        "b'x'",
        "back\\slash",
        "{}",
        "ünïcode",
        "日本語",
    ];
    for name in names {
        subject.put(name, name.as_bytes());
    }
    assert_eq!(subject.names("").unwrap(), names);
    for name in names {
        assert_eq!(subject.get(name).unwrap(), name.as_bytes());
    }
    let deep = vec!["x".repeat(255); 15].join("/") + "/" + &"y".repeat(256 - 1) + "z";
    let longest = deep[..4094].to_owned() + "/z";
    assert_eq!(longest.len(), 4096);
    subject.put(&longest, b"deep");
    assert_eq!(subject.get(&longest).unwrap(), b"deep");
    assert_eq!(subject.stat(&longest).unwrap().size, 4);
    subject.remove(&longest).unwrap();
    refused!(subject.stat(&longest), NotFound);
}

pub(crate) fn a_listing_is_sorted_and_tells_files_from_folders(subject: &StoreUnderTest) {
    for name in [
        "b",
        "a/inner/leaf",
        "a b",
        "a-b",
        "Z",
        ".hidden",
        "a/x",
        "no.extension.but.dots",
    ] {
        subject.put(name, b"1");
    }
    assert_eq!(
        subject.names("").unwrap(),
        [".hidden", "Z", "a", "a b", "a-b", "b", "no.extension.but.dots"]
    );
    assert_eq!(subject.names("a").unwrap(), ["inner", "x"]);
    let listing = subject
        .wait(subject.store.list(Some(&key("a")), Page::WHOLE, Detail::Names))
        .unwrap();
    let kinds: Vec<_> = listing
        .iter()
        .map(|entry| (entry.kind, entry.size, entry.modified))
        .collect();
    assert_eq!(
        kinds,
        [
            (NodeKind::Folder, 0, SystemTime::UNIX_EPOCH),
            (NodeKind::File, 0, SystemTime::UNIX_EPOCH)
        ]
    );
}

pub(crate) fn a_full_listing_tells_size_and_time(subject: &StoreUnderTest) {
    let meta = subject.put("file", &bytes(1234, 1));
    subject.put("folder/file", b"");
    let listing = subject
        .wait(subject.store.list(None, Page::WHOLE, Detail::Full))
        .unwrap();
    assert_eq!(listing.len(), 2);
    let file = listing.entry(0).unwrap();
    assert_eq!(
        (file.name, file.kind, file.size, file.modified),
        ("file", NodeKind::File, 1234, meta.modified)
    );
    let folder = listing.entry(1).unwrap();
    assert_eq!(
        (folder.name, folder.kind, folder.size),
        ("folder", NodeKind::Folder, 0)
    );
}

pub(crate) fn listing_what_is_no_folder_is_refused(subject: &StoreUnderTest) {
    subject.put("file", b"1");
    refused!(subject.names("file"), NotAFolder);
    refused!(subject.names("file/beneath"), NotAFolder);
    refused!(subject.names("nothing"), NotFound);
    refused!(subject.names("nothing/beneath"), NotFound);
}

pub(crate) fn an_upload_replaces_what_was_there(subject: &StoreUnderTest) {
    subject.put("folder/file", &bytes(100_000, 1));
    let shorter = bytes(10, 2);
    subject.put("folder/file", &shorter);
    assert_eq!(subject.get("folder/file").unwrap(), shorter);
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}

pub(crate) fn absent_refuses_an_object_that_exists(subject: &StoreUnderTest) {
    subject.put_if("file", b"first", Condition::Absent).unwrap();
    refused!(subject.create("file", Condition::Absent), Exists);
    assert_eq!(subject.get("file").unwrap(), b"first");
    subject.remove("file").unwrap();
    subject.put_if("file", b"again", Condition::Absent).unwrap();
}

pub(crate) fn absent_lets_only_one_of_many_in(subject: &StoreUnderTest) {
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

pub(crate) fn matches_lets_only_its_version_be_replaced(subject: &StoreUnderTest) {
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
pub(crate) fn matches_lets_only_one_of_many_in_each_round(subject: &StoreUnderTest) {
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

pub(crate) fn a_condition_is_checked_again_at_the_commit(subject: &StoreUnderTest) {
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

pub(crate) fn a_writer_that_is_dropped_leaves_nothing(subject: &StoreUnderTest) {
    for name in ["file", "deep/er/file"] {
        let mut writer = subject.create(name, Condition::Always).unwrap();
        subject.wait(writer.write(&bytes(200_000, 1))).unwrap();
        drop(writer);
        refused!(subject.stat(name), NotFound);
    }
    assert!(subject.names("").unwrap().is_empty(), "{:?}", subject.names(""));
}

pub(crate) fn a_refused_commit_leaves_nothing(subject: &StoreUnderTest) {
    let blocked = subject.create("a/b/c/file", Condition::Always).unwrap();
    subject.put("a/b", b"in the way");
    refused!(subject.wait(blocked.commit(Commit::default())), NotAFolder);
    assert_eq!(subject.names("a").unwrap(), ["b"]);

    let blocked = subject.create("x", Condition::Always).unwrap();
    subject.put("x/y", b"in the way");
    refused!(subject.wait(blocked.commit(Commit::default())), IsAFolder);
    assert_eq!(subject.names("x").unwrap(), ["y"]);
}

pub(crate) fn a_writer_that_is_renamed_is_published_under_its_new_name_only(subject: &StoreUnderTest) {
    for (first, second) in [
        ("file 3", "file"),
        ("new/file 3", "new/file"),
        ("here", "else/where"),
        ("some/where", "top"),
    ] {
        let mut writer = subject.create(first, Condition::Always).unwrap();
        subject.wait(writer.write(b"new")).unwrap();
        writer.rename(key(second));
        subject.wait(writer.commit(Commit::default())).unwrap();
        refused!(subject.stat(first), NotFound);
        assert_eq!(subject.get(second).unwrap(), b"new");
    }
    assert_eq!(subject.names("").unwrap(), ["else", "file", "new", "top"]);

    subject.put("taken", b"old");
    let mut writer = subject.create("free", Condition::Absent).unwrap();
    writer.rename(key("taken"));
    refused!(subject.wait(writer.commit(Commit::default())), Exists);
    assert_eq!(subject.get("taken").unwrap(), b"old");
}

pub(crate) fn nothing_is_seen_of_a_file_in_flight(subject: &StoreUnderTest) {
    let mut writer = subject.create("file", Condition::Always).unwrap();
    subject.wait(writer.write(b"half")).unwrap();
    assert!(subject.names("").unwrap().is_empty());
    refused!(subject.open("file"), NotFound);
    subject.wait(writer.write(b" and whole")).unwrap();
    subject.wait(writer.commit(Commit::default())).unwrap();
    assert_eq!(subject.get("file").unwrap(), b"half and whole");
}

pub(crate) fn concurrent_uploads_of_one_name_leave_one_whole_file(subject: &StoreUnderTest) {
    let versions: Vec<_> = (0..8).map(|index| bytes(150_000 + index, index as u64)).collect();
    let seen = subject.together(8, |own, index| {
        (0..5).for_each(|_| drop(own.put("folder/file", &versions[index])));
        own.get("folder/file").unwrap()
    });
    assert!(seen.iter().all(|content| versions.contains(content)));
    assert!(versions.contains(&subject.get("folder/file").unwrap()));
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}

pub(crate) fn uploads_into_one_new_folder_all_arrive(subject: &StoreUnderTest) {
    subject.together(8, |own, index| {
        own.put(&format!("new/er/folder/{index}"), b"here")
    });
    assert_eq!(
        subject.names("new/er/folder").unwrap(),
        ["0", "1", "2", "3", "4", "5", "6", "7"]
    );
}

pub(crate) fn a_reader_keeps_its_version_after_a_replacement_and_a_removal(subject: &StoreUnderTest) {
    let (first, second) = (bytes(300_000, 1), bytes(200_000, 2));
    subject.put("file", &first);
    let mut of_first = subject.open("file").unwrap();
    subject.put("file", &second);
    let mut of_second = subject.open("file").unwrap();
    subject.remove("file").unwrap();
    assert!(subject.rest(&mut *of_first, 0) == first);
    assert_eq!(of_first.meta().size, 300_000);
    assert!(subject.rest(&mut *of_second, 0) == second);
}

pub(crate) fn a_folder_is_no_object(subject: &StoreUnderTest) {
    subject.put("folder/file", b"1");
    refused!(subject.open("folder"), IsAFolder);
    refused!(subject.stat("folder"), IsAFolder);
    refused!(subject.remove("folder"), IsAFolder);
    for condition in [
        Condition::Always,
        Condition::Absent,
        Condition::Matches("x".into()),
    ] {
        refused!(subject.create("folder", condition), IsAFolder);
    }
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}

pub(crate) fn an_object_is_no_folder(subject: &StoreUnderTest) {
    subject.put("file", b"1");
    for beneath in ["file/x", "file/x/y"] {
        refused!(subject.create(beneath, Condition::Always), NotAFolder);
        refused!(subject.open(beneath), NotFound);
        refused!(subject.stat(beneath), NotFound);
        refused!(subject.remove(beneath), NotFound);
    }
    assert_eq!(subject.get("file").unwrap(), b"1");
}

pub(crate) fn what_is_not_there_is_not_found(subject: &StoreUnderTest) {
    for name in ["nothing", "no/thing"] {
        refused!(subject.open(name), NotFound);
        refused!(subject.stat(name), NotFound);
        refused!(subject.remove(name), NotFound);
    }
    assert!(subject.names("").unwrap().is_empty());
}

pub(crate) fn removing_takes_the_object_away_and_nothing_else(subject: &StoreUnderTest) {
    for name in ["a/file", "a/file2", "file"] {
        subject.put(name, b"1");
    }
    subject.remove("a/file").unwrap();
    refused!(subject.open("a/file"), NotFound);
    refused!(subject.remove("a/file"), NotFound);
    assert_eq!(subject.names("a").unwrap(), ["file2"]);
    assert_eq!(subject.get("file").unwrap(), b"1");
}

pub(crate) fn the_etag_is_the_same_for_all_who_see_one_version(subject: &StoreUnderTest) {
    for round in 0..3 {
        let committed = subject.put("file", &bytes(10, round));
        let opened = subject.open("file").unwrap().meta().clone();
        assert_eq!(
            (&opened, &subject.stat("file").unwrap()),
            (&committed, &committed)
        );
        let word = committed
            .etag
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"');
        assert!(word && !committed.etag.is_empty(), "{}", committed.etag);
    }
}

pub(crate) fn the_etag_changes_with_every_version(subject: &StoreUnderTest) {
    let etags: std::collections::HashSet<_> = (0..50).map(|_| subject.put("file", b"same").etag).collect();
    assert_eq!(etags.len(), 50);
}

pub(crate) fn the_digest_is_kept_with_the_object_it_was_given_for(subject: &StoreUnderTest) {
    let digest = blake3::hash(b"content");
    assert_eq!(subject.put("file", b"content").digest, Some(digest));
    assert_eq!(subject.stat("file").unwrap().digest, Some(digest));
    assert_eq!(subject.open("file").unwrap().meta().digest, Some(digest));
    let writer = subject.create("file", Condition::Always).unwrap();
    assert_eq!(
        subject.wait(writer.commit(Commit::default())).unwrap().digest,
        None
    );
    assert_eq!(subject.stat("file").unwrap().digest, None);
}

pub(crate) fn reading_changes_neither_etag_nor_time(subject: &StoreUnderTest) {
    let before = SystemTime::now();
    let meta = subject.put("file", &bytes(10_000, 1));
    let window = before - Duration::from_secs(2)..=SystemTime::now() + Duration::from_secs(2);
    assert!(
        window.contains(&meta.modified),
        "{:?} in {window:?}",
        meta.modified
    );
    subject.get("file").unwrap();
    assert_eq!(subject.stat("file").unwrap(), meta);
}

pub(crate) fn a_commit_sets_the_time_and_the_permissions_that_it_was_given(subject: &StoreUnderTest) {
    let modified = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    let facts = Commit {
        digest: Some(blake3::hash(b"content")),
        modified: Some(modified),
        mode: Some(0o7640),
    };
    let put = |content| {
        subject
            .put_with("file", content, Condition::Always, facts)
            .unwrap()
    };
    let meta = put(b"content");
    assert_eq!(
        (meta.modified, meta.mode, meta.digest),
        (modified, Some(0o640), facts.digest)
    );
    assert_eq!(subject.stat("file").unwrap(), meta);
    assert_eq!(subject.open("file").unwrap().meta(), &meta);
    assert_ne!(put(b"c0ntent").etag, meta.etag);
}

pub(crate) fn an_upload_keeps_the_permissions_of_what_it_replaces(subject: &StoreUnderTest) {
    let facts = Commit {
        mode: Some(0o600),
        ..Commit::default()
    };
    subject
        .put_with("file", b"private", Condition::Always, facts)
        .unwrap();
    let replaced = subject.put("file", b"still private");
    assert_eq!(replaced.mode, Some(0o600));
    assert_eq!(subject.stat("file").unwrap(), replaced);
}

pub(crate) fn an_empty_folder_can_be_removed_and_nothing_else_with_it(subject: &StoreUnderTest) {
    subject.put("a/b/file", b"1");
    subject.put("a/other", b"1");
    subject.remove("a/b/file").unwrap();
    assert_eq!(subject.names("a").unwrap(), ["b", "other"]);
    subject.remove_dir("a/b").unwrap();
    assert_eq!(subject.names("a").unwrap(), ["other"]);
    refused!(subject.remove_dir("a/b"), NotFound);
    subject.put("a/b/file", b"again");
}

pub(crate) fn removing_what_is_no_empty_folder_is_refused(subject: &StoreUnderTest) {
    subject.put("a/b/file", b"1");
    refused!(subject.remove_dir("a"), NotEmpty);
    refused!(subject.remove_dir("a/b"), NotEmpty);
    refused!(subject.remove_dir("a/b/file"), NotAFolder);
    refused!(subject.remove_dir("nothing"), NotFound);
    refused!(subject.remove_dir("no/thing"), NotFound);
    refused!(subject.remove_dir("a/b/file/x"), NotFound);
    assert_eq!(subject.get("a/b/file").unwrap(), b"1");
}

pub(crate) fn a_digest_computed_later_is_kept_with_its_version_only(subject: &StoreUnderTest) {
    let digest = blake3::hash(b"content");
    let keep = |etag: &str| subject.wait(subject.store.keep_digest(&key("file"), etag, digest));
    let put = || {
        subject
            .put_with("file", b"content", Condition::Always, Commit::default())
            .unwrap()
    };
    refused!(keep("x"), NotFound);
    let first = put();
    assert_eq!(first.digest, None);
    let second = put();
    refused!(keep(&first.etag), ConditionFailed);
    let kept = keep(&second.etag).unwrap();
    assert_eq!(kept.digest, Some(digest));
    assert_eq!(subject.stat("file").unwrap(), kept);
    assert_eq!(subject.open("file").unwrap().meta(), &kept);
    assert_eq!((kept.size, kept.modified), (second.size, second.modified));
    assert_eq!(put().digest, None);
}
