//! What help and manual say beyond the flags: examples, exit codes, variables and files of each subcommand.

/// What stands below the flags of one subcommand.
pub(crate) struct Guide {
    /// The subcommand; empty for `haul` itself.
    pub(crate) command: &'static str,
    /// Rules that belong to no single flag, a sentence each.
    pub(crate) notes: &'static [&'static str],
    /// Command lines, each with what it does.
    pub(crate) examples: &'static [(&'static str, &'static str)],
    /// Exit codes, each with its meaning.
    pub(crate) exit_status: &'static [(&'static str, &'static str)],
    /// Variables of the environment, each with its meaning.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// Files that are read or written beside those that were named.
    pub(crate) files: &'static [(&'static str, &'static str)],
}

type Rows = &'static [(&'static str, &'static str)];

const CLIENT_EXIT: Rows = &[
    ("0", "everything was done"),
    ("1", "something failed, or several things for different reasons"),
    ("2", "the command line or a setting cannot be used"),
    ("3", "no connection to the server"),
    ("4", "the server has no such object"),
];
const SERVE_EXIT: Rows = &[
    ("0", "ended by a signal, after a drain"),
    ("1", "the server could not start, or failed"),
    ("2", "a flag, a variable, the file or ROOT cannot be used"),
];
const LAB_EXIT: Rows = &[
    ("0", "all cells are valid and ok"),
    ("1", "some transfer failed"),
    (
        "2",
        "the command line cannot be used, or there is no room for the run",
    ),
    ("3", "content was corrupt"),
    ("4", "a --fail-if threshold was crossed"),
    ("5", "the run is invalid or not complete"),
];
const REPORT_EXIT: Rows = &[
    ("0", "the report is written"),
    ("1", "the results cannot be read, or the files not written"),
    ("2", "the command line cannot be used"),
];
const COMPARE_EXIT: Rows = &[
    ("0", "the comparison is printed"),
    ("1", "the results cannot be read"),
    ("2", "the command line cannot be used"),
    ("4", "--fail-if-slower was given, and something is slower"),
    ("5", "the two runs cannot be compared"),
];
const PRINT_EXIT: Rows = &[
    ("0", "it was printed or written"),
    ("1", "it could not be written"),
    ("2", "the command line cannot be used"),
];
const CLIENT_ENVIRONMENT: Rows = &[
    ("HAUL_SERVER", "the server, where --server is not given"),
    ("TMPDIR", "where `put -` keeps standard input"),
];
const PART_FILES: Rows = &[
    (
        ".NAME.haul-part",
        "a download that is not whole yet; the next get continues it",
    ),
    (
        ".NAME.haul-part-of",
        "which object and version that part belongs to",
    ),
];
const NO_ROWS: Rows = &[];

/// One guide for each subcommand that is shown, and one for `haul` itself.
const GUIDES: &[Guide] = &[
    Guide {
        command: "",
        notes: &[],
        examples: &[
            ("haul serve -w ~/shared", "serve a folder, with uploads"),
            ("haul put photo.jpg", "upload to the server on this machine"),
            (
                "haul --server 192.168.1.5 get photo.jpg",
                "download from another machine",
            ),
            ("haul bench --quick", "measure how the server's pools behave here"),
        ],
        exit_status: &[
            ("0", "done"),
            ("1", "failed"),
            ("2", "the command line or a setting cannot be used"),
            ("others", "see haul COMMAND --help"),
        ],
        environment: &[
            ("HAUL_SERVER", "the server of the client commands"),
            ("HAUL_*", "the settings of haul serve"),
        ],
        files: NO_ROWS,
    },
    Guide {
        command: "serve",
        notes: &[
            "Each flag can also be set in the environment (HAUL_MAX_UPLOAD for --max-upload) or in the file of --config \
             (max-upload = \"1GB\"). A flag beats the environment, the environment beats the file.",
            "Sizes are bytes, or like 256KiB and 1GB (KiB = 1024, KB = 1000); times are seconds, or like 30s and 1m.",
            "There is no encryption and no login: anyone who can reach the port can read, and with -w write, everything.",
        ],
        examples: &[
            ("haul serve", "the current folder, read-only, for this machine"),
            (
                "haul serve -w ~/shared -p 8080",
                "with uploads and deletes, on port 8080",
            ),
            (
                "haul serve --listen 0.0.0.0:46666 /srv/files",
                "for every machine that can reach this one",
            ),
            (
                "haul serve --pool processes:50 --config haul.toml",
                "fifty worker processes, other settings from a file",
            ),
        ],
        exit_status: SERVE_EXIT,
        environment: &[
            (
                "HAUL_SETTING",
                "any setting: HAUL_POOL for --pool, HAUL_ROOT for ROOT",
            ),
            ("HAUL_CONFIG", "the file of --config"),
            ("NO_COLOR", "no colours in the log"),
        ],
        files: &[(
            ".haul-inflight-*",
            "an upload in flight, where the file system has no unnamed files",
        )],
    },
    Guide {
        command: "ls",
        notes: &[],
        examples: &[
            ("haul ls", "the top folder"),
            ("haul ls -l photos", "sizes and local times too"),
            ("haul ls -lr --bytes", "everything, with exact sizes"),
            (
                "haul ls haul://192.168.1.5:46666/photos",
                "a folder of another server",
            ),
        ],
        exit_status: CLIENT_EXIT,
        environment: CLIENT_ENVIRONMENT,
        files: NO_ROWS,
    },
    Guide {
        command: "get",
        notes: &[
            "A download is verified with the server's BLAKE3 digest where the server has one, and takes its name only when it \
             is whole. An interrupted one is continued by the same command.",
        ],
        examples: &[
            ("haul get photo.jpg", "into the current folder"),
            ("haul get photo.jpg -o copy.jpg", "under another name"),
            ("haul get -r photos", "a folder, as ./photos"),
            (
                "haul get -r --update photos",
                "only what is missing or has changed",
            ),
            ("haul get notes.txt -o -", "to standard output"),
        ],
        exit_status: CLIENT_EXIT,
        environment: CLIENT_ENVIRONMENT,
        files: PART_FILES,
    },
    Guide {
        command: "put",
        notes: &[
            "An upload that was interrupted starts over; `put -r --update` skips the files that are stored already.",
        ],
        examples: &[
            ("haul put photo.jpg notes.txt", "two files, under their names"),
            ("haul put photo.jpg --to album/2026.jpg", "under another name"),
            ("haul put -r photos", "a folder, as photos/…"),
            (
                "haul put -r photos/ --to album/",
                "what is in the folder, as album/…",
            ),
            ("tar c . | haul put - --to backup.tar", "standard input"),
        ],
        exit_status: CLIENT_EXIT,
        environment: CLIENT_ENVIRONMENT,
        files: NO_ROWS,
    },
    Guide {
        command: "rm",
        notes: &[],
        examples: &[
            ("haul rm notes.txt", "one object"),
            ("haul rm -r photos", "a folder and what is in it"),
        ],
        exit_status: CLIENT_EXIT,
        environment: CLIENT_ENVIRONMENT,
        files: NO_ROWS,
    },
    Guide {
        command: "stat",
        notes: &[],
        examples: &[
            ("haul stat photo.jpg", "what the server knows"),
            (
                "haul stat --digest photo.jpg",
                "with its BLAKE3 digest, computed if need be",
            ),
        ],
        exit_status: CLIENT_EXIT,
        environment: CLIENT_ENVIRONMENT,
        files: NO_ROWS,
    },
    Guide {
        command: "stats",
        notes: &[],
        examples: &[
            ("haul stats", "totals of the server on this machine"),
            (
                "haul stats -v 192.168.1.5:46666",
                "each worker and verb of another one",
            ),
        ],
        exit_status: CLIENT_EXIT,
        environment: CLIENT_ENVIRONMENT,
        files: NO_ROWS,
    },
    Guide {
        command: "bench",
        notes: &[
            "Lists are separated by commas. Sizes are bytes, or like 10MiB and 1MB (MiB = 1048576, MB = 1000000).",
        ],
        examples: &[
            ("haul bench --quick", "a small matrix, in under a minute"),
            ("haul bench --dry-run", "the plan, and how long it takes"),
            (
                "haul bench --workers 1,4,16 --pools threads,processes",
                "chosen levels",
            ),
            (
                "haul bench --target 127.0.0.1:46666",
                "a server that runs already",
            ),
        ],
        exit_status: LAB_EXIT,
        environment: NO_ROWS,
        files: &[("haul-results/TIME/", "the journal and the report of a run")],
    },
    Guide {
        command: "report",
        notes: &[],
        examples: &[(
            "haul report haul-results/TIME --lang id",
            "the report again, in Indonesian",
        )],
        exit_status: REPORT_EXIT,
        environment: NO_ROWS,
        files: NO_ROWS,
    },
    Guide {
        command: "compare",
        notes: &[],
        examples: &[("haul compare before after", "two results folders, cell by cell")],
        exit_status: COMPARE_EXIT,
        environment: NO_ROWS,
        files: NO_ROWS,
    },
    Guide {
        command: "completions",
        notes: &[],
        examples: &[
            ("source <(haul completions bash)", "for this shell"),
            ("haul completions zsh > ~/.zfunc/_haul", "for every zsh to come"),
        ],
        exit_status: PRINT_EXIT,
        environment: NO_ROWS,
        files: NO_ROWS,
    },
    Guide {
        command: "man",
        notes: &[],
        examples: &[
            ("haul man get | man -l -", "one page, shown"),
            ("haul man --out ~/.local/share/man/man1", "all pages, installed"),
        ],
        exit_status: PRINT_EXIT,
        environment: NO_ROWS,
        files: NO_ROWS,
    },
];

/// The guide of a subcommand; that of `haul` for the empty name.
pub(crate) fn guide(command: &str) -> Option<&'static Guide> {
    GUIDES.iter().find(|guide| guide.command == command)
}

impl Guide {
    /// What `--help` prints below the flags.
    pub(crate) fn after_help(&self) -> String {
        let mut parts: Vec<String> = self.notes.iter().map(|&note| note.to_owned()).collect();
        parts.push(section("Examples:", self.examples));
        parts.push(section("Exit status:", self.exit_status));
        parts.join("\n\n")
    }
}

fn section(title: &str, rows: Rows) -> String {
    let widest = rows.iter().map(|(left, _)| left.len()).max().unwrap_or(0);
    let mut text = title.to_owned();
    for (left, right) in rows {
        text.push_str(&format!("\n  {left:<widest$}  {right}"));
    }
    text
}
