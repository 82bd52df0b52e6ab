use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use haul_server::ServedRoot;
use haul_types::Durability;

use super::*;
use crate::cli::{Cli, Command};
use crate::logs::{LogFormat, LogLevel};

/// The flags that these words mean.
fn typed(words: &[&str]) -> ServeArgs {
    let cli = Cli::try_parse_from(["haul", "serve"].iter().chain(words)).unwrap();
    let Command::Serve(flags) = cli.command else {
        panic!("`serve` is another subcommand")
    };
    *flags
}

fn resolved(words: &[&str], variables: &[(&str, &str)], file: Option<&str>) -> Result<Settings, String> {
    let environment = variables.iter().copied().collect();
    let file = file.map(|text| FileText {
        name: "haul.toml",
        text,
    });
    resolve(&typed(words), &environment, file).map_err(|error| error.to_string())
}

/// Everything that can be set, as text by its name.
fn shown(settings: &Settings) -> BTreeMap<&'static str, String> {
    let Config {
        root,
        listen,
        pool,
        writable,
        durability,
        limits,
        unterminated_writes,
    } = &settings.config;
    BTreeMap::from([
        ("root", root.to_string()),
        (
            "listen",
            listen
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(","),
        ),
        ("pool", pool.to_string()),
        ("writable", writable.to_string()),
        ("durability", format!("{durability:?}")),
        ("buffer", limits.buffer_bytes.to_string()),
        ("max-upload", format!("{:?}", limits.upload_bytes_max)),
        ("max-connections", limits.connections_max.to_string()),
        ("idle-timeout", format!("{:?}", limits.idle_timeout)),
        ("stall-timeout", format!("{:?}", limits.stall_timeout)),
        ("line-timeout", format!("{:?}", limits.line_timeout)),
        ("grace", format!("{:?}", limits.grace)),
        ("unterminated-writes", unterminated_writes.to_string()),
        ("log-format", settings.log.format.to_string()),
        ("log-level", settings.log.level.to_string()),
    ])
}

/// For each setting: what the three layers say (flag, environment, file), and what each comes to.
const EVERY_SETTING: [(&str, [&str; 3], [&str; 3]); 15] = [
    ("root", ["a", "b", "\"c\""], ["a", "b", "c"]),
    (
        "listen",
        [
            "127.0.0.1:1",
            "127.0.0.1:2,[::1]:2",
            "[\"127.0.0.1:3\", \"localhost:4\"]",
        ],
        ["127.0.0.1:1", "127.0.0.1:2,[::1]:2", "127.0.0.1:3,127.0.0.1:4"],
    ),
    (
        "pool",
        ["threads:1", "processes:2", "\"threads:3x4\""],
        ["threads:1", "processes:2", "threads:3x4"],
    ),
    ("writable", ["false", "true", "true"], ["false", "true", "true"]),
    (
        "durability",
        ["buffered", "synced", "\"buffered\""],
        ["Buffered", "Synced", "Buffered"],
    ),
    (
        "buffer",
        ["64KiB", "128KiB", "192000"],
        ["65536", "131072", "192000"],
    ),
    (
        "max-upload",
        ["1MB", "none", "\"3MiB\""],
        ["Some(1000000)", "None", "Some(3145728)"],
    ),
    ("max-connections", ["1", "2", "3"], ["1", "2", "3"]),
    ("idle-timeout", ["1s", "2", "3"], ["1s", "2s", "3s"]),
    ("stall-timeout", ["1m", "2m", "\"3m\""], ["60s", "120s", "180s"]),
    (
        "line-timeout",
        ["100ms", "0.2", "0.3"],
        ["100ms", "200ms", "300ms"],
    ),
    ("grace", ["0", "2s", "3"], ["0ns", "2s", "3s"]),
    (
        "unterminated-writes",
        ["true", "false", "true"],
        ["true", "false", "true"],
    ),
    (
        "log-format",
        ["json", "text", "\"json\""],
        ["json", "text", "json"],
    ),
    (
        "log-level",
        ["warn", "debug", "\"off\""],
        ["warn", "debug", "off"],
    ),
];

fn flag_of(setting: &str, value: &str) -> String {
    if setting == "root" {
        value.to_owned()
    } else {
        format!("--{setting}={value}")
    }
}

fn variable_of(setting: &str) -> String {
    format!("HAUL_{}", setting.replace('-', "_").to_uppercase())
}

#[test]
fn what_nobody_says_has_the_servers_default() {
    let settings = resolved(&[], &[], None).unwrap();
    let default = Config::default();
    assert_eq!(settings.config.root, ServedRoot::Folder(".".into()));
    assert_eq!(
        settings.config.listen,
        [SocketAddr::from(([127, 0, 0, 1], 46666))]
    );
    assert_eq!(settings.config.pool, default.pool);
    assert!(!settings.config.writable);
    assert_eq!(settings.config.durability, Durability::Synced);
    assert_eq!(settings.config.limits.buffer_bytes, default.limits.buffer_bytes);
    assert_eq!(settings.config.limits.upload_bytes_max, None);
    assert_eq!(
        settings.config.limits.connections_max,
        NonZeroU32::new(4096).unwrap()
    );
    assert_eq!(settings.config.limits.idle_timeout, Duration::from_secs(60));
    assert_eq!(settings.config.limits.stall_timeout, Duration::from_secs(60));
    assert_eq!(settings.config.limits.line_timeout, Duration::from_secs(30));
    assert_eq!(settings.config.limits.grace, Duration::from_secs(30));
    assert!(!settings.config.unterminated_writes);
    assert_eq!(
        settings.log,
        LogSettings {
            format: LogFormat::Text,
            level: LogLevel::Info
        }
    );
}

#[test]
fn every_setting_can_come_from_every_layer_and_touches_nothing_else() {
    let default = shown(&resolved(&[], &[], None).unwrap());
    for (setting, [flag, variable, value], [by_flag, by_variable, by_file]) in EVERY_SETTING {
        let variable_name = variable_of(setting);
        let file = format!("{setting} = {value}");
        let with_underscores = format!("{} = {value}", setting.replace('-', "_"));
        for (settings, meant) in [
            (resolved(&[&flag_of(setting, flag)], &[], None), by_flag),
            (resolved(&[], &[(&variable_name, variable)], None), by_variable),
            (resolved(&[], &[], Some(&file)), by_file),
            (resolved(&[], &[], Some(&with_underscores)), by_file),
        ] {
            let mut expected = default.clone();
            expected.insert(setting, meant.to_owned());
            assert_eq!(shown(&settings.unwrap()), expected, "{setting}");
        }
    }
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_beats_the_file() {
    for (setting, [flag, variable, value], [by_flag, by_variable, _]) in EVERY_SETTING {
        let (flag, variable_name) = (flag_of(setting, flag), variable_of(setting));
        let file = format!("{setting} = {value}");
        let all = resolved(&[&flag], &[(&variable_name, variable)], Some(&file)).unwrap();
        assert_eq!(shown(&all)[setting], by_flag, "{setting}");
        let two = resolved(&[], &[(&variable_name, variable)], Some(&file)).unwrap();
        assert_eq!(shown(&two)[setting], by_variable, "{setting}");
    }
}

#[test]
fn an_error_names_the_layer_the_value_and_what_to_write() {
    let problem = "`12 parsecs` is not a time; write seconds, or a time such as 30s or 1m";
    assert_eq!(
        resolved(&["--grace=12 parsecs"], &[], None).unwrap_err(),
        format!("--grace: {problem}")
    );
    let by_variable = resolved(&[], &[("HAUL_GRACE", "12 parsecs")], None);
    assert_eq!(by_variable.unwrap_err(), format!("HAUL_GRACE: {problem}"));
    let by_file = resolved(&[], &[], Some("grace = \"12 parsecs\""));
    assert_eq!(by_file.unwrap_err(), format!("haul.toml: grace: {problem}"));
    let pool = resolved(&["--pool", "forks:3"], &[], None).unwrap_err();
    assert!(
        pool.starts_with("--pool: `forks:3` is not a pool") && pool.contains("threads:50"),
        "{pool}"
    );
    let pool = resolved(&[], &[("HAUL_POOL", "")], Some("pool = 50")).unwrap_err();
    assert!(pool.starts_with("haul.toml: pool: `50` is not a pool"), "{pool}");
}

fn has_advice(error: &str) -> bool {
    error.contains("write ") || error.contains("for example ")
}

#[test]
fn every_setting_refuses_nonsense_in_every_layer() {
    for (setting, ..) in EVERY_SETTING
        .into_iter()
        .filter(|(setting, ..)| *setting != "root")
    {
        let variable = variable_of(setting);
        let error = resolved(&[], &[(&variable, "§")], None).unwrap_err();
        assert!(
            error.starts_with(&format!("{variable}: `§` ")) && has_advice(&error),
            "{error}"
        );
        let error = resolved(&[], &[], Some(&format!("{setting} = \"§\""))).unwrap_err();
        assert!(
            error.starts_with(&format!("haul.toml: {setting}: `§` ")) && has_advice(&error),
            "{error}"
        );
    }
}

#[test]
fn a_key_that_is_no_setting_is_an_error_that_names_key_and_file() {
    for key in ["pools", "Pool", "server", "config"] {
        let error = resolved(&["--pool=tasks"], &[], Some(&format!("{key} = \"x\""))).unwrap_err();
        assert!(
            error.starts_with(&format!("haul.toml: {key}: there is no such setting")),
            "{error}"
        );
        assert!(error.contains("max-upload"), "{error}");
    }
    let error = resolved(&[], &[], Some("[limits]\ngrace = 3")).unwrap_err();
    assert!(error.starts_with("haul.toml: limits: "), "{error}");
}

#[test]
fn a_setting_that_a_file_spells_twice_is_an_error() {
    let error = resolved(&[], &[], Some("max-upload = 1\nmax_upload = 2")).unwrap_err();
    assert!(
        error.starts_with("haul.toml: max") && error.contains("twice"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_toml_is_an_error_with_its_line() {
    let error = resolved(&[], &[], Some("grace = 3\npool = threads:50\n")).unwrap_err();
    assert!(
        error.starts_with("haul.toml: line 2: ") && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn a_value_of_the_wrong_form_in_a_file_says_what_to_write() {
    for (file, start) in [
        ("grace = [1]", "haul.toml: grace: write a text"),
        ("grace = { seconds = 3 }", "haul.toml: grace: write a text"),
        (
            "listen = [46666]",
            "haul.toml: listen: write each address as a text",
        ),
        ("listen = []", "haul.toml: listen: write a text"),
        (
            "writable = 7",
            "haul.toml: writable: `7` is neither true nor false",
        ),
    ] {
        let error = resolved(&[], &[], Some(file)).unwrap_err();
        assert!(error.starts_with(start), "{file}: {error}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let settings = resolved(
        &[],
        &[("HAUL_POOL", ""), ("HAUL_LISTEN", "")],
        Some("pool = \"threads:7\""),
    )
    .unwrap();
    assert_eq!(shown(&settings)["pool"], "threads:7");
    assert_eq!(shown(&settings)["listen"], "127.0.0.1:46666");
}

#[test]
fn listen_may_be_given_several_times_and_with_commas() {
    let words = ["--listen", "127.0.0.1:1", "--listen", "[::1]:2, localhost:3"];
    let settings = resolved(&words, &[("HAUL_LISTEN", "127.0.0.1:9")], None).unwrap();
    assert_eq!(shown(&settings)["listen"], "127.0.0.1:1,[::1]:2,127.0.0.1:3");
}

#[test]
fn writable_needs_no_value_and_swallows_no_root() {
    for words in [
        ["-w", "folder"],
        ["--writable", "folder"],
        ["folder", "-w"],
        ["-w=true", "folder"],
    ] {
        let settings = resolved(&words, &[("HAUL_WRITABLE", "false")], None).unwrap();
        assert!(settings.config.writable, "{words:?}");
        assert_eq!(
            settings.config.root,
            ServedRoot::Folder("folder".into()),
            "{words:?}"
        );
    }
    assert!(
        !resolved(&["-w=false"], &[("HAUL_WRITABLE", "1")], None)
            .unwrap()
            .config
            .writable
    );
}

#[test]
fn the_root_remembers_its_layer() {
    for (settings, source) in [
        (resolved(&["a"], &[], None), "ROOT"),
        (resolved(&[], &[("HAUL_ROOT", "a")], None), "HAUL_ROOT"),
        (resolved(&[], &[], Some("root = \"a\"")), "haul.toml: root"),
    ] {
        assert_eq!(settings.unwrap().root_source.to_string(), source);
    }
}

#[test]
fn a_root_in_memory_has_a_size_and_an_error_names_its_layer() {
    let root = |text: &str| {
        let environment: Variables = [("HAUL_ROOT", OsString::from(text))].into_iter().collect();
        resolve(&typed(&[]), &environment, None).map(|settings| settings.config.root)
    };
    assert_eq!(
        root("memory:").unwrap(),
        ServedRoot::Memory(ServedRoot::MEMORY_MAX)
    );
    assert_eq!(root("memory:64MiB").unwrap().to_string(), "memory:64MiB");
    let error = root("memory:lots").unwrap_err().to_string();
    assert!(error.starts_with("HAUL_ROOT: `lots` is not a size"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_root_may_be_something_else_than_utf_8() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = OsString::from_vec(vec![b'a', 0xff]);
    let environment: Variables = [("HAUL_ROOT", odd.clone())].into_iter().collect();
    assert_eq!(
        resolve(&typed(&[]), &environment, None).unwrap().config.root,
        ServedRoot::Folder(PathBuf::from(&odd))
    );
    let environment: Variables = [("HAUL_POOL", odd)].into_iter().collect();
    let error = resolve(&typed(&[]), &environment, None).unwrap_err().to_string();
    assert_eq!(error, "HAUL_POOL: the value is not UTF-8");
}

#[test]
fn the_file_is_named_by_the_flag_or_else_by_the_environment() {
    let environment: Variables = [("HAUL_CONFIG", "b.toml")].into_iter().collect();
    let (path, source) = config_file(&typed(&["--config", "a.toml"]), &environment).unwrap();
    assert_eq!(
        (path, source.to_string()),
        (PathBuf::from("a.toml"), "--config".to_owned())
    );
    let (path, source) = config_file(&typed(&[]), &environment).unwrap();
    assert_eq!(
        (path, source.to_string()),
        (PathBuf::from("b.toml"), "HAUL_CONFIG".to_owned())
    );
    assert!(config_file(&typed(&[]), &Variables::default()).is_none());
}

#[test]
fn the_clients_server_comes_from_the_flag_the_environment_or_the_default() {
    let environment: Variables = [("HAUL_SERVER", "haul://b:2")].into_iter().collect();
    assert_eq!(server(Some("a:1"), &environment).unwrap(), Address::new("a", 1));
    assert_eq!(server(None, &environment).unwrap(), Address::new("b", 2));
    assert_eq!(
        server(None, &Variables::default()).unwrap(),
        Address::new("127.0.0.1", 46666)
    );
    assert!(
        server(Some("a:port"), &environment)
            .unwrap_err()
            .to_string()
            .starts_with("--server: ")
    );
    let environment: Variables = [("HAUL_SERVER", "haul://b:port")].into_iter().collect();
    assert!(
        server(None, &environment)
            .unwrap_err()
            .to_string()
            .starts_with("HAUL_SERVER: ")
    );
}

#[test]
fn the_help_names_every_setting_and_its_true_default() {
    let mut tree = Cli::command();
    let help = tree
        .find_subcommand_mut("serve")
        .unwrap()
        .render_help()
        .to_string();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let flags = EVERY_SETTING
        .into_iter()
        .filter(|(setting, ..)| *setting != "root");
    for (setting, ..) in flags {
        assert!(help.contains(&format!("--{setting}")), "{setting}");
    }
    let buffer_kib = Config::default().limits.buffer_bytes / 1024;
    assert!(help.contains(&format!("[default: {buffer_kib}KiB]")), "{help}");
}

#[test]
fn a_worker_takes_the_log_flags_that_a_supervisor_writes() {
    let settings = LogSettings {
        format: LogFormat::Json,
        level: LogLevel::Warn,
    };
    let [format, level] = [settings.format.to_string(), settings.level.to_string()];
    let cli =
        Cli::try_parse_from(["haul", "worker", "--log-format", &format, "--log-level", &level]).unwrap();
    let Command::Worker(flags) = cli.command else {
        panic!("`worker` is another subcommand")
    };
    assert_eq!(resolve_log(&flags), Ok(settings));
}

#[test]
fn the_tree_of_subcommands_is_sound() {
    Cli::command().debug_assert();
}
