//! Parses the time format of a tree head: `2026-01-31T09:30:00.000000Z`.

const FORMAT: &[u8] = b"0000-00-00T00:00:00.000000Z";
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Microseconds since 1970; none if the text has another format.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let fits = |(byte, form): (&u8, &u8)| {
        if form.is_ascii_digit() {
            byte.is_ascii_digit()
        } else {
            byte == form
        }
    };
    if bytes.len() != FORMAT.len() || !bytes.iter().zip(FORMAT).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, micro) = (
        number(11, 13)?,
        number(14, 16)?,
        number(17, 19)?,
        number(20, 26)?,
    );
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let clock = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro;
    in_range.then(|| days(year, month, day) * MICROS_PER_DAY + clock)
}

/// Days from 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap
/// day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let before_month = (153 * from_march + 2) / 5;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + before_month
        + day
        - 1
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::tests::vectors;

    #[test]
    fn the_committed_vectors() {
        for time in vectors()["times"].as_array().unwrap() {
            let text = time["text"].as_str().unwrap();
            assert_eq!(micros(text).unwrap().to_string(), time["micros"], "{text}");
        }
    }

    #[test]
    fn other_formats_are_rejected() {
        for text in [
            "",
            "2026-01-31T09:30:00Z",
            "2026-01-31T09:30:00.000000+00:00",
            "2026-13-01T00:00:00.000000Z",
            "2026-00-01T00:00:00.000000Z",
            "2026-01-31t09:30:00.000000Z",
            "2026-01-31T24:00:00.000000Z",
            "２026-01-31T09:30:00.00000",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
