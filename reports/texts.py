"""What the pages say of themselves, in Finnish, Swedish and English; the programme's own texts are the catalogue's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import get_month_names

from models.numbers import LANGUAGES, LOCALES, Language
from models.period import parse_period

HELSINKI = ZoneInfo("Europe/Helsinki")
Text = tuple[str, str, str]  # fi, sv, en

TEXTS: Mapping[str, Text] = {
    # the frame of every page
    "language_name": ("Suomi", "Svenska", "English"),
    "site": ("Mittaristo", "Mätarna", "Mittaristo"),
    "skip": ("Siirry sisältöön", "Hoppa till innehållet", "Skip to content"),
    "nav": ("Päävalikko", "Huvudmeny", "Main menu"),
    "languages": ("Kieli", "Språk", "Language"),
    "breadcrumbs": ("Murupolku", "Länkstig", "Breadcrumb"),
    "home": ("Etusivu", "Startsida", "Front page"),
    "menu_indicators": ("Indikaattorit", "Indikatorer", "Indicators"),
    "menu_due": ("Odotettavat tiedot", "Väntade uppgifter", "Information due"),
    "menu_changes": ("Muutokset", "Ändringar", "Changes"),
    "menu_freshness": ("Tietojen ajantasaisuus", "Uppgifternas aktualitet", "Data freshness"),
    "menu_method": ("Menetelmä", "Metod", "Method"),
    "menu_accessibility": ("Saavutettavuusseloste", "Tillgänglighetsutlåtande", "Accessibility statement"),
    "built": ("Sivusto tehty {when}.", "Webbplatsen skapades {when}.", "This site was made {when}."),
    "as_of": (
        "Luvut ja arviot sellaisina kuin ne tunnettiin {when}.",
        "Siffror och bedömningar såsom de var kända {when}.",
        "Figures and verdicts as they were known {when}.",
    ),
    "synthetic_title": ("Keksittyjä lukuja", "Påhittade siffror", "Made-up figures"),
    "synthetic": (
        "Tämän sivuston kaikki luvut ovat tietokoneen tuottamia esimerkkejä, eivät tilastoja. Niitä "
        "ei saa käyttää päätöksiin.",
        "Alla siffror på denna webbplats är datorgenererade exempel, inte statistik. De får inte "
        "användas för beslut.",
        "All figures on this site are generated examples, not statistics. They must not be used for "
        "decisions.",
    ),
    "watermark": ("KEKSITTYJÄ LUKUJA", "PÅHITTADE SIFFROR", "MADE-UP FIGURES"),
    "sample_title": ("Esittelyaineisto", "Exempelmaterial", "Sample data"),
    "sample": (
        "Luvut ovat todellisia, mutta aineistossa on vain pieni osa tauluista ja yleensä vain "
        "viimeisin luku. Puuttuvat luvut näkyvät sivustolla puuttuvina.",
        "Siffrorna är verkliga, men materialet omfattar bara en liten del av tabellerna och oftast "
        "bara den senaste siffran. Det som saknas visas som saknat.",
        "The figures are real, but the sample holds only a few of the tables and mostly the latest "
        "figure only. What is missing is shown as missing.",
    ),
    # front page
    "lead": (
        "Miten ohjelman {count} toimenpidettä etenevät ja mihin suuntaan {city} on menossa. Arviot "
        "perustuvat julkaistuihin lukuihin ja samaan laskusääntöön kaikille.",
        "Hur programmets {count} åtgärder framskrider och åt vilket håll {city} är på väg. "
        "Bedömningarna bygger på publicerade siffror och samma räkneregel för alla.",
        "How the programme's {count} measures proceed and which way {city} is going. The verdicts "
        "rest on published figures and one rule for all.",
    ),
    "at_a_glance": ("Tilanne nyt", "Läget nu", "At a glance"),
    "of_measures": ("{count} toimenpiteestä", "av {count} åtgärder", "of {count} measures"),
    "of_indicators": (
        "{count} indikaattorista, joilla on lukuja",
        "av {count} indikatorer med siffror",
        "of {count} indicators with figures",
    ),
    "tile_measured": ("mitattu tai raportoitu", "mätta eller rapporterade", "measured or reported"),
    "tile_improved": ("paranee", "förbättras", "improving"),
    "tile_declined": ("heikkenee", "försämras", "declining"),
    "tile_due": ("tietoja odotetaan", "väntar på uppgifter", "information due"),
    "headlines": ("Kymmenen pääindikaattoria", "Tio huvudindikatorer", "Ten headline indicators"),
    "headlines_other": ("Pääindikaattorit", "Huvudindikatorer", "Headline indicators"),
    "areas": ("Kehittämiskohteet", "Utvecklingsområden", "Development areas"),
    "areas_caption": (
        "Toimenpiteet ja niiden indikaattorit kehittämiskohteittain",
        "Åtgärder och deras indikatorer enligt utvecklingsområde",
        "Measures and their indicators by development area",
    ),
    "col_area": ("Kehittämiskohde", "Utvecklingsområde", "Development area"),
    "col_measures": ("Toimenpiteitä", "Åtgärder", "Measures"),
    "col_measured": ("Mitattu tai raportoitu", "Mätta eller rapporterade", "Measured or reported"),
    "col_improved": ("Paranee", "Förbättras", "Improving"),
    "col_declined": ("Heikkenee", "Försämras", "Declining"),
    "col_no_change": ("Ei selvää muutosta", "Ingen tydlig förändring", "No clear change"),
    "col_due": ("Tietoja odotetaan", "Väntar på uppgifter", "Information due"),
    "areas_note": (
        "Indikaattorien arviot luetellaan, niistä ei lasketa keskiarvoa.",
        "Indikatorernas bedömningar räknas upp; inget medeltal beräknas.",
        "The indicators' verdicts are listed and never averaged.",
    ),
    "no_figures": ("Ei lukuja", "Inga siffror", "No figures"),
    "no_figures_long": (
        "Tästä indikaattorista ei ole vielä lukuja.",
        "För denna indikator finns ännu inga siffror.",
        "There are no figures of this indicator yet.",
    ),
    "no_figures_sample": (
        "Esittelyaineistossa ei ole tämän indikaattorin lukuja.",
        "Exempelmaterialet saknar siffror för denna indikator.",
        "The sample holds no figures of this indicator.",
    ),
    # tree
    "goal": ("Tavoite", "Mål", "Goal"),
    "goals": ("Tavoitteet", "Mål", "Goals"),
    "cluster": ("Toimialaklusteri", "Branschkluster", "Industry cluster"),
    "clusters": ("Toimialaklusterit", "Branschkluster", "Industry clusters"),
    "industries": ("Toimialat", "Branscher", "Industries"),
    "measure": ("Toimenpide", "Åtgärd", "Measure"),
    "measures": ("Toimenpiteet", "Åtgärder", "Measures"),
    "measures_caption": (
        "Toimenpiteet, niiden tila ja indikaattorit",
        "Åtgärderna, deras läge och indikatorer",
        "Measures, their state and indicators",
    ),
    "col_state": ("Tila", "Läge", "State"),
    "col_indicators": ("Indikaattorien arviot", "Indikatorernas bedömningar", "The indicators' verdicts"),
    "area_indicators": (
        "Indikaattorit tässä kehittämiskohteessa",
        "Indikatorer inom utvecklingsområdet",
        "Indicators of this area",
    ),
    "goal_indicators": ("Tavoitteen indikaattorit", "Målets indikatorer", "Indicators of this goal"),
    "indicators_caption": (
        "Indikaattorit, uusin luku ja arvio",
        "Indikatorer, senaste siffra och bedömning",
        "Indicators, latest figure and verdict",
    ),
    "no_indicator": ("ei indikaattoria", "ingen indikator", "no indicator"),
    # measure
    "responsible": ("Vastuutaho", "Ansvarig", "Responsible"),
    "reporter": ("Ilmoittaja", "Rapportör", "Reports"),
    "programme_text": ("Ohjelman teksti", "Programmets text", "The programme's text"),
    "meters": ("Mittarit", "Mätare", "Meters"),
    "meters_caption": ("Toimenpiteen mittarit", "Åtgärdens mätare", "The measure's meters"),
    "col_meter": ("Mittari", "Mätare", "Meter"),
    "col_latest": ("Viimeisin tieto", "Senaste uppgift", "Latest"),
    "no_meter": (
        "Ohjelma ei nimeä tälle toimenpiteelle mittaria.",
        "Programmet nämner ingen mätare för denna åtgärd.",
        "The programme names no meter for this measure.",
    ),
    "measure_indicators": (
        "Indikaattorit ja arviot",
        "Indikatorer och bedömningar",
        "Indicators and verdicts",
    ),
    "context_indicators": ("Taustaindikaattorit", "Bakgrundsindikatorer", "Context indicators"),
    "context_note": (
        "Kuvaavat toimenpiteen ympäristöä, eivät mittaa sitä itseään.",
        "Beskriver åtgärdens omgivning men mäter inte den själv.",
        "They describe the measure's surroundings and do not measure the measure itself.",
    ),
    "answers": (
        "Vastuutahojen ilmoittamat tiedot",
        "De ansvarigas uppgifter",
        "What the responsible parties reported",
    ),
    "answers_caption": ("Ilmoitetut tiedot", "Rapporterade uppgifter", "Reported information"),
    "no_answers": (
        "Mitään ei ole vielä ilmoitettu.",
        "Inget har rapporterats ännu.",
        "Nothing has been reported yet.",
    ),
    "measure_due": ("Mitä odotetaan", "Vad som väntas", "What is due"),
    "nothing_due": ("Mitään ei odoteta.", "Inget väntas.", "Nothing is due."),
    "col_period": ("Kausi", "Period", "Period"),
    "col_answer": ("Tieto", "Uppgift", "Information"),
    "col_party": ("Taho", "Part", "Party"),
    "col_asked": ("Mitä", "Vad", "What"),
    "col_due_at": ("Määräpäivä", "Senast", "Due"),
    "assumed_rhythm": (
        "Rytmiä ei ole ohjelmassa; se on oletus.",
        "Rytmen anges inte i programmet; den är ett antagande.",
        "The programme names no rhythm; it is assumed.",
    ),
    "assumed_reporter": (
        "Ohjelma nimeää useita tahoja; ilmoittaja on oletus.",
        "Programmet nämner flera parter; rapportören är ett antagande.",
        "The programme names several parties; who reports is assumed.",
    ),
    "proxy": ("korvaava tieto", "ersättande uppgift", "proxy"),
    "proxy_title": ("Korvaava tieto", "Ersättande uppgift", "A proxy"),
    "proxy_note": (
        "Luku ei ole täsmälleen ohjelman mittari, vaan lähin saatavilla oleva tieto.",
        "Siffran är inte exakt programmets mätare utan den närmaste uppgift som finns.",
        "The figure is not exactly the programme's meter but the nearest that exists.",
    ),
    "quarantined": (
        "uusin aineisto on tarkistettavana",
        "det senaste materialet granskas",
        "the newest data is being checked",
    ),
    # indicator
    "indicators_title": ("Kaikki indikaattorit", "Alla indikatorer", "All indicators"),
    "indicators_lead": (
        "Indikaattorit kehittämiskohteittain. Sama indikaattori voi kuulua moneen kohteeseen.",
        "Indikatorerna enligt utvecklingsområde. Samma indikator kan höra till flera områden.",
        "The indicators by development area. One indicator may belong to several areas.",
    ),
    "col_indicator": ("Indikaattori", "Indikator", "Indicator"),
    "col_value": ("Uusin luku", "Senaste siffra", "Latest figure"),
    "col_verdict": ("Arvio", "Bedömning", "Verdict"),
    "verdict": ("Arvio", "Bedömning", "Verdict"),
    "verdict_how": ("Näin arvio tehdään", "Så görs bedömningen", "How a verdict is made"),
    "development": ("Kehitys", "Utveckling", "Development"),
    "one_figure": (
        "Luvuista ei vielä piirry käyrää: niitä on {count}. Alla luvut rinnakkain muiden alueiden kanssa.",
        "Det blir ännu ingen kurva: siffrorna är {count}. Nedan jämförs de med andra områden.",
        "There is no line to draw yet: the number of figures is {count}. Below they stand beside "
        "other areas.",
    ),
    "chart_of": ("Viivakuvio: {name}.", "Linjediagram: {name}.", "Line chart: {name}."),
    "chart_line": (
        "{area}: {first_period}–{last_period}, alin {low} ({low_period}), ylin {high} "
        "({high_period}), viimeisin {last}.",
        "{area}: {first_period}–{last_period}, lägst {low} ({low_period}), högst {high} "
        "({high_period}), senast {last}.",
        "{area}: {first_period}–{last_period}, lowest {low} ({low_period}), highest {high} "
        "({high_period}), latest {last}.",
    ),
    "chart_missing": (
        "Puuttuvia kausia {count}.",
        "Perioder som saknas: {count}.",
        "Periods missing: {count}.",
    ),
    "legend": ("Viivat", "Linjer", "Lines"),
    "unit_is": ("Yksikkö: {unit}.", "Enhet: {unit}.", "Unit: {unit}."),
    "baseline_marked": (
        "Pystyviiva: vertailukausi {period}.",
        "Lodrät linje: jämförelseperioden {period}.",
        "Vertical line: the baseline, {period}.",
    ),
    "peers_median": (
        "Vertailukaupunkien mediaani",
        "Jämförelsestädernas median",
        "Median of comparable cities",
    ),
    "peers_range": (
        "Vertailukaupunkien vaihteluväli",
        "Jämförelsestädernas intervall",
        "Range of comparable cities",
    ),
    "peers_low": ("Vertailukaupungit, alin", "Jämförelsestäder, lägst", "Comparable cities, lowest"),
    "peers_high": ("Vertailukaupungit, ylin", "Jämförelsestäder, högst", "Comparable cities, highest"),
    "figures": ("Luvut taulukkona", "Siffrorna som tabell", "The figures as a table"),
    "figures_caption": ("{name}, {unit}", "{name}, {unit}", "{name}, {unit}"),
    "older": (
        "Taulukossa ovat uusimmat {count} kautta; kaikki ovat ladattavassa tiedostossa.",
        "Tabellen visar de senaste {count} perioderna; alla finns i filen som kan laddas ner.",
        "The table has the newest {count} periods; the file to download has all.",
    ),
    "preliminary": ("ennakkotieto", "preliminär uppgift", "preliminary"),
    "preliminary_mark": (
        "* ennakkotieto, voi vielä tarkentua",
        "* preliminär uppgift, kan ännu ändras",
        "* preliminary, may still change",
    ),
    "download": (
        "Lataa luvut CSV-tiedostona ({size})",
        "Ladda ner siffrorna som CSV-fil ({size})",
        "Download the figures as CSV ({size})",
    ),
    "comparison": ("Vertailu muihin alueisiin", "Jämförelse med andra områden", "Beside other areas"),
    "comparison_caption": ("{name}, {period}", "{name}, {period}", "{name}, {period}"),
    "col_region": ("Alue", "Område", "Area"),
    "col_figure": ("Luku", "Siffra", "Figure"),
    "col_class": ("Luokka", "Klass", "Class"),
    "col_bar": ("Pylväs", "Stapel", "Bar"),
    "map": ("Kartta", "Karta", "Map"),
    "map_text": (
        "Kartalla {count} kuntaa viidessä luokassa vaaleasta (pienin) tummaan (suurin). Kunnat, "
        "joiden luku puuttuu, ovat harmaita. Kaikki luvut ovat vertailutaulukossa.",
        "Kartan visar {count} kommuner i fem klasser från ljus (minst) till mörk (störst). Kommuner "
        "utan siffra är grå. Alla siffror finns i jämförelsetabellen.",
        "The map shows {count} municipalities in five classes from light (lowest) to dark (highest). "
        "Those without a figure are grey. All figures are in the comparison table.",
    ),
    "map_borders": (
        "Kuntarajat {year}: {source}, {licence}.",
        "Kommungränser {year}: {source}, {licence}.",
        "Borders of {year}: {source}, {licence}.",
    ),
    "map_none": ("ei lukua", "ingen siffra", "no figure"),
    "vintages": ("Luvun aiemmat versiot", "Siffrans tidigare versioner", "Earlier versions of the figures"),
    "vintages_caption": (
        "Luvut, joita lähde on muuttanut",
        "Siffror som källan har ändrat",
        "Figures the source has changed",
    ),
    "vintages_none": (
        "Lähde ei ole muuttanut yhtään lukua sen jälkeen, kun sitä alettiin seurata.",
        "Källan har inte ändrat någon siffra sedan uppföljningen började.",
        "The source has changed no figure since it has been followed.",
    ),
    "col_recorded": ("Tallennettu", "Sparad", "Recorded"),
    "col_change": ("Muutos", "Ändring", "Change"),
    "about": ("Tietoja indikaattorista", "Om indikatorn", "About this indicator"),
    "definition": ("Laskentatapa", "Beräkning", "Computed as"),
    "source": ("Lähde", "Källa", "Source"),
    "table": ("Taulu", "Tabell", "Table"),
    "licence": ("Lisenssi", "Licens", "Licence"),
    "attribution": ("Lähdemerkintä", "Källhänvisning", "Attribution"),
    "released": ("Lähde päivitetty", "Källan uppdaterad", "Source updated"),
    "retrieved": ("Haettu", "Hämtad", "Retrieved"),
    "next_expected": ("Seuraava julkaisu", "Nästa publicering", "Next expected"),
    "state_of_data": ("Ajantasaisuus", "Aktualitet", "Freshness"),
    "direction": ("Toivottu suunta", "Önskad riktning", "Wanted direction"),
    "frequency": ("Julkaistaan", "Publiceras", "Published"),
    "labels": ("Haun varmuus", "Hur säker hämtningen är", "Certainty of the query"),
    "note": ("Huomautus", "Anmärkning", "Note"),
    "serves": ("Mitä se mittaa", "Vad den mäter", "What it measures"),
    "serves_meter": ("Mittari toimenpiteelle", "Mätare för åtgärden", "Meter of measure"),
    "serves_context": ("Tausta toimenpiteelle", "Bakgrund till åtgärden", "Context of measure"),
    "serves_nothing": (
        "Ei kuulu suoraan mihinkään toimenpiteeseen.",
        "Hör inte direkt till någon åtgärd.",
        "Belongs to no measure directly.",
    ),
    # due, freshness, changes
    "due_lead": (
        "Tiedot, joita vastuutahoilta odotetaan. Tieto poistuu luettelosta, kun se on kirjattu.",
        "Uppgifter som väntas av de ansvariga. En uppgift försvinner ur listan när den har registrerats.",
        "What the responsible parties are expected to report. An item leaves the list when it is entered.",
    ),
    "due_caption": ("{party}: odotettavat tiedot", "{party}: väntade uppgifter", "{party}: information due"),
    "due_summary": (
        "Myöhässä {late}, määräpäivä mennyt {due}, tulossa {coming}.",
        "Försenade {late}, förfallna {due}, kommande {coming}.",
        "Late {late}, past the due date {due}, coming {coming}.",
    ),
    "freshness_lead": (
        "Milloin kukin aineisto on viimeksi julkaistu ja haettu ja milloin seuraavaa odotetaan.",
        "När varje material senast publicerades och hämtades och när nästa väntas.",
        "When each dataset was last published and fetched, and when the next is expected.",
    ),
    "freshness_caption": ("Aineistot lähteestä {source}", "Material från {source}", "Datasets of {source}"),
    "col_dataset": ("Aineisto", "Material", "Dataset"),
    "col_released": ("Julkaistu", "Publicerad", "Published"),
    "col_fetched": ("Haettu", "Hämtad", "Fetched"),
    "col_next": ("Seuraava", "Nästa", "Next"),
    "changes_lead": (
        "Mitä on tullut lisää, muuttunut tai poistunut {since} jälkeen.",
        "Vad som har tillkommit, ändrats eller försvunnit efter {since}.",
        "What is new, revised or withdrawn since {since}.",
    ),
    "changes_last": (
        "Edellinen raportti tehtiin {when}; sen jälkeen tulleet on merkitty sanalla uusi.",
        "Den föregående rapporten gjordes {when}; det som har kommit efter den är märkt med ordet ny.",
        "The last report was made {when}; what came after it is marked as new.",
    ),
    "changes_none": ("Mikään ei ole muuttunut.", "Inget har ändrats.", "Nothing has changed."),
    "changes_caption": (
        "Muutosten määrät indikaattoreittain",
        "Antal ändringar enligt indikator",
        "Number of changes by indicator",
    ),
    "turned": ("Muuttuneet arviot", "Ändrade bedömningar", "Verdicts that turned"),
    "turned_caption": ("Arviot ennen ja nyt", "Bedömningarna förr och nu", "Verdicts before and now"),
    "turned_none": (
        "Yksikään arvio ei ole muuttunut.",
        "Ingen bedömning har ändrats.",
        "No verdict has turned.",
    ),
    "revisions": (
        "Muuttuneet ja poistuneet luvut",
        "Ändrade och återtagna siffror",
        "Revised and withdrawn figures",
    ),
    "revisions_caption": ("Luvut ennen ja nyt", "Siffrorna förr och nu", "Figures before and now"),
    "revisions_none": (
        "Aiemmin julkaistut luvut eivät ole muuttuneet.",
        "Tidigare publicerade siffror har inte ändrats.",
        "No figure published earlier has changed.",
    ),
    "revisions_more": (
        "Näytetään {shown} muutosta kaikkiaan {count}:stä.",
        "{shown} av {count} ändringar visas.",
        "{shown} of {count} changes are shown.",
    ),
    "col_new": ("Uusia", "Nya", "New"),
    "col_revised": ("Muuttuneita", "Ändrade", "Revised"),
    "col_withdrawn": ("Poistuneita", "Återtagna", "Withdrawn"),
    "col_old": ("Ennen", "Förr", "Before"),
    "col_now": ("Nyt", "Nu", "Now"),
    "is_new": ("uusi", "ny", "new"),
    # the board's report
    "board_title": ("Raportti vuodesta {year}", "Rapport om år {year}", "Report on {year}"),
    "board_compared": (
        "Raportti vuodesta {year}: silloin ja nyt",
        "Rapport om år {year}: då och nu",
        "Report on {year}: then and now",
    ),
    "board_again": ("Sama raportti uudelleen", "Samma rapport på nytt", "The same report again"),
    "board_as_of": ("Tiedot sellaisina kuin ne tunnettiin", "Uppgifter såsom de var kända", "As known"),
    "board_lead": (
        "Raportissa on kunkin mittarin uusin luku, jonka kausi on päättynyt viimeistään {year}. Sama "
        "raportti voidaan tehdä myöhemmin uudelleen täsmälleen samana, vaikka lukuja on sen jälkeen "
        "tarkennettu.",
        "Rapporten har för varje mätare den nyaste siffran vars period slutat senast {year}. Samma "
        "rapport kan göras om exakt likadan senare, även om siffrorna har ändrats efter det.",
        "The report has for each meter the newest figure whose period ended by {year}. The same report "
        "can be made again later exactly as it is, even when figures were revised since.",
    ),
    "compared_lead": (
        "Mitä samasta vuodesta sanottiin {then} ja mitä siitä sanotaan {now}.",
        "Vad som sades om samma år {then} och vad som sägs om det {now}.",
        "What was said of the same year {then} and what is said of it {now}.",
    ),
    "newest": ("Uusin", "Nyaste", "Newest"),
    "sheet_summary": ("Yhteenveto", "Sammandrag", "Summary"),
    "sheet_measures": ("Toimenpiteet", "Åtgärder", "Measures"),
    "sheet_indicators": ("Indikaattorit", "Indikatorer", "Indicators"),
    "sheet_due": ("Odotettavat", "Väntade", "Due"),
    "sheet_sources": ("Lähteet", "Källor", "Sources"),
    "sheet_counts": ("Erojen määrät", "Antal skillnader", "Counts"),
    "sheet_differences": ("Erot", "Skillnader", "Differences"),
    "counts_caption": ("Erot lajeittain", "Skillnader enligt typ", "Differences by kind"),
    "differences_caption": ("Kaikki erot", "Alla skillnader", "All differences"),
    "no_difference": (
        "Mikään ei ole muuttunut: raportti olisi nyt sama.",
        "Inget har ändrats: rapporten vore den samma nu.",
        "Nothing has changed: the report would be the same now.",
    ),
    "col_number": ("Numero", "Nummer", "Number"),
    "col_goal": ("Tavoite tai klusteri", "Mål eller kluster", "Goal or cluster"),
    "col_responsible": ("Vastuutaho", "Ansvarig", "Responsible"),
    "col_meters": ("Mittareita", "Mätare", "Meters"),
    "col_answered": ("Tietoja", "Uppgifter", "Answered"),
    "col_answers": ("Viimeisimmät ilmoitukset", "Senaste uppgifter", "Latest answers"),
    "col_proxy": ("Korvaava", "Ersättande", "Proxy"),
    "col_id": ("Tunnus", "Beteckning", "Id"),
    "col_unit": ("Yksikkö", "Enhet", "Unit"),
    "col_missing": ("Miksi puuttuu", "Varför saknas", "Why missing"),
    "col_preliminary": ("Ennakkotieto", "Preliminär", "Preliminary"),
    "col_baseline": ("Vertailukausi", "Jämförelseperiod", "Baseline"),
    "col_baseline_value": ("Vertailuluku", "Jämförelsesiffra", "Baseline figure"),
    "col_reason": ("Perustelu", "Motivering", "Reason"),
    "col_beside": ("Muihin verrattuna", "Jämfört med andra", "Beside others"),
    "col_kind": ("Laji", "Typ", "Kind"),
    "col_link": ("Osoite", "Adress", "Address"),
    "col_count": ("Määrä", "Antal", "Count"),
    "col_what": ("Mitä", "Vad", "What"),
    "col_about": ("Kausi tai luokka", "Period eller klass", "Period or class"),
    "col_then": ("Silloin", "Då", "Then"),
    "missing": ("puuttuu", "saknas", "missing"),
    "none": ("–", "–", "–"),
    "page_updated": ("Seloste laadittu", "Utlåtandet är upprättat", "Statement made"),
}

VERDICTS: Mapping[str, tuple[str, Text]] = {
    "improved": ("✓", ("Parantunut", "Har förbättrats", "Improved")),
    "declined": ("✕", ("Heikentynyt", "Har försämrats", "Declined")),
    "rose": ("↑", ("Noussut", "Har ökat", "Rose")),
    "fell": ("↓", ("Laskenut", "Har minskat", "Fell")),
    "no_clear_change": ("≈", ("Ei selvää muutosta", "Ingen tydlig förändring", "No clear change")),
    "too_little_data": ("?", ("Liian vähän tietoa", "För lite uppgifter", "Too little data")),
    "": ("·", ("Ei arvioitu", "Inte bedömd", "Not judged")),
    "none": ("·", ("Ei lukuja", "Inga siffror", "No figures")),
}
STATES: Mapping[str, tuple[str, Text]] = {
    "late": ("!", ("myöhässä", "försenad", "late")),
    "due": ("◷", ("odotetaan ilmoitusta", "uppgift väntas", "due")),
    "no_data": ("○", ("ei vielä tietoja", "inga uppgifter ännu", "no data yet")),
    "measured": ("●", ("mitattu", "mätt", "measured")),
    "reported": ("●", ("raportoitu", "rapporterad", "reported")),
    "not_measurable": ("–", ("ei mittaria", "ingen mätare", "no meter")),
    "coming": ("◷", ("tulossa", "kommande", "coming")),
}
FRESHNESS: Mapping[str, tuple[str, Text]] = {
    "current": ("●", ("ajan tasalla", "aktuell", "current")),
    "due": ("◷", ("uutta odotetaan", "ny väntas", "new one due")),
    "late": ("!", ("myöhässä", "försenad", "late")),
    "quarantined": ("!", ("tarkistettavana", "granskas", "being checked")),
    "discontinued": ("–", ("päättynyt", "har upphört", "discontinued")),
    "never_fetched": ("○", ("ei vielä haettu", "inte hämtad ännu", "not fetched yet")),
    "not_in_sample": ("○", ("ei esittelyaineistossa", "inte i exempelmaterialet", "not in the sample")),
}
KINDS: Mapping[str, Text] = {
    "open_data": ("avoin tieto", "öppna data", "open data"),
    "proxy": ("korvaava tieto", "ersättande uppgift", "proxy"),
    "survey": ("kysely", "enkät", "survey"),
    "administrative": ("vastuutahon oma luku", "den ansvarigas egen siffra", "the party's own figure"),
    "narrative": ("sanallinen", "skriftlig", "in words"),
    "none": ("ei mittaria", "ingen mätare", "no meter"),
}
DIRECTIONS: Mapping[str, Text] = {
    "up": ("suurempi on parempi", "större är bättre", "higher is better"),
    "down": ("pienempi on parempi", "mindre är bättre", "lower is better"),
    "neutral": ("ei toivottua suuntaa", "ingen önskad riktning", "no wanted direction"),
}
LABELS: Mapping[str, Text] = {
    "verified": (
        "todettu oikeasta vastauksesta",
        "verifierad mot ett verkligt svar",
        "verified against a real answer",
    ),
    "partly": ("osin todettu", "delvis verifierad", "partly verified"),
    "assumed": ("oletus, tarkistettava", "antagande som ska kontrolleras", "assumed, to be checked"),
}
FREQUENCIES: Mapping[str, Text] = {
    "annual": ("vuosittain", "årligen", "yearly"),
    "quarterly": ("neljännesvuosittain", "kvartalsvis", "quarterly"),
    "monthly": ("kuukausittain", "månatligen", "monthly"),
    "weekly": ("viikoittain", "veckovis", "weekly"),
    "every_4_years": ("joka neljäs vuosi", "vart fjärde år", "every fourth year"),
    "every_2_years": ("joka toinen vuosi", "vartannat år", "every second year"),
    "per_survey": ("kyselyittäin", "per enkät", "by survey"),
}
CHANGE_CLASSES: Mapping[str, Text] = {
    "new": ("uusi", "ny", "new"),
    "revised": ("muuttunut", "ändrad", "revised"),
    "restated": (
        "laskettu uudella aluejaolla",
        "omräknad enligt ny områdesindelning",
        "restated for new areas",
    ),
    "withdrawn": ("poistunut", "återtagen", "withdrawn"),
    "returned": ("palannut", "återkommen", "returned"),
    "symbol": ("merkintä muuttunut", "beteckningen ändrad", "symbol changed"),
    "status": ("ennakkotieto vahvistunut", "preliminär uppgift fastställd", "preliminary made final"),
}
DIFFERENCES: Mapping[str, Text] = {
    "figure": ("luku muuttunut", "siffran ändrad", "figure revised"),
    "figure_new": ("uusi luku", "ny siffra", "new figure"),
    "figure_gone": ("luku poistunut", "siffran återtagen", "figure withdrawn"),
    "verdict": ("arvio muuttunut", "bedömningen ändrad", "verdict turned"),
    "measure_state": ("toimenpiteen tila muuttunut", "åtgärdens läge ändrat", "state of a measure"),
    "answer": ("ilmoitus muuttunut", "uppgiften ändrad", "answer changed"),
    "added": ("lisätty ohjelmaan", "tillagd i programmet", "added to the programme"),
    "removed": ("poistettu ohjelmasta", "borttagen ur programmet", "removed from the programme"),
    "renamed": ("nimi muuttunut", "namnet ändrat", "renamed"),
}
SYMBOLS: Mapping[str, Text] = {
    ".": ("ei sovellu", "ej tillämplig", "not applicable"),
    "..": ("ei saatavilla", "ej tillgänglig", "not available"),
    "...": ("salattu", "sekretessbelagd", "confidential"),
}
ANSWERS: Mapping[str, Text] = {
    "not_started": ("ei aloitettu", "inte påbörjad", "not started"),
    "under_way": ("käynnissä", "pågår", "under way"),
    "done": ("valmis", "klar", "done"),
    "dropped": ("luovuttu", "har frångåtts", "dropped"),
    "yes": ("kyllä", "ja", "yes"),
    "no": ("ei", "nej", "no"),
}


def pick(text: Text, language: Language) -> str:
    """The text in one language."""
    return text[LANGUAGES.index(language)]


def say(key: str, language: Language, **values: object) -> str:
    """A text of TEXTS with its blanks filled."""
    return pick(TEXTS[key], language).format(**values)


def day_text(moment: date | datetime | None, language: Language) -> str:
    """A day as the language writes it, in Finland's time: 24.11.2026, 24 Nov 2026; '–' for none."""
    if moment is None:
        return "–"
    day = moment.astimezone(HELSINKI) if isinstance(moment, datetime) else moment
    if language == "en":
        month = get_month_names("abbreviated", locale=LOCALES["en"])[day.month]
        return f"{day.day} {month} {day.year}"
    return f"{day.day}.{day.month}.{day.year}"


def moment_text(moment: datetime, language: Language) -> str:
    """A day and the time of it in Finland."""
    local = moment.astimezone(HELSINKI)
    clock = f"{local:%H:%M}" if language == "en" else f"{local.hour}.{local:%M}"
    between = {"fi": "klo ", "sv": "kl. ", "en": "at "}[language]
    return f"{day_text(moment, language)} {between}{clock}"


@lru_cache(maxsize=16384)
def period_label(code: str, language: Language) -> str:
    """A period by itself, as in a table: 2025, tammikuu 2026, 2. neljännes 2026, viikko 23/2026, 2023–2024."""
    period = parse_period(code)
    year = code[:4]
    match period.frequency:
        case "annual":
            return year
        case "school_year":
            return f"{year}–{int(year) + 1}"
        case "monthly":
            month = get_month_names("wide", context="stand-alone", locale=LOCALES[language])[
                period.start.month
            ]
            return f"{month} {year}"
        case "quarterly":
            number = (period.start.month - 1) // 3 + 1
            return {
                "fi": f"{number}. neljännes {year}",
                "sv": f"kvartal {number} {year}",
                "en": f"Q{number} {year}",
            }[language]
        case "weekly":
            week = int(code[5:])
            return {
                "fi": f"viikko {week}/{year}",
                "sv": f"vecka {week}/{year}",
                "en": f"week {week}, {year}",
            }[language]
