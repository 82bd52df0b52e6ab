//! What a download leaves when it breaks off, and what the next try or the next process makes of it.

use std::fs;
use std::path::{Path, PathBuf};

use haul_client::{Client, DialectChoice, Error, Existing, Fetched, PartFile, StreamTarget};

use crate::mock::{Mock, Step, content, digest, expect, facts, head, refusal};

const HALF: usize = 30_000;
const WHOLE: usize = 50_000;

fn part_file(folder: &Path, mock: &Mock) -> PartFile {
    PartFile::new(&folder.join("a"), Existing::Replace, &mock.address, "a").unwrap()
}

/// Fetches into `folder/a` as the command does.
fn fetch(folder: &Path, mock: &Mock, client: &mut Client) -> Result<Fetched, Error> {
    let mut part = part_file(folder, mock);
    let fetched = client.fetch("a", &mut part, &mut ())?;
    part.publish().map_err(Error::Local)?;
    Ok(fetched)
}

fn names_in(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    names
}

/// A READ from the beginning that breaks off in the middle.
fn broken_off(content: &[u8], etag: &str, told: Option<&str>) -> Vec<Step> {
    vec![
        expect("READ a\r\n"),
        head(content.len(), 0, etag, told),
        Step::Send(content[..HALF].to_vec()),
    ]
}

fn whole(content: &[u8], etag: &str) -> Vec<Step> {
    vec![
        expect("READ a\r\n"),
        head(content.len(), 0, etag, Some(&digest(content))),
        Step::Send(content.to_vec()),
    ]
}

/// The second READ after half of the content.
fn rest(content: &[u8], etag: &str, told: Option<&str>) -> Vec<Step> {
    vec![
        expect("READ a 30000\r\n"),
        head(content.len(), HALF, etag, told),
        Step::Send(content[HALF..].to_vec()),
    ]
}

/// Leaves half of the content behind, as an earlier process would that was told `told` as the digest.
fn leave_half(folder: &Path, mock: &Mock) {
    let fetched = fetch(folder, mock, &mut mock.client(DialectChoice::Extended));
    assert!(matches!(fetched, Err(Error::Interrupted(_))));
    assert_eq!(
        names_in(folder),
        [Path::new(".a.haul-part"), Path::new(".a.haul-part-of")]
    );
}

#[test]
fn an_interrupted_fetch_continues_where_it_stopped() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let told = digest(&content);
    let mock = Mock::serve(vec![
        broken_off(&content, "e", Some(&told)),
        rest(&content, "e", Some(&told)),
    ]);
    let fetched = fetch(
        folder.path(),
        &mock,
        &mut mock.persistent_client(DialectChoice::Extended),
    )
    .unwrap();
    assert!(fetched.verified.is_yes() && fetched.resumed_bytes == HALF as u64);
    assert!(fs::read(folder.path().join("a")).unwrap() == content);
    assert_eq!(names_in(folder.path()), [Path::new("a")]);
    mock.finish();
}

#[test]
fn a_later_process_continues_and_has_the_server_tell_the_digest() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let told = digest(&content);
    let mut second = rest(&content, "e", None);
    second.extend([expect("STAT a digest\r\n"), facts(WHOLE, "e", &told)]);
    let mock = Mock::serve(vec![broken_off(&content, "e", None), second]);
    leave_half(folder.path(), &mock);
    let fetched = fetch(folder.path(), &mock, &mut mock.client(DialectChoice::Extended)).unwrap();
    assert!(fetched.verified.is_yes() && fetched.resumed_bytes == HALF as u64);
    assert!(fs::read(folder.path().join("a")).unwrap() == content);
    assert_eq!(names_in(folder.path()), [Path::new("a")]);
    mock.finish();
}

#[test]
fn another_version_is_fetched_from_its_beginning() {
    let (folder, old, new) = (
        tempfile::tempdir().unwrap(),
        content(WHOLE),
        content(WHOLE + 1).split_off(1),
    );
    let mock = Mock::serve(vec![
        broken_off(&old, "e", None),
        vec![
            expect("READ a 30000\r\n"),
            head(WHOLE, HALF, "other", None),
            Step::Drain,
        ],
        whole(&new, "other"),
    ]);
    let fetched = fetch(
        folder.path(),
        &mock,
        &mut mock.persistent_client(DialectChoice::Extended),
    )
    .unwrap();
    assert!(fetched.verified.is_yes() && fetched.resumed_bytes == 0);
    assert!(fs::read(folder.path().join("a")).unwrap() == new);
    mock.finish();
}

#[test]
fn an_object_that_became_shorter_is_fetched_from_its_beginning() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let mut second = vec![expect("READ a 30000\r\n"), refusal("bad-request")];
    second.extend(whole(b"short", "new"));
    let mock = Mock::serve(vec![broken_off(&content, "e", None), second]);
    fetch(
        folder.path(),
        &mock,
        &mut mock.persistent_client(DialectChoice::Extended),
    )
    .unwrap();
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"short");
    mock.finish();
}

#[test]
fn a_part_that_was_damaged_meanwhile_is_fetched_again() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let told = digest(&content);
    let mut second = rest(&content, "e", Some(&told));
    second.extend(whole(&content, "e"));
    let mock = Mock::serve(vec![broken_off(&content, "e", Some(&told)), second]);
    leave_half(folder.path(), &mock);
    fs::write(folder.path().join(".a.haul-part"), vec![0; HALF]).unwrap();
    let fetched = fetch(folder.path(), &mock, &mut mock.client(DialectChoice::Extended)).unwrap();
    assert!(fetched.verified.is_yes() && fetched.resumed_bytes == 0);
    assert!(fs::read(folder.path().join("a")).unwrap() == content);
    mock.finish();
}

#[test]
fn a_part_of_another_object_or_without_its_note_is_not_continued() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let mock = Mock::serve(vec![broken_off(&content, "e", None), whole(&content, "e")]);
    leave_half(folder.path(), &mock);
    let other = PartFile::new(
        &folder.path().join("a"),
        Existing::Replace,
        &mock.address,
        "folder/a",
    )
    .unwrap();
    assert_eq!(haul_client::Target::held(&other), None);
    drop(other);
    fs::write(folder.path().join(".a.haul-part-of"), "{").unwrap();
    assert_eq!(
        fetch(folder.path(), &mock, &mut mock.client(DialectChoice::Extended))
            .unwrap()
            .resumed_bytes,
        0
    );
    mock.finish();
}

#[test]
fn an_object_that_is_gone_takes_its_part_along() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let gone = vec![
        expect("READ a 30000\r\n"),
        refusal("not-found"),
        expect("READ a\r\n"),
        refusal("not-found"),
    ];
    let mock = Mock::serve(vec![broken_off(&content, "e", None), gone]);
    leave_half(folder.path(), &mock);
    let fetched = fetch(folder.path(), &mock, &mut mock.client(DialectChoice::Extended));
    assert!(fetched.unwrap_err().is_not_found());
    assert!(names_in(folder.path()).is_empty());
    mock.finish();
}

#[test]
fn damaged_content_leaves_nothing_behind() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let lie = digest(b"something else");
    let mock = Mock::serve(vec![vec![
        expect("READ a\r\n"),
        head(WHOLE, 0, "e", Some(&lie)),
        Step::Send(content),
    ]]);
    let fetched = fetch(
        folder.path(),
        &mock,
        &mut mock.persistent_client(DialectChoice::Extended),
    );
    assert!(matches!(fetched, Err(Error::Corrupt(_))));
    assert!(names_in(folder.path()).is_empty());
    mock.finish();
}

#[test]
fn an_interrupted_classic_fetch_starts_over() {
    let folder = tempfile::tempdir().unwrap();
    let reply = |json: &str| Step::Send(json.as_bytes().to_vec());
    let mock = Mock::serve(vec![
        vec![
            expect("GET a\r\n\r\n"),
            reply(r#"{"status":"OK","data_namafile":"a","data_file":"QUJDREVG"#),
        ],
        vec![
            expect("GET a\r\n\r\n"),
            reply("{\"status\":\"OK\",\"data_namafile\":\"a\",\"data_file\":\"WFla\"}\r\n\r\n"),
        ],
    ]);
    fetch(
        folder.path(),
        &mock,
        &mut mock.persistent_client(DialectChoice::Classic),
    )
    .unwrap();
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"XYZ");
    assert_eq!(names_in(folder.path()), [Path::new("a")]);
    mock.finish();
}

#[test]
fn a_stream_is_continued_but_never_started_over() {
    let content = content(WHOLE);
    let told = digest(&content);
    let mock = Mock::serve(vec![
        broken_off(&content, "e", Some(&told)),
        rest(&content, "e", Some(&told)),
        broken_off(&content, "e", None),
        vec![
            expect("READ a 30000\r\n"),
            head(WHOLE, HALF, "other", None),
            Step::Drain,
        ],
        vec![expect("READ a\r\n"), head(WHOLE, 0, "other", None), Step::Drain],
    ]);
    let mut received = Vec::new();
    let mut client = mock.persistent_client(DialectChoice::Extended);
    let fetched = client
        .fetch("a", &mut StreamTarget::new(&mut received), &mut ())
        .unwrap();
    assert!(fetched.verified.is_yes() && received == content);
    received.clear();
    let mut client = mock.persistent_client(DialectChoice::Extended);
    let fetched = client.fetch("a", &mut StreamTarget::new(&mut received), &mut ());
    assert!(matches!(fetched, Err(Error::Local(_))));
    assert!(received == content[..HALF]);
    drop(client);
    mock.finish();
}

#[test]
fn a_file_that_is_to_be_kept_is_kept_whenever_it_appears() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a");
    let mock = Mock::serve(vec![whole(b"new", "e")]);
    let keep = || PartFile::new(&target, Existing::Keep, &mock.address, "a");
    let mut part = keep().unwrap();
    mock.client(DialectChoice::Extended)
        .fetch("a", &mut part, &mut ())
        .unwrap();
    fs::write(&target, "old").unwrap();
    assert_eq!(
        part.publish().unwrap_err().kind(),
        std::io::ErrorKind::AlreadyExists
    );
    assert_eq!(keep().unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&target).unwrap(), b"old");
    assert_eq!(names_in(folder.path()), [Path::new("a")]);
    mock.finish();
}

#[test]
fn a_second_download_into_the_same_file_is_kept_away() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::serve(vec![whole(b"new", "e")]);
    let mut part = part_file(folder.path(), &mock);
    mock.client(DialectChoice::Extended)
        .fetch("a", &mut part, &mut ())
        .unwrap();
    let second = PartFile::new(&folder.path().join("a"), Existing::Replace, &mock.address, "a");
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
    part.publish().unwrap();
    part_file(folder.path(), &mock);
    mock.finish();
}

#[test]
fn the_longest_name_has_room_for_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("ü".repeat(127));
    let mock = Mock::serve(vec![whole(b"new", "e")]);
    let mut part = PartFile::new(&target, Existing::Replace, &mock.address, "a").unwrap();
    mock.client(DialectChoice::Extended)
        .fetch("a", &mut part, &mut ())
        .unwrap();
    part.publish().unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(names_in(folder.path()).len(), 1);
    mock.finish();
}

/// A folder where somebody else has put something in the place of the part file or of its note: what a fetch into it
/// does, and that it ends.
fn is_refused_beside(put: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path());
    let mock = Mock::serve(vec![]);
    let refused = PartFile::new(&folder.path().join("a"), Existing::Replace, &mock.address, "a");
    assert!(refused.unwrap_err().to_string().contains("is in the way"));
    mock.finish();
}

#[test]
fn a_note_that_is_a_link_a_fifo_or_another_file_too_is_not_read() {
    let victim = tempfile::NamedTempFile::new().unwrap();
    is_refused_beside(|folder| {
        std::os::unix::fs::symlink(victim.path(), folder.join(".a.haul-part-of")).unwrap();
    });
    is_refused_beside(|folder| {
        fs::write(folder.join("other"), "").unwrap();
        fs::hard_link(folder.join("other"), folder.join(".a.haul-part-of")).unwrap();
    });
    is_refused_beside(|folder| {
        let note = folder.join(".a.haul-part-of");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &note,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
    });
}

#[test]
fn a_part_that_is_a_link_is_not_written_through() {
    for leads_somewhere in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        if leads_somewhere {
            fs::write(&victim, "mine").unwrap();
        }
        std::os::unix::fs::symlink(&victim, folder.path().join(".a.haul-part")).unwrap();
        let mock = Mock::serve(vec![whole(b"new", "e")]);
        let fetched = fetch(folder.path(), &mock, &mut mock.client(DialectChoice::Extended));
        assert!(matches!(fetched, Err(Error::Local(_))));
        assert_eq!(victim.exists(), leads_somewhere);
        assert!(!leads_somewhere || fs::read(&victim).unwrap() == b"mine");
        mock.finish();
    }
}

#[test]
fn a_part_that_has_a_second_name_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    fs::hard_link(&victim, folder.path().join(".a.haul-part")).unwrap();
    let mock = Mock::serve(vec![whole(b"new", "e")]);
    let fetched = fetch(folder.path(), &mock, &mut mock.client(DialectChoice::Extended));
    assert!(matches!(fetched, Err(Error::Local(_))));
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
    mock.finish();
}

#[test]
fn what_a_failed_fetch_keeps_is_told() {
    let (folder, content) = (tempfile::tempdir().unwrap(), content(WHOLE));
    let mock = Mock::serve(vec![broken_off(&content, "e", None)]);
    let mut part = part_file(folder.path(), &mock);
    let fetched = mock
        .client(DialectChoice::Extended)
        .fetch("a", &mut part, &mut ());
    assert!(matches!(fetched, Err(Error::Interrupted(_))));
    assert_eq!(part.kept_bytes(), HALF as u64);
    mock.finish();
}
