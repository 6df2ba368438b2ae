//! Bodies in every coding, whole, cut off and larger than allowed.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

const FEED: &[u8] = b"<rss><channel><title>Habar</title></channel></rss>";
const LIMIT: usize = 1 << 20;

/// `FEED` as brotli's own encoder writes it.
const BROTLI: &[u8] =
    b"\x1b\x31\x00\xa0\x1d\x07\x6e\x2c\xda\xcb\xac\xd5\x25\x84\x9a\x47\x4e\x0c\x69\xbc\x34\x8f\
    \x4f\xd8\x1c\x98\xc8\x81\x7b\x5b\x1c\xc9\x9f\xa1\xc6\xe8\xf4\x1a\x15\x76\xbd\x28\xc8\x03";

/// Two mebibytes of space as brotli.
const BROTLI_BOMB: &[u8] = b"\x9b\xff\xff\x1f\xf8\x25\x40\xe2\xb1\x40\x20\xf7\xfe\x03";

/// A thousand spaces in a brotli stream that asks for a window of a gigabyte.
const BROTLI_LARGE: &[u8] = b"\x11\x5e\x9c\x0f\xe0\x97\x00\x89\xc6\x02\x01\xa1\x01";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn undone(body: Vec<u8>, codings: &str) -> Result<Vec<u8>, Failure> {
    let codings: Vec<String> = codings.split_whitespace().map(str::to_owned).collect();
    decode(body, &codings, LIMIT, false)
}

#[test]
fn codings_are_undone() {
    for (body, codings) in [
        (FEED.to_vec(), ""),
        (gzip(FEED), "gzip"),
        (gzip(FEED), "x-gzip"),
        (zlib(FEED), "deflate"),
        (deflate(FEED), "deflate"),
        (BROTLI.to_vec(), "br"),
        (gzip(BROTLI), "br gzip"),
        (gzip(&gzip(FEED)), "gzip gzip"),
    ] {
        assert_eq!(undone(body, codings).as_deref(), Ok(FEED), "{codings}");
    }
}

#[test]
fn every_member_of_a_gzip_file_is_read() {
    let both = [gzip(&FEED[..20]), gzip(&FEED[20..])].concat();
    assert_eq!(undone(both.clone(), "gzip").as_deref(), Ok(FEED));
    let padded = [both, vec![0; 100]].concat();
    assert_eq!(undone(padded, "gzip").as_deref(), Ok(FEED), "padding after the last member");
}

#[test]
fn wrong_labels_are_seen_through() {
    for (body, codings) in [
        (FEED.to_vec(), "gzip"),
        (FEED.to_vec(), "deflate"),
        (FEED.to_vec(), "br"),
        (FEED.to_vec(), "utf-8"),
        (FEED.to_vec(), "none"),
        (gzip(FEED), ""),
        (gzip(FEED), "utf-8"),
        (gzip(&gzip(FEED)), "gzip"),
        (gzip(FEED), "br"),
        (gzip(FEED), "deflate"),
    ] {
        assert_eq!(undone(body, codings).as_deref(), Ok(FEED), "{codings}");
    }
    let json = b"  {\"version\": 1}".to_vec();
    assert_eq!(undone(json.clone(), "br"), Ok(json));
    assert_eq!(undone(Vec::new(), "gzip"), Ok(Vec::new()));
}

#[test]
fn what_is_cut_or_broken_is_an_error() {
    for (whole, coding) in
        [(gzip(FEED), "gzip"), (zlib(FEED), "deflate"), (deflate(FEED), "deflate"), (BROTLI.to_vec(), "br")]
    {
        for cut in [1, whole.len() / 2, whole.len() - 3] {
            let body = whole[..whole.len() - cut].to_vec();
            assert!(matches!(undone(body, coding), Err(Failure::BadBody(_))), "{coding} less {cut}");
        }
    }
    let mut wrong_sum = gzip(FEED);
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    assert!(matches!(undone(wrong_sum, "gzip"), Err(Failure::BadBody(_))));
    let (first, second) = (gzip(FEED), gzip(FEED));
    let cut_second = [first, second[..second.len() - 1].to_vec()].concat();
    assert_eq!(undone(cut_second, "gzip"), Err(Failure::BadBody("gzip: it is cut off".to_owned())));
    assert_eq!(
        undone(b"\x28\xb5\x2f\xfd".to_vec(), "zstd"),
        Err(Failure::BadBody("the server sent zstd, which was not asked for".to_owned()))
    );
    assert!(matches!(undone(gzip(FEED), "gzip gzip gzip gzip"), Err(Failure::BadBody(_))));
    let large = Failure::BadBody("br: its window is larger than allowed".to_owned());
    assert_eq!(undone(BROTLI_LARGE.to_vec(), "br"), Err(large));
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0; 4 * LIMIT];
    for (bomb, codings) in [
        (gzip(&zeros), "gzip"),
        (zlib(&zeros), "deflate"),
        (deflate(&zeros), "deflate"),
        (BROTLI_BOMB.to_vec(), "br"),
        (gzip(BROTLI_BOMB), "br gzip"),
        (gzip(&gzip(&zeros)), "gzip gzip"),
        (gzip(&gzip(&zeros)), "gzip"),
        ([gzip(&zeros[..LIMIT]), gzip(b"x")].concat(), "gzip"),
    ] {
        assert_eq!(undone(bomb, codings), Err(Failure::TooLarge { limit: 1 << 20 }), "{codings}");
    }
    let dust = gzip(b"").repeat(MOST_MEMBERS + 1);
    assert_eq!(undone(dust, "gzip"), Err(Failure::BadBody("gzip: more than 4096 members".to_owned())));
    assert_eq!(undone(gzip(&zeros[..LIMIT]), "gzip").map(|b| b.len()), Ok(LIMIT), "exactly the limit passes");
}

#[test]
fn what_may_be_cut_is_cut_at_the_limit() {
    let members = [gzip(&[b'a'; 600]), gzip(&[b'b'; 600]), gzip(&[b'c'; 600])].concat();
    let cut = decode(members, &["gzip".to_owned()], 1000, true).unwrap();
    assert_eq!((cut.len(), cut.last()), (1000, Some(&b'b')));
}
