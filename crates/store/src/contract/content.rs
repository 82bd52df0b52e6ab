//! Content: it comes back as it was written, under every name and from every offset.

use super::{StoreUnderTest, bytes, refused};
use crate::{Commit, CreateOptions};

pub fn content_of_every_size_survives_the_way_there_and_back(subject: &StoreUnderTest) {
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

pub fn reading_anywhere_gives_what_was_written_there(subject: &StoreUnderTest) {
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

pub fn unusual_names_are_kept_as_they_are(subject: &StoreUnderTest) {
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

pub fn an_upload_replaces_what_was_there(subject: &StoreUnderTest) {
    subject.put("folder/file", &bytes(100_000, 1));
    let shorter = bytes(10, 2);
    subject.put("folder/file", &shorter);
    assert_eq!(subject.get("folder/file").unwrap(), shorter);
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}

pub fn a_size_hint_binds_nobody(subject: &StoreUnderTest) {
    for (hint, content) in [(0, &b"content"[..]), (100, b"content"), (100, b"")] {
        let options = CreateOptions {
            size_hint: Some(hint),
            ..CreateOptions::default()
        };
        let mut writer = subject.create_with("file", options).unwrap();
        subject.wait(writer.write(content)).unwrap();
        subject.wait(writer.commit(Commit::default())).unwrap();
        assert_eq!(subject.get("file").unwrap(), content);
    }
}

pub fn a_reader_keeps_its_version_after_a_replacement_and_a_removal(subject: &StoreUnderTest) {
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

pub fn concurrent_uploads_of_one_name_leave_one_whole_file(subject: &StoreUnderTest) {
    let versions: Vec<_> = (0..8).map(|index| bytes(150_000 + index, index as u64)).collect();
    let seen = subject.together(8, |own, index| {
        (0..5).for_each(|_| drop(own.put("folder/file", &versions[index])));
        own.get("folder/file").unwrap()
    });
    assert!(seen.iter().all(|content| versions.contains(content)));
    assert!(versions.contains(&subject.get("folder/file").unwrap()));
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}

pub fn uploads_into_one_new_folder_all_arrive(subject: &StoreUnderTest) {
    subject.together(8, |own, index| {
        own.put(&format!("new/er/folder/{index}"), b"here")
    });
    assert_eq!(
        subject.names("new/er/folder").unwrap(),
        ["0", "1", "2", "3", "4", "5", "6", "7"]
    );
}
