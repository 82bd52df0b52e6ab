//! Listings, whole and in pages.

use std::num::NonZeroUsize;
use std::time::SystemTime;

use super::{StoreUnderTest, bytes, key, refused};
use crate::{Detail, NodeKind, Page};

pub fn a_listing_is_sorted_and_tells_files_from_folders(subject: &StoreUnderTest) {
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

pub fn a_full_listing_tells_size_and_time(subject: &StoreUnderTest) {
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

pub fn listing_what_is_no_folder_is_refused(subject: &StoreUnderTest) {
    subject.put("file", b"1");
    refused!(subject.names("file"), NotAFolder);
    refused!(subject.names("file/beneath"), NotAFolder);
    refused!(subject.names("nothing"), NotFound);
    refused!(subject.names("nothing/beneath"), NotFound);
}

pub fn pages_hold_each_entry_once_and_in_order(subject: &StoreUnderTest) {
    let names: Vec<String> = (0..10).map(|number| (number * 7 % 10).to_string()).collect();
    for name in &names {
        subject.put(&format!("folder/{name}"), b"1");
        subject.put(&format!("folder/{name} folder/inner"), b"1");
    }
    let (folder, whole) = (key("folder"), subject.names("folder").unwrap());
    assert_eq!(whole.len(), 20);
    for limit in [1, 7, 19, 20, 21] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = Page {
                after: after.as_deref(),
                limit: NonZeroUsize::new(limit).unwrap(),
            };
            let listed = subject.store.list(Some(&folder), page, Detail::Full);
            let listed = subject.wait(listed).unwrap();
            assert!(listed.len() <= limit);
            seen.extend(listed.iter().map(|entry| entry.name.to_owned()));
            let Some(next) = listed.next() else { break };
            after = Some(next.to_owned());
        }
        assert_eq!(seen, whole, "pages of {limit}");
    }
}
