//! Pages that are made to repeat their visitor's address: fetched, they would tell a buyer the person's own. By the
//! services that are known for it, words for them, and Cloudflare's page of that kind, which is on every site behind it.

use super::At;
use super::word::{Word, decoded};
use crate::name::is_under;

/// Whether a host is such a service.
pub(super) fn host(host: &str) -> bool {
    SITES.split(' ').any(|site| is_under(host, site))
        || host.rsplit('.').skip(1).any(|label| {
            let word = Word::of(label);
            word.is_in(WORDS) || STARTS.split(' ').any(|start| word.starts_with(start))
        })
}

/// Whether a path is one that a network of servers answers on every site of its customers.
pub(super) fn path(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    TRACE.iter().all(|name| segments.next().is_some_and(|segment| is(segment, name))) && segments.next().is_none()
}

/// Whether a segment of a path is such a page (`/what-is-my-ip`), and not what an article is about.
pub(super) fn segment(segment: &str, at: At) -> bool {
    matches!(at, At::First | At::Later) && Word::of(segment).is_in(WORDS)
}

fn is(segment: &str, name: &str) -> bool {
    decoded(segment).map(|byte| byte.to_ascii_lowercase()).eq(name.bytes())
}

/// Cloudflare's own page: `ip=` and more.
const TRACE: [&str; 2] = ["cdn-cgi", "trace"];
/// Services, with all that lies under them.
const SITES: &str = "2ip.io 2ip.ru api.bigdatacloud.net api.db-ip.com api.ipregistry.co api.iplocation.net \
                     api.ip2location.io api.ipdata.co api.ipgeolocation.io browserleaks.com checkip.amazonaws.com \
                     checkip.dyndns.com checkip.dyndns.org cip.cc curlmyip.net dnsleaktest.com eth0.me freegeoip.app \
                     freeipapi.com geoip.ubuntu.com geojs.io geolocation-db.com httpbin.dev httpbin.org httpbingo.org \
                     icanhazip.com ident.me ifconfig.co ifconfig.io ifconfig.is ifconfig.me ip-api.com ip.cn ip.me ip.sb \
                     ip4.me ip6.me ip6only.me ip8.com ipapi.co ipapi.com ipapi.is ipchicken.com ipecho.net ipify.org \
                     ipinfo.io ipleak.net ipv6-test.com ipwho.is ipwhois.app jsonip.com l2.io mon-ip.com monip.org \
                     my-ip.io myip.com myip.ru myip.ipip.net myip.dnsomatic.com myexternalip.com myipaddress.com \
                     postman-echo.com pv.sohu.com reallyfreegeoip.org seeip.org speed.cloudflare.com test-ipv6.com \
                     tnedi.me trackip.net whatismyip.akamai.com whoer.net wieistmeineip.ch wieistmeineip.de wtfismyip.com";
/// Whole labels and segments.
const WORDS: &str = "checkip cualesmiip getmyip ipecho myexternalip myip myipaddress remoteaddr showip showmyip \
                     whatismyip whatismyipaddress whatsmyip whatsmyipaddress wieistmeineip";
/// How labels begin.
const STARTS: &str = "whatismyip whatsmyip";
