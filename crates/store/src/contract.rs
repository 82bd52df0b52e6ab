//! What every store promises, as tests that know nothing of how it is done, for stores of this crate and of
//! others (behind the feature `contract`).
//!
//! [`contract!`](crate::contract!) makes a test of each promise for one store:
//!
//! ```
//! use haul_store::contract::StoreUnderTest;
//! use haul_store::{Blocking, StoreSpec};
//!
//! haul_store::contract! {
//!     in_memory => {
//!         let spec = StoreSpec::Memory { bytes_max: 1 << 30 };
//!         StoreUnderTest::ready(spec.open(Blocking::Inline).unwrap())
//!     };
//! }
//! # fn main() {}
//! ```
//!
//! A promise that takes a capability is not asked of a store without it; the test says so. What such a store
//! promises instead, to refuse, is a test as well.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a broken promise ends a test by panicking, and the names of promises are sentences"
)]

pub mod capabilities;
pub mod conditions;
pub mod content;
pub mod copies;
pub mod facts;
pub mod folders;
pub mod in_flight;
pub mod listings;
pub mod names;
pub mod renames;
mod subject;

pub use self::subject::{Executor, Inspector, NoResidue, StoreUnderTest, bytes, key};

/// Makes a module of tests, one for each promise, of each store that is given: `name => StoreUnderTest;`. The
/// expression is evaluated for each test, and its store is empty.
#[macro_export]
macro_rules! contract {
    ($($suite:ident => $subject:expr;)*) => {
        $(mod $suite {
            #[allow(unused_imports, reason = "not every subject needs what lies around it")]
            use super::*;
            $crate::contract_promises! { $subject }
        })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! contract_promises {
    ($subject:expr) => {
        $crate::contract_promises! { $subject;
            content {
                content_of_every_size_survives_the_way_there_and_back
                reading_anywhere_gives_what_was_written_there
                unusual_names_are_kept_as_they_are
                an_upload_replaces_what_was_there
                a_size_hint_binds_nobody
                a_reader_keeps_its_version_after_a_replacement_and_a_removal
                concurrent_uploads_of_one_name_leave_one_whole_file
                uploads_into_one_new_folder_all_arrive
            }
            capabilities {
                what_a_store_cannot_do_it_refuses_and_changes_nothing
            }
            listings {
                a_listing_is_sorted_and_tells_files_from_folders
                a_full_listing_tells_size_and_time
                listing_what_is_no_folder_is_refused
                pages_hold_each_entry_once_and_in_order
            }
            conditions {
                absent_refuses_an_object_that_exists
                absent_lets_only_one_of_many_in
                matches_lets_only_its_version_be_replaced
                matches_lets_only_one_of_many_in_each_round
                a_condition_is_checked_again_at_the_commit
            }
            in_flight {
                nothing_is_seen_of_a_file_in_flight
                a_writer_that_is_dropped_leaves_nothing
                an_aborted_writer_leaves_nothing
                a_refused_commit_leaves_nothing
                a_writer_that_is_given_another_key_is_published_under_that_only
            }
            in_flight {
                an_upload_that_is_given_up_while_it_is_published_is_whole_or_was_never_there
                a_change_that_is_given_up_happens_wholly_or_not_at_all
            }
            names {
                a_folder_is_no_object
                an_object_is_no_folder
                what_is_not_there_is_not_found
                removing_takes_the_object_away_and_nothing_else
            }
            facts {
                the_etag_is_the_same_for_all_who_see_one_version
                the_etag_changes_with_every_version
                the_digest_is_kept_with_the_object_it_was_given_for
                reading_changes_neither_etag_nor_time
            }
            facts needs modes modified {
                a_commit_sets_the_time_and_the_permissions_that_it_was_given
                an_upload_keeps_the_permissions_of_what_it_replaces
            }
            facts needs late_digests {
                a_digest_computed_later_is_kept_with_its_version_only
            }
            facts needs modified {
                a_time_that_is_set_is_told_and_leaves_the_content_alone
            }
            folders needs folders {
                a_folder_can_be_made_and_is_empty
                a_folder_is_made_only_where_nothing_is_and_its_parent_is
                an_empty_folder_can_be_removed_and_nothing_else_with_it
                removing_what_is_no_empty_folder_is_refused
                an_upload_that_requires_its_folder_makes_none
            }
            renames needs rename {
                a_renamed_object_keeps_everything_but_its_name
                a_rename_replaces_an_object_only_where_it_may
                an_object_that_is_renamed_is_never_gone
                of_many_that_rename_to_one_name_one_is_let_in
                renames_against_each_other_end_and_lose_nothing
            }
            renames needs rename rename_folders folders {
                a_renamed_folder_takes_all_that_is_in_it_along
                a_rename_that_makes_no_sense_is_refused_and_changes_nothing
            }
            copies needs copy {
                a_copy_is_an_object_of_its_own
                a_copy_replaces_an_object_only_where_it_may
                an_object_without_a_digest_is_copied_without_one
            }
        }
    };
    ($subject:expr; $($module:ident $(needs $($need:ident)+)? { $($promise:ident)+ })+) => {
        $($crate::contract_promises! { @module $subject; $module [$($($need)+)?] $($promise)+ })+
    };
    (@module $subject:expr; $module:ident $needs:tt $($promise:ident)+) => {
        $($crate::contract_promises! { @promise $subject; $module $needs $promise })+
    };
    (@promise $subject:expr; $module:ident [$($need:ident)*] $promise:ident) => {
        #[test]
        fn $promise() {
            let subject = $subject;
            $(if !subject.store.capabilities().$need {
                println!("not promised: this store has no `{}`", stringify!($need));
                return;
            })*
            $crate::contract::$module::$promise(&subject);
            assert_eq!(subject.inspector.residue(), Vec::<String>::new());
        }
    };
}

macro_rules! refused {
    ($result:expr, $kind:ident) => {{
        let result = $result.map(|_| ());
        assert!(
            matches!(result, Err($crate::Error::$kind { .. })),
            "{} gave {result:?}",
            stringify!($result)
        );
    }};
}
pub(crate) use refused;
