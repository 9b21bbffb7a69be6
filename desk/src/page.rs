//! What the page is made of: one table, by which each part is served, and by which the guard knows that anybody may have it.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::get;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const WOFF2: &str = "font/woff2";

/// A part of the page: where it is, what it is, and itself.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its path.
    pub path: &'static str,
    /// Its type (RFC 9110).
    pub kind: &'static str,
    /// Itself.
    pub bytes: &'static [u8],
}

const fn part(path: &'static str, kind: &'static str, bytes: &'static [u8]) -> Part {
    Part { path, kind, bytes }
}

/// Every part. None of them says anything about anybody.
pub const PARTS: [Part; 27] = [
    part("/", HTML, include_bytes!("page/index.html")),
    part("/desk.css", CSS, include_bytes!("page/desk.css")),
    part("/shell.css", CSS, include_bytes!("page/shell.css")),
    part("/views.css", CSS, include_bytes!("page/views.css")),
    part("/base.js", SCRIPT, include_bytes!("page/base.js")),
    part("/counter.js", SCRIPT, include_bytes!("page/counter.js")),
    part("/desk.js", SCRIPT, include_bytes!("page/desk.js")),
    part("/form.js", SCRIPT, include_bytes!("page/form.js")),
    part("/holder.js", SCRIPT, include_bytes!("page/holder.js")),
    part("/icons.js", SCRIPT, include_bytes!("page/icons.js")),
    part("/key.js", SCRIPT, include_bytes!("page/key.js")),
    part("/keys.js", SCRIPT, include_bytes!("page/keys.js")),
    part("/list.js", SCRIPT, include_bytes!("page/list.js")),
    part("/manager.js", SCRIPT, include_bytes!("page/manager.js")),
    part("/staff.js", SCRIPT, include_bytes!("page/staff.js")),
    part("/verdict.js", SCRIPT, include_bytes!("page/verdict.js")),
    part("/visit.js", SCRIPT, include_bytes!("page/visit.js")),
    part("/words.js", SCRIPT, include_bytes!("page/words.js")),
    part("/work.js", SCRIPT, include_bytes!("page/work.js")),
    // Cut by `desk/fonts/cut.py`.
    part("/letters-400.woff2", WOFF2, include_bytes!("../fonts/letters-400.woff2")),
    part("/letters-500.woff2", WOFF2, include_bytes!("../fonts/letters-500.woff2")),
    part("/letters-600.woff2", WOFF2, include_bytes!("../fonts/letters-600.woff2")),
    part("/letters-700.woff2", WOFF2, include_bytes!("../fonts/letters-700.woff2")),
    part("/digits-400.woff2", WOFF2, include_bytes!("../fonts/digits-400.woff2")),
    part("/digits-500.woff2", WOFF2, include_bytes!("../fonts/digits-500.woff2")),
    part("/digits-600.woff2", WOFF2, include_bytes!("../fonts/digits-600.woff2")),
    part("/digits-700.woff2", WOFF2, include_bytes!("../fonts/digits-700.woff2")),
];

/// Serves them.
pub(crate) fn serve<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    PARTS.into_iter().fold(router, |router, Part { path, kind, bytes }| {
        router.route(path, get(move || async move { ([(header::CONTENT_TYPE, kind)], bytes).into_response() }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn text(path: &str) -> &'static str {
        let part = PARTS.iter().find(|part| part.path == path).expect("part");
        std::str::from_utf8(part.bytes).expect("text")
    }

    #[test]
    fn whatever_the_page_asks_for_is_served_and_nothing_else() {
        let page = text("/");
        let styles = ["/desk.css", "/shell.css", "/views.css"].map(text).concat();
        let quoted = |text: &'static str, start: &str| -> BTreeSet<&'static str> {
            text.split(start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
        };
        let styles: &'static str = styles.leak();
        let mut wanted = quoted(page, "src=\"");
        wanted.extend(quoted(page, "rel=\"stylesheet\" href=\""));
        wanted.extend(quoted(styles, "url(\""));
        wanted.insert("/");
        assert_eq!(wanted, PARTS.iter().map(|part| part.path).collect());
    }

    #[test]
    fn no_part_needs_more_than_the_policy_of_the_page_lets_it() {
        let page = text("/");
        assert!(!page.contains(" style=") && !page.contains(" onclick=") && !page.contains("<script>"));
        for part in PARTS.iter().filter(|part| part.kind == SCRIPT) {
            let script = text(part.path);
            for word in ["innerHTML", "eval(", "document.write", "insertAdjacentHTML", "style: "] {
                assert!(!script.contains(word), "{}: {word}", part.path);
            }
        }
    }

    #[test]
    fn every_code_that_the_desk_can_meet_has_a_sentence_and_a_remedy_in_vietnamese() {
        let (errors, words) = (include_str!("../../docs/errors.md"), text("/words.js"));
        // What commands and the log say, and no answer of the interface.
        let elsewhere = ["listen_failed", "keyboard_", "config_", "owner_", "foreign_", "trust_absent", "verdict"];
        let mut found = 0;
        for section in
            errors.split("\n## ").filter(|s| s.starts_with("Reader and card") || s.starts_with("Visits, lists"))
        {
            for row in section.lines().filter(|line| line.starts_with("| `")) {
                let cell = row.split('|').nth(1).unwrap_or_default();
                for code in cell.split('`').skip(1).step_by(2) {
                    if elsewhere.iter().any(|start| code.starts_with(start)) {
                        continue;
                    }
                    let family =
                        ["recipient_http_", "recipient_hl7_", "his_code_"].iter().find(|f| code.starts_with(**f));
                    let said = family.map_or_else(|| format!("  {code}: [\""), |family| format!("[\"{family}\", \""));
                    assert!(words.contains(&said), "the desk's page has no words for {code}");
                    found += 1;
                }
            }
        }
        assert!(found > 90, "{found}");
    }
}
