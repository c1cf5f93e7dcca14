"""Traficom's site on the stand-in: a page with a link, a spreadsheet that office programs could read, a 404 else."""

import io
import zipfile

import pytest

from demo.service import Asked
from demo.traficom_broadband import FILE, PAGE, named, synthetic
from models.catalogue import load_catalogue


@pytest.fixture(scope="module")
def service():
    return synthetic(load_catalogue())


def asked(path: str, method: str = "GET") -> Asked:
    return Asked(method, tuple(one for one in path.split("/") if one), {}, b"", {}, "http://127.0.0.1/x")


def test_the_page_links_to_the_file_from_the_sites_root(service) -> None:
    told = service.answer(asked(PAGE))
    assert (told.status, told.content_type) == (200, "text/html; charset=UTF-8")
    assert f'href="{FILE}"' in told.body.decode()


def test_the_file_is_a_zip_whose_first_part_says_what_it_is(service) -> None:
    told = service.answer(asked(FILE))
    assert told.content_type == "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(io.BytesIO(told.body)) as archive:
        assert archive.testzip() is None
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        content = archive.read("content.xml").decode()
    assert "Kajaani" in content
    assert "synteettinen" in content


@pytest.mark.parametrize(("path", "method"), [("/fi", "GET"), (PAGE, "POST"), (FILE + ".bak", "GET")])
def test_anything_else_is_not_found(service, path, method) -> None:
    assert service.answer(asked(path, method)).status == 404


def test_every_municipality_and_region_has_falling_shares_and_the_seed_alone_decides_them(service) -> None:
    assert (len(service.municipalities), len(service.regions)) == (308, 19)
    for shares in (*service.municipalities.values(), *service.regions.values(), service.country):
        assert list(shares) == sorted(shares, reverse=True)
        assert 0 <= min(shares) <= max(shares) <= 1
    assert synthetic(load_catalogue()).ods() == service.ods()
    assert synthetic(load_catalogue(), seed=2).ods() != service.ods()


def test_a_name_finds_its_row(service) -> None:
    assert named(service, "Kajaani") == ("Kajaani", "Kajana", "Kajaani")
