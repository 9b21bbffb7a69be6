//! What the code of one crate names: other crates, and modules of its own.

use crate::graph::Graph;
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, UseTree};

/// What was found in a crate.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Lines without tests, by file.
    pub(crate) files: BTreeMap<String, usize>,
    /// First segments of paths: names of crates among them.
    pub(crate) crates: BTreeSet<String>,
    /// Modules below the root, and what they name.
    pub(crate) inside: Graph,
    /// Calls whose result is dropped unread, as `file: call`.
    pub(crate) unread: BTreeSet<String>,
}

/// Reads a directory `src`.
pub(crate) fn of(directory: &Path) -> anyhow::Result<Found> {
    let mut files = Vec::new();
    collect(directory, &mut files)?;
    files.sort();
    let mut found = Found::default();
    let tops: BTreeSet<String> = files.iter().filter_map(|file| top(file.strip_prefix(directory).ok()?)).collect();
    let mut root_names = BTreeMap::new();
    let mut named: Vec<(String, BTreeSet<String>)> = Vec::new();
    for file in &files {
        let relative = file.strip_prefix(directory)?;
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        let module = module(relative);
        // A file of tests belongs to a module that is one.
        if module.last().is_some_and(|name| name == "tests") || is_test(&parsed.attrs) {
            continue;
        }
        found.files.insert(format!("src/{}", relative.display()), lines(&text));
        let mut names = Names { module: module.clone(), ..Names::default() };
        names.visit_file(&parsed);
        found.crates.extend(names.outside);
        found.unread.extend(names.unread.iter().map(|call| format!("src/{}: {call}", relative.display())));
        if module.is_empty() {
            // What the root shows of a module is that module's.
            for item in &parsed.items {
                if let syn::Item::Use(item) = item {
                    shown(&item.tree, None, &mut root_names);
                }
            }
        }
        // A program of its own beside the library.
        let Some(from) = module.first().filter(|name| tops.contains(*name)) else { continue };
        found.inside.room(from);
        named.push((from.clone(), names.inside));
    }
    for (from, names) in &named {
        let of_module = names.iter().map(|name| root_names.get(name).unwrap_or(name));
        for to in of_module.filter(|to| *to != from && tops.contains(*to)) {
            found.inside.arrow(from, to);
        }
    }
    Ok(found)
}

/// Names that a `use` at the root brings there, each with the first segment of where it is from.
fn shown(tree: &UseTree, from: Option<&str>, names: &mut BTreeMap<String, String>) {
    let mut take = |name: &syn::Ident| {
        if let Some(from) = from {
            names.insert(name.to_string(), from.to_owned());
        }
    };
    match tree {
        UseTree::Path(path) => {
            let first = path.ident.to_string();
            let first = if ["crate", "self"].contains(&first.as_str()) { None } else { Some(first) };
            shown(&path.tree, from.or(first.as_deref()), names);
        }
        UseTree::Name(name) => take(&name.ident),
        UseTree::Rename(name) => take(&name.rename),
        UseTree::Glob(_) => {}
        UseTree::Group(group) => group.items.iter().for_each(|tree| shown(tree, from, names)),
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The path of a file's module below the crate's root; empty for the root itself.
fn module(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        file.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// The module directly below the root that a file belongs to. Programs in `bin` are no modules.
fn top(file: &Path) -> Option<String> {
    module(file).first().filter(|name| *name != "bin").cloned()
}

/// Lines before the tests that stand at a file's end.
fn lines(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").filter(|line| !line.trim().is_empty()).count()
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| {
                    let condition = list.tokens.to_string();
                    condition == "test" || condition.starts_with("all (test ,") || condition.starts_with("all (test,")
                })
    })
}

/// What an expression calls last, if that is what it does.
fn called(expression: &syn::Expr) -> Option<String> {
    match expression {
        syn::Expr::MethodCall(call) => Some(call.method.to_string()),
        syn::Expr::Call(call) => match &*call.func {
            syn::Expr::Path(function) => function.path.segments.last().map(|last| last.ident.to_string()),
            _ => Some("call".to_owned()),
        },
        syn::Expr::Await(waiting) => called(&waiting.base),
        _ => None,
    }
}

/// Collects paths.
#[derive(Default)]
struct Names {
    module: Vec<String>,
    outside: BTreeSet<String>,
    /// Modules below the root.
    inside: BTreeSet<String>,
    /// What `drop` was given that had to be called first.
    unread: BTreeSet<String>,
}

impl Names {
    fn path(&mut self, segments: &[String]) {
        let mut base = self.module.clone();
        let mut rest = segments.iter();
        let first = rest.next().map(String::as_str);
        match first {
            Some("crate") => base.clear(),
            Some("super") => base.truncate(base.len().saturating_sub(1)),
            Some("self") => {}
            Some(other) => {
                self.outside.insert(other.to_owned());
                return;
            }
            None => return,
        }
        let mut rest = rest.peekable();
        while rest.next_if(|segment| *segment == "super").is_some() {
            base.pop();
        }
        // Inside a directory's own module nothing is crossed.
        if let Some(top) = base.first().or_else(|| rest.peek().copied()) {
            self.inside.insert(top.clone());
        }
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.path(&with(&name.ident)),
            UseTree::Rename(name) => self.path(&with(&name.ident)),
            UseTree::Glob(_) => self.path(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_test(&item.attrs) || item.content.is_none() {
            return;
        }
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    /// What is dropped by its name was kept for a while, as a lock; what is dropped as it comes was never looked at.
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(function) = &*call.func
            && function.path.is_ident("drop")
            && let Some(given) = call.args.first().and_then(called)
        {
            self.unread.insert(given);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.path(&segments);
        }
        visit::visit_path(self, path);
    }

    /// What macros are given is tokens: paths in them are looked for by their form.
    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let text = item.tokens.to_string();
        let words: Vec<&str> = text.split_whitespace().collect();
        for start in (0..words.len()).filter(|at| *at == 0 || words[at - 1] != "::") {
            let mut segments = Vec::new();
            let mut at = start;
            while let Some(word) = words.get(at)
                && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
            {
                segments.push((*word).to_owned());
                if words.get(at + 1) != Some(&"::") {
                    break;
                }
                at += 2;
            }
            if segments.len() > 1 {
                self.path(&segments);
            }
        }
        visit::visit_macro(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these files.
    fn found(files: &[(&str, &str)]) -> Found {
        let directory = tempfile::tempdir().expect("directory");
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        of(directory.path()).expect("read")
    }

    fn arrows(found: &Found) -> Vec<(String, Vec<String>)> {
        found.inside.rooms().map(|(room, to)| (room.to_owned(), to.iter().cloned().collect())).collect()
    }

    #[test]
    fn modules_name_each_other_in_every_spelling() {
        let found = found(&[
            ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
            ("a.rs", "use crate::b::{self, B}; use super::c::C; fn f() { other_crate::g(); }"),
            ("b/mod.rs", "mod inner; fn f() { println!(\"{}\", crate::c::NAME); }"),
            ("b/inner.rs", "use super::B; use super::super::c; use std::fmt;"),
            ("c.rs", "pub struct C;"),
        ]);
        let wanted = [("a", vec!["b", "c"]), ("b", vec!["c"]), ("c", vec![])];
        let wanted = wanted.map(|(room, to)| (room.to_owned(), to.into_iter().map(str::to_owned).collect()));
        assert_eq!(arrows(&found), wanted);
        assert!(found.crates.contains("other_crate") && found.crates.contains("std"));
    }

    #[test]
    fn what_the_root_shows_of_a_module_is_that_modules() {
        let found =
            found(&[("lib.rs", "mod a; mod b; pub use a::{A, B as C};"), ("a.rs", ""), ("b.rs", "use crate::C;")]);
        assert_eq!(arrows(&found)[1], ("b".to_owned(), vec!["a".to_owned()]));
    }

    #[test]
    fn what_is_dropped_as_it_comes_is_found() {
        let text = "fn f() { drop(lock); drop(a.send(1)); drop(std::fs::remove_file(x)); drop(b.go().await); drop((a, b)); }\n\n\
                    #[cfg(all(test, feature = \"x\"))]\nmod tests { fn g() { drop(a.join()); } }";
        let found = found(&[("lib.rs", ""), ("a.rs", text)]);
        assert_eq!(
            found.unread.into_iter().collect::<Vec<_>>(),
            ["src/a.rs: go", "src/a.rs: remove_file", "src/a.rs: send"]
        );
    }

    #[test]
    fn tests_and_programs_are_no_part_of_it() {
        let found = found(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "fn f() {}\n\n#[cfg(test)]\nmod tests { use crate::b::B; use proptest::prelude::*; }"),
            ("b.rs", "#[cfg(test)]\nmod tests;"),
            ("b/tests.rs", "use crate::a;"),
            ("bin/tool.rs", "use the_library::A;"),
        ]);
        assert_eq!(found.inside.count(), 0);
        assert!(!found.crates.contains("proptest") && found.crates.contains("the_library"));
        let files = [("src/a.rs", 1), ("src/b.rs", 0), ("src/bin/tool.rs", 1), ("src/lib.rs", 1)];
        assert_eq!(found.files, files.map(|(file, lines)| (file.to_owned(), lines)).into());
    }
}
