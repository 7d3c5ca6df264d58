//! Governments, parliaments, armies and police, by the names that countries put in the place of `gov`.

use crate::name::is_under;
use crate::suffix::public_suffix;

/// Whether a host is a government's.
pub(super) fn host(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    let (Some(top), Some(second)) = (labels.next(), labels.next()) else { return false };
    let is_country = top.len() == 2;
    is(TOP, top)
        || (is_country && is(LABELS, second))
        || (second == "go" && is(GO, top))
        // `nsw.gov.au`, `gov.nc.tr`: registries within registries.
        || (is_country && public_suffix(host).is_some_and(|suffix| suffix.split('.').any(|label| is(LABELS, label))))
        || DOMAINS.split(' ').any(|domain| is_under(host, domain))
        || (top == "us" && labels.take(2).any(|label| is(STATES, label)))
}

fn is(list: &str, label: &str) -> bool {
    list.split(' ').any(|listed| listed == label)
}

const TOP: &str = "gov mil";
/// Names under a country's code.
const LABELS: &str = "gov mil gob gouv govt gub guv gv government gouvernement fgov";
/// Countries whose government is `go.xx`.
const GO: &str = "ci cr id jp ke kr pw th tz ug";
/// Under a state's code in `us`, or one further down (RFC 1480).
const STATES: &str = "state ci co town vil";
/// Governments elsewhere.
const DOMAINS: &str = "admin.ch parlament.ch ch.ch belgium.be bund.de bundesregierung.de bundestag.de bundesrat.de \
    bundeswehr.de polizei.de parlament.gv.at canada.ca gc.ca quebec.ca ontario.ca alberta.ca europa.eu nato.int \
    interpol.int icc-cpi.int fed.us nsn.us gov.scot gov.wales llyw.cymru parliament.scot senedd.wales mod.uk \
    parliament.uk police.uk nhs.uk elysee.fr assemblee-nationale.fr senat.fr service-public.fr ameli.fr governo.it quirinale.it \
    camera.it senato.it carabinieri.it poliziadistato.it inps.it agenciatributaria.es seg-social.es policia.es \
    casareal.es parlamento.pt overheid.nl rijksoverheid.nl government.nl politie.nl belastingdienst.nl digid.nl \
    public.lu etat.lu regeringen.se riksdagen.se polisen.se skatteverket.se regjeringen.no stortinget.no \
    politiet.no skatteetaten.no altinn.no dep.no borger.dk politi.dk skat.dk valtioneuvosto.fi eduskunta.fi \
    poliisi.fi suomi.fi vero.fi island.is stjornarradid.is eesti.ee riigikogu.ee politsei.ee vlada.cz mvcr.cz psp.cz \
    policie.cz kormany.hu kremlin.ru gosuslugi.ru nalog.ru lg.jp leg.br jus.br mp.br def.br mi.th nic.in idf.il \
    muni.il parliament.nz police.nz";
