//! What only somebody looking for a way in asks for: secrets left lying about, ways out of the folder that is served,
//! panels and old programs with known holes. A person's address would end up on blocklists for it.

use super::word::hex;
use super::{FILES_AFTER, is_forge};

/// How often an encoding within an encoding is undone.
const DECODINGS_MAX: usize = 3;

/// Whether a path or a query asks for such a thing.
pub(super) fn asks(host: &str, path: &str, query: &str) -> bool {
    let path = decoded(path);
    // A line's end in a path would begin a header.
    path.contains(['\0', '\r', '\n'])
        || ways_out(&path) > 0
        || names_one(PARTS, &path)
        || has_probe(&path)
        || is_asked(host, &path)
        || query.split('&').any(asks_by)
}

/// Whether a part of a query does. The name of a file that somebody searches for is no request for it.
fn asks_by(pair: &str) -> bool {
    if !pair.contains(['%', '/', '\\', '.', '<', '{', '$', ':']) {
        return false;
    }
    let text = decoded(pair);
    let key = text.split('=').next().unwrap_or_default();
    let is_search = is(SEARCH_KEYS, key);
    text.contains(['\0', '\r'])
        || begins_header(&text)
        || ways_out(&text) > 1
        || has_probe(&text)
        || (!is_search && (names_one(PARTS, &text) || text.split(['/', '=']).any(is_hidden)))
}

/// Whether a line's end is followed by what reads as a field of a header (RFC 9112 §5). A text of several lines is
/// ordinary.
fn begins_header(text: &str) -> bool {
    let is_token = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.split('\n').skip(1).any(|line| line.split_once(':').is_some_and(|(name, _)| is_token(name)))
}

fn has_probe(text: &str) -> bool {
    PROBES.split(' ').any(|probe| text.contains(probe))
}

fn is(list: &str, text: &str) -> bool {
    list.split(' ').any(|listed| listed == text)
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
/// an encoding, has a parameter after the dots (`..;`), or is left over where `../` is taken out once (`....//`).
fn ways_out(text: &str) -> usize {
    text.split(['/', '=', '&']).filter(|part| matches!(*part, ".." | "....") || part.starts_with("..;")).count()
}

/// Whether a text has one of these parts, whole.
fn names_one(parts: &str, text: &str) -> bool {
    parts.split(' ').any(|part| {
        text.match_indices(part).any(|(at, _)| {
            let after = text.get(at + part.len()..).unwrap_or_default();
            let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
            part.ends_with('/') || !goes_on
        })
    })
}

/// Whether a segment of the path is such a thing. In a public repository the segments after owner and repository are
/// names of files that everyone may read.
fn is_asked(host: &str, path: &str) -> bool {
    let mut before = "";
    let segments_max = if is_forge(host) { FILES_AFTER } else { usize::MAX };
    for (index, segment) in path.split('/').filter(|segment| !segment.is_empty()).take(segments_max).enumerate() {
        let name = bare(segment);
        let is_in_place = (index == 0 && is(FIRST, name)) || (before == CGI_BIN && is(CGI, name));
        if is_hidden(name) || is(ANYWHERE, name) || is_in_place {
            return true;
        }
        before = name;
    }
    before == CGI_BIN
}

/// A name without parameters (RFC 3986 §3.3) and without what Windows leaves out at its end.
fn bare(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default().trim_end_matches(['.', ' '])
}

fn is_hidden(name: &str) -> bool {
    let name = bare(name);
    is(HIDDEN, name) || HIDDEN_STARTS.split(' ').any(|start| name.starts_with(start))
}

/// Files and folders whose names begin with a dot, whole; `.well-known` (RFC 8615) is no secret.
const HIDDEN: &str = ".env .git .git-credentials .gitconfig .svn .hg .bzr .cvs .aws .azure .ssh .kube .docker \
                      .dockercfg .npmrc .pypirc .netrc .pgpass .my.cnf .htaccess .htpasswd .ds_store .vscode .idea \
                      .bash_history .zsh_history .terraform .config.php.swp .wp-config.php.swp";
/// How such names begin.
const HIDDEN_STARTS: &str = ".env. .env- .env_ .env~ .git. .htaccess. .htpasswd.";
/// Segments, wherever they stand.
const ANYWHERE: &str = "wp-login.php wp-admin wp-config.php wp-config.php.bak wp-config.php~ xmlrpc.php wp-cron.php \
                        wlwmanifest.xml timthumb.php cgi-sys mysqladmin phppgadmin phpinfo.php adminer.php \
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
/// The folder of programs behind pages: many are ordinary (a library's catalogue, a manual), asked for alone it is a
/// look around.
const CGI_BIN: &str = "cgi-bin";
/// Programs in it with known holes, shells, and panels of routers and cameras.
const CGI: &str = "authlogin.cgi bash cmd.exe config.exp downloadcfg formmail.pl home.cgi hotspotlogin.cgi kerbynet login.cgi \
                   luci mainfunction.cgi nas_sharing.cgi nobody nph-test-cgi phf php php-cgi php-cgi.exe php.cgi php4 php5 \
                   printenv printenv.pl sh status supervisor system_mgr.cgi test test-cgi test.cgi user viewcert.cgi \
                   weblogin.cgi webproc";
/// Parts of paths and of values: an operating system's files, and programs with known holes.
const PARTS: &str = "/etc/passwd /etc/shadow /etc/hosts /proc/self/ /win.ini /boot.ini system32/cmd.exe \
                     /manager/html /actuator/env /actuator/health /actuator/heapdump /phpunit/src/ \
                     /wp-json/wp/v2/users /bin/sh /bin/bash xp_cmdshell";
/// What no ordinary address holds: commands to a template, a logger, a browser.
const PROBES: &str = "${jndi: ${env: {{7*7}} <script php:// phar:// expect://";
/// Keys of queries whose values are words that somebody looks for.
const SEARCH_KEYS: &str = "keyword keywords q query s search text wd";
