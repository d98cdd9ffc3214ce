//! Documents and inputs in the styles that people write, with members missing, null and of other
//! types. Deterministic by seed.

use serde_json::{Value, json};

/// A pseudorandom sequence (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }
}

const PATHS: &[&str] = &[
    "input.labels.purpose",
    "input.labels.dept",
    "input.lookups.kyc.country",
    "input.lookups.kyc.level",
    "input.lookups.kyc.who",
    "input.lookups.kyc",
    "input.lookups",
    "input.a",
    "input.b",
    "input.n",
    "input.effects.complete",
    "input.effects.moves[0].amount",
    "input.effects.moves[0].to",
    "input.effects.moves[1]",
    "input.effects.grants[0].amount",
    "input.interface",
    "input[\"labels\"][\"dept\"]",
    "input.time.hour",
    "input.time.at",
];

const LISTS: &[&str] = &[
    "input.effects.moves",
    "input.effects.grants",
    "input.lookups.kyc.tags",
    "input.list",
    "input.labels",
    "input.numbers",
    "[\"a\", \"b\"]",
    "{\"KP\", \"IR\"}",
    "{\"a\": 1, \"b\": 2}",
    "[1, 2, 3]",
    "[]",
];

const SCALARS: &[&str] = &[
    "\"a\"",
    "\"b\"",
    "\"KP\"",
    "\"gambling\"",
    "\"\"",
    "\"100\"",
    "\"5000\"",
    "\"0\"",
    "1",
    "2",
    "0",
    "-1",
    "3",
    "100",
    "true",
    "false",
    "null",
    "1.5",
];

const MEMBERS: &[&str] = &["amount", "to", "kind", "a", "b"];

/// The names that a body may use.
#[derive(Clone, Default)]
struct Names {
    locals: Vec<String>,
    rules: Vec<String>,
    sets: Vec<String>,
    objects: Vec<String>,
    functions: Vec<(String, usize)>,
}

pub(super) struct Generator {
    dice: Dice,
    count: usize,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            count: 0,
        }
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }

    /// A document in the package `florin.judge`.
    pub(super) fn document(&mut self) -> String {
        self.count = 0;
        let mut names = Names::default();
        let mut text =
            "package florin.judge\n\nimport data.florin.amount\nimport data.florin.units\n\n\
                        default allow := false\n"
                .to_owned();
        for index in 0..self.dice.below(4) {
            text.push_str(&self.helper(index, &mut names));
        }
        for _ in 0..=self.dice.below(2) {
            let body = self.body(&names, 3);
            text.push_str(&format!("\nallow if {{\n{body}}}\n"));
        }
        if self.dice.one_in(4) {
            let body = self.body(&names, 2);
            text.push_str(&format!("\ndeny contains \"no\" if {{\n{body}}}\n"));
        }
        text
    }

    fn helper(&mut self, index: usize, names: &mut Names) -> String {
        let name = format!("h{index}");
        match self.dice.below(9) {
            0 => {
                let body = self.body(names, 2);
                names.rules.push(name.clone());
                let default = match self.dice.one_in(3) {
                    true => format!(
                        "\ndefault {name} := {}\n",
                        self.dice.of(&["false", "\"a\"", "0"])
                    ),
                    false => String::new(),
                };
                format!("{default}\n{name} if {{\n{body}}}\n")
            }
            1 => {
                let (first, a) = self.body_and_value(names);
                let (second, b) = self.body_and_value(names);
                names.rules.push(name.clone());
                let joint = self
                    .dice
                    .of(&["} else := ", "}\n\nh := "])
                    .replace("\nh ", &format!("\n{name} "));
                format!("\n{name} := {a} if {{\n{first}{joint}{b} if {{\n{second}}}\n")
            }
            2 => {
                let value = self.value(names, 2);
                names.rules.push(name.clone());
                format!("\n{name} := {value}\n")
            }
            3 => {
                let (body, value) = self.body_and_value(names);
                names.sets.push(name.clone());
                format!("\n{name} contains {value} if {{\n{body}}}\n")
            }
            4 => {
                let key = self.fresh();
                let list = self.dice.of(LISTS);
                let mut inner = names.clone();
                inner.locals.push(key.clone());
                let value = self.value(&inner, 1);
                names.objects.push(name.clone());
                format!("\n{name}[{key}] := {value} if {{\n\tsome {key} in {list}\n}}\n")
            }
            5 => {
                names.objects.push(name.clone());
                let (a, b) = (self.value(names, 1), self.dice.of(SCALARS));
                format!("\n{name}.day := {b}\n\n{name}.week := {a}\n")
            }
            6 => {
                let (a, b) = (self.dice.of(SCALARS), self.dice.of(SCALARS));
                let value = self.value(names, 1);
                names.functions.push((name.clone(), 1));
                let default = match self.dice.one_in(3) {
                    true => format!("\ndefault {name}(_) := {b}\n"),
                    false => String::new(),
                };
                format!("{default}\n{name}({a}) := {value}\n\n{name}(x) := {b} if x == {b}\n")
            }
            7 => {
                let mut inner = names.clone();
                inner.locals.extend(["x".to_owned(), "y".to_owned()]);
                let body = self.body(&inner, 1);
                names.functions.push((name.clone(), 2));
                format!("\n{name}(x, y) if {{\n{body}}}\n")
            }
            _ => {
                let mut inner = names.clone();
                inner.locals.push("x".to_owned());
                let (body, value) = self.body_and_value(&inner);
                names.functions.push((name.clone(), 1));
                format!("\n{name}(x) := {value} if {{\n{body}}}\n")
            }
        }
    }

    fn body_and_value(&mut self, names: &Names) -> (String, String) {
        let mut names = names.clone();
        let body = self.lines(&mut names, 2, 1);
        let value = self.value(&names, 1);
        (body, value)
    }

    fn body(&mut self, names: &Names, depth: usize) -> String {
        self.lines(&mut names.clone(), depth, 1)
    }

    fn lines(&mut self, names: &mut Names, depth: usize, indent: usize) -> String {
        let count = 1 + self.dice.below(3);
        let tabs = "\t".repeat(indent);
        (0..count)
            .map(|_| format!("{tabs}{}\n", self.line(names, depth, indent)))
            .collect()
    }

    fn line(&mut self, names: &mut Names, depth: usize, indent: usize) -> String {
        match self.dice.below(16) {
            0..=3 => self.condition(names, depth),
            4..=6 => format!("not {}", self.condition(names, depth)),
            7 | 8 => {
                let value = self.value(names, depth);
                let name = self.fresh();
                names.locals.push(name.clone());
                format!("{name} {} {value}", self.dice.of(&[":=", ":=", ":=", "="]))
            }
            9 | 10 => {
                let (list, name) = (self.list(names), self.fresh());
                let key = self.fresh();
                names.locals.push(name.clone());
                match self.dice.one_in(4) {
                    true => {
                        names.locals.push(key.clone());
                        format!("some {key}, {name} in {list}")
                    }
                    false => format!("some {name} in {list}"),
                }
            }
            11 | 12 if depth > 0 => {
                let (list, name) = (self.list(names), self.fresh());
                let mut inner = names.clone();
                inner.locals.push(name.clone());
                let lines = match self.dice.one_in(2) {
                    true => format!(
                        "{}{}amount.at_most({name}.amount, \"100\")\n",
                        "\t".repeat(indent + 1),
                        self.dice.of(&["", "", "not "])
                    ),
                    false => format!(
                        "{}{name} != {}\n{}",
                        "\t".repeat(indent + 1),
                        self.dice.of(PATHS),
                        self.lines(&mut inner, depth - 1, indent + 1)
                    ),
                };
                format!(
                    "every {name} in {list} {{\n{lines}{}}}",
                    "\t".repeat(indent)
                )
            }
            13 => {
                let (list, key) = (self.list(names), self.fresh());
                names.locals.push(key.clone());
                let list = match list.starts_with(['[', '{']) {
                    true => "input.list".to_owned(),
                    false => list,
                };
                let (member, scalar) = (self.dice.of(MEMBERS), self.dice.of(SCALARS));
                format!(
                    "{list}[{key}].{member} {} {scalar}",
                    self.dice.of(&["==", "!=", "="])
                )
            }
            14 => {
                let (a, b) = (self.fresh(), self.fresh());
                let value = self.value(names, depth);
                names.locals.extend([a.clone(), b.clone()]);
                match self.dice.below(3) {
                    0 => format!("[{a}, {b}] := {value}"),
                    1 => format!("{{\"a\": {a}, \"b\": {b}}} := {value}"),
                    _ => format!("[{a}, {b}] = [{value}, 1]"),
                }
            }
            _ => self.condition(names, depth),
        }
    }

    fn condition(&mut self, names: &Names, depth: usize) -> String {
        let a = self.value(names, depth);
        match self.dice.below(18) {
            0..=3 => {
                let b = self.value(names, depth.min(1));
                format!(
                    "{a} {} {b}",
                    self.dice.of(&["==", "==", "!=", "<", "<=", ">", ">=", "="])
                )
            }
            4 | 5 => format!("{a} in {}", self.list(names)),
            6 => self.dice.of(PATHS).to_owned(),
            7 => format!(
                "{}({a})",
                self.dice.of(&[
                    "is_string",
                    "is_number",
                    "is_null",
                    "is_array",
                    "is_object",
                    "is_boolean"
                ])
            ),
            8 => format!(
                "{}({a}, {})",
                self.dice.of(&["startswith", "endswith", "contains"]),
                self.dice.of(&["\"a\"", "\"\"", "\"K\""])
            ),
            9 | 10 => {
                let (function, b) = (
                    self.dice.of(&["at_most", "above", "below", "at_least"]),
                    self.dice.of(&["\"100\"", "\"0\"", "\"7\""]),
                );
                format!("amount.{function}({a}, {b})")
            }
            11 => format!("amount.valid({a})"),
            12 => format!("regex.match(`^[a-z]+$`, {a})"),
            13 if !names.rules.is_empty() => {
                names.rules[self.dice.below(names.rules.len())].clone()
            }
            14 if !names.functions.is_empty() => self.call(names, depth),
            15 if !names.sets.is_empty() => {
                let set = &names.sets[self.dice.below(names.sets.len())];
                match self.dice.one_in(2) {
                    true => format!("{a} in {set}"),
                    false => format!("{set}[{a}]"),
                }
            }
            16 => format!(
                "count({}) {} {}",
                self.list(names),
                self.dice.of(&["==", ">", "<"]),
                self.dice.below(3)
            ),
            17 => format!("glob.match(\"a*\", [], {a})"),
            _ => a,
        }
    }

    fn call(&mut self, names: &Names, depth: usize) -> String {
        let (function, arity) = names.functions[self.dice.below(names.functions.len())].clone();
        let args: Vec<String> = (0..arity)
            .map(|_| self.value(names, depth.saturating_sub(1)))
            .collect();
        format!("{function}({})", args.join(", "))
    }

    fn list(&mut self, names: &Names) -> String {
        match self.dice.below(6) {
            0 if !names.sets.is_empty() => names.sets[self.dice.below(names.sets.len())].clone(),
            1 if !names.objects.is_empty() => {
                names.objects[self.dice.below(names.objects.len())].clone()
            }
            2 if !names.locals.is_empty() => {
                names.locals[self.dice.below(names.locals.len())].clone()
            }
            _ => self.dice.of(LISTS).to_owned(),
        }
    }

    fn value(&mut self, names: &Names, depth: usize) -> String {
        if depth == 0 || self.dice.one_in(2) {
            return self.simple(names);
        }
        let a = self.value(names, depth - 1);
        match self.dice.below(30) {
            0 => format!("lower({a})"),
            1 => format!("count({a})"),
            2 => format!("sprintf(\"%v\", [{a}])"),
            3 => format!("concat(\",\", {})", self.list(names)),
            4 => format!("split({a}, \",\")"),
            5 => format!(
                "substring({a}, {}, {})",
                self.dice.of(&["0", "1", "-1"]),
                self.dice.of(&["1", "-1", "2"])
            ),
            6 => format!(
                "{a} {} {}",
                self.dice.of(&["+", "-", "*", "/", "%"]),
                self.dice.of(&["1", "2", "0"])
            ),
            7 => format!("{a} - {}", self.list(names)),
            8 => format!(
                "object.get(input, {}, {a})",
                self.dice
                    .of(&["\"a\"", "\"labels\"", "[\"labels\", \"dept\"]"])
            ),
            9 => format!(
                "{}({})",
                self.dice
                    .of(&["max", "min", "sort", "sum", "count", "product"]),
                self.list(names)
            ),
            10 => format!("amount.add({a}, {})", self.dice.of(&["\"1\"", "\"100\""])),
            11 => {
                let (list, x) = (self.list(names), self.fresh());
                format!("amount.total([{x}.amount | some {x} in {list}])")
            }
            12 => format!("units.to_base({a}, {})", self.dice.of(&["0", "2", "18"])),
            13 => format!("[{a}, {}]", self.simple(names)),
            14 => format!("{{\"a\": {a}, \"b\": {}}}", self.simple(names)),
            15 => format!("{{{a}, {}}}", self.simple(names)),
            16..=18 => {
                let (list, x) = (self.list(names), self.fresh());
                let mut inner = names.clone();
                inner.locals.push(x.clone());
                let condition = self.condition(&inner, depth - 1);
                let not = self.dice.of(&["", "", "not "]);
                let head = self.simple(&inner);
                match self.dice.below(4) {
                    0 => format!("[{head} | some {x} in {list}; {not}{condition}]"),
                    1 => format!("{{{head} | some {x} in {list}; {not}{condition}}}"),
                    2 => format!("{{{x}: {head} | some {x} in {list}; {not}{condition}}}"),
                    _ => format!("count([{x} | some {x} in {list}; {not}{condition}])"),
                }
            }
            19 if !names.functions.is_empty() => self.call(names, depth),
            20 => format!("trim({a}, \"a\")"),
            21 => format!("replace({a}, \"a\", \"b\")"),
            22 => format!("array.concat({a}, [1])"),
            23 => format!("({a} == {})", self.simple(names)),
            24 => format!("type_name({a})"),
            25 => format!("time.clock({a})"),
            26 => format!("time.weekday(time.parse_rfc3339_ns({a}))"),
            27 => format!("object.union({a}, {{\"a\": 1}})"),
            28 => format!("{{{a}}} {} {{\"a\", 1}}", self.dice.of(&["|", "&", "-"])),
            _ => format!("to_json_text({a})").replace("to_json_text(", "upper("),
        }
    }

    fn simple(&mut self, names: &Names) -> String {
        match self.dice.below(10) {
            0..=2 => self.dice.of(SCALARS).to_owned(),
            3 | 4 if !names.locals.is_empty() => {
                let local = &names.locals[self.dice.below(names.locals.len())];
                match self.dice.one_in(3) {
                    true => format!("{local}.{}", self.dice.of(MEMBERS)),
                    false => local.clone(),
                }
            }
            5 if !names.rules.is_empty() => names.rules[self.dice.below(names.rules.len())].clone(),
            6 if !names.objects.is_empty() => {
                let object = &names.objects[self.dice.below(names.objects.len())];
                format!(
                    "{object}{}",
                    self.dice.of(&[".a", ".day", ".week", "[input.a]", "[0]"])
                )
            }
            7 if !names.sets.is_empty() => names.sets[self.dice.below(names.sets.len())].clone(),
            _ => self.dice.of(PATHS).to_owned(),
        }
    }

    /// An input, with most members.
    pub(super) fn input(&mut self) -> Value {
        let mut labels = json!({});
        self.put(&mut labels, "purpose", json!("salary"));
        self.put(&mut labels, "dept", json!("a"));
        let mut kyc = json!({});
        self.put(&mut kyc, "country", json!("CH"));
        self.put(&mut kyc, "level", json!(2));
        self.put(&mut kyc, "who", json!("a"));
        self.put(&mut kyc, "tags", json!(["a", "b"]));
        let mut lookups = json!({});
        self.put(&mut lookups, "kyc", kyc);
        let mut effects = json!({});
        self.put(&mut effects, "complete", json!(true));
        let (moves, grants) = (self.moves(), self.moves());
        self.put(&mut effects, "moves", moves);
        self.put(&mut effects, "grants", grants);
        let mut time = json!({});
        self.put(&mut time, "hour", json!(14));
        self.put(&mut time, "at", json!("2026-03-01T14:30:00.123456Z"));
        let mut input =
            json!({"labels": labels, "lookups": lookups, "effects": effects, "time": time});
        let (a, b) = (self.odd(), self.odd());
        let list = self.moves();
        self.put(&mut input, "a", a);
        self.put(&mut input, "b", b);
        self.put(&mut input, "n", json!(1));
        self.put(&mut input, "interface", json!(null));
        self.put(&mut input, "list", list);
        self.put(&mut input, "numbers", json!([1, 2, 3]));
        input
    }

    fn moves(&mut self) -> Value {
        let count = self.dice.below(3);
        Value::Array((0..count).map(|_| self.movement()).collect())
    }

    fn movement(&mut self) -> Value {
        let mut movement = json!({});
        let amount = self.dice.of(&["0", "7", "100", "5000", "007", ""]);
        self.put(&mut movement, "amount", json!(amount));
        self.put(&mut movement, "to", json!("a"));
        self.put(&mut movement, "kind", json!("b"));
        movement
    }

    /// Put a member; sometimes it is missing, null or of another type.
    fn put(&mut self, object: &mut Value, name: &str, value: Value) {
        match self.dice.below(12) {
            0 | 1 => {}
            2 => object[name] = Value::Null,
            3 => object[name] = self.odd(),
            _ => object[name] = value,
        }
    }

    fn odd(&mut self) -> Value {
        match self.dice.below(10) {
            0 => json!(1),
            1 => json!("a"),
            2 => json!("100"),
            3 => json!(true),
            4 => json!(false),
            5 => json!([1, "a"]),
            6 => json!({"a": 1, "b": "x"}),
            7 => json!(1.5),
            8 => json!(""),
            _ => json!([]),
        }
    }
}
