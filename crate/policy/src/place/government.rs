//! Governments, parliaments, armies and police, by the names that countries put in the place of `gov`.

use crate::name::is_under;

/// Whether a host is a government's. `domain` is its registrable domain: in it stand a country's name for government
/// (`gov.uk`), one of a registry within it (`nsw.gov.au`), and one that a province registered (`gov.bc.ca`).
pub(super) fn host(host: &str, domain: &str) -> bool {
    let mut labels = host.rsplit('.');
    let (Some(top), Some(second)) = (labels.next(), labels.next()) else { return false };
    let is_country = top.len() == 2;
    is(TOP, top)
        || (is_country && domain.split('.').any(|label| is(LABELS, label)))
        || (second == "go" && is(GO, top))
        || DOMAINS.split(' ').chain(PROVINCES.split(' ')).any(|domain| is_under(host, domain))
        || (top == "us" && labels.take(2).any(|label| is(STATES, label)))
}

fn is(list: &str, label: &str) -> bool {
    list.split(' ').any(|listed| listed == label)
}

const TOP: &str = "gov mil";
/// Names under a country's code, or under a province's.
const LABELS: &str = "gov mil gob gouv govt gub guv gv government gouvernement fgov";
/// Countries whose government is `go.xx`. Elsewhere, and further down, `go` is a word like others (`go.co.jp`).
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
/// Governments of provinces, states and cantons, where no label tells.
const PROVINCES: &str = "gnb.ca manitoba.ca novascotia.ca princeedwardisland.ca revenuquebec.ca saskatchewan.ca yukon.ca \
    baden-wuerttemberg.de bayern.de berlin.de brandenburg.de bremen.de hamburg.de hessen.de mecklenburg-vorpommern.de \
    niedersachsen.de nrw.de regierung-mv.de rlp.de saarland.de sachsen.de sachsen-anhalt.de schleswig-holstein.de \
    thueringen.de land.nrw polizei.nrw aragon.es carm.es comunidad.madrid euskadi.eus gencat.cat gva.es \
    juntadeandalucia.es navarra.es xunta.gal ag.ch ai.ch ar.ch be.ch bl.ch bs.ch fr.ch ge.ch gl.ch gr.ch ju.ch lu.ch \
    ne.ch nw.ch ow.ch sg.ch sh.ch so.ch sz.ch tg.ch ti.ch ur.ch vd.ch vs.ch zg.ch zh.ch";
