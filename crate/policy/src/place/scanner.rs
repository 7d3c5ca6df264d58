//! What only somebody looking for a way in asks for: secrets left lying about, ways out of the folder that is served,
//! panels and old programs with known holes. A person's address would end up on blocklists for it.

use super::word::hex;
use super::{At, FILES, FILES_AFTER};

/// How often an encoding within an encoding is undone.
const DECODINGS_MAX: usize = 3;

/// Whether a path or a query asks for such a thing.
pub(super) fn asks(path: &str, query: &str) -> bool {
    let path = decoded(path);
    // A line's end in a path would begin a header.
    path.contains(['\0', '\r', '\n'])
        || ways_out(&path) > 0
        || names_one(PARTS, &path)
        || PROBES.split(' ').any(|probe| path.contains(probe))
        || is_asked(&path)
        || query.split('&').any(asks_by)
}

/// Whether a part of a query does. What somebody searches for is no request for it.
fn asks_by(pair: &str) -> bool {
    let (key, value) = pair.split_once('=').unwrap_or((pair, pair));
    if !value.contains(['%', '/', '\\', '.', '<', '{', '$', ':']) || SEARCH_KEYS.split(' ').any(|search| search == key)
    {
        return false;
    }
    let value = decoded(value);
    value.contains('\0')
        || ways_out(&value) > 1
        || names_one(PARTS, &value)
        || PROBES.split(' ').any(|probe| value.contains(probe))
}

/// Text in lower case with its encodings undone as a careless server does it, backslashes as slashes.
fn decoded(text: &str) -> String {
    let mut text = text.to_ascii_lowercase();
    for _ in 0..DECODINGS_MAX {
        if !text.contains('%') {
            break;
        }
        text = once(&text);
        // Overlong forms of `.`, `/` and `\` (RFC 3629 §10). Elsewhere these bytes are letters of older Korean and
        // Chinese encodings.
        if text.contains("..") || text.contains("%c0%ae%c0%ae") {
            text = text.replace("%c0%ae", ".").replace("%c0%af", "/").replace("%c1%9c", "\\");
        }
        text.make_ascii_lowercase();
    }
    text.replace('\\', "/")
}

/// Percent-encoded ASCII decoded; all else as it stands.
fn once(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let byte = match after.as_bytes() {
            [high, low, ..] => hex(*high, *low).filter(u8::is_ascii),
            _ => None,
        };
        match byte {
            Some(byte) => {
                out.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// How many segments lead one folder up. Policy has refused those that a browser resolves; what is left was hidden in
/// an encoding, or has a parameter after the dots (`..;`).
fn ways_out(text: &str) -> usize {
    text.split(['/', '=', '&']).filter(|part| *part == ".." || part.starts_with("..;")).count()
}

/// Whether a text has one of these parts, whole, and not as an article's name: `/wiki//etc/passwd`.
fn names_one(parts: &str, text: &str) -> bool {
    parts.split(' ').any(|part| {
        text.split_once(part).is_some_and(|(before, after)| {
            let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
            !before.ends_with("/wiki/") && (part.ends_with('/') || !goes_on)
        })
    })
}

/// Whether a segment of the path is such a thing.
fn is_asked(path: &str) -> bool {
    let mut at = At::First;
    for (index, segment) in path.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        let is = |list: &str| list.split(' ').any(|listed| listed == segment);
        if index >= FILES_AFTER && is(FILES) {
            return false;
        }
        let is_hidden = is(HIDDEN) || HIDDEN_STARTS.split(' ').any(|start| segment.starts_with(start));
        if at != At::Subject && (is_hidden || is(ANYWHERE) || (at == At::First && is(FIRST))) {
            return true;
        }
        at = if is(super::ABOUT) { At::Subject } else { At::Later };
    }
    false
}

/// Files and folders whose names begin with a dot, whole; `.well-known` (RFC 8615) is no secret.
const HIDDEN: &str = ".env .git .git-credentials .gitconfig .svn .hg .bzr .cvs .aws .azure .ssh .kube .docker \
                      .dockercfg .npmrc .pypirc .netrc .pgpass .my.cnf .htaccess .htpasswd .ds_store .vscode .idea \
                      .bash_history .zsh_history .terraform .config.php.swp .wp-config.php.swp";
/// How such names begin.
const HIDDEN_STARTS: &str = ".env. .env- .env_";
/// Segments, wherever they stand.
const ANYWHERE: &str = "wp-login.php wp-admin wp-config.php wp-config.php.bak wp-config.php~ xmlrpc.php wp-cron.php \
                        wlwmanifest.xml timthumb.php cgi-bin cgi-sys mysqladmin phppgadmin phpinfo.php adminer.php \
                        eval-stdin.php setup.cgi shell.php cmd.php c99.php r57.php webshell.php alfa.php wso.php \
                        id_rsa id_dsa id_ed25519 authorized_keys dump.sql backup.sql database.sql db.sql mysql.sql \
                        backup.zip backup.tar.gz www.zip site.tar.gz secrets.json credentials.json sftp-config.json \
                        elmah.axd trace.axd";
/// Segments that only as the first one are such a thing.
const FIRST: &str = "admin admin.php administrator adminer adminpanel phpmyadmin phpmyadmin2 pma myadmin dbadmin \
                     phpinfo php.ini test.php 1.php config.json config.php config.yml config.yaml web.config \
                     docker-compose.yml server-status server-info actuator jolokia jmx-console web-console invoker \
                     heapdump _profiler _ignition boaform hnap1 goform nacos owa ecp autodiscover dana-na \
                     dana-cached global-protect";
/// Parts of paths and of values: an operating system's files, and programs with known holes.
const PARTS: &str = "/etc/passwd /etc/shadow /etc/hosts /proc/self/ /win.ini /boot.ini system32/cmd.exe \
                     /manager/html /actuator/env /actuator/health /actuator/heapdump /phpunit/src/ \
                     /wp-json/wp/v2/users";
/// What no ordinary address holds: commands to a template, a logger, a shell, a browser.
const PROBES: &str = "${jndi: ${env: {{7*7}} <script php:// phar:// expect:// xp_cmdshell /bin/sh /bin/bash";
/// Keys of queries whose values are words that somebody looks for.
const SEARCH_KEYS: &str = "keyword keywords p q query s search text wd";
