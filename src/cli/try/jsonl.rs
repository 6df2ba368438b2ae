//! One JSON object a line in, one a line out, in order, whatever the lines are like.

use std::io::{self, BufRead, Read as _};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Exit, Failure, Result, output};

/// The longest line that is read; a longer one is answered with an error.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A line's answer: its `id` and what came of it.
#[derive(Debug, Serialize)]
struct Answer<T> {
    id: Value,
    #[serde(flatten)]
    told: T,
}

#[derive(Debug, Serialize)]
struct Refused {
    error: String,
}

/// Answers every line of standard input. A line that cannot be answered gets its error, and the rest goes on.
pub fn answer_stdin<I: DeserializeOwned, O: Serialize>(
    answer: impl FnMut(&I) -> std::result::Result<O, String>,
) -> Result {
    answer_lines(&mut io::stdin().lock(), answer, output::raw_line)
}

fn answer_lines<I: DeserializeOwned, O: Serialize>(
    input: &mut impl BufRead,
    mut answer: impl FnMut(&I) -> std::result::Result<O, String>,
    mut print: impl FnMut(String) -> Result<()>,
) -> Result {
    let mut line = Vec::new();
    loop {
        line.clear();
        let (id, told) = match next_line(input, &mut line) {
            Err(error) => return Err(Failure::new(Exit::Io, format!("cannot read standard input: {error}"))),
            Ok(Next::End) => return Ok(Exit::Done),
            Ok(Next::TooLong) => (Value::Null, Err(format!("the line is longer than {LONGEST} bytes"))),
            Ok(Next::Line) => read(&line, &mut answer),
        };
        let text = match told {
            Ok(told) => serde_json::to_string(&Answer { id, told }),
            Err(error) => serde_json::to_string(&Answer { id, told: Refused { error } }),
        };
        print(text.map_err(|error| Failure::new(Exit::Io, error.to_string()))?)?;
    }
}

fn read<I: DeserializeOwned, O>(
    line: &[u8],
    answer: &mut impl FnMut(&I) -> std::result::Result<O, String>,
) -> (Value, std::result::Result<O, String>) {
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => return (Value::Null, Err(format!("not a JSON object: {error}"))),
    };
    if !value.is_object() {
        return (Value::Null, Err("not a JSON object".to_owned()));
    }
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    let told = I::deserialize(value).map_err(|error| error.to_string()).and_then(|input| answer(&input));
    (id, told)
}

enum Next {
    Line,
    TooLong,
    End,
}

fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    let read = input.by_ref().take(LONGEST).read_until(b'\n', line)?;
    if read == 0 {
        return Ok(Next::End);
    }
    if line.last() == Some(&b'\n') || (read as u64) < LONGEST {
        return Ok(Next::Line);
    }
    input.skip_until(b'\n')?;
    Ok(Next::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Number {
        n: i64,
    }

    #[derive(Serialize)]
    struct Half {
        half: i64,
    }

    fn halve(number: &Number) -> std::result::Result<Half, String> {
        if number.n % 2 == 0 { Ok(Half { half: number.n / 2 }) } else { Err("odd".to_owned()) }
    }

    fn answers(input: &[u8]) -> Vec<Value> {
        let mut lines = Vec::new();
        let print = |line: String| {
            lines.push(serde_json::from_str(&line).unwrap());
            Ok(())
        };
        answer_lines(&mut io::BufReader::new(input), halve, print).unwrap();
        lines
    }

    #[test]
    fn every_line_is_answered_in_order() {
        let input =
            b"{\"id\":1,\"n\":4}\n{\"id\":\"b\",\"n\":3}\nnonsense\n[1]\n{\"id\":[2]}\n\xff\n\n{\"n\":6}";
        let told = answers(input);
        assert_eq!(told.len(), 8);
        assert_eq!(told[0], serde_json::json!({"id": 1, "half": 2}));
        assert_eq!(told[1], serde_json::json!({"id": "b", "error": "odd"}));
        for (n, id) in [(2, "null"), (3, "null"), (4, "[2]"), (5, "null"), (6, "null")] {
            assert_eq!(told[n]["id"].to_string(), id);
            assert!(told[n]["error"].is_string(), "{}", told[n]);
        }
        assert_eq!(told[7], serde_json::json!({"id": null, "half": 3}));
    }

    #[test]
    fn an_endless_line_is_passed_over() {
        let endless = io::repeat(b'x').take(3 * LONGEST);
        let input = endless.chain(&b"\n{\"id\":2,\"n\":2}\n"[..]);
        let mut lines = Vec::new();
        let print = |line: String| {
            lines.push(line);
            Ok(())
        };
        answer_lines(&mut io::BufReader::new(input), halve, print).unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("longer than"), "{}", lines[0]);
        assert_eq!(lines[1], r#"{"id":2,"half":1}"#);
    }
}
