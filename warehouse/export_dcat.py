"""The export's description for open-data portals: DCAT-AP 3 as JSON-LD.

A catalogue of data sets: one for each view, as CSV and Parquet, and one for each indicator, as JSON-stat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from models.catalogue import Catalogue
from warehouse.export_package import MEDIA_TYPES, ExportFile, description
from warehouse.export_tables import Texts
from warehouse.export_terms import Terms

Node = dict[str, Any]
PATH = "dcat.jsonld"

_EU = "http://publications.europa.eu/resource/authority"
_CONTEXT: Mapping[str, str] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "locn": "http://www.w3.org/ns/locn#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_FREQUENCIES: Mapping[str, str] = {
    "weekly": "WEEKLY",
    "monthly": "MONTHLY",
    "quarterly": "QUARTERLY",
    "annual": "ANNUAL",
    "every_2_years": "BIENNIAL",
    "every_4_years": "QUADRENNIAL",
    "per_survey": "IRREG",
}
_FILE_TYPES: Mapping[str, str] = {"csv": "CSV", "parquet": "PARQUET", "jsonstat": "JSON"}
_LANGUAGES: Mapping[str, str] = {"fi": "FIN", "sv": "SWE", "en": "ENG"}
_KEYWORDS: Texts = {"fi": "tunnusluvut", "sv": "nyckeltal", "en": "indicators"}


@dataclass(frozen=True)
class DataSet:
    """One data set: its files hold the same in several formats. `first` and `last` are days its figures cover."""

    name: str
    title: Texts
    description: Texts
    files: tuple[ExportFile, ...]
    frequency: str
    modified: datetime | None
    first: date | None
    last: date | None


def dcat(
    catalogue: Catalogue,
    sets: Sequence[DataSet],
    city: Terms,
    modified: datetime | None,
    base_url: str,
    contact: str,
    *,
    is_synthetic: bool,
) -> bytes:
    """The content of dcat.jsonld. Addresses are relative to the file where `base_url` is ''.

    `contact` is a mail address or a page; '' leaves contact points out.
    """
    shared = _shared(catalogue, city, base_url, contact)
    programme = catalogue.programme
    titles = {"fi": programme.title_fi, "sv": programme.title_sv, "en": programme.title_en}
    whole: Node = {
        "@id": f"{base_url}{PATH}#catalog",
        "@type": "dcat:Catalog",
        "dcterms:title": _in_languages(titles),
        "dcterms:description": _in_languages(description(catalogue, is_synthetic=is_synthetic)),
        "dcterms:publisher": shared["dcterms:publisher"],
        "dcterms:language": [_at(f"{_EU}/language/{one}") for one in _LANGUAGES.values()],
        "dcterms:license": _licence([city]),
        "dcterms:spatial": shared["dcterms:spatial"],
        "dcat:themeTaxonomy": _at(f"{_EU}/data-theme"),
        **_modified(modified),
        "dcat:dataset": [_data_set(one, shared, base_url, is_synthetic=is_synthetic) for one in sets],
    }
    content = {"@context": dict(_CONTEXT), **whole}
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def usual_frequency(frequencies: Sequence[str]) -> str:
    """The most frequent of some indicators' frequencies, by which a table of all of them is renewed."""
    order = list(_FREQUENCIES)
    return min(Counter(frequencies), key=order.index) if frequencies else "per_survey"


def contact_node(contact: str) -> Node | None:
    """A contact point for a mail address or an http(s) page; None for what is neither."""
    if contact.startswith(("https://", "http://")):
        return {"@type": "vcard:Kind", "vcard:hasURL": _at(contact)}
    if "@" in contact and " " not in contact:
        return {"@type": "vcard:Kind", "vcard:hasEmail": _at(f"mailto:{contact.removeprefix('mailto:')}")}
    return None


def _shared(catalogue: Catalogue, city: Terms, base_url: str, contact: str) -> Node:
    """What stands at every data set: who publishes, whom to ask, where, and what it is about."""
    focus = catalogue.areas.focus
    names = {"fi": focus.name_fi, "sv": focus.name_sv, "en": focus.name_en}
    place = {
        "@type": "dcterms:Location",
        "dcterms:identifier": focus.code,
        "locn:geographicName": _in_languages(names),
    }
    node = contact_node(contact)
    publisher = {
        "@id": f"{base_url}{PATH}#publisher",
        "@type": "foaf:Agent",
        "foaf:name": _in_languages({"fi": city.name_fi, "sv": focus.name_sv, "en": focus.name_en}),
        "dcterms:type": _at("http://purl.org/adms/publishertype/LocalAuthority"),
    }
    if node is not None:
        node["vcard:fn"] = city.name_fi
    return {
        "dcterms:publisher": publisher,
        **({} if node is None else {"dcat:contactPoint": node}),
        "dcterms:spatial": [_at(f"{_EU}/country/FIN"), place],
        "dcat:theme": [_at(f"{_EU}/data-theme/REGI"), _at(f"{_EU}/data-theme/GOVE")],
        "dcat:keyword": _in_languages(_KEYWORDS) + _in_languages(names),
    }


def _data_set(one: DataSet, shared: Node, base_url: str, *, is_synthetic: bool) -> Node:
    covered = {
        "@type": "dcterms:PeriodOfTime",
        **({"dcat:startDate": _typed(one.first.isoformat(), "date")} if one.first else {}),
        **({"dcat:endDate": _typed(one.last.isoformat(), "date")} if one.last else {}),
    }
    return {
        "@id": f"{base_url}{PATH}#{one.name}",
        "@type": "dcat:Dataset",
        "dcterms:identifier": one.name,
        "dcterms:title": _in_languages(one.title),
        "dcterms:description": _in_languages(one.description),
        **shared,
        "dcterms:accrualPeriodicity": _at(f"{_EU}/frequency/{_FREQUENCIES[one.frequency]}"),
        "dcterms:language": _at(f"{_EU}/language/FIN"),
        **({"dcterms:temporal": covered} if len(covered) > 1 else {}),
        **_modified(one.modified),
        "dcat:distribution": [_distribution(file, one.title, base_url) for file in one.files],
    }


def _distribution(file: ExportFile, title: Texts, base_url: str) -> Node:
    media = _at(f"https://www.iana.org/assignments/media-types/{MEDIA_TYPES[file.format]}")
    rights = {
        "fi": "; ".join(f"{one.attribution_fi} ({one.licence})" for one in file.terms),
        "en": "; ".join(f"{one.attribution_en} ({one.licence})" for one in file.terms),
    }
    address = _at(f"{base_url}{file.path}")
    return {
        "@id": f"{base_url}{PATH}#{file.name}_{file.format}",
        "@type": "dcat:Distribution",
        "dcterms:title": _in_languages(
            {key: f"{text} ({_FILE_TYPES[file.format]})" for key, text in title.items()}
        ),
        "dcat:accessURL": address,
        "dcat:downloadURL": address,
        "dcat:mediaType": media,
        "dcterms:format": _at(f"{_EU}/file-type/{_FILE_TYPES[file.format]}"),
        "dcterms:license": _licence(file.terms),
        "dcterms:rights": {"@type": "dcterms:RightsStatement", "rdfs:label": _in_languages(rights)},
        **({"dcterms:conformsTo": _at("https://json-stat.org/full/")} if file.format == "jsonstat" else {}),
        "dcat:byteSize": _typed(str(file.bytes), "nonNegativeInteger"),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": _at("http://spdx.org/rdf/terms#checksumAlgorithm_sha256"),
            "spdx:checksumValue": _typed(file.sha256, "hexBinary"),
        },
    }


def _licence(terms: Sequence[Terms]) -> Node:
    """The one licence of all of it by its address; else a document that names each."""
    addresses = {one.licence_url for one in terms}
    if len(addresses) == 1 and "" not in addresses:
        return _at(addresses.pop())
    names = sorted({one.licence for one in terms})
    return {"@type": "dcterms:LicenseDocument", "rdfs:label": "; ".join(names)}


def _in_languages(texts: Texts) -> list[Node]:
    return [{"@value": text, "@language": language} for language, text in texts.items() if text]


def _typed(value: str, kind: str) -> Node:
    return {"@value": value, "@type": f"xsd:{kind}"}


def _modified(moment: datetime | None) -> Node:
    if moment is None:
        return {}
    return {"dcterms:modified": _typed(moment.isoformat().replace("+00:00", "Z"), "dateTime")}


def _at(address: str) -> Node:
    return {"@id": address}
