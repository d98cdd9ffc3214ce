//! Times: nanoseconds since 1970, in UTC. There is no clock: `input.time` has the time.

use super::{Builtin, Called, Kind, builtin, made, text, undefined, unsure, value, whole};
use crate::rego::Stop;
use crate::rego::value::Value;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

const ZONED: Kind = Kind::Items(&[Kind::Number, Kind::Text]);
const TIME: Kind = Kind::Either(&[Kind::Number, ZONED]);
const FORMATTED: Kind = Kind::Either(&[
    Kind::Number,
    ZONED,
    Kind::Items(&[Kind::Number, Kind::Text, Kind::Text]),
]);
const THREE: Kind = Kind::Items(&[Kind::Number; 3]);
const ADD_DATE: &[Kind] = &[Kind::Number; 4];

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("time.parse_rfc3339_ns", &[Kind::Text], Kind::Number, parse),
    builtin("time.date", &[TIME], THREE, |a| {
        read(a, |time| numbers(&[time.year, time.month, time.day]))
    }),
    builtin("time.clock", &[TIME], THREE, |a| {
        read(a, |time| numbers(&time.clock()))
    }),
    builtin("time.weekday", &[TIME], Kind::Text, |a| {
        read(a, |time| Value::text(time.weekday()))
    }),
    builtin("time.add_date", ADD_DATE, Kind::Number, add_date),
    builtin(
        "time.diff",
        &[TIME, TIME],
        Kind::Items(&[Kind::Number; 6]),
        diff,
    ),
    builtin("time.format", &[FORMATTED], Kind::Text, format),
];

/// A time by its parts.
#[derive(Debug, Clone, Copy)]
struct Time {
    nanos: i64,
    year: i64,
    month: i64,
    day: i64,
    /// Of the day.
    second: i64,
}

impl Time {
    fn of(nanos: i64) -> Self {
        let seconds = nanos.div_euclid(SECOND);
        let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        Self {
            nanos,
            year,
            month,
            day,
            second,
        }
    }

    fn clock(&self) -> [i64; 3] {
        let second = self.second;
        [second / 3_600, second / 60 % 60, second % 60]
    }

    fn weekday(&self) -> &'static str {
        const NAMES: [&str; 7] = [
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
            "Monday",
            "Tuesday",
            "Wednesday",
        ];
        let days = self.nanos.div_euclid(SECOND).div_euclid(DAY);
        NAMES[usize::try_from(days.rem_euclid(7)).unwrap_or(0)]
    }
}

/// The date of a day since 1970. (Howard Hinnant, "chrono-compatible low-level date algorithms".)
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The day since 1970 of a date; a month above 12 or a day above the month's last counts on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (
        year + (month - 1).div_euclid(12),
        (month - 1).rem_euclid(12) + 1,
    );
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468 + day - 1
}

fn nanos(days: i64, second: i64, nanosecond: i64) -> Option<i64> {
    let seconds = days.checked_mul(DAY)?.checked_add(second)?;
    seconds.checked_mul(SECOND)?.checked_add(nanosecond)
}

/// The time of an argument: nanoseconds, alone or with the zone UTC.
fn time(arg: &Value) -> Result<Option<Time>, Stop> {
    let number = match arg {
        Value::Array(items) => match items.as_slice() {
            [number, Value::Text(zone)] if ["", "UTC"].contains(&&**zone) => number,
            [number] => number,
            _ => return Err(unsure("a time zone other than UTC, or a layout")),
        },
        number => number,
    };
    Ok(whole(number).map(Time::of))
}

fn read(args: &[Value], result: fn(Time) -> Value) -> Called {
    match time(&args[0])? {
        Some(time) => value(result(time)),
        None => undefined(),
    }
}

fn numbers(numbers: &[i64]) -> Value {
    Value::array(numbers.iter().copied().map(Value::int).collect())
}

fn add_date(args: &[Value]) -> Called {
    let counts = [whole(&args[1]), whole(&args[2]), whole(&args[3])];
    let (Some(time), [Some(years), Some(months), Some(more)]) = (time(&args[0])?, counts) else {
        return undefined();
    };
    if [years, months, more]
        .iter()
        .any(|count| count.abs() > 1_000_000)
    {
        return Err(unsure("a date out of range"));
    }
    let days = days(time.year + years, time.month + months, time.day + more);
    let added = nanos(days, time.second, time.nanos.rem_euclid(SECOND));
    added.map_or_else(
        || Err(unsure("a date out of range")),
        |added| value(Value::int(added)),
    )
}

/// The difference of two times in years, months, days, hours, minutes and seconds.
fn diff(args: &[Value]) -> Called {
    let (Some(a), Some(b)) = (time(&args[0])?, time(&args[1])?) else {
        return undefined();
    };
    let (a, b) = if a.nanos > b.nanos { (b, a) } else { (a, b) };
    let ([h1, m1, s1], [h2, m2, s2]) = (a.clock(), b.clock());
    let mut parts = [
        b.year - a.year,
        b.month - a.month,
        b.day - a.day,
        h2 - h1,
        m2 - m1,
        s2 - s1,
    ];
    let in_month = days(a.year, a.month + 1, 1) - days(a.year, a.month, 1);
    for (index, length) in [(5, 60), (4, 60), (3, 24), (2, in_month), (1, 12)] {
        if parts[index] < 0 {
            parts[index] += length;
            parts[index - 1] -= 1;
        }
    }
    value(numbers(&parts))
}

/// RFC 3339 with the nanoseconds that are not 0.
fn format(args: &[Value]) -> Called {
    let Some(time) = time(&args[0])? else {
        return undefined();
    };
    let [hour, minute, second] = time.clock();
    let date = format!("{:04}-{:02}-{:02}", time.year, time.month, time.day);
    let fraction = match time.nanos.rem_euclid(SECOND) {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    made(&format!(
        "{date}T{hour:02}:{minute:02}:{second:02}{fraction}Z"
    ))
}

/// RFC 3339. What Go reads more liberally ends the evaluation.
fn parse(args: &[Value]) -> Called {
    let Some(text) = text(&args[0]) else {
        return undefined();
    };
    match parsed(text) {
        Some(nanos) => value(Value::int(nanos)),
        None if text.is_empty() || !text.is_ascii() => undefined(),
        None => Err(unsure("a time that is not RFC 3339")),
    }
}

fn parsed(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = digits(date, '-', [4, 2, 2])?;
    let zone = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = digits(clock, ':', [2, 2, 2])?;
    let is_fraction = (1..=9).contains(&fraction.len());
    let nanosecond = is_fraction.then(|| fixed(&format!("{fraction:0<9}"), 9))??;
    let last = days(year, month + 1, 1) - days(year, month, 1);
    let in_range = (1..=12).contains(&month) && (1..=last).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second - offset(zone)?;
    nanos(days(year, month, day), seconds, nanosecond)
}

/// The seconds of a zone: `Z`, `+01:00`.
fn offset(zone: &str) -> Option<i64> {
    let (sign, clock) = zone.split_at_checked(1)?;
    if sign == "Z" {
        return clock.is_empty().then_some(0);
    }
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute) = (fixed(hour, 2)?, fixed(minute, 2)?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

fn digits(text: &str, between: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let parts: Vec<&str> = text.split(between).collect();
    let [a, b, c] = parts.as_slice() else {
        return None;
    };
    let [x, y, z] = lengths;
    Some([fixed(a, x)?, fixed(b, y)?, fixed(c, z)?])
}

/// A number of exactly so many digits.
fn fixed(text: &str, length: usize) -> Option<i64> {
    let is_number = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}
