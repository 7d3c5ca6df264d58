//! The person's own list of what is never fetched.

use crate::Refusal;

/// Judges a host by the person's list of registrable domains: each stands for itself and all names below it.
pub fn judge_never(host: &str, domains: &[String]) -> Result<(), Refusal> {
    let is_below = |domain: &String| host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
    let is_listed = domains.iter().any(|domain| host == domain || is_below(domain));
    if is_listed { Err(Refusal::NeverDomain) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_stands_for_all_names_below_it_and_for_no_other() {
        let domains = ["example.org".to_owned(), "b.co.uk".to_owned()];
        for host in ["example.org", "www.example.org", "a.b.example.org", "b.co.uk", "www.b.co.uk"] {
            assert_eq!(judge_never(host, &domains), Err(Refusal::NeverDomain), "{host}");
        }
        for host in ["badexample.org", "example.org.net", "org", "co.uk", "a.co.uk", ""] {
            assert_eq!(judge_never(host, &domains), Ok(()), "{host}");
        }
    }
}
