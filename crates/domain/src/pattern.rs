//! Name patterns with `*` and `?`, and the application name a namespace suggests.

/// Whether `text` matches `pattern`, where `*` is any run of characters and `?` is one.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            p = star_p + 1;
            t = star_t + 1;
            star = Some((star_p, star_t + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// Words at a namespace's start or end that name a stage rather than an application.
const STAGES: &[&str] = &[
    "dev",
    "develop",
    "development",
    "test",
    "testing",
    "qa",
    "int",
    "integration",
    "uat",
    "stage",
    "stg",
    "staging",
    "preprod",
    "pre",
    "prod",
    "prd",
    "production",
    "live",
    "sandbox",
    "demo",
    "canary",
];

/// The application a namespace's name suggests: the name without the stage at its end, or at its start
/// (`shop-dev` → `shop`).
pub fn suggest_application(namespace: &str) -> String {
    let is_stage = |word: &&str| STAGES.contains(&word.to_lowercase().as_str());
    let words: Vec<&str> = namespace.split(['-', '_', '.']).filter(|word| !word.is_empty()).collect();
    let kept = match &words[..] {
        [rest @ .., last] if !rest.is_empty() && is_stage(last) => rest,
        [first, rest @ ..] if !rest.is_empty() && is_stage(first) => rest,
        all => all,
    };
    if kept.is_empty() { namespace.to_owned() } else { kept.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        assert!(matches("*-dev", "shop-dev"));
        assert!(!matches("*-dev", "shop-development"));
        assert!(matches("shop-?*", "shop-prod"));
        assert!(matches("*a*b*", "xxaxxbxx"));
        assert!(matches("*", ""));
        assert!(!matches("", "x"));
    }

    #[test]
    fn stages_are_dropped_from_names() {
        assert_eq!(suggest_application("shop-dev"), "shop");
        assert_eq!(suggest_application("prod-payments-api"), "payments-api");
        assert_eq!(suggest_application("dev"), "dev");
        assert_eq!(suggest_application("demo-dev"), "demo");
    }
}
