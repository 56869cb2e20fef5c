//! Days of the calendar, and the periods that a report groups them by.

use std::fmt;

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    days: i32,
}

/// Why a text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day is expected, for example 2025-09-17")]
pub struct DateError;

/// How days are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Each day by itself.
    Day,
    /// Weeks that begin on Monday.
    Week,
    /// Months of the calendar.
    Month,
}

const DAYS_BEFORE_MONTH: [i32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

fn is_leap(year: i32) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of January of a year.
fn days_before(year: i32) -> i32 {
    let past = year - 1;
    let leap_days = |year: i32| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leap_days(past) - leap_days(1969)
}

impl Date {
    /// A day; `None` where the calendar has none like this.
    pub fn new(year: i32, month: i32, day: i32) -> Option<Self> {
        let exists = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        if !exists {
            return None;
        }
        let before = DAYS_BEFORE_MONTH.get(usize::try_from(month - 1).ok()?)?;
        let leap_day = i32::from(month > 2 && is_leap(year));
        Some(Self {
            days: days_before(year) + before + leap_day + day - 1,
        })
    }

    /// The day with which a text begins: `2025-09-17`, with or without a time behind it, `20250917`, or `17.09.2025`.
    pub fn leading(text: &str) -> Option<Self> {
        let text = text.trim();
        let head = text.split(['T', ' ', '\t']).next().unwrap_or_default();
        let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<i32>().ok(),
            false => None,
        };
        if head.len() == 8 && head.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::new(
                number(&head[..4])?,
                number(&head[4..6])?,
                number(&head[6..])?,
            );
        }
        let (separator, year_first) = match head.contains('.') {
            true => ('.', false),
            false => ('-', true),
        };
        let mut parts = head.split(separator);
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        let third = third.trim_end_matches('Z');
        if parts.next().is_some() {
            return None;
        }
        let (year, day) = match year_first {
            true => (first, third),
            false => (third, first),
        };
        (year.len() == 4).then_some(())?;
        Self::new(number(year)?, number(second)?, number(day)?)
    }

    /// Year, month and day of the month.
    fn parts(self) -> (i32, i32, i32) {
        // The mean year has 365.2425 days: the guess is off by one year at most.
        let mut year = 1970 + (f64::from(self.days) / 365.2425).floor() as i32;
        while days_before(year) > self.days {
            year -= 1;
        }
        while days_before(year + 1) <= self.days {
            year += 1;
        }
        let mut rest = self.days - days_before(year);
        let mut month = 1;
        while month < 12 && rest >= days_in(year, month) {
            rest -= days_in(year, month);
            month += 1;
        }
        (year, month, rest + 1)
    }

    /// The first day of the period that holds this day.
    pub fn start_of(self, period: Period) -> Self {
        match period {
            Period::Day => self,
            // 1970-01-01 was a Thursday.
            Period::Week => Self {
                days: self.days - (self.days + 3).rem_euclid(7),
            },
            Period::Month => {
                let (_, _, day) = self.parts();
                Self {
                    days: self.days - (day - 1),
                }
            }
        }
    }

    /// The first day of the period behind the one that begins on this day.
    pub fn next(self, period: Period) -> Self {
        let days = match period {
            Period::Day => 1,
            Period::Week => 7,
            Period::Month => {
                let (year, month, _) = self.parts();
                days_in(year, month)
            }
        };
        Self {
            days: self.days + days,
        }
    }

    /// The first day of the period before the one that begins on this day.
    pub fn previous(self, period: Period) -> Self {
        let before = Self {
            days: self.days - 1,
        };
        before.start_of(period)
    }

    /// Days from an earlier day to this one.
    pub fn days_since(self, earlier: Self) -> i32 {
        self.days - earlier.days
    }

    /// The period that begins on this day: `2025-09-17`, `week of 2025-09-15`, or `2025-09`.
    pub fn label(self, period: Period) -> String {
        match period {
            Period::Day => self.to_string(),
            Period::Week => format!("week of {self}"),
            Period::Month => {
                let (year, month, _) = self.parts();
                format!("{year:04}-{month:02}")
            }
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl std::str::FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        Self::leading(text).ok_or(DateError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> Date {
        text.parse().expect(text)
    }

    #[test]
    fn days_are_read_as_newsrooms_write_them() {
        for text in [
            "2025-09-17",
            " 2025-09-17 ",
            "2025-09-17T08:30:00+02:00",
            "2025-09-17 08:30",
            "2025-09-17Z",
            "20250917",
            "17.09.2025",
            "17.9.2025",
            "17.09.2025 08:30",
        ] {
            assert_eq!(date(text).to_string(), "2025-09-17", "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "gestern",
            "2025-13-01",
            "2025-02-29",
            "2025-00-10",
            "2025-1",
            "17-09-2025",
            "2025-09-17-1",
            "+025-01-01",
            "0000-01-01",
            "aaaabbcc",
            "ääää",
        ] {
            assert_eq!(Date::leading(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("1970-03-01", 59),
            ("2000-02-29", 11_016),
            ("2025-09-17", 20_348),
        ] {
            assert_eq!(date(text).days, days, "{text}");
        }
    }

    #[test]
    fn a_period_begins_on_its_first_day() {
        for (day, period, start, next, previous) in [
            (
                "2025-09-17",
                Period::Day,
                "2025-09-17",
                "2025-09-18",
                "2025-09-16",
            ),
            (
                "2025-09-17",
                Period::Week,
                "2025-09-15",
                "2025-09-22",
                "2025-09-08",
            ),
            (
                "2025-09-21",
                Period::Week,
                "2025-09-15",
                "2025-09-22",
                "2025-09-08",
            ),
            (
                "2025-01-01",
                Period::Week,
                "2024-12-30",
                "2025-01-06",
                "2024-12-23",
            ),
            (
                "2024-02-29",
                Period::Month,
                "2024-02-01",
                "2024-03-01",
                "2024-01-01",
            ),
            (
                "2025-12-31",
                Period::Month,
                "2025-12-01",
                "2026-01-01",
                "2025-11-01",
            ),
        ] {
            let begun = date(day).start_of(period);
            assert_eq!(begun, date(start), "{day} {period:?}");
            assert_eq!(begun.next(period), date(next), "{day} {period:?}");
            assert_eq!(begun.previous(period), date(previous), "{day} {period:?}");
        }
    }

    proptest! {
        #[test]
        fn every_day_reads_back_as_it_is_written(days in -700_000i32..2_900_000) {
            let day = Date { days };
            prop_assert_eq!(Date::leading(&day.to_string()), Some(day));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,12}") {
            let _ = Date::leading(&text);
        }
    }
}
