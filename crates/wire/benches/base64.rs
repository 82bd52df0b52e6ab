//! How fast the candidates encode and decode base64 in the pieces that a server moves, side by side and in
//! turns, beside this crate's own streaming encoder and decoder; and how fast the decoders of requests and
//! replies take bodies of every shape.
//!
//! `cargo bench -p haul-wire --bench base64` prints two tables: medians of 201 rounds, in GB of content per
//! second. The buffers are used again, as a server does.
#![expect(clippy::print_stdout, reason = "a benchmark is read on a terminal")]
#![expect(clippy::unwrap_used, reason = "its input is right")]

use std::hint::black_box;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64_SCALAR;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig, Simd};
use base64_simd::AsOut;

const ROUNDS: usize = 201;
/// Little, so that a round fits between two interruptions by other programs.
const CONTENT_BYTES_PER_ROUND: usize = 1 << 20;

type Codec<'a> = (&'a str, Box<dyn FnMut(&[u8], &mut [u8]) -> usize + 'a>);

fn main() {
    let simd = Simd::standard(
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    println!("| piece | direction | {} |", names(&mut encoders(&simd)));
    for kib in [64, 96, 192, 256] {
        // Whole triples, so that every candidate does the same work.
        let content: Vec<u8> = (0..(kib << 10) / 3 * 3)
            .map(|i: usize| (i * 31 + (i >> 8)) as u8)
            .collect();
        let text = BASE64_SCALAR.encode(&content).into_bytes();
        row(kib, "encode", &content, content.len(), &mut encoders(&simd));
        row(kib, "decode", &text, content.len(), &mut decoders(&simd));
    }
    bodies();
}

fn encoders<'a>(simd: &'a Simd) -> Vec<Codec<'a>> {
    let mut ours = haul_wire::base64::Encoder::new();
    vec![
        (
            "base64 scalar",
            Box::new(|i, o| BASE64_SCALAR.encode_slice(i, o).unwrap()),
        ),
        ("base64 Simd", Box::new(|i, o| simd.encode_slice(i, o).unwrap())),
        (
            "base64-simd",
            Box::new(|i, o| base64_simd::STANDARD.encode(i, o.as_out()).len()),
        ),
        (
            "base64-turbo",
            Box::new(|i, o| base64_turbo::STANDARD.encode_slice(i, o).unwrap()),
        ),
        ("haul-wire", Box::new(move |i, o| ours.encode(i, o))),
    ]
}

fn decoders<'a>(simd: &'a Simd) -> Vec<Codec<'a>> {
    let mut ours = haul_wire::base64::Decoder::new();
    vec![
        (
            "base64 scalar",
            Box::new(|i, o| BASE64_SCALAR.decode_slice(i, o).unwrap()),
        ),
        ("base64 Simd", Box::new(|i, o| simd.decode_slice(i, o).unwrap())),
        (
            "base64-simd",
            Box::new(|i, o| base64_simd::STANDARD.decode(i, o.as_out()).unwrap().len()),
        ),
        (
            "base64-turbo",
            Box::new(|i, o| base64_turbo::STANDARD.decode_slice(i, o).unwrap()),
        ),
        ("haul-wire", Box::new(move |i, o| ours.decode(i, o).written)),
    ]
}

fn names(codecs: &mut [Codec<'_>]) -> String {
    codecs
        .iter()
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(" | ")
}

/// Measures the candidates in turns, so that what disturbs the machine disturbs all of them.
fn row(kib: usize, direction: &str, input: &[u8], content: usize, codecs: &mut [Codec<'_>]) {
    let mut out = vec![0; input.len() * 4 / 3 + 8];
    let mut rates = vec![Vec::new(); codecs.len()];
    for _ in 0..ROUNDS {
        for ((_, codec), rates) in codecs.iter_mut().zip(&mut rates) {
            let pieces = CONTENT_BYTES_PER_ROUND / content;
            let start = Instant::now();
            for _ in 0..pieces {
                black_box(codec(black_box(input), black_box(&mut out)));
            }
            rates.push((pieces * content) as f64 / start.elapsed().as_secs_f64() / 1e9);
        }
    }
    let medians = rates.iter_mut().map(|rates| {
        rates.sort_by(f64::total_cmp);
        format!("{:.1}", rates[ROUNDS / 2])
    });
    println!(
        "| {kib} KiB | {direction} | {} |",
        medians.collect::<Vec<_>>().join(" | ")
    );
}

/// How fast bodies come out of the decoders, by how they are written, in pieces of 256 KiB.
fn bodies() {
    let content: Vec<u8> = (0..1_usize << 20).map(|i| (i * 31 + (i >> 8)) as u8).collect();
    let in_pieces = |bytes: usize| {
        content
            .chunks(bytes)
            .map(|piece| BASE64_SCALAR.encode(piece))
            .collect::<String>()
    };
    let whole = in_pieces(content.len());
    let escaped = whole.replace('/', "\\/");
    let line = |payload: &str| format!("UPLOAD a {payload}\r\n");
    let json = |payload: &str| {
        format!("{{\"command\":\"upload\",\"filename\":\"a\",\"filedata\":\"{payload}\"}}\r\n")
    };
    let reply = |payload: &str| {
        format!("{{\"status\":\"OK\",\"data_namafile\":\"a\",\"data_file\":\"{payload}\"}}\r\n\r\n")
    };
    println!("\n| body | median |");
    for (shape, text) in [
        ("line", line(&whole)),
        ("line, padding every 64 KiB", line(&in_pieces(64 << 10))),
        ("line, padding every 1,000 bytes", line(&in_pieces(1000))),
        ("line, padding in every quartet", line(&in_pieces(1))),
        ("line, quoted", line(&format!("b'{whole}'"))),
        ("JSON", json(&whole)),
        ("JSON, every / escaped", json(&escaped)),
    ] {
        println!(
            "| request, {shape} | {:.2} |",
            median(content.len(), || request(text.as_bytes()))
        );
    }
    for (shape, text) in [("plain", reply(&whole)), ("every / escaped", reply(&escaped))] {
        println!(
            "| reply, {shape} | {:.2} |",
            median(content.len(), || received(text.as_bytes()))
        );
    }
}

fn median(content: usize, mut decode: impl FnMut() -> usize) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            assert_eq!(black_box(decode()), content);
            content as f64 / start.elapsed().as_secs_f64() / 1e9
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

fn request(text: &[u8]) -> usize {
    let mut decoder = haul_wire::RequestDecoder::new();
    let mut scratch = vec![0; 192 << 10];
    let mut content = 0;
    for mut piece in text.chunks(256 << 10) {
        loop {
            let decoded = decoder.decode(piece, &mut scratch);
            piece = &piece[decoded.consumed..];
            match decoded.event {
                None => break,
                Some(haul_wire::RequestEvent::Body(bytes)) => content += bytes.len(),
                Some(_) => {}
            }
        }
    }
    content
}

fn received(text: &[u8]) -> usize {
    let mut decoder = haul_wire::ReplyDecoder::new();
    let mut scratch = vec![0; 192 << 10];
    let mut content = 0;
    for mut piece in text.chunks(256 << 10) {
        loop {
            let decoded = decoder.decode(piece, &mut scratch).unwrap();
            piece = &piece[decoded.consumed..];
            match decoded.event {
                None => break,
                Some(haul_wire::ReplyEvent::Body(bytes)) => content += bytes.len(),
                Some(_) => {}
            }
        }
    }
    content
}
