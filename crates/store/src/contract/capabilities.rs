//! What a store cannot do: it says so and refuses.

use std::time::SystemTime;

use super::{StoreUnderTest, refused};
use crate::IfTaken;

pub fn what_a_store_cannot_do_it_refuses_and_changes_nothing(subject: &StoreUnderTest) {
    let before = subject.put("folder/file", b"content");
    let can = subject.store.capabilities();
    if !can.folders {
        refused!(subject.make_dir("new"), Unsupported);
        refused!(subject.remove_dir("folder"), Unsupported);
    }
    if !can.rename {
        refused!(
            subject.rename("folder/file", "folder/new", IfTaken::Replace),
            Unsupported
        );
    }
    if !can.rename_folders {
        refused!(subject.rename("folder", "new", IfTaken::Replace), Unsupported);
    }
    if !can.copy {
        refused!(
            subject.copy("folder/file", "folder/new", IfTaken::Replace),
            Unsupported
        );
    }
    if !can.modified {
        refused!(
            subject.set_modified("folder/file", SystemTime::UNIX_EPOCH),
            Unsupported
        );
    }
    assert_eq!(subject.stat("folder/file").unwrap(), before);
    assert_eq!(subject.get("folder/file").unwrap(), b"content");
    assert_eq!(subject.names("").unwrap(), ["folder"]);
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}
