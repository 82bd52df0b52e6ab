//! Indonesian, with a comma before decimals. Nouns do not change with their number.

use haul_results::scaling::{LEVELS_MIN, NoCurve, REPEATS_MIN};
use haul_results::{
    CeilingKind, Change, FaultKind, Grade, Operation, Problem, Recommendation, StatedDurability, SubjectKind,
    Unjudged, Verdict,
};

use super::{
    CellWords, ChartWords, Columns, ComparisonWords, DrawingWords, FactWords, Headings, Nouns, Texts,
    VerdictWords, Wording,
};

pub(crate) const WORDS: Wording = Wording {
    code: "id",
    decimal_sign: ',',
    nouns: Nouns {
        cells: |count| format!("{count} sel"),
        repetitions: |count| format!("{count} ulangan"),
        cores: |count| format!("{count} inti"),
        clients: |count| format!("{count} client"),
        workers: |count| format!("{count} worker"),
        server_workers: |count| format!("{count} server worker"),
        operation,
        range: |low, high| format!("{low} sampai {high}"),
    },
    headings: Headings {
        title: "Uji beban server berkas",
        verdict: "Kesimpulan",
        banner: "Yang salah dengan hasil ini",
        configuration: "Konfigurasi",
        architecture: "Yang diuji, dan yang diukur waktunya",
        charts: "Grafik",
        table: "Semua sel",
        columns: "Arti kolom",
        repeat: "Cara mengulanginya",
        sheets: ["Hasil", "Keterangan"],
        page: "halaman",
    },
    texts: Texts {
        architecture: "Semua client dalam satu percobaan mulai bersamaan. Waktu sebuah client dihitung sejak saat itu \
            sampai seluruh transfernya selesai, jadi menunggu worker yang kosong ikut dihitung. Server adalah proses \
            tersendiri. Isi dibuat sebelum percobaan. Download dibandingkan byte demi byte saat diterima, di dalam waktu \
            client; upload dibandingkan byte demi byte setelah waktu ukur. Throughput total adalah seluruh isi dibagi \
            waktu sampai client terakhir selesai, bukan jumlah kecepatan client.",
        repeat: "Urutan sel yang sama, dari benih yang sama, pada mesin yang tenang. Waktu berbeda antar mesin; rasio \
            antar sel lebih stabil. Setiap transfer tercatat dalam results.json.",
        one_repetition: "Satu ulangan: angka-angkanya hasil ukur tunggal, tanpa interval.",
        medians: |repeats, claimed| {
            format!(
                "Angka adalah median dari {repeats} ulangan; dengan jumlah itu interval memuat median sebenarnya \
                 {claimed} dari waktu."
            )
        },
    },
    facts: FactWords {
        subject: "Server yang diuji",
        subject_kind,
        durability: "Ketahanan data",
        durability_kind,
        matrix: "Matriks",
        factors: [
            "operasi",
            "volume",
            "client",
            "server worker",
            "pool server",
            "pool client",
            "buffer",
            "dialect",
        ],
        machine: "Mesin",
        of_memory: "memori",
        scratch: "Ruang kerja",
        in_memory: "di memori",
        on_disk: "di disk: unggahan juga mengukur penulisan kernel",
        program: "Program",
        seed: "Benih acak",
        time: "Waktu",
        not_ended: "belum selesai",
        interrupted: ", terputus",
        resumed: |times| format!(", dilanjutkan {times} kali"),
        load: "Beban sebelum uji",
        ceilings: "Batas mesin",
        ceiling,
        verification: "Verifikasi",
        verified: |verified, ok, check_s| {
            format!(
                "{verified} dari {ok} transfer lengkap dibandingkan byte demi byte dalam {check_s} s: download saat \
                 diterima, upload setelah waktu ukur"
            )
        },
        baseline: "Baseline",
    },
    verdict: VerdictWords {
        outcome,
        advice,
        confidence: |repeats, share| {
            format!(
                "Keyakinan: {repeats} ulangan; sebuah interval memuat median sebenarnya {share} dari waktu"
            )
        },
        confidence_unknown: "Keyakinan: tidak diketahui, ada sel dengan kurang dari dua ulangan yang sah",
        within: |error| format!(", pada sel median dalam ±{error}"),
        reaches: |share| format!(". Pool yang disarankan mencapai {share} dari yang tercepat"),
        moved: |gib, transfers| format!("{gib} GiB isi dipindahkan dalam {transfers} transfer"),
        fastest: "Sel tercepat",
        slowest: "Sel terlambat",
        failures: "Kegagalan menurut kelas",
        limited_by_client: |limited, cells| {
            format!("{limited} dari {cells} sel dibatasi oleh client: di sana server mampu lebih")
        },
        against_baseline: |ratio| format!("Terhadap baseline: {ratio} kali secepat itu pada sel median"),
        crossed: "Terlampaui",
        peak: |peak, low, high| format!("puncaknya pada {peak} ({low} – {high})"),
        no_curve,
    },
    cells: CellWords {
        incomplete: |missing, planned| {
            format!("Pengujian belum lengkap: {missing} dari {planned} percobaan belum dilakukan.")
        },
        cell: "Sel",
        further: |cells| format!("… dan {cells} sel lain: lihat catatan dalam tabel."),
        invalid: "tidak sah",
        failed_of: |failed, of, classes| format!("{failed} dari {of} transfer gagal ({classes})"),
        share_of_ceiling: |share| format!("terukur {share} dari batas mesin, kesalahan pengukuran"),
        problem,
        not_measured: "tidak diukur",
        only_repetitions: |trials| format!("hanya {trials} ulangan"),
        invalid_trials: |trials, of, reason| format!("TIDAK SAH, {trials} dari {of} percobaan: {reason}"),
        failed: "gagal",
        unverified: |transfers| format!("{transfers} transfer tidak diverifikasi"),
        above_ceiling: "melebihi batas mesin: kesalahan pengukuran",
        limited_by_client: "dibatasi oleh client",
        scattered: "tersebar: lebih dari ±10%",
        took_part: |part, of| format!("hanya {part} dari {of} worker ikut bekerja"),
        not_reported: "tidak dilaporkan",
    },
    columns: Columns {
        translations: COLUMNS,
        interval_ends: ["Waktu, batas bawah (s)", "Waktu, batas atas (s)"],
    },
    drawing: DrawingWords {
        clients: "Client",
        start: "mulai bersamaan",
        queue: "Antrean",
        queue_rule: "sesuai urutan datang; tidak ada yang ditolak",
        workers: "Server worker",
        store: "Penyimpanan",
        read_and_written: "berkas dibaca (unduh), ditulis (unggah)",
        read: "berkas dibaca",
        written: "berkas ditulis",
        timed: "waktu ukur",
        phases: ["1 menyambung", "2 antre", "3 transfer"],
    },
    charts: ChartWords {
        clients: "client",
        server_workers: "server worker",
        clients_and_workers: "client · worker",
        largest_volume: |volume| format!("Ditampilkan untuk volume terbesar, {volume}."),
        left_out: |panels| format!("{panels} panel lain tidak ditampilkan; tabel memuat semua sel."),
        throughput: |rate, cell| format!("Throughput total tertinggi {rate} MiB/s: {cell}"),
        throughput_reading: "Setiap kotak adalah satu sel: jumlah client mendatar, server worker tegak, angkanya MiB/s \
            seluruh client bersama. Makin terang makin cepat, satu skala untuk semua panel. Tanda –: tidak ada hasil yang \
            sah.",
        throughput_scale: "Throughput total (MiB/s)",
        time_even: "Semua client dalam satu percobaan selesai hampir bersamaan",
        time_spread: |clients, workers, ratio| {
            format!("Dengan {clients} dan {workers}, client terakhir butuh {ratio} kali waktu client pertama")
        },
        time_reading: "Setiap titik kecil adalah satu client dari satu percobaan, yang tercepat di kiri kelompoknya, \
            sehingga antrean tampak seperti tangga. Titik besar: client median. Sumbu waktu logaritmik.",
        time_axis: "waktu (s)",
        scaling: |least, most, noun, range| {
            format!("Dari {least} ke {most} {noun}, throughput total menjadi {range} kali lipat")
        },
        scaling_reading: "Throughput total dengan interval setiap estimasi sebagai pita. Garis putus-putus: tanpa \
            kerugian, dua kali lipat jumlahnya berarti dua kali lipat hasilnya, mulai dari titik pertama garis terakhir.",
        scaling_axis: "total (MiB/s)",
        curve: "kurva hasil fit (Universal Scalability Law)",
        ideal: "ideal",
        memory_of_server: |mib| format!("Server tidak pernah memerlukan lebih dari {mib} MiB memori"),
        memory_of_clients: |mib| format!("Client tidak pernah memerlukan lebih dari {mib} MiB memori"),
        memory_reading: "Memori puncak semua proses satu sisi (proportional set size), tertinggi dari semua volume dan \
            ulangan. Garis yang naik bersama jumlah client berarti setiap client memakan memori.",
        memory_axis: "memori puncak (MiB)",
        cpu: |low, high| format!("Satu GiB memakan {low} sampai {high} detik waktu prosesor server"),
        cpu_of_clients: "Waktu prosesor client untuk setiap GiB",
        cpu_reading: "Median dari semua sel satu pool, kedua sisi berdampingan. Waktu user adalah kerja program sendiri, \
            waktu system kerja kernel, terutama menyalin lewat jaringan.",
        cpu_axis: "waktu prosesor (s/GiB)",
        cpu_parts: ["user (program)", "system (kernel)"],
        phases: |clients, workers, share| {
            format!("Dengan {clients} dan {workers}, {share} waktu sebuah client habis untuk menunggu")
        },
        phases_reading: "Satu batang untuk setiap jumlah client dan server worker, dari start bersama (0%) sampai selesai \
            (100%); waktu client median di belakangnya. Menunggu terutama berarti antrean server: worker yang cukup \
            menghapusnya.",
        phases_axis: "bagian waktu client (%)",
        phases_parts: ["menyambung", "menunggu byte pertama", "transfer"],
        baseline: |middle, low, high| {
            format!("Pada sel median sebuah client {middle} kali secepat baseline ({low} sampai {high})")
        },
        baseline_reading: "Satu titik untuk setiap sel, sumbu logaritmik. Di kanan garis putus-putus hasil ini lebih \
            cepat, di kiri lebih lambat. Baris tanpa titik tidak punya waktu dalam baseline.",
        baseline_axis: "kali secepat",
        this_run: "hasil ini",
    },
    comparison: ComparisonWords {
        not_comparable: "Tidak sebanding",
        counts: |faster, slower, noise, unjudged| {
            format!(
                "B lebih cepat pada {faster} sel, lebih lambat pada {slower}, dalam derau pada {noise}; {unjudged} tidak \
                 dapat dinilai."
            )
        },
        overall: "Semua sel bersama, B dibanding A",
        method: |rate, floor| {
            format!(
                "Throughput total, B dibanding A, dengan interval 95%; dikoreksi untuk banyaknya sel \
                 (Benjamini-Hochberg, {rate}); selisih di bawah {floor} dianggap tidak ada."
            )
        },
        headings: [
            "Operasi",
            "Volume",
            "Client",
            "Pool",
            "Pool client",
            "A (MiB/s)",
            "B (MiB/s)",
            "B/A",
            "Interval",
            "Perubahan",
        ],
        change,
    },
};

// One line for each column.
#[rustfmt::skip]
const COLUMNS: &[(&str, &str, &str)] = &[
    ("number", "No", "nomor sel"),
    ("operation", "Operasi", "yang dilakukan setiap client"),
    ("volume_bytes", "Volume", "isi yang dipindahkan setiap client"),
    ("clients", "Jumlah client worker", "client yang mulai bersamaan"),
    ("server_workers", "Jumlah server worker", "worker dalam pool server"),
    ("time_per_client_s", "Waktu per client (s)", "dari start bersama sampai transfer selesai, client median, termasuk waktu antre"),
    ("client_throughput", "Throughput per client (MiB/s)", "volume dibagi waktu, client median"),
    ("clients_ok", "Client worker sukses/gagal", "client yang sukses dan gagal, pada ulangan terburuk"),
    ("workers_ok", "Server worker sukses/gagal", "menurut catatan server sendiri; worker gagal jika mati atau menggagalkan permintaan"),
    ("pool", "Pool server", "cara worker server dijalankan"),
    ("client_pool", "Pool client", "cara client dijalankan"),
    ("buffer", "Buffer", "banyaknya data yang dipindahkan client sekali jalan"),
    ("dialect", "Dialect", "kata kerja protokol yang dipakai client"),
    ("interval", "Interval waktu (s)", "letak median waktu yang sebenarnya, dari semua ulangan"),
    ("tail", "Client paling lambat (s)", "persentil ke-95 (p95) dari semua client, atau maksimum (max) jika kurang dari 20"),
    ("total_throughput", "Total (MiB/s)", "seluruh isi dibagi waktu sampai client terakhir selesai"),
    ("ceiling_share", "Bagian dari batas mesin", "total dibagi batas mesin terendah yang berlaku untuk sel"),
    ("server_cpu", "CPU server (s/GiB)", "waktu prosesor server untuk setiap GiB"),
    ("client_cpu", "CPU client (s/GiB)", "waktu prosesor client untuk setiap GiB"),
    ("server_memory", "Memori puncak server (MiB)", "ukuran set proporsional semua prosesnya"),
    ("client_memory", "Memori puncak client (MiB)", "ukuran set proporsional semua prosesnya"),
    ("verified", "Terverifikasi", "transfer yang setiap bitnya dibandingkan, dari semua ulangan"),
    ("ratio", "Rasio terhadap baseline", "throughput per client dibagi baseline"),
    ("remarks", "Catatan", "hal lain tentang sel"),
];

fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Download => "unduh",
        Operation::Upload => "unggah",
    }
}

fn subject_kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Own => "dijalankan oleh lab",
        SubjectKind::Command => "server lain, dijalankan oleh lab",
        SubjectKind::Target => "server yang sudah berjalan",
    }
}

fn durability_kind(durability: StatedDurability) -> &'static str {
    match durability {
        StatedDurability::Synced => "unggahan dianggap tersimpan setelah ada di disk",
        StatedDurability::Buffered => "unggahan dianggap tersimpan setelah diterima sistem",
        StatedDurability::Unknown => "server tidak menyatakan kapan unggahan tersimpan",
    }
}

fn ceiling(kind: CeilingKind) -> String {
    match kind {
        CeilingKind::Tcp { streams } => return format!("TCP × {streams}"),
        CeilingKind::Base64Encode => "enkode base64",
        CeilingKind::Base64Decode => "dekode base64",
        CeilingKind::MemoryCopy => "salin memori",
        CeilingKind::FileBuffered => "tulis berkas",
        CeilingKind::FileSynced => "tulis berkas, sampai ke disk",
    }
    .to_owned()
}

fn outcome(verdict: &Verdict) -> String {
    let (cells, transfers, failed) = (verdict.cells, verdict.transfers(), verdict.transfers_failed());
    match verdict.grade {
        Grade::Ok if verdict.transfers_verified == transfers => {
            format!("Semua {cells} sel berhasil, dan setiap byte dari {transfers} transfer terverifikasi")
        }
        Grade::Ok => format!("Semua {cells} sel berhasil, dengan {transfers} transfer"),
        Grade::Corrupt => format!(
            "Isi rusak: {} dari {transfers} transfer membawa byte yang salah",
            verdict.transfers_corrupt()
        ),
        Grade::Invalid => format!(
            "Pengujian tidak sah pada {} dari {cells} sel",
            verdict.cells_invalid.len()
        ),
        Grade::Incomplete => format!(
            "Pengujian belum lengkap: {} dari {cells} sel kekurangan percobaan",
            verdict.cells_incomplete.len()
        ),
        Grade::Failed => format!(
            "{failed} dari {transfers} transfer gagal, pada {} dari {cells} sel",
            verdict.cells_failed.len()
        ),
        Grade::Crossed => format!("{} ambang terlampaui", verdict.crossings.len()),
    }
}

fn advice(recommendation: &Recommendation) -> String {
    let (pool, best) = (recommendation.recommended.pool, recommendation.best);
    match recommendation.candidates.len() {
        1 => format!("{pool} adalah satu-satunya pool teruji tanpa kegagalan"),
        tested if pool == best => format!(
            "{pool} tercepat di antara {tested} pool yang diuji, dan tidak ada yang lebih kecil dalam selisih 5%"
        ),
        tested => format!(
            "{pool} sudah cukup, pool terkecil di antara {tested} yang diuji dalam selisih 5% dari yang tercepat ({best})"
        ),
    }
}

fn no_curve(why: &NoCurve) -> String {
    let number = |value: f64| WORDS.fixed(value, 6);
    let why = match why {
        NoCurve::TooFewLevels { found } => format!("hanya {found} tingkat yang diuji, perlu {LEVELS_MIN}"),
        NoCurve::TooFewRepeats { count, found } => {
            format!("tingkat {count} diuji {found} kali, perlu {REPEATS_MIN}")
        }
        NoCurve::Invalid { count } => format!("sel dengan {count} tidak sah atau ada transfer yang gagal"),
        NoCurve::Singular => "hasil ukur tidak menentukan kurva".to_owned(),
        NoCurve::Alpha { alpha } => format!("α akan menjadi {}, di luar 0 sampai 1", number(alpha.value)),
        NoCurve::Beta { beta } => format!("β akan menjadi {}, padahal tidak boleh negatif", number(*beta)),
        NoCurve::NoPeak { beta } => format!(
            "tidak tampak puncak: β mungkin 0 (interval {} – {})",
            number(beta.low),
            number(beta.high)
        ),
        NoCurve::PeakOutside { peak, least, most } => {
            format!("puncak akan berada pada {peak:.0}, di luar yang diuji ({least} – {most})")
        }
        NoCurve::RelativeError { count, error } => {
            format!("kurva meleset {} dari median pada {count}", WORDS.percent(*error))
        }
    };
    format!("Kurva tidak digambar: {why}.")
}

fn problem(found: &Problem) -> String {
    match found {
        Problem::Fault(found) => fault(found.kind).to_owned(),
        Problem::Samples { clients, counted } => {
            format!("{counted} dari {clients} client meninggalkan tepat satu catatan")
        }
        Problem::Volume { transfers } => format!("{transfers} transfer memindahkan volume lain"),
        Problem::Times { transfers } => format!("{transfers} transfer memiliki waktu yang mustahil"),
        Problem::Requests {
            clients_ok,
            clients,
            server_ok,
            server,
        } => format!(
            "catatan berbeda: client menghitung {clients_ok} dari {clients} permintaan selesai, server {server_ok} dari {server}"
        ),
        Problem::Bytes { clients, server } => {
            format!("catatan berbeda: client menghitung {clients:#} isi, server {server:#}")
        }
    }
}

fn fault(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::ServerNotStarted => "server tidak mulai",
        FaultKind::ServerDied => "server berhenti di tengah jalan",
        FaultKind::ClientsNotStarted => "client tidak dapat dijalankan",
        FaultKind::Unreadable => "hasil ukur tidak dapat dibaca",
        FaultKind::Interrupted => "terputus di tengah jalan",
    }
}

fn change(change: Change) -> &'static str {
    match change {
        Change::Faster => "lebih cepat",
        Change::Slower => "lebih lambat",
        Change::WithinNoise => "dalam derau",
        Change::Unjudged(Unjudged::Missing) => "tidak ada di keduanya",
        Change::Unjudged(Unjudged::Invalid) => "tidak sah",
        Change::Unjudged(Unjudged::Failed) => "gagal",
        Change::Unjudged(Unjudged::SingleTrial) => "hanya satu percobaan",
    }
}
